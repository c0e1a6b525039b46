//! How the bytes of a request are proven on their way, with each of them hashed as seldom as can be.
//!
//! What is sent whole has the content's own SHA-256 both as the store's checksum and in the
//! signature. Where a writer announced it and the store was seen to refuse other bytes, it is the
//! store that holds them against it, and nobody hashes them here. A part has a CRC-32C, which costs
//! next to nothing: the digest of the whole is noted with the object and held against every read.
//! The signature says nothing of a part's bytes where nobody else can change them on their way, over
//! TLS or within this machine; elsewhere it does.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_checksums::ChecksumAlgorithm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::content::{Content, Part};

/// What a signature says of the body.
#[derive(Debug)]
pub(super) enum Signed {
    /// The digest of it, which is known.
    As(String),
    /// The digest of it only where others could change it on its way.
    OnOpenWays(Part),
}

impl Signed {
    pub(super) fn whole(content: &Content) -> Self {
        Self::As(content.digest())
    }
}

impl Intercept for Signed {
    fn name(&self) -> &'static str {
        "Signed"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let said = match self {
            Self::As(digest) => PayloadSigningOverride::Precomputed(digest.clone()),
            Self::OnOpenWays(_) if is_closed(context.request().uri()) => {
                PayloadSigningOverride::UnsignedPayload
            }
            Self::OnOpenWays(part) => PayloadSigningOverride::Precomputed(sha256_hex(part)),
        };
        config.interceptor_state().store_put(said);
        Ok(())
    }
}

/// Whether nobody between here and there can change what is sent.
fn is_closed(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

fn sha256_hex(part: &Part) -> String {
    let mut hash = Sha256::new();
    part.pieces().for_each(|piece| hash.update(piece));
    hex::encode(hash.finalize())
}

/// SHA-256 of a content as S3 has it in headers.
pub(super) fn sha256(content: &Content) -> String {
    STANDARD.encode(content.sha256)
}

/// CRC-32C of a part as S3 has it in headers.
pub(super) fn crc32c(part: &Part) -> String {
    let mut checksum = ChecksumAlgorithm::Crc32c.into_impl();
    part.pieces().for_each(|piece| checksum.update(piece));
    STANDARD.encode(checksum.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_closed_ways() {
        for uri in ["https://b.s3.amazonaws.com/k", "http://127.0.0.1:9/b/k", "http://[::1]/b"] {
            assert!(is_closed(uri), "{uri}");
        }
        for uri in ["http://10.0.0.1/b", "http://localhost.example.com/b", "http://0.0.0.0/b", "b"]
        {
            assert!(!is_closed(uri), "{uri}");
        }
    }
}
