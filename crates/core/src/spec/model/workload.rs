//! How much the application is used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Period};

/// How much the application is used, as an average over a month of 730 hours. What is left out
/// is not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Requests in each second; give this or `requests_per_month`.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub requests_per_s: Option<f64>,
    /// Requests in a month.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub requests_per_month: Option<u64>,
    /// The users in a month from whom all of this comes; a curve over users scales it with them.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub users: Option<u64>,
    /// How long one request keeps an instance busy.
    pub request_time: Period,
    /// How large an answer is.
    pub response_size: Option<Bytes>,
    /// What leaves for the internet in a month; requests times `response_size` when left out.
    pub egress_per_month: Option<Bytes>,
    /// What the buckets hold together.
    pub storage: Option<Bytes>,
    /// Objects written in a month.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub object_writes_per_month: u64,
    /// Objects read in a month.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub object_reads_per_month: u64,
    /// What the database holds; `database.storage` when left out.
    pub database_storage: Option<Bytes>,
    /// Sessions read for each request.
    #[schemars(range(min = 0, max = 1000))]
    pub session_reads_per_request: f64,
    /// Sessions written for each request.
    #[schemars(range(min = 0, max = 1000))]
    pub session_writes_per_request: f64,
    /// How large a session is.
    pub session_size: Bytes,
    /// Tokens given to the language model in a month.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub input_tokens_per_month: u64,
    /// Tokens that the language model answers in a month.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub output_tokens_per_month: u64,
    /// What is logged for each request.
    pub log_size_per_request: Bytes,
    /// What is logged in a month besides.
    pub logs_per_month: Bytes,
    /// What the registry of images holds.
    pub registry_storage: Bytes,
    /// How long one run of a job takes; a job's `timeout` when that is shorter.
    pub job_time: Period,
    /// Questions for the domain's name in a month.
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    pub dns_queries_per_month: u64,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            requests_per_s: None,
            requests_per_month: None,
            users: None,
            request_time: Period::from_millis(100),
            response_size: None,
            egress_per_month: None,
            storage: None,
            object_writes_per_month: 0,
            object_reads_per_month: 0,
            database_storage: None,
            session_reads_per_request: 0.0,
            session_writes_per_request: 0.0,
            session_size: Bytes::new(1_000),
            input_tokens_per_month: 0,
            output_tokens_per_month: 0,
            log_size_per_request: Bytes::new(0),
            logs_per_month: Bytes::new(0),
            registry_storage: Bytes::new(0),
            job_time: Period::from_millis(60_000),
            dns_queries_per_month: 0,
        }
    }
}
