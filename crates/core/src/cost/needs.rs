//! What a specification needs, independent of any cloud: the input of every estimate.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::dec;
use serde::{Deserialize, Serialize};

use super::quantity::{MILLION, SECONDS, believable};
use super::surroundings::Surroundings;
use crate::Result;

/// What a specification needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// The application's containers.
    pub application: Option<Application>,
    /// The PostgreSQL database.
    pub database: Option<Database>,
    /// Whether there are buckets of objects.
    pub objects: Option<Objects>,
    /// Whether there is a store of sessions that expire.
    pub sessions: bool,
    /// The AI chat model of each cloud, by the cloud's name.
    pub chat: Option<BTreeMap<String, String>>,
    /// How many secrets are stored.
    pub secrets: u32,
    /// How many alarms watch over it.
    pub alarms: u32,
    /// How many days logs are kept.
    pub log_kept_days: u32,
    /// The size of the container images that are kept, in GB.
    pub registry_gb: Decimal,
    /// How many DNS zones it has.
    pub dns_zones: u32,
    /// How many endpoints on other clouds are probed from this one, by HTTPS.
    pub external_checks: u32,
    /// How containers reach what is outside.
    pub network: Network,
    /// For how long compute is committed to.
    pub commitment: Commitment,
    /// For how long the database is committed to, where its size can be.
    pub database_commitment: Commitment,
    /// What stands around the application as Trefoil's files set it up; none when only the
    /// application and its services are meant.
    pub surroundings: Option<Surroundings>,
    /// What goes through it in a month.
    pub workload: Workload,
}

/// The application's containers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Application {
    /// Virtual processors of one instance.
    pub vcpu: Decimal,
    /// Memory of one instance, in GiB.
    pub memory_gib: Decimal,
    /// How many instances always run; 0 lets it sleep between requests.
    pub min_instances: u32,
    /// How many instances run at most.
    pub max_instances: Option<u32>,
    /// How many requests a second one instance carries.
    pub requests_per_s_per_instance: Decimal,
    /// The processor that it runs on.
    pub architecture: Architecture,
    /// Whether the image also runs on the other architecture, as far as the specification says.
    pub portable: bool,
    /// Whether instances may be taken away at any time.
    pub spot: bool,
}

/// The PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Virtual processors; 0 accepts a shared one.
    pub vcpu: Decimal,
    /// Memory, in GiB.
    pub memory_gib: Decimal,
    /// Whether a second server in another zone takes over.
    pub high_availability: bool,
    /// Whether a processor that is throttled when its credits are used up will do.
    pub burstable: bool,
}

/// How objects are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objects {
    /// The storage class.
    pub class: StorageClass,
}

/// A storage class in the words of every cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageClass {
    /// Read often.
    #[default]
    Standard,
    /// Read less than once a month; reading costs extra.
    Infrequent,
}

/// The processor that containers run on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// x86-64.
    #[default]
    X86,
    /// 64-bit ARM.
    Arm,
}

/// How containers reach what is outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Through an address of their own, behind a firewall that lets nothing in.
    #[default]
    Public,
    /// As Trefoil's files do it: nothing reaches in, and the cloud's own services are reached
    /// inside of it; a way out is there where the cloud has one without a price, or where the
    /// specification names a service outside.
    Private,
    /// Through a NAT gateway in each of two zones.
    Nat,
    /// Only the cloud's own services, through private endpoints.
    Endpoints,
}

/// For how long compute is committed to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Commitment {
    /// Paid as used.
    #[default]
    None,
    /// One year, nothing in advance.
    OneYear,
    /// Three years, nothing in advance.
    ThreeYears,
}

/// What goes through the application in a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// Requests a second on average.
    pub requests_per_s: Decimal,
    /// How long one request keeps an instance busy, in milliseconds.
    pub request_ms: Decimal,
    /// How many users that is, when known.
    pub users: Option<Decimal>,
    /// What users download, in GB a month.
    pub egress_gb: Decimal,
    /// What is replicated to another cloud, in GB a month; it leaves through the same meter.
    pub replication_gb: Decimal,
    /// The database's data, in GB.
    pub database_gb: Decimal,
    /// Backups of the database that are kept, in GB.
    pub database_backup_gb: Decimal,
    /// The objects that are kept, in GB.
    pub object_gb: Decimal,
    /// Objects written or listed a month.
    pub object_writes: Decimal,
    /// Objects read a month.
    pub object_reads: Decimal,
    /// Tokens that go into the chat model a month.
    pub input_tokens: Decimal,
    /// Tokens that come out of it a month.
    pub output_tokens: Decimal,
    /// How often a request reads its session.
    pub session_reads_per_request: Decimal,
    /// How often a request writes its session.
    pub session_writes_per_request: Decimal,
    /// The size of a session, in kB.
    pub session_kb: Decimal,
    /// All sessions together, in GB.
    pub session_gb: Decimal,
    /// What one request logs, in kB.
    pub log_kb_per_request: Decimal,
    /// What is logged without any request, in GB a month.
    pub log_base_gb: Decimal,
    /// How often secrets are read a month.
    pub secret_reads: Decimal,
    /// How often names are looked up a month.
    pub dns_queries: Decimal,
}

impl Default for Application {
    fn default() -> Self {
        Self {
            vcpu: dec!(1),
            memory_gib: dec!(2),
            min_instances: 1,
            max_instances: None,
            requests_per_s_per_instance: dec!(100),
            architecture: Architecture::X86,
            portable: false,
            spot: false,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        let memory_gib = dec!(0.5);
        Self { vcpu: dec!(0), memory_gib, high_availability: false, burstable: true }
    }
}

impl Default for Workload {
    fn default() -> Self {
        let zero = Decimal::ZERO;
        Self {
            requests_per_s: zero,
            request_ms: dec!(100),
            users: None,
            egress_gb: zero,
            replication_gb: zero,
            database_gb: zero,
            database_backup_gb: zero,
            object_gb: zero,
            object_writes: zero,
            object_reads: zero,
            input_tokens: zero,
            output_tokens: zero,
            session_reads_per_request: dec!(1),
            session_writes_per_request: dec!(0.1),
            session_kb: dec!(1),
            session_gb: zero,
            log_kb_per_request: dec!(0.5),
            log_base_gb: zero,
            secret_reads: zero,
            dns_queries: zero,
        }
    }
}

impl Workload {
    /// Requests a month.
    pub fn requests(&self) -> Decimal {
        self.requests_per_s * SECONDS
    }

    /// What is logged, in GB a month.
    pub fn log_gb(&self) -> Decimal {
        self.requests() * self.log_kb_per_request / MILLION + self.log_base_gb
    }

    /// What leaves the cloud, in GB a month.
    pub fn leaving_gb(&self) -> Decimal {
        self.egress_gb + self.replication_gb
    }

    /// Its quantities with their names in a specification.
    pub fn quantities(&self) -> [(&'static str, Decimal); 19] {
        [
            ("requests_per_s", self.requests_per_s),
            ("request_ms", self.request_ms),
            ("users", self.users.unwrap_or_default()),
            ("egress_gb", self.egress_gb),
            ("replication_gb", self.replication_gb),
            ("database_gb", self.database_gb),
            ("database_backup_gb", self.database_backup_gb),
            ("object_gb", self.object_gb),
            ("object_writes", self.object_writes),
            ("object_reads", self.object_reads),
            ("input_tokens", self.input_tokens),
            ("output_tokens", self.output_tokens),
            ("session_reads_per_request", self.session_reads_per_request),
            ("session_writes_per_request", self.session_writes_per_request),
            ("session_gb", self.session_gb),
            ("log_kb_per_request", self.log_kb_per_request),
            ("log_base_gb", self.log_base_gb),
            ("secret_reads", self.secret_reads),
            ("dns_queries", self.dns_queries),
        ]
    }
}

impl Application {
    /// How many instances carry that many requests a second.
    pub fn instances(&self, requests_per_s: Decimal) -> Decimal {
        let needed = match self.requests_per_s_per_instance.is_zero() {
            true => Decimal::ZERO,
            false => (requests_per_s / self.requests_per_s_per_instance).ceil(),
        };
        let most = self.max_instances.map_or(needed, |most| needed.min(Decimal::from(most)));
        most.max(Decimal::from(self.min_instances))
    }
}

impl Needs {
    /// Refuses quantities that are out of range.
    ///
    /// # Errors
    /// `cost_quantity`, with the field.
    pub fn check(&self) -> Result<()> {
        for (field, quantity) in self.workload.quantities() {
            believable(&format!("workload.{field}"), quantity)?;
        }
        believable("workload.session_kb", self.workload.session_kb)?;
        believable("registry_gb", self.registry_gb)?;
        if let Some(application) = &self.application {
            believable("application.vcpu", application.vcpu)?;
            believable("application.memory_gib", application.memory_gib)?;
            let carried = application.requests_per_s_per_instance;
            believable("application.requests_per_s_per_instance", carried)?;
        }
        if let Some(database) = &self.database {
            believable("database.vcpu", database.vcpu)?;
            believable("database.memory_gib", database.memory_gib)?;
        }
        for job in self.surroundings.iter().flat_map(|around| &around.jobs) {
            believable("jobs (runs a month)", job.runs)?;
            believable("workload.job_time", job.run_s)?;
        }
        // Each factor is believable, and yet the product may not be.
        believable("workload.requests_per_s (as requests a month)", self.workload.requests())?;
        believable("workload.log_kb_per_request (as GB a month)", self.workload.log_gb())
    }
}
