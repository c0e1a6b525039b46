//! What a specification says about its needs, and what is assumed where it says nothing.

use rust_decimal::prelude::FromPrimitive;
use rust_decimal::{Decimal, dec};

use super::needs::{Application, Architecture, Database, Needs, Objects, Workload};
use super::quantity::{SECONDS, days};
use crate::spec::{self, AppSpec, DatabaseSize, Processor};
use crate::units::Bytes;

/// How many days logs are kept.
const LOG_KEPT_DAYS: u32 = 30;
/// How often each secret is read in a month: each instance reads it again about every 20 minutes.
const READS_OF_A_SECRET: Decimal = dec!(2000);
/// How large the kept backups are beside the database: they hold one compressed copy and what
/// changed since.
const BACKUP_SHARE: Decimal = dec!(0.5);

impl Needs {
    /// What a specification needs. Sizes that it leaves open have the specification's defaults.
    pub fn of_spec(spec: &AppSpec) -> Self {
        let secrets = spec.application.as_ref().map_or(0, |one| one.secrets.len())
            + usize::from(spec.chat.as_ref().is_some_and(|chat| chat.key.is_some()));
        let secrets = u32::try_from(secrets).unwrap_or(u32::MAX);
        let load = spec.workload.clone().unwrap_or_default();
        Self {
            application: spec.application.as_ref().map(|_| application(spec, &load)),
            database: spec.database.as_ref().map(database),
            objects: (!spec.buckets.is_empty()).then(Objects::default),
            sessions: spec.sessions.is_some(),
            // A service of one's own is billed by whoever runs it.
            chat: spec
                .chat
                .as_ref()
                .filter(|one| one.endpoint.is_none())
                .map(|one| one.model.clone()),
            secrets,
            alarms: u32::try_from(spec.alarms.len()).unwrap_or(u32::MAX),
            log_kept_days: LOG_KEPT_DAYS,
            registry_gb: gb(load.registry_storage),
            dns_zones: u32::from(spec.domain.is_some()),
            workload: workload(spec, &load, secrets),
            ..Self::default()
        }
    }
}

fn application(spec: &AppSpec, load: &spec::Workload) -> Application {
    let size = spec.size.clone().unwrap_or_default();
    let scale = spec.scale.clone().unwrap_or_default();
    let busy_s = milliseconds(load.request_time.as_millis()) / Decimal::ONE_THOUSAND;
    let at_once = Decimal::from(scale.concurrency);
    Application {
        vcpu: Decimal::from(size.cpu.as_thousandths()) / Decimal::ONE_THOUSAND,
        memory_gib: Decimal::from(size.memory.as_u64()) / Decimal::from(1_u64 << 30),
        min_instances: scale.min,
        max_instances: Some(scale.max),
        // An instance works on so many at once, each for so long.
        requests_per_s_per_instance: if busy_s.is_zero() { at_once } else { at_once / busy_s },
        architecture: match size.processor {
            Processor::X86 => Architecture::X86,
            Processor::Arm => Architecture::Arm,
        },
        // A specification does not bind an application to a processor.
        portable: true,
        spot: scale.interruptible,
    }
}

fn database(one: &spec::Database) -> Database {
    let (vcpu, memory_gib, burstable) = match one.size {
        DatabaseSize::Small => (dec!(0), dec!(0.6), true),
        DatabaseSize::Medium => (dec!(2), dec!(8), false),
        DatabaseSize::Large => (dec!(4), dec!(32), false),
    };
    Database { vcpu, memory_gib, high_availability: one.high_availability, burstable }
}

fn workload(spec: &AppSpec, load: &spec::Workload, secrets: u32) -> Workload {
    let requests_per_s = match (load.requests_per_s, load.requests_per_month) {
        (Some(rate), _) => decimal(rate),
        (None, Some(requests)) => Decimal::from(requests) / SECONDS,
        (None, None) => Decimal::ZERO,
    };
    let requests = requests_per_s * SECONDS;
    let answers = load.response_size.map_or(Decimal::ZERO, gb) * requests;
    let disk = spec.database.as_ref().map(|one| gb(one.storage));
    let data = load.database_storage.map(gb).or(disk).unwrap_or_default();
    let backed_up = spec.database.as_ref().is_some_and(|one| one.backup_days > 0);
    let writes = decimal(load.session_writes_per_request);
    Workload {
        requests_per_s,
        request_ms: milliseconds(load.request_time.as_millis()),
        users: load.users.map(Decimal::from),
        egress_gb: load.egress_per_month.map_or(answers, gb),
        replication_gb: Decimal::ZERO,
        // What is paid is the disk, which is not smaller than the data.
        database_gb: disk.map_or(Decimal::ZERO, |disk| disk.max(data)),
        database_backup_gb: if backed_up { data * BACKUP_SHARE } else { Decimal::ZERO },
        object_gb: load.storage.map_or(Decimal::ZERO, gb),
        object_writes: Decimal::from(load.object_writes_per_month),
        object_reads: Decimal::from(load.object_reads_per_month),
        input_tokens: Decimal::from(load.input_tokens_per_month),
        output_tokens: Decimal::from(load.output_tokens_per_month),
        session_reads_per_request: decimal(load.session_reads_per_request),
        session_writes_per_request: writes,
        session_kb: Decimal::from(load.session_size.as_u64()) / Decimal::ONE_THOUSAND,
        session_gb: spec.sessions.as_ref().map_or(Decimal::ZERO, |store| {
            sessions_gb(requests_per_s * writes, store, load.session_size)
        }),
        log_kb_per_request: Decimal::from(load.log_size_per_request.as_u64())
            / Decimal::ONE_THOUSAND,
        log_base_gb: gb(load.logs_per_month),
        secret_reads: Decimal::from(secrets) * READS_OF_A_SECRET,
        dns_queries: Decimal::from(load.dns_queries_per_month),
    }
}

/// Each write keeps a session for as long as sessions live, but for no longer than the month that
/// is billed.
fn sessions_gb(writes_per_s: Decimal, store: &spec::SessionStore, size: Bytes) -> Decimal {
    let lives_s = milliseconds(store.ttl.as_millis()) / Decimal::ONE_THOUSAND;
    let month_s = days() * dec!(86400);
    writes_per_s * lives_s.min(month_s) * gb(size)
}

fn gb(bytes: Bytes) -> Decimal {
    Decimal::from(bytes.as_u64()) / dec!(1000000000)
}

fn milliseconds(millis: u64) -> Decimal {
    Decimal::from(millis)
}

/// The specification allows only finite numbers of a believable size.
fn decimal(number: f64) -> Decimal {
    Decimal::from_f64(number).unwrap_or_default()
}
