//! What AWS bills for the resources of a specification.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::needs::{Architecture, Commitment, StorageClass};
use trefoil_core::cost::quantity::{HOURS, MILLION, days};
use trefoil_core::cost::{Category, Needs, Offer, Place, Usage};

mod around;

use super::resources::{
    FargateService, RdsInstance, Resources, ZONES, foundation_model, resources,
};
use crate::Result;
use crate::operate::pricing::{tokens, words};

const TEN_THOUSAND: Decimal = dec!(10000);
const THOUSAND: Decimal = Decimal::ONE_THOUSAND;
/// New connections a second and GB an hour that one load balancer capacity unit carries.
const LCU_CONNECTIONS: Decimal = dec!(25);
/// What CloudWatch stores of what it took in: it compresses, and AWS's calculator counts so.
const LOG_COMPRESSION: Decimal = dec!(0.15);

/// What AWS bills each month.
///
/// # Errors
/// `model_unknown` and `model_retired`.
pub fn usages(place: &Place, needs: &Needs, offer: &Offer<'_>) -> Result<Vec<Usage>> {
    let resources = resources(needs);
    let mut usages = Vec::new();
    match &resources.service {
        Some(Ok(service)) => compute(service, &mut usages),
        Some(Err(why)) => usages.push(Usage::unknown(Category::Compute, "Fargate", why.as_str())),
        None => {}
    }
    match &resources.database {
        Some(Ok(instance)) => database(instance, needs, &mut usages),
        Some(Err(why)) => usages.push(Usage::unknown(Category::Database, "RDS", why.as_str())),
        None => {}
    }
    usages.extend(tokens("aws", foundation_model, needs, offer)?);
    storage(needs, &mut usages);
    network(&resources, needs, &mut usages);
    monitoring(&resources, needs, &mut usages);
    sessions(needs, &mut usages);
    other(&resources, needs, &mut usages);
    around::usages(&resources, place, needs, &mut usages);
    Ok(usages)
}

fn compute(service: &FargateService, usages: &mut Vec<Usage>) {
    for (what, each, unit) in [("vcpu", service.vcpu, "vCPU"), ("gb", service.memory_gb, "GB")] {
        usages.push(Usage::new(
            Category::Compute,
            format!("Fargate {} {unit}", processor(service)),
            fargate_key(service, service.spot, what),
            service.tasks * each * HOURS,
            format!("{} tasks x {} {unit} x 730 h", words(service.tasks), words(each)),
        ));
    }
}

fn processor(service: &FargateService) -> &'static str {
    match service.architecture {
        Architecture::X86 => "x86",
        Architecture::Arm => "arm",
    }
}

/// The key of what a task pays for its processors (`vcpu`) or its memory (`gb`).
fn fargate_key(service: &FargateService, spot: bool, what: &str) -> String {
    let (kind, plan) = match (spot, service.commitment) {
        (true, _) => ("spot", ""),
        (false, Commitment::None) => ("linux", ""),
        (false, Commitment::OneYear) => ("linux", "-1y-compute-savings-plan"),
        (false, Commitment::ThreeYears) => ("linux", "-3y-compute-savings-plan"),
    };
    format!("fargate/{kind}-{}-{what}{plan}", processor(service))
}

fn database(instance: &RdsInstance, needs: &Needs, usages: &mut Vec<Usage>) {
    let (zones, storage) = match instance.multi_az {
        true => ("multi-az-one-standby", "multi-az"),
        false => ("single-az", "single-az"),
    };
    let class = instance.class.replace('.', "-");
    let category = Category::Database;
    let (reserved, words_of) = match instance.commitment {
        Commitment::None => ("", ""),
        Commitment::OneYear => ("-1y-reserved", ", reserved for a year"),
        Commitment::ThreeYears => ("-3y-reserved", ", reserved for three years"),
    };
    let item = format!("RDS PostgreSQL {}{words_of}", instance.class);
    usages.push(Usage::new(
        category,
        item,
        format!("rds/{class}-{zones}{reserved}"),
        HOURS,
        "730 h",
    ));
    let key = format!("rds/gp3-storage-{storage}");
    let how = format!("{} GB kept", words(instance.storage_gb));
    usages.push(Usage::new(category, "RDS gp3 storage", key, instance.storage_gb, how));
    // Backups are free up to the size of the storage.
    let beyond = needs.workload.database_backup_gb - instance.storage_gb;
    if beyond > Decimal::ZERO {
        let how =
            format!("{} GB of backups less the storage", words(needs.workload.database_backup_gb));
        usages.push(Usage::new(
            category,
            "RDS backups",
            "rds/backup-storage-beyond-free",
            beyond,
            how,
        ));
    }
}

fn storage(needs: &Needs, usages: &mut Vec<Usage>) {
    let Some(objects) = &needs.objects else { return };
    let load = &needs.workload;
    let (class, put, get) = match objects.class {
        StorageClass::Standard => ("s3/standard-storage", "s3/put", "s3/get"),
        StorageClass::Infrequent => {
            ("s3/standard-ia-storage", "s3/standard-ia-put", "s3/standard-ia-get")
        }
    };
    let how = |what: &str, quantity| format!("{} {what}", words(quantity));
    let category = Category::Storage;
    usages.push(Usage::new(
        category,
        "S3 storage",
        class,
        load.object_gb,
        how("GB kept", load.object_gb),
    ));
    let (writes, reads) = (load.object_writes, load.object_reads);
    usages.push(Usage::new(category, "S3 writes", put, writes / THOUSAND, how("writes", writes)));
    usages.push(Usage::new(category, "S3 reads", get, reads / THOUSAND, how("reads", reads)));
    if objects.class == StorageClass::Infrequent {
        // What users download is read from storage.
        let read = load.egress_gb;
        usages.push(Usage::new(
            category,
            "S3 retrieval",
            "s3/standard-ia-retrieval",
            read,
            how("GB read", read),
        ));
    }
}

fn network(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let load = &needs.workload;
    let category = Category::Networking;
    let zones = Decimal::from(ZONES);
    if let Some(Ok(service)) = &resources.service {
        usages.push(Usage::new(category, "load balancer", "alb/alb-hour", HOURS, "730 h"));
        // Each request is counted as a new connection; a unit also carries one GB an hour.
        let units = (load.requests_per_s / LCU_CONNECTIONS).max(load.egress_gb / HOURS);
        let how = format!(
            "{} capacity units (new connections / 25, GB an hour) x 730 h",
            words(units.round_dp(4))
        );
        usages.push(Usage::new(category, "load balancer capacity", "alb/lcu", units * HOURS, how));
        // Behind a content delivery network it has private addresses.
        if !resources.around.cdn {
            let how = format!("{ZONES} addresses x 730 h");
            let item = "public IPv4 of the load balancer";
            usages.push(Usage::new(category, item, "ipv4/in-use", zones * HOURS, how));
        }
        if service.public_address {
            let how = format!("{} addresses x 730 h", words(service.tasks));
            let item = "public IPv4 of the tasks";
            usages.push(Usage::new(category, item, "ipv4/in-use", service.tasks * HOURS, how));
        }
    }
    let inside = load.log_gb() + needs.registry_gb;
    let through = format!(
        "{} GB of logs and images; what the application fetches is not known",
        words(inside)
    );
    if resources.nat_gateways > 0 {
        let gateways = Decimal::from(resources.nat_gateways);
        let how = format!("{gateways} gateways x 730 h");
        usages.push(Usage::new(category, "NAT gateways", "nat/hour", gateways * HOURS, how));
        let item = "public IPv4 of the NAT gateways";
        usages.push(Usage::new(
            category,
            item,
            "ipv4/in-use",
            gateways * HOURS,
            format!("{gateways} addresses x 730 h"),
        ));
        usages.push(Usage::new(category, "NAT data", "nat/data", inside, through.clone()));
    }
    if !resources.endpoints.is_empty() {
        let count = Decimal::from(resources.endpoints.len());
        let how = format!("{count} endpoints in {ZONES} zones x 730 h");
        let hours = count * zones * HOURS;
        usages.push(Usage::new(
            category,
            "interface endpoints",
            "endpoint/hour-per-az",
            hours,
            how,
        ));
        usages.push(Usage::new(
            category,
            "endpoint data",
            "endpoint/data-first-1-pb",
            inside,
            through,
        ));
    }
    egress(resources, needs, usages);
}

fn egress(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    // What users download leaves by the content delivery network, if there is one.
    let leaving = match resources.around.cdn {
        true => needs.workload.replication_gb,
        false => needs.workload.leaving_gb(),
    };
    if leaving > Decimal::ZERO {
        let how = format!("{} GB leave", words(leaving));
        usages.push(Usage::new(Category::Networking, "egress", "egress/out", leaving, how));
    }
}

fn monitoring(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Monitoring;
    let logs = needs.workload.log_gb();
    if logs > Decimal::ZERO {
        let how = format!("{} GB logged", words(logs));
        usages.push(Usage::new(
            category,
            "CloudWatch logs",
            "logs/ingestion-standard-class",
            logs,
            how,
        ));
        let months = Decimal::from(resources.log_days) / days();
        let kept = logs * LOG_COMPRESSION * months;
        let how = format!("{} GB x 0.15 compressed, kept {} days", words(logs), resources.log_days);
        usages.push(Usage::new(category, "CloudWatch log storage", "logs/storage", kept, how));
    }
    let watched = resources.around.alarm_metrics.max(needs.alarms);
    if watched > 0 {
        let alarms = Decimal::from(watched);
        let key = "monitoring/alarm-standard-resolution";
        usages.push(Usage::new(
            category,
            "CloudWatch alarms",
            key,
            alarms,
            format!("{alarms} metrics that alarms watch"),
        ));
    }
    if needs.external_checks > 0 {
        let checks = Decimal::from(needs.external_checks);
        let how = format!("{checks} endpoints elsewhere");
        let key = "dns/health-check-non-aws-endpoint";
        usages.push(Usage::new(category, "Route 53 health checks", key, checks, how.clone()));
        let key = "dns/health-check-option-non-aws-endpoint";
        usages.push(Usage::new(category, "Route 53 health checks, HTTPS", key, checks, how));
    }
}

fn sessions(needs: &Needs, usages: &mut Vec<Usage>) {
    if !needs.sessions {
        return;
    }
    let load = &needs.workload;
    let category = Category::Other;
    // Reads are eventually consistent: half a unit for each 4 kB. Deletion after expiry is free.
    let reads = load.requests() * load.session_reads_per_request;
    let units = reads * dec!(0.5) * (load.session_kb / dec!(4)).ceil();
    let how = format!("{} reads x 0.5 for each 4 kB", words(reads));
    usages.push(Usage::new(
        category,
        "DynamoDB reads",
        "dynamodb/read-request-units",
        units / MILLION,
        how,
    ));
    let writes = load.requests() * load.session_writes_per_request;
    let units = writes * load.session_kb.ceil();
    let how = format!("{} writes x 1 for each kB", words(writes));
    usages.push(Usage::new(
        category,
        "DynamoDB writes",
        "dynamodb/write-request-units",
        units / MILLION,
        how,
    ));
    let how = format!("{} GB kept", words(load.session_gb));
    usages.push(Usage::new(
        category,
        "DynamoDB storage",
        "dynamodb/standard-storage",
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
        usages.push(Usage::new(
            category,
            "secrets",
            "secrets/secret",
            secrets,
            format!("{secrets} secrets"),
        ));
        let how = format!("{} reads", words(load.secret_reads));
        usages.push(Usage::new(
            category,
            "reads of secrets",
            "secrets/api-calls",
            load.secret_reads / TEN_THOUSAND,
            how,
        ));
    }
    if needs.registry_gb > Decimal::ZERO {
        let how = format!("{} GB of images", words(needs.registry_gb));
        usages.push(Usage::new(
            category,
            "ECR",
            "registry/private-storage",
            needs.registry_gb,
            how,
        ));
    }
    if resources.zones > 0 {
        let zones = Decimal::from(resources.zones);
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
