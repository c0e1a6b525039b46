//! Writing: what fits into one part in one request, the rest in parts that are put together at the
//! end. Readers see nothing of a write before its end, nor anything of one that failed.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};

use super::attributes::{self, DIGEST, WRITE};
use super::connect::{Clients, LONGEST_PAUSE};
use super::content::{Announced, Content, Part, Source};
use super::failure::{Outcome, condition_lost, failure, outcome, words};
use super::proof::{self, Signed};
use super::{Address, S3Objects};
use crate::objects::{Attributes, ByteStream, Condition};
use crate::{Error, Result};

/// How large a part is. A write holds two of them in memory: one that is sent and one that fills.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// How large a part is from number [`LARGE_FROM`] on, since there can be [`PARTS_MAX`] of them.
const LARGE_PART_BYTES: usize = 64 * 1024 * 1024;
const LARGE_FROM: i32 = 5_001;
const PARTS_MAX: i32 = 10_000;
/// Less than this is hashed in less time than it takes to find out whether the store does it.
const RELAYED_MIN_BYTES: usize = 64 * 1024;
/// How often a conditional write whose outcome is not known is tried.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; it doubles, and chance cuts it.
const PAUSE_MS: u64 = 100;

/// How many requests a write of so many bytes takes: in parts, a first and a last one besides.
pub(super) fn requests(size_bytes: u64) -> u64 {
    let part = PART_BYTES as u64;
    if size_bytes <= part { 1 } else { size_bytes.div_ceil(part) + 2 }
}

/// What a finished write is known by.
pub(super) struct Written {
    pub(super) size_bytes: u64,
    pub(super) digest: String,
    pub(super) etag: String,
    pub(super) version: Option<String>,
}

/// A write under way: what all its requests have in common.
pub(super) struct Upload<'a> {
    pub(super) objects: &'a S3Objects,
    pub(super) clients: &'a Clients,
    pub(super) key: &'a str,
    pub(super) attributes: &'a Attributes,
    pub(super) condition: &'a Condition,
    pub(super) announced: Option<Announced>,
}

impl Upload<'_> {
    /// Writes the content whole.
    pub(super) async fn write(&self, content: ByteStream) -> Result<Written> {
        let mut source = Source::unhashed(content);
        let first = source.part(PART_BYTES).await?;
        // An empty second part is an end too.
        let second =
            if first.len() == PART_BYTES { source.part(PART_BYTES).await? } else { Part::empty() };
        if !self.is_relayed(&first, &second).await? {
            source.hash(&[&first, &second]);
        }
        match second.is_empty() {
            true => self.in_one(first, source.end(self.announced.as_ref())?).await,
            false => self.in_parts(first, second, source).await,
        }
    }

    /// Whether the store holds the bytes against the announced digest, so that nobody need do it
    /// here: it does so for what it gets in one request, if it does it at all.
    async fn is_relayed(&self, first: &Part, second: &Part) -> Result<bool> {
        if self.announced.is_none() || first.len() < RELAYED_MIN_BYTES || !second.is_empty() {
            return Ok(false);
        }
        self.objects.checks_digests().await
    }

    fn address(&self) -> &Address {
        &self.objects.address
    }

    async fn in_one(&self, content: Part, whole: Content) -> Result<Written> {
        let checksum = proof::sha256(&whole);
        let headers = attributes::to_headers(self.attributes)?;
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let (if_match, if_none_match) = conditions(self.condition);
        // Sent again by the client, a conditional write would lose against itself.
        let client = match self.condition {
            Condition::Always => &self.clients.usual,
            _ => &self.clients.once,
        };
        let send = || async {
            let mut headers = headers.clone();
            let mut put = client.put_object().bucket(&self.address().bucket).key(self.key);
            if *self.condition != Condition::Always {
                headers.insert(WRITE.to_owned(), nonce.clone());
            }
            put = put
                .body(content.clone().body())
                .checksum_sha256(&checksum)
                .content_type(attributes::content_type(self.attributes))
                .set_cache_control(self.attributes.cache_control.clone())
                .set_content_encoding(self.attributes.content_encoding.clone())
                .set_content_disposition(self.attributes.content_disposition.clone())
                .set_content_language(self.attributes.content_language.clone())
                .set_tagging(attributes::to_tagging(&self.attributes.tags))
                .set_if_match(if_match.clone())
                .set_if_none_match(if_none_match.clone())
                .set_metadata(Some(headers));
            match put.customize().interceptor(Signed::whole(&whole)).send().await {
                Ok(done) => Ok((done.e_tag.unwrap_or_default(), done.version_id)),
                Err(error) => Err((outcome(&error), failure(self.address(), error))),
            }
        };
        let (etag, version) = match self.condition {
            // The client has repeated it already.
            Condition::Always => send().await.map_err(|(_, error)| error)?,
            _ => self.settled(&nonce, send).await?,
        };
        Ok(Written { size_bytes: whole.size_bytes, digest: whole.digest(), etag, version })
    }

    async fn in_parts(&self, first: Part, second: Part, source: Source) -> Result<Written> {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let mut parts = Parts::begin(self, &nonce).await?;
        let sent = self.send_parts(&mut parts, first, second, source).await;
        let written = match sent {
            Ok((completed, whole)) => self.complete(&parts, completed, &nonce, whole).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(written) => {
                parts.done = true;
                Ok(written)
            }
            Err(error) => {
                parts.abort().await;
                Err(error)
            }
        }
    }

    /// Sends one part while the next one fills.
    async fn send_parts(
        &self,
        parts: &mut Parts,
        first: Part,
        second: Part,
        mut source: Source,
    ) -> Result<(Vec<CompletedPart>, Content)> {
        let mut completed = vec![parts.send(self.address(), 1, first).await?];
        let (mut number, mut part) = (2, second);
        while !part.is_empty() {
            if number > PARTS_MAX {
                let why = "an object of more than 350 GiB cannot be written here";
                return Err(Error::refused("object_too_large", why));
            }
            let size = if number + 1 < LARGE_FROM { PART_BYTES } else { LARGE_PART_BYTES };
            let (sent, next) =
                futures::try_join!(parts.send(self.address(), number, part), source.part(size))?;
            completed.push(sent);
            (number, part) = (number + 1, next);
        }
        Ok((completed, source.end(self.announced.as_ref())?))
    }

    async fn complete(
        &self,
        parts: &Parts,
        completed: Vec<CompletedPart>,
        nonce: &str,
        whole: Content,
    ) -> Result<Written> {
        let (if_match, if_none_match) = conditions(self.condition);
        let upload = CompletedMultipartUpload::builder().set_parts(Some(completed)).build();
        let send = || async {
            let done = self
                .clients
                .once
                .complete_multipart_upload()
                .bucket(&self.address().bucket)
                .key(self.key)
                .upload_id(&parts.upload_id)
                .set_if_match(if_match.clone())
                .set_if_none_match(if_none_match.clone())
                .multipart_upload(upload.clone())
                .send()
                .await;
            match done {
                Ok(done) => Ok((done.e_tag.unwrap_or_default(), done.version_id)),
                // The upload is gone: it may be that this very call has put it together before.
                Err(error) if outcome(&error) == Outcome::Absent => {
                    Err((Outcome::Unknown, failure(self.address(), error)))
                }
                Err(error) => Err((outcome(&error), failure(self.address(), error))),
            }
        };
        let (etag, version) = self.settled(nonce, send).await?;
        Ok(Written { size_bytes: whole.size_bytes, digest: whole.digest(), etag, version })
    }

    /// Sends until it is known whether the write happened. What stands under the key tells when an
    /// answer does not, by the number that the write carries.
    async fn settled<F>(
        &self,
        nonce: &str,
        send: impl Fn() -> F,
    ) -> Result<(String, Option<String>)>
    where
        F: Future<Output = Result<(String, Option<String>), (Outcome, Error)>>,
    {
        let mut pause_ms = PAUSE_MS;
        for attempt in 1.. {
            let (outcome, error) = match send().await {
                Ok(written) => return Ok(written),
                Err(failed) => failed,
            };
            let lost = outcome == Outcome::Condition;
            if !lost && outcome != Outcome::Unknown {
                let absent = outcome == Outcome::Absent && *self.condition != Condition::Always;
                return Err(if absent { condition_lost(self.key) } else { error });
            }
            if let Some(asked) = error.retry_after() {
                tokio::time::sleep(asked.min(LONGEST_PAUSE)).await;
            }
            // A first answer that says that the condition does not hold is to be believed.
            if (attempt > 1 || !lost)
                && let Some(found) = self.objects.written_by(self.key, nonce).await?
            {
                return Ok(found);
            }
            if lost {
                return Err(condition_lost(self.key));
            }
            if attempt == ATTEMPTS {
                return Err(error);
            }
            let millis = rand::random_range(pause_ms / 2..=pause_ms);
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
            pause_ms *= 2;
        }
        unreachable!("the loop ends by its last attempt")
    }
}

/// An upload in parts at the store, which takes room there until it is completed or aborted.
struct Parts {
    client: Client,
    bucket: String,
    key: String,
    upload_id: String,
    done: bool,
}

impl Parts {
    async fn begin(upload: &Upload<'_>, nonce: &str) -> Result<Self> {
        let address = upload.address();
        let attributes = upload.attributes;
        let mut headers: HashMap<String, String> = attributes::to_headers(attributes)?;
        headers.insert(WRITE.to_owned(), nonce.to_owned());
        if let Some(announced) = &upload.announced {
            headers.insert(DIGEST.to_owned(), announced.digest());
        }
        let begun = upload
            .clients
            .usual
            .create_multipart_upload()
            .bucket(&address.bucket)
            .key(upload.key)
            .checksum_algorithm(ChecksumAlgorithm::Crc32C)
            .content_type(attributes::content_type(attributes))
            .set_cache_control(attributes.cache_control.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_content_disposition(attributes.content_disposition.clone())
            .set_content_language(attributes.content_language.clone())
            .set_tagging(attributes::to_tagging(&attributes.tags))
            .set_metadata(Some(headers))
            .send()
            .await
            .map_err(|error| failure(address, error))?;
        Ok(Self {
            client: upload.clients.usual.clone(),
            bucket: address.bucket.clone(),
            key: upload.key.to_owned(),
            upload_id: begun.upload_id.unwrap_or_default(),
            done: false,
        })
    }

    async fn send(&self, address: &Address, number: i32, part: Part) -> Result<CompletedPart> {
        let checksum = proof::crc32c(&part);
        let sent = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .checksum_crc32_c(&checksum)
            .body(part.clone().body())
            .customize()
            .interceptor(Signed::OnOpenWays(part))
            .send()
            .await
            .map_err(|error| failure(address, error))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .checksum_crc32_c(checksum)
            .build())
    }

    /// Gives the room back. An upload that cannot be aborted is left to the bucket's own rules.
    async fn abort(&mut self) {
        self.done = true;
        abort(self.client.clone(), &self.bucket, &self.key, &self.upload_id).await;
    }
}

async fn abort(client: Client, bucket: &str, key: &str, upload_id: &str) {
    let abort = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(upload_id);
    if let Err(error) = abort.send().await {
        let error = words(&error);
        tracing::warn!(key, upload_id, %error, "an upload in parts could not be aborted");
    }
}

impl Drop for Parts {
    /// Nobody waits for the write any more: the abort goes on by itself, while the program runs.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.done {
            return;
        }
        let client = self.client.clone();
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        let upload_id = self.upload_id.clone();
        runtime.spawn(async move { abort(client, &bucket, &key, &upload_id).await });
    }
}

/// The two headers of a condition.
pub(super) fn conditions(condition: &Condition) -> (Option<String>, Option<String>) {
    match condition {
        Condition::Always => (None, None),
        Condition::Absent => (None, Some("*".to_owned())),
        Condition::Matches(etag) => (Some(etag.clone()), None),
    }
}
