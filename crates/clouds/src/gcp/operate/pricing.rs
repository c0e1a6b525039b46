//! What Google Cloud bills for the resources of a specification.

use rust_decimal::{Decimal, MathematicalOps, dec};
use trefoil_core::cost::needs::{Commitment, StorageClass};
use trefoil_core::cost::quantity::{HOURS, MILLION, SECONDS};
use trefoil_core::cost::{Category, Needs, Offer, Place, Usage};

mod around;

use super::resources::{Billing, Resources, RunService, SqlInstance, SqlSize, resources};
use crate::Result;
use crate::operate::pricing::{LogPrice, tokens, words};

const TEN_THOUSAND: Decimal = dec!(10000);
const HUNDRED_THOUSAND: Decimal = dec!(100000);
/// Cloud Run rounds the time of a request up to this, in milliseconds.
const ROUNDED_MS: Decimal = dec!(100);
/// What logs cost; a month of keeping is in it.
const LOGS: LogPrice = LogPrice {
    key: "logs/log-storage",
    kept_days: 30,
    beyond_key: "logs/retention-beyond-30-days",
};
/// Of what users download, the part that Cloud CDN has at hand.
const CACHED: Decimal = dec!(0.5);
/// What the collector of traces takes beside each instance.
const COLLECTOR_VCPU: Decimal = Decimal::ONE;
const COLLECTOR_GIB: Decimal = dec!(0.5);
/// An uptime check runs each minute from this many places.
const CHECK_PLACES: Decimal = dec!(3);

/// What Google Cloud bills each month.
///
/// # Errors
/// `model_unknown` and `model_retired`.
pub fn usages(_: &Place, needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>> {
    let resources = resources(needs);
    let mut usages = Vec::new();
    match &resources.service {
        Some(Ok(service)) => compute(service, needs, &mut usages, resources.around.tracing),
        Some(Err(why)) => usages.push(Usage::unknown(Category::Compute, "Cloud Run", why.as_str())),
        None => {}
    }
    match &resources.database {
        Some(Ok(instance)) => database(instance, needs, &mut usages),
        Some(Err(why)) => {
            usages.push(Usage::unknown(Category::Database, "Cloud SQL", why.as_str()))
        }
        None => {}
    }
    usages.extend(tokens("gcp", plain_model, needs, offer)?);
    storage(needs, &mut usages);
    network(&resources, needs, &mut usages);
    monitoring(needs, &mut usages);
    sessions(needs, &mut usages);
    other(&resources, needs, &mut usages);
    around::usages(&resources, needs, &mut usages);
    Ok(usages)
}

/// The share of time in which an instance answers at least one request, when requests come at
/// random: 1 - e^(-rate x time).
fn busy_share(service: &RunService, needs: &Needs) -> Decimal {
    if service.instances.is_zero() {
        return Decimal::ZERO;
    }
    let ms = (needs.workload.request_ms / ROUNDED_MS).ceil() * ROUNDED_MS;
    let at_once = needs.workload.requests_per_s / service.instances * ms / Decimal::ONE_THOUSAND;
    // Beyond 20 at once the idle share is below a billionth, and the series has more digits than fit.
    match at_once > dec!(20) {
        true => Decimal::ONE,
        false => Decimal::ONE - (-at_once).exp(),
    }
}

fn compute(service: &RunService, needs: &Needs, usages: &mut Vec<Usage>, is_traced: bool) {
    let category = Category::Compute;
    let instances = words(service.instances);
    let (billing, share) = match service.billing {
        Billing::Instance => ("instance", Decimal::ONE),
        Billing::Request => ("request", busy_share(service, needs)),
    };
    // The collector of traces runs beside each instance, for as long.
    let (beside_vcpu, beside_gib) = match is_traced {
        true => (COLLECTOR_VCPU, COLLECTOR_GIB),
        false => (Decimal::ZERO, Decimal::ZERO),
    };
    let parts = [
        ("vcpu", "vCPU", service.vcpu + beside_vcpu),
        ("memory", "GiB", service.memory_gib + beside_gib),
    ];
    for (name, unit, each) in parts {
        let time = match service.billing {
            Billing::Instance => "730 h".to_owned(),
            Billing::Request => format!("730 h x {} busy", words(share.round_dp(4))),
        };
        usages.push(Usage::new(
            category,
            format!("Cloud Run {unit}"),
            format!("run/{billing}-based-{name}{}", committed(service.commitment)),
            service.instances * each * SECONDS * share,
            format!("{instances} instances x {} {unit} x {time}", words(each)),
        ));
    }
    if service.billing == Billing::Request {
        let requests = needs.workload.requests();
        let how = format!("{} requests a second", words(needs.workload.requests_per_s));
        usages.push(Usage::new(
            category,
            "Cloud Run requests",
            "run/request-based-requests",
            requests / MILLION,
            how,
        ));
    }
}

/// How the key of a price ends that is committed to.
fn committed(commitment: Commitment) -> &'static str {
    match commitment {
        Commitment::None => "",
        Commitment::OneYear => "-1y-committed",
        Commitment::ThreeYears => "-3y-committed",
    }
}

fn database(instance: &SqlInstance, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Database;
    let zones = if instance.regional { "regional-ha" } else { "zonal" };
    match &instance.size {
        // Commitments leave shared cores out.
        SqlSize::Shared(name) => {
            let item = format!("Cloud SQL {name}");
            usages.push(Usage::new(category, item, format!("sql/{name}-{zones}"), HOURS, "730 h"));
        }
        SqlSize::Dedicated { vcpu, memory_gb } => {
            let how = format!("{} vCPU x 730 h", words(*vcpu));
            usages.push(Usage::new(
                category,
                "Cloud SQL vCPU",
                format!("sql/vcpu-{zones}{}", committed(instance.commitment)),
                vcpu * HOURS,
                how,
            ));
            let how = format!("{} GB x 730 h", words(*memory_gb));
            usages.push(Usage::new(
                category,
                "Cloud SQL memory",
                format!("sql/memory-{zones}{}", committed(instance.commitment)),
                memory_gb * HOURS,
                how,
            ));
        }
    }
    let how = format!("{} GB kept", words(instance.storage_gb));
    let key = format!("sql/ssd-storage-{zones}");
    usages.push(Usage::new(category, "Cloud SQL storage", key, instance.storage_gb, how));
    let backups = needs.workload.database_backup_gb;
    if backups > Decimal::ZERO {
        let how = format!("{} GB of backups, billed from the first", words(backups));
        usages.push(Usage::new(category, "Cloud SQL backups", "sql/backups", backups, how));
    }
}

fn storage(needs: &Needs, usages: &mut Vec<Usage>) {
    let Some(objects) = &needs.objects else { return };
    let load = &needs.workload;
    let (data, write, read) = match objects.class {
        StorageClass::Standard => ("storage/standard", "storage/class-a", "storage/class-b"),
        StorageClass::Infrequent => {
            ("storage/nearline", "storage/nearline-class-a", "storage/nearline-class-b")
        }
    };
    let how = |what: &str, quantity| format!("{} {what}", words(quantity));
    let category = Category::Storage;
    let thousand = Decimal::ONE_THOUSAND;
    usages.push(Usage::new(
        category,
        "Cloud Storage",
        data,
        load.object_gb,
        how("GB kept", load.object_gb),
    ));
    let (writes, reads) = (load.object_writes, load.object_reads);
    usages.push(Usage::new(
        category,
        "Cloud Storage writes",
        write,
        writes / thousand,
        how("writes", writes),
    ));
    usages.push(Usage::new(
        category,
        "Cloud Storage reads",
        read,
        reads / thousand,
        how("reads", reads),
    ));
    if objects.class == StorageClass::Infrequent {
        // What users download is read from storage.
        let read = load.egress_gb;
        usages.push(Usage::new(
            category,
            "Cloud Storage retrieval",
            "storage/nearline-retrieval",
            read,
            how("GB read", read),
        ));
    }
}

fn network(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Networking;
    if let (true, Some(Ok(service))) = (resources.nat, &resources.service) {
        let inside = needs.workload.log_gb() + needs.registry_gb;
        let how = format!("{} instances x 730 h", words(service.instances));
        usages.push(Usage::new(
            category,
            "Cloud NAT",
            "nat/per-vm-up-to-32",
            service.instances * HOURS,
            how,
        ));
        let how = format!(
            "{} GB of logs and images; what the application fetches is not known",
            words(inside)
        );
        usages.push(Usage::new(category, "NAT data", "nat/data", inside, how));
        usages.push(Usage::new(
            category,
            "public IPv4 of Cloud NAT",
            "ipv4/in-use-on-standard-vm-nat",
            HOURS,
            "730 h",
        ));
    }
    // Of what users download a part leaves by the content delivery network, if there is one.
    let load = &needs.workload;
    let cached = if resources.around.cdn { load.egress_gb * CACHED } else { Decimal::ZERO };
    let leaving = load.leaving_gb() - cached;
    if leaving > Decimal::ZERO {
        let how = format!("{} GB leave on the Premium tier", words(leaving));
        usages.push(Usage::new(category, "egress", "egress/out", leaving, how));
    }
}

fn monitoring(needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Monitoring;
    let logs = needs.workload.log_gb();
    if logs > Decimal::ZERO {
        let how = format!("{} GB logged", words(logs));
        LOGS.usages(["Cloud Logging", "log retention"], (logs, how), needs, usages);
    }
    if needs.alarms > 0 {
        let alarms = Decimal::from(needs.alarms);
        let how = format!("{alarms} conditions");
        usages.push(Usage::new(category, "alerting", "monitoring/alerting-policy", alarms, how));
    }
    if needs.external_checks > 0 {
        let checks = Decimal::from(needs.external_checks);
        let executions = checks * HOURS * dec!(60) * CHECK_PLACES;
        let how = format!("{checks} endpoints each minute from {CHECK_PLACES} places");
        let thousands = executions / Decimal::ONE_THOUSAND;
        usages.push(Usage::new(
            category,
            "uptime checks",
            "monitoring/uptime-check",
            thousands,
            how,
        ));
    }
}

fn sessions(needs: &Needs, usages: &mut Vec<Usage>) {
    if !needs.sessions {
        return;
    }
    let load = &needs.workload;
    let category = Category::Other;
    let reads = load.requests() * load.session_reads_per_request;
    let writes = load.requests() * load.session_writes_per_request;
    let parts = [
        ("Firestore reads", "firestore/document-reads", reads, "reads"),
        ("Firestore writes", "firestore/document-writes", writes, "writes"),
        // Each write makes a session that expires by itself: the most that can be deleted.
        ("Firestore expiries", "firestore/ttl-deletes", writes, "expiries, one for each write"),
    ];
    for (item, key, quantity, what) in parts {
        let how = format!("{} {what}", words(quantity));
        usages.push(Usage::new(category, item, key, quantity / HUNDRED_THOUSAND, how));
    }
    let how = format!("{} GB kept", words(load.session_gb));
    usages.push(Usage::new(
        category,
        "Firestore storage",
        "firestore/stored-data",
        load.session_gb,
        how,
    ));
}

fn other(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let load = &needs.workload;
    let category = Category::Other;
    let secrets = needs.secrets + resources.around.own_secrets;
    if secrets > 0 {
        let secrets = Decimal::from(secrets);
        let how = format!("{secrets} versions");
        usages.push(Usage::new(category, "secrets", "secrets/active-secret-version", secrets, how));
        let how = format!("{} reads", words(load.secret_reads));
        usages.push(Usage::new(
            category,
            "reads of secrets",
            "secrets/access-operations",
            load.secret_reads / TEN_THOUSAND,
            how,
        ));
    }
    if needs.registry_gb > Decimal::ZERO {
        let how = format!("{} GB of images", words(needs.registry_gb));
        usages.push(Usage::new(
            category,
            "Artifact Registry",
            "registry/storage",
            needs.registry_gb,
            how,
        ));
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

/// The model without its publisher, which Vertex AI's interface for chat wants before it.
fn plain_model(model: &str) -> &str {
    model.strip_prefix("google/").unwrap_or(model)
}
