//! The client: how long it waits, how often it tries, and what it makes of a busy store.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use super::address::Address;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt may take: a part of an upload on a slow line.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one attempt of a call without content may take, up to the beginning of its answer: short
/// enough that there is a second one before whoever waits gives up.
const QUICK_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long all attempts together may take.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(240);
/// How often a call is tried.
const ATTEMPTS: u32 = 5;
/// The first pause between attempts; the next ones are twice as long, each cut by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause, also when the store asks for a longer one.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The region of a store that has none and checks the signature all the same.
const ANY_REGION: &str = "us-east-1";

/// The clients of a bucket, which share their connections and credentials.
pub(super) struct Clients {
    /// The one for calls without content, which repeats what fails.
    pub(super) quick: Client,
    /// The one for contents, and for what takes a store as long.
    pub(super) usual: Client,
    /// The one that sends a call once: a conditional write that is sent again may lose against itself.
    pub(super) once: Client,
}

impl Clients {
    pub(super) async fn of(address: &Address) -> Self {
        let usual = client(address).await;
        let as_usual = || usual.config().to_builder();
        let once = as_usual().retry_config(RetryConfig::disabled()).build();
        let quick = as_usual().timeout_config(timeouts(QUICK_ATTEMPT_TIMEOUT)).build();
        Self { quick: Client::from_conf(quick), once: Client::from_conf(once), usual }
    }
}

/// The client of a bucket. Credentials are looked for when the first call needs them.
pub(in crate::aws) async fn client(address: &Address) -> Client {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries())
        .timeout_config(timeouts(ATTEMPT_TIMEOUT));
    if let Some(profile) = &address.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region(address) {
        loader = loader.region(Region::new(region));
    }
    if let Some(key) = &address.credentials {
        loader = loader.credentials_provider(key.credentials());
    }
    let shared = loader.load().await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared)
        .force_path_style(address.path_style)
        .interceptor(RetryAfter);
    if let Some(endpoint) = &address.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}

/// The region; `None` to look for it as every client does. That asks the machine's own network
/// in the end, which a store with an endpoint has no need of.
fn region(address: &Address) -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|region| !region.is_empty());
    let named = || variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let given = address.region.clone();
    match address.endpoint {
        Some(_) => given.or_else(named).or_else(|| Some(ANY_REGION.to_owned())),
        None => given,
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// Lets the client keep to HTTP's `Retry-After`; by itself it knows the cloud's own header only.
#[derive(Debug)]
struct RetryAfter;

impl Intercept for RetryAfter {
    fn name(&self) -> &'static str {
        "RetryAfter"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response_mut().headers_mut();
        let seconds = headers.get("retry-after").and_then(|text| text.trim().parse::<u32>().ok());
        if let Some(seconds) = seconds {
            headers.insert("x-amz-retry-after", (u64::from(seconds) * 1_000).to_string());
        }
        Ok(())
    }
}
