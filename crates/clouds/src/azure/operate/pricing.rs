//! What Azure bills for the resources of a specification.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::needs::{Commitment, StorageClass};
use trefoil_core::cost::quantity::{HOURS, MILLION, SECONDS, days};
use trefoil_core::cost::{Category, Needs, Offer, Usage};

use super::resources::{ContainerApp, FlexibleServer, Resources, resources};
use crate::Result;
use crate::operate::pricing::{tokens, words};

const TEN_THOUSAND: Decimal = dec!(10000);
/// Seconds for which a request keeps a replica from counting as idle, at least.
const ACTIVE_S: Decimal = dec!(1);
/// Request units for a read and a write of 1 kB; the write's include its index.
const READ_UNITS: Decimal = dec!(1);
const WRITE_UNITS: Decimal = dec!(6);
/// Days for which Log Analytics keeps logs without charge.
const LOG_DAYS: u32 = 31;
/// Images that the Basic registry includes, in GB.
const REGISTRY_GB: Decimal = dec!(10);

/// What Azure bills each month.
///
/// # Errors
/// `model_unknown` and `model_retired`.
pub fn usages(needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>> {
    let resources = resources(needs);
    let mut usages = Vec::new();
    match &resources.app {
        Some(Ok(app)) => compute(app, needs, &mut usages),
        Some(Err(why)) => {
            usages.push(Usage::unknown(Category::Compute, "Container Apps", why.as_str()));
        }
        None => {}
    }
    match &resources.database {
        Some(Ok(server)) => database(server, needs, &mut usages),
        Some(Err(why)) => {
            usages.push(Usage::unknown(
                Category::Database,
                "PostgreSQL Flexible Server",
                why.as_str(),
            ));
        }
        None => {}
    }
    usages.extend(tokens("azure", needs, offer)?);
    storage(needs, &mut usages);
    network(&resources, needs, &mut usages);
    monitoring(needs, &mut usages);
    sessions(needs, &mut usages);
    other(needs, &mut usages);
    Ok(usages)
}

/// The share of time in which a replica has something to do: each request counts for a second at
/// least, and overlaps are not taken off, so it is an upper bound.
fn active_share(app: &ContainerApp, needs: &Needs) -> Decimal {
    if app.replicas.is_zero() {
        return Decimal::ZERO;
    }
    let busy_s = (needs.workload.request_ms / Decimal::ONE_THOUSAND).max(ACTIVE_S);
    (needs.workload.requests_per_s / app.replicas * busy_s).min(Decimal::ONE)
}

fn compute(app: &ContainerApp, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Compute;
    let active = active_share(app, needs);
    let replicas = words(app.replicas);
    for (name, unit, each) in [("vcpu", "vCPU", app.vcpu), ("memory", "GiB", app.memory_gib)] {
        let item = format!("Container Apps {unit}, active");
        let how = format!(
            "{replicas} replicas x {} {unit} x {} active",
            words(each),
            words(active.round_dp(4))
        );
        let seconds = app.replicas * each * SECONDS * active;
        let (key, quantity) = match app.commitment {
            Commitment::None => (format!("containerapps/consumption-{name}-active"), seconds),
            Commitment::OneYear => {
                (format!("containerapps/{name}-active-1y-savings-plan"), seconds / dec!(3600))
            }
            Commitment::ThreeYears => {
                (format!("containerapps/{name}-active-3y-savings-plan"), seconds / dec!(3600))
            }
        };
        usages.push(Usage::new(category, item, key, quantity, how));
        let idle = app.least_replicas * each * SECONDS * (Decimal::ONE - active);
        if idle > Decimal::ZERO {
            let item = format!("Container Apps {unit}, idle");
            let how = format!(
                "{} replicas x {} {unit}, the rest of the time",
                app.least_replicas,
                words(each)
            );
            usages.push(Usage::new(
                category,
                item,
                format!("containerapps/consumption-{name}-idle"),
                idle,
                how,
            ));
        }
    }
    let requests = needs.workload.requests();
    let how = format!("{} requests a second", words(needs.workload.requests_per_s));
    usages.push(Usage::new(
        category,
        "Container Apps requests",
        "containerapps/consumption-requests",
        requests / MILLION,
        how,
    ));
}

fn database(server: &FlexibleServer, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Database;
    let servers = words(server.servers);
    let key = format!("postgres/{}", server.size.to_lowercase().replace('_', "-"));
    let item = format!("PostgreSQL Flexible Server {}", server.size);
    let how = format!("{servers} servers x 730 h");
    usages.push(Usage::new(category, item, key, server.servers * HOURS, how));
    let how = format!("{servers} x {} GiB, the next size that is sold", words(server.storage_gib));
    let quantity = server.servers * server.storage_gib;
    usages.push(Usage::new(category, "PostgreSQL storage", "postgres/storage", quantity, how));
    // Backups are free up to the size of the storage.
    let beyond = needs.workload.database_backup_gb - server.storage_gib;
    if beyond > Decimal::ZERO {
        let how =
            format!("{} GB of backups less the storage", words(needs.workload.database_backup_gb));
        let key = "postgres/backup-beyond-100-of-storage";
        usages.push(Usage::new(category, "PostgreSQL backups", key, beyond, how));
    }
}

fn storage(needs: &Needs, usages: &mut Vec<Usage>) {
    let Some(objects) = &needs.objects else { return };
    let load = &needs.workload;
    let (data, write, read) = match objects.class {
        StorageClass::Standard => {
            ("blob/hot-lrs-data", "blob/hot-lrs-write-ops", "blob/hot-read-ops")
        }
        StorageClass::Infrequent => {
            ("blob/cool-lrs-data", "blob/cool-lrs-write-ops", "blob/cool-read-ops")
        }
    };
    let how = |what: &str, quantity| format!("{} {what}", words(quantity));
    let category = Category::Storage;
    usages.push(Usage::new(
        category,
        "Blob storage",
        data,
        load.object_gb,
        how("GB kept", load.object_gb),
    ));
    let (writes, reads) = (load.object_writes, load.object_reads);
    usages.push(Usage::new(
        category,
        "Blob writes",
        write,
        writes / TEN_THOUSAND,
        how("writes", writes),
    ));
    usages.push(Usage::new(
        category,
        "Blob reads",
        read,
        reads / TEN_THOUSAND,
        how("reads", reads),
    ));
    if objects.class == StorageClass::Infrequent {
        // What users download is read from storage.
        let read = load.egress_gb;
        usages.push(Usage::new(
            category,
            "Blob retrieval",
            "blob/cool-data-retrieval",
            read,
            how("GB read", read),
        ));
    }
}

fn network(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Networking;
    let inside = needs.workload.log_gb() + needs.registry_gb;
    let through = format!(
        "{} GB of logs and images; what the application fetches is not known",
        words(inside)
    );
    if resources.nat_gateway {
        usages.push(Usage::new(category, "NAT gateway", "nat/hour", HOURS, "730 h"));
        usages.push(Usage::new(
            category,
            "public IPv4 of the NAT gateway",
            "ipv4/static-ipv4",
            HOURS,
            "730 h",
        ));
        usages.push(Usage::new(category, "NAT data", "nat/data", inside, through.clone()));
    }
    if !resources.endpoints.is_empty() {
        let count = Decimal::from(resources.endpoints.len());
        let how = format!("{count} endpoints x 730 h");
        usages.push(Usage::new(category, "private endpoints", "endpoint/hour", count * HOURS, how));
        usages.push(Usage::new(
            category,
            "endpoint data",
            "endpoint/data-each-way",
            inside,
            through,
        ));
        let item = "environment with private endpoints";
        usages.push(Usage::new(
            category,
            item,
            "containerapps/dedicated-plan-management",
            HOURS,
            "730 h",
        ));
    }
    let leaving = needs.workload.leaving_gb();
    if leaving > Decimal::ZERO {
        let how = format!("{} GB leave", words(leaving));
        usages.push(Usage::new(category, "egress", "egress/out", leaving, how));
    }
}

fn monitoring(needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Monitoring;
    let logs = needs.workload.log_gb();
    if logs > Decimal::ZERO {
        let how = format!("{} GB logged", words(logs));
        usages.push(Usage::new(
            category,
            "Log Analytics",
            "logs/analytics-logs-ingestion",
            logs,
            how,
        ));
        let beyond = needs.log_kept_days.saturating_sub(LOG_DAYS);
        if beyond > 0 {
            let how = format!("{} GB x {beyond} days beyond {LOG_DAYS}", words(logs));
            let kept = logs * Decimal::from(beyond) / days();
            usages.push(Usage::new(
                category,
                "log retention",
                "logs/retention-beyond-31-days",
                kept,
                how,
            ));
        }
    }
    if needs.alarms > 0 {
        let alarms = Decimal::from(needs.alarms);
        let key = "monitoring/metric-alert-per-time-series";
        usages.push(Usage::new(
            category,
            "metric alerts",
            key,
            alarms,
            format!("{alarms} time series"),
        ));
    }
    if needs.external_checks > 0 {
        let checks = Decimal::from(needs.external_checks);
        let how = format!("{checks} endpoints elsewhere");
        let key = "trafficmanager/basic-health-check-external-endpoint";
        usages.push(Usage::new(category, "Traffic Manager health checks", key, checks, how));
    }
}

fn sessions(needs: &Needs, usages: &mut Vec<Usage>) {
    if !needs.sessions {
        return;
    }
    let load = &needs.workload;
    let kb = load.session_kb.ceil();
    let reads = load.requests() * load.session_reads_per_request;
    let writes = load.requests() * load.session_writes_per_request;
    let units = (reads * READ_UNITS + writes * WRITE_UNITS) * kb;
    let how = format!("{} reads x 1 + {} writes x 6 for each kB", words(reads), words(writes));
    let category = Category::Other;
    usages.push(Usage::new(
        category,
        "Cosmos DB request units",
        "cosmos/request-units",
        units / MILLION,
        how,
    ));
    let how = format!("{} GB kept", words(load.session_gb));
    usages.push(Usage::new(
        category,
        "Cosmos DB storage",
        "cosmos/transactional-storage",
        load.session_gb,
        how,
    ));
}

fn other(needs: &Needs, usages: &mut Vec<Usage>) {
    let load = &needs.workload;
    let category = Category::Other;
    if needs.secrets > 0 {
        let how = format!("{} reads; secrets themselves are free", words(load.secret_reads));
        usages.push(Usage::new(
            category,
            "Key Vault",
            "keyvault/operations",
            load.secret_reads / TEN_THOUSAND,
            how,
        ));
    }
    if needs.registry_gb > Decimal::ZERO {
        usages.push(Usage::new(
            category,
            "Container Registry Basic",
            "registry/basic",
            days(),
            "365 / 12 days",
        ));
        let beyond = needs.registry_gb - REGISTRY_GB;
        if beyond > Decimal::ZERO {
            let how = format!("{} GB of images less 10 GB", words(needs.registry_gb));
            let key = "registry/storage-over-included";
            usages.push(Usage::new(category, "Container Registry storage", key, beyond, how));
        }
    }
    if needs.dns_zones > 0 {
        let zones = Decimal::from(needs.dns_zones);
        usages.push(Usage::new(category, "DNS zones", "dns/zone", zones, format!("{zones} zones")));
        let how = format!("{} lookups", words(load.dns_queries));
        usages.push(Usage::new(
            category,
            "DNS queries",
            "dns/queries",
            load.dns_queries / MILLION,
            how,
        ));
    }
}
