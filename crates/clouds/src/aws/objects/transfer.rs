//! Reading objects, and copying them within the store.

use std::collections::BTreeMap;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, ResponseChecksumValidation, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream as Body, ByteStreamError};
use aws_sdk_s3::types::{ChecksumMode, MetadataDirective, TaggingDirective};
use futures::stream::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::failure::{Outcome, causes, failure, outcome};
use super::info::Answer;
use super::{Address, S3Objects, attributes};
use crate::objects::{ByteStream, Condition, ObjectInfo, ObjectsDriver};
use crate::{Error, Result};

/// The largest object that the store copies in one call.
const COPY_MAX_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Who holds the bytes of an object against the digest that is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    Here,
    ByReader,
}

/// An object, and its bytes in a range.
pub(super) async fn get(
    objects: &S3Objects,
    key: &str,
    version: Option<&str>,
    range: Option<(u64, u64)>,
) -> Result<Option<(ObjectInfo, ByteStream)>> {
    read(objects, key, version, range, Checked::Here).await
}

/// A whole object, whose bytes the reader holds against the digest, if there is one.
pub(super) async fn get_announced(
    objects: &S3Objects,
    key: &str,
) -> Result<Option<(ObjectInfo, ByteStream)>> {
    read(objects, key, None, None, Checked::ByReader).await
}

async fn read(
    objects: &S3Objects,
    key: &str,
    version: Option<&str>,
    range: Option<(u64, u64)>,
    checked: Checked,
) -> Result<Option<(ObjectInfo, ByteStream)>> {
    if range.is_some_and(|(first, end)| first == end) {
        return Ok(head(objects, key).await?.map(|info| (info, nothing())));
    }
    let address = &objects.address;
    // Stores read positions as signed numbers.
    let last = |end: u64| end.min(i64::MAX as u64) - 1;
    let range = range.map(|(first, end)| format!("bytes={first}-{}", last(end)));
    let whole = range.is_none();
    let ask = objects
        .client()
        .await
        .get_object()
        .bucket(&address.bucket)
        .key(key)
        .set_version_id(version.map(str::to_owned))
        .set_range(range);
    let found = match checked {
        Checked::Here => ask.checksum_mode(ChecksumMode::Enabled).send().await,
        Checked::ByReader => ask.customize().interceptor(DigestLeftToReader).send().await,
    };
    let found = match found {
        Ok(found) => found,
        Err(error) if outcome(&error) == Outcome::Absent => return absent(address, error),
        // The range begins after the end.
        Err(error) if error.raw_response().is_some_and(|told| told.status().as_u16() == 416) => {
            return Ok(head(objects, key).await?.map(|info| (info, nothing())));
        }
        Err(error) => return Err(failure(address, error)),
    };
    let answer = Answer::of_get(key, &found);
    let (tags, of_parts) = (answer.tags, answer.is_of_parts());
    let mut info = answer.into_info();
    info.attributes.tags = self::tags(objects, key, version, tags).await?;
    // The client checks by itself what the store has a checksum of as a whole.
    let noted = info.digest.clone().filter(|_| whole && of_parts && checked == Checked::Here);
    let content = content(address.clone(), found.body);
    Ok(Some(match noted {
        Some(digest) => (info, held_against(content, digest)),
        None => (info, content),
    }))
}

/// What is known of an object.
pub(super) async fn head(objects: &S3Objects, key: &str) -> Result<Option<ObjectInfo>> {
    let head = objects.client().await.head_object().bucket(&objects.address.bucket).key(key);
    match head.checksum_mode(ChecksumMode::Enabled).send().await {
        Ok(found) => {
            let answer = Answer::of_head(key, &found);
            let tags = answer.tags;
            let mut info = answer.into_info();
            info.attributes.tags = self::tags(objects, key, None, tags).await?;
            Ok(Some(info))
        }
        // The answer to a HEAD says no more than that: the bucket may be what is missing.
        Err(error) if outcome(&error) == Outcome::Absent => {
            objects.check_bucket().await?;
            Ok(None)
        }
        Err(error) => Err(failure(&objects.address, error)),
    }
}

/// The tags, asked for only where an answer said that there are some.
async fn tags(
    objects: &S3Objects,
    key: &str,
    version: Option<&str>,
    count: i32,
) -> Result<BTreeMap<String, String>> {
    if count == 0 {
        return Ok(BTreeMap::new());
    }
    let ask = objects.client().await.get_object_tagging().bucket(&objects.address.bucket).key(key);
    let found = ask.set_version_id(version.map(str::to_owned)).send().await;
    let found = found.map_err(|error| failure(&objects.address, error))?;
    Ok(found.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Copies within the store what it copies in one call and without a condition; else through here.
pub(super) async fn copy(
    objects: &S3Objects,
    from: &str,
    to: &str,
    condition: &Condition,
) -> Result<Option<ObjectInfo>> {
    let Some(info) = head(objects, from).await? else { return Ok(None) };
    if *condition != Condition::Always || info.size_bytes > COPY_MAX_BYTES {
        let Some((info, content)) = get(objects, from, None, None).await? else { return Ok(None) };
        let digest = info.digest.as_deref();
        return objects.put(to, content, &info.attributes, condition, digest).await.map(Some);
    }
    copy_there(objects, &info, to).await?;
    head(objects, to).await
}

/// The digest is written down: not every store carries its checksum along.
async fn copy_there(objects: &S3Objects, info: &ObjectInfo, to: &str) -> Result<()> {
    let address = &objects.address;
    let said = &info.attributes;
    let mut headers = attributes::to_headers(said)?;
    headers.extend(info.digest.clone().map(|digest| (attributes::DIGEST.to_owned(), digest)));
    objects
        .clients()
        .await
        .usual
        .copy_object()
        .bucket(&address.bucket)
        .key(to)
        .copy_source(format!("{}/{}", address.bucket, path(&info.key)))
        .copy_source_if_match(&info.etag)
        .metadata_directive(MetadataDirective::Replace)
        .tagging_directive(TaggingDirective::Copy)
        .content_type(attributes::content_type(said))
        .set_cache_control(said.cache_control.clone())
        .set_content_encoding(said.content_encoding.clone())
        .set_content_disposition(said.content_disposition.clone())
        .set_content_language(said.content_language.clone())
        .set_metadata(Some(headers))
        .send()
        .await
        .map_err(|error| failure(address, error))?;
    Ok(())
}

/// A key as a path in a header: all but slashes and what is never special, encoded.
fn path(key: &str) -> String {
    let part = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    let parts: Vec<String> = key.split('/').map(part).collect();
    parts.join("/").replace('+', "%20")
}

fn nothing() -> ByteStream {
    futures::stream::empty().boxed()
}

/// The error of what is not there: the bucket, or no error for the object.
fn absent<T, E>(address: &Address, error: SdkError<E, HttpResponse>) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error.code() {
        Some("NoSuchBucket") => Err(failure(address, error)),
        _ => Ok(None),
    }
}

/// The bytes of an answer.
fn content(address: Address, body: Body) -> ByteStream {
    let next = |(address, mut body): (Address, Body)| async move {
        match body.next().await {
            None => Ok(None),
            Some(Ok(piece)) => Ok(Some((piece, (address, body)))),
            Some(Err(error)) => Err(cut(&address, error)),
        }
    };
    futures::stream::try_unfold((address, body), next).boxed()
}

/// The error of bytes that broke off, or that are not what the store's checksum says.
fn cut(address: &Address, error: ByteStreamError) -> Error {
    let words = causes(&error);
    if words.contains("checksum mismatch") {
        let why = format!("the bytes from {} are not those that were stored", address.words());
        return Error::failed("object_digest", why).retryable().because(words);
    }
    let why = format!("the bytes from {} broke off", address.words());
    Error::missing("bucket_unreachable", why).retryable().because(words)
}

/// The same bytes, which end with an error when they have another digest.
fn held_against(content: ByteStream, digest: String) -> ByteStream {
    let next = |(mut content, hash): (ByteStream, Sha256), digest: String| async move {
        let mut hash = hash;
        match content.try_next().await? {
            Some(piece) => {
                hash.update(&piece);
                Ok(Some((piece, (content, hash))))
            }
            None if hex::encode(hash.finalize()) == digest => Ok(None),
            None => {
                let why = "the bytes of the object are not those that were written";
                Err(Error::failed("object_digest", why).retryable())
            }
        }
    };
    let begin = (content, Sha256::new());
    futures::stream::try_unfold(begin, move |state| next(state, digest.clone())).boxed()
}

/// Lets the client check what the store has another checksum of than the digest, which the reader
/// checks by itself: hashing it here too would take most of the time of a copy.
#[derive(Debug)]
struct DigestLeftToReader;

impl Intercept for DigestLeftToReader {
    fn name(&self) -> &'static str {
        "DigestLeftToReader"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        config.interceptor_state().store_put(ResponseChecksumValidation::WhenRequired);
        Ok(())
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        context.request_mut().headers_mut().insert("x-amz-checksum-mode", "ENABLED");
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let headers = context.response().headers();
        let noted = format!("x-amz-meta-{}", attributes::DIGEST);
        if headers.get("x-amz-checksum-sha256").or_else(|| headers.get(noted)).is_none() {
            config.interceptor_state().store_put(ResponseChecksumValidation::WhenSupported);
        }
        Ok(())
    }
}
