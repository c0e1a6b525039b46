//! What Azure bills for the resources of a specification.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::needs::{Commitment, StorageClass};
use trefoil_core::cost::quantity::{HOURS, MILLION, SECONDS, days};
use trefoil_core::cost::{Category, Needs, Offer, Place, Usage};

mod around;

use super::resources::{ContainerApp, FlexibleServer, Resources, resources};
use crate::Result;
use crate::operate::pricing::{LogPrice, tokens, words};

const TEN_THOUSAND: Decimal = dec!(10000);
/// Seconds for which a request keeps a replica from counting as idle, at least.
const ACTIVE_S: Decimal = dec!(1);
/// Request units for a read and a write of 1 kB; the write's include its index.
const READ_UNITS: Decimal = dec!(1);
const WRITE_UNITS: Decimal = dec!(6);
/// What logs cost; a month of keeping is in it.
const LOGS: LogPrice = LogPrice {
    key: "logs/analytics-logs-ingestion",
    kept_days: 31,
    beyond_key: "logs/retention-beyond-31-days",
};
/// Images that the Basic registry includes, in GB.
const REGISTRY_GB: Decimal = dec!(10);
/// And the Premium one.
const PREMIUM_REGISTRY_GB: Decimal = dec!(500);

/// What Azure bills each month.
///
/// # Errors
/// `model_unknown` and `model_retired`.
pub fn usages(_: &Place, needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>> {
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
        Some(Ok(server)) => database(server, &resources, &mut usages, needs),
        Some(Err(why)) => {
            usages.push(Usage::unknown(
                Category::Database,
                "PostgreSQL Flexible Server",
                why.as_str(),
            ));
        }
        None => {}
    }
    usages.extend(tokens("azure", |model| model, needs, offer)?);
    storage(&resources, needs, &mut usages);
    network(&resources, needs, &mut usages);
    monitoring(&resources, needs, &mut usages);
    sessions(needs, &mut usages);
    other(&resources, needs, &mut usages);
    around::usages(&resources, needs, &mut usages);
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
    let share = active_share(app, needs);
    let replicas = words(app.replicas);
    for (name, unit, each) in [("vcpu", "vCPU", app.vcpu), ("memory", "GiB", app.memory_gib)] {
        let item = format!("Container Apps {unit}, active");
        let how = format!(
            "{replicas} replicas x {} {unit} x {} active",
            words(each),
            words(share.round_dp(4))
        );
        let seconds = app.replicas * each * SECONDS * share;
        let (key, quantity) = active(app, name, seconds);
        usages.push(Usage::new(category, item, key, quantity, how));
        let idle = app.least_replicas * each * SECONDS * (Decimal::ONE - share);
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

/// The key of what a replica pays for its processors (`vcpu`) or its memory while it works, and how
/// much of it so many seconds are.
fn active(app: &ContainerApp, name: &str, seconds: Decimal) -> (String, Decimal) {
    let plan = |years: u32| format!("containerapps/{name}-active-{years}y-savings-plan");
    match app.commitment {
        Commitment::None => (format!("containerapps/consumption-{name}-active"), seconds),
        Commitment::OneYear => (plan(1), seconds / dec!(3600)),
        Commitment::ThreeYears => (plan(3), seconds / dec!(3600)),
    }
}

fn database(
    server: &FlexibleServer,
    resources: &Resources,
    usages: &mut Vec<Usage>,
    needs: &Needs,
) {
    let category = Category::Database;
    let servers = words(server.servers);
    let (reserved, words_of) = match server.commitment {
        Commitment::None => ("", ""),
        Commitment::OneYear => ("-1y-reserved", ", reserved for a year"),
        Commitment::ThreeYears => ("-3y-reserved", ", reserved for three years"),
    };
    let key = format!("postgres/{}{reserved}", server.size.to_lowercase().replace('_', "-"));
    let item = format!("PostgreSQL Flexible Server {}{words_of}", server.size);
    let how = format!("{servers} servers x 730 h");
    usages.push(Usage::new(category, item, key, server.servers * HOURS, how));
    let how = format!("{servers} x {} GiB, the next size that is sold", words(server.storage_gib));
    let quantity = server.servers * server.storage_gib;
    usages.push(Usage::new(category, "PostgreSQL storage", "postgres/storage", quantity, how));
    // Backups are free up to the size of the storage; a copy in another region counts again.
    let copies = if resources.around.geo_backups { dec!(2) } else { Decimal::ONE };
    let backups = needs.workload.database_backup_gb * copies;
    let beyond = backups - server.storage_gib;
    if beyond > Decimal::ZERO {
        let how = format!("{} GB of backups less the storage", words(backups));
        let key = "postgres/backup-beyond-100-of-storage";
        usages.push(Usage::new(category, "PostgreSQL backups", key, beyond, how));
    }
}

fn storage(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let Some(objects) = &needs.objects else { return };
    let load = &needs.workload;
    let class = match objects.class {
        StorageClass::Standard => "hot",
        StorageClass::Infrequent => "cool",
    };
    let copies = if resources.around.zone_redundant_objects { "zrs" } else { "lrs" };
    let data = format!("blob/{class}-{copies}-data");
    let write = format!("blob/{class}-{copies}-write-ops");
    let read = format!("blob/{class}-read-ops");
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
        let (secret, kb) = (needs.workload.secret_reads, around::AUDIT_LOG_KB);
        let stored = needs.workload.egress_gb + secret * kb / MILLION;
        let how = format!("{} GB: what users download, and secrets", words(stored.round_dp(4)));
        let key = "endpoint/data-each-way";
        usages.push(Usage::new(category, "endpoint data", key, stored, how));
    }
    // What users download leaves by Front Door, if there is one.
    let leaving = match resources.around.front_door {
        Some(_) => needs.workload.replication_gb,
        None => needs.workload.leaving_gb(),
    };
    if leaving > Decimal::ZERO {
        let how = format!("{} GB leave", words(leaving));
        usages.push(Usage::new(category, "egress", "egress/out", leaving, how));
    }
}

fn monitoring(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Monitoring;
    let logs = needs.workload.log_gb();
    if logs > Decimal::ZERO {
        let how = format!("{} GB logged", words(logs));
        LOGS.usages(["Log Analytics", "log retention"], (logs, how), needs, usages);
    }
    let around = &resources.around;
    let watched = if around.logs { around.metric_alerts } else { needs.alarms };
    if watched > 0 {
        let alarms = Decimal::from(watched);
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

fn other(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
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
    let premium = resources.around.premium_registry;
    if needs.registry_gb > Decimal::ZERO || premium {
        let (tier, key, included) = match premium {
            true => ("Premium", "registry/premium", PREMIUM_REGISTRY_GB),
            false => ("Basic", "registry/basic", REGISTRY_GB),
        };
        let item = format!("Container Registry {tier}");
        usages.push(Usage::new(category, item, key, days(), "365 / 12 days"));
        let beyond = needs.registry_gb - included;
        if beyond > Decimal::ZERO {
            let how = format!("{} GB of images less {included} GB", words(needs.registry_gb));
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
