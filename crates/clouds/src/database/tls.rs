//! TLS to a database: rustls with one provider of cryptography, and the checks that a URL asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Protection;
use crate::{Error, Result};

/// What makes connections TLS. Where there is no need for TLS it is never asked.
pub(super) fn connector(protection: &Protection) -> Result<MakeRustlsConnect> {
    // Named here: with two providers in one program nobody knows which one is the default.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::failed("database_tls", "TLS cannot be set up").because(error))?;
    let config = match protection {
        Protection::SameMachine => {
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
        Protection::Tls { roots, host_name } => {
            let roots = read_roots(roots.as_deref())?;
            let verifier = AnyName::new(roots.clone(), provider, *host_name)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Where this system keeps its roots, as one file.
pub(super) fn system_roots() -> Option<PathBuf> {
    openssl_probe::probe().cert_file
}

fn read_roots(file: Option<&Path>) -> Result<Arc<RootCertStore>> {
    let file = file.map(Path::to_owned).or_else(system_roots).ok_or_else(|| {
        Error::missing("database_roots", "this system has no file of root certificates")
            .hint("install ca-certificates, or name a file: sslrootcert=FILE in the URL")
    })?;
    let unusable = |why: &str| {
        let message = format!("the root certificates in {} {why}", file.display());
        Error::missing("database_roots", message)
            .hint("sslrootcert=FILE in the URL: a PEM file with the authority's certificate")
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(&file)
        .map_err(|error| unusable("cannot be read").because(error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable("are damaged").because(error))?;
        // A system's file may hold some that rustls does not understand; they verify nothing.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() { Err(unusable("are none")) } else { Ok(Arc::new(roots)) }
}

/// Checks a certificate as everybody does; the host's name only where that is wanted.
#[derive(Debug)]
struct AnyName {
    inner: Arc<WebPkiServerVerifier>,
    host_name: bool,
}

impl AnyName {
    fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        host_name: bool,
    ) -> Result<Self> {
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(
            |error| Error::failed("database_tls", "TLS cannot be set up").because(error),
        )?;
        Ok(Self { inner, host_name })
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The name is looked at last, when all else is right.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.host_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a connection failed because of TLS: a certificate that is not good, or a server that
/// offers no TLS.
pub fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    error.to_string().contains("TLS handshake")
}
