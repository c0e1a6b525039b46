//! A fenced log in a bucket: entries are objects that are created if there is none.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::OnceCell;
use url::Url;

use super::expiry;
use crate::aws::objects::{Address, Outcome, client, failure, outcome};
use crate::operate::log_store::{Created, LogStore};
use crate::{Error, Result};

/// How long one attempt may take, and how long all attempts of a call that is repeated.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// A bucket, or a folder in it, that holds logs.
#[derive(Debug)]
pub struct S3Log {
    address: Address,
    /// What stands before every name; empty, or ending in `/`.
    prefix: String,
    client: OnceCell<Client>,
}

/// Opens the logs at `s3://BUCKET/PREFIX?endpoint=...`.
pub(crate) fn open(url: &Url) -> Result<Arc<dyn LogStore>> {
    let (address, prefix) = Address::parse_with_path(url)?;
    Ok(Arc::new(S3Log::new(address, &prefix)))
}

impl S3Log {
    /// The logs below `prefix` in a bucket. Asks nobody yet.
    pub fn new(address: Address, prefix: &str) -> Self {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self { address, prefix, client: OnceCell::new() }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| client(&self.address)).await
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Bounds that fit a log. A create is not repeated: a second copy would lose against the first,
/// and its answer would say that somebody else was faster.
fn bounds(attempts: u32) -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(attempts);
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts).retry_config(retries)
}

#[async_trait]
impl LogStore for S3Log {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.address.bucket, self.prefix.trim_end_matches('/'))
    }

    async fn check(&self) -> Result<()> {
        let client = self.client().await;
        let ask = client.get_bucket_lifecycle_configuration().bucket(&self.address.bucket);
        let rules = match ask.customize().config_override(bounds(3)).send().await {
            Ok(found) => found.rules.unwrap_or_default(),
            Err(error)
                if outcome(&error) == Outcome::Unknown
                    && error.code() != Some("NotImplemented") =>
            {
                return Err(failure(&self.address, error));
            }
            // There are none, or nobody may look, or the store has no such thing.
            Err(error) => {
                tracing::debug!(code = error.code(), "no rules of expiry are known");
                return Ok(());
            }
        };
        match rules.iter().find(|rule| expiry::deletes(rule, &self.prefix)) {
            None => Ok(()),
            Some(rule) => Err(expires(rule.id().unwrap_or("without a name"), &self.place())),
        }
    }

    async fn create(&self, name: &str, content: Bytes) -> Result<Created> {
        let put = self
            .client()
            .await
            .put_object()
            .bucket(&self.address.bucket)
            .key(self.key(name))
            .if_none_match("*")
            .content_type("application/json")
            .body(ByteStream::from(content));
        match put.customize().config_override(bounds(1)).send().await {
            Ok(_) => Ok(Created::New),
            Err(error) if outcome(&error) == Outcome::Condition => Ok(Created::Exists),
            Err(error) => Err(failure(&self.address, error)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        let client = self.client().await;
        let get = client.get_object().bucket(&self.address.bucket).key(self.key(name));
        let found = match get.customize().config_override(bounds(3)).send().await {
            Ok(found) => found,
            Err(error) if is_no_object(&error) => return Ok(None),
            Err(error) => return Err(failure(&self.address, error)),
        };
        let whole = tokio::time::timeout(CALL_TIMEOUT, found.body.collect()).await;
        let broken = |error: &dyn std::fmt::Display| {
            let why = format!("`{name}` at {} could not be read whole", self.place());
            Error::missing("bucket_unreachable", why).retryable().because(error.to_string())
        };
        let whole = whole.map_err(|late| broken(&late))?;
        Ok(Some(whole.map_err(|error| broken(&error))?.into_bytes()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let (mut names, mut next) = (Vec::new(), None);
        loop {
            let page = self
                .client()
                .await
                .list_objects_v2()
                .bucket(&self.address.bucket)
                .prefix(self.key(prefix))
                .set_continuation_token(next)
                .customize()
                .config_override(bounds(3))
                .send()
                .await
                .map_err(|error| failure(&self.address, error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            names.extend(keys.map(|key| key[self.prefix.len()..].to_owned()));
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let client = self.client().await;
        let delete = client.delete_object().bucket(&self.address.bucket).key(self.key(name));
        let done = delete.customize().config_override(bounds(3)).send().await;
        done.map(drop).map_err(|error| failure(&self.address, error))
    }
}

fn expires(rule: &str, place: &str) -> Error {
    let why = format!("the rule `{rule}` of the bucket deletes entries of the log at {place}");
    Error::refused("log_expires", why).hint(
        "let the rule leave out what begins with that prefix, or keep the log in another bucket: \
         a log that has lost entries is damaged",
    )
}

/// Nothing under a key is an answer; a bucket that is not there is an error.
fn is_no_object<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    outcome(error) == Outcome::Absent && error.code() != Some("NoSuchBucket")
}
