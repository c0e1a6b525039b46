//! What the store's refusals and silences mean to a caller.

use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::address::Address;
use crate::Error;

/// The codes by which stores say that a condition of a write does not hold.
const CONDITION: [&str; 2] = ["PreconditionFailed", "NoSuchKeyPrecondition"];
/// The codes by which stores say that somebody else writes the same key at this moment.
const CONFLICT: [&str; 2] = ["ConditionalRequestConflict", "OperationAborted"];
/// The codes by which stores say that the bytes are not those that were announced.
const DIGEST: [&str; 4] =
    ["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"];
/// The codes by which stores refuse who asks.
const DENIED: [&str; 8] = [
    "AccessDenied",
    "Forbidden",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
    "AllAccessDisabled",
];
/// The codes of a store that asks for patience.
const BUSY: [&str; 6] = [
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "Throttling",
    "TooManyRequests",
];

/// An answer of the client, in what callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws) enum Outcome {
    /// The key, the version or the bucket is not there.
    Absent,
    /// A condition does not hold.
    Condition,
    /// Whether it happened is not known: no answer, or one that says neither yes nor no.
    Unknown,
    /// It did not happen.
    Refused,
}

/// What a failed call says about what happened.
pub(in crate::aws) fn outcome<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
) -> Outcome {
    let status = status(error);
    let code = error.code().unwrap_or_default();
    match (status, code) {
        _ if CONFLICT.contains(&code) => Outcome::Unknown,
        (Some(404), _) => Outcome::Absent,
        (Some(412), _) => Outcome::Condition,
        _ if CONDITION.contains(&code) => Outcome::Condition,
        (Some(409), _) => Outcome::Unknown,
        (Some(400..=499), _) => Outcome::Refused,
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}

/// The error of a call that failed, for people.
pub(in crate::aws) fn failure<E>(address: &Address, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (status, code) = (status(&error), error.code().unwrap_or_default().to_owned());
    let (code, bucket, after) = (code.as_str(), address.words(), retry_after(&error));
    let why = words(&error);
    let error = match (status, code) {
        _ if code == "NoSuchBucket" => missing_bucket(address),
        _ if DENIED.contains(&code) || matches!(status, Some(401 | 403)) => Error::refused(
            "bucket_access",
            format!("{bucket} refuses these credentials"),
        )
        .hint("credentials are found as every S3 client finds them: variables, files, the machine"),
        _ if DIGEST.contains(&code) => {
            let message = format!("{bucket} received other bytes than were sent");
            Error::failed("object_digest", message).retryable()
        }
        (status, _) if BUSY.contains(&code) || matches!(status, Some(429 | 503)) => {
            Error::missing("bucket_busy", format!("{bucket} asks for patience")).throttled(after)
        }
        (Some(400..=499), _) => {
            Error::refused("bucket_refused", format!("{bucket} refuses the call"))
        }
        _ if matches!(error, SdkError::ConstructionFailure(_)) => {
            Error::refused("bucket_refused", format!("the call of {bucket} cannot be made"))
                .hint("are there credentials? they are found as every S3 client finds them")
        }
        _ => Error::missing("bucket_unreachable", format!("{bucket} does not answer")).retryable(),
    };
    error.because(why)
}

/// What the store or the network said, in one line: without the request, which holds a signature.
pub(super) fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let (Some(status), SdkError::ServiceError(_)) = (status(error), error) {
        let (code, message) = (error.code().unwrap_or("no code"), error.message());
        return format!("it answered {status}, {code}: {}", message.unwrap_or("no reason given"));
    }
    causes(error)
}

/// An error and its causes.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

/// The error of a bucket that is not there.
pub(super) fn missing_bucket(address: &Address) -> Error {
    Error::missing("bucket_missing", format!("{} does not exist", address.words())).hint(
        "a bucket that is named by its endpoint is never made here: make it, or mend the name",
    )
}

/// The error of a condition that does not hold.
pub(super) fn condition_lost(key: &str) -> Error {
    let why = format!("the object `{}` is not as the condition wants it", key.escape_debug());
    Error::refused("object_condition", why)
}

/// How long the store wants to be left alone, where it says so.
fn retry_after<E>(error: &SdkError<E, HttpResponse>) -> Option<Duration> {
    let said = error.raw_response()?.headers().get("retry-after")?;
    said.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
