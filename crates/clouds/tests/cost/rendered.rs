//! What is priced is what would be deployed: the quantities of the bill against what stands in the
//! files that are rendered from the same specification, counted in their text.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::{Decimal, dec};
use trefoil_clouds::registry::{known, renderer};
use trefoil_core::cost::{CloudCost, Needs};
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::AppSpec;

use crate::support::{cents, estimate};

const HOURS: Decimal = dec!(730);

/// An environment: its files by name, and its bill.
struct Seen {
    name: String,
    files: BTreeMap<String, String>,
    bill: CloudCost,
}

impl Seen {
    /// The text of the file that ends so; empty when there is none.
    fn file(&self, end: &str) -> &str {
        let found = self.files.iter().find(|(name, _)| name.ends_with(end));
        found.map_or("", |(_, text)| text)
    }

    fn count(&self, end: &str, word: &str) -> usize {
        self.file(end).matches(word).count()
    }

    /// How often a word stands in all of its files.
    fn count_all(&self, word: &str) -> usize {
        self.files.values().map(|text| text.matches(word).count()).sum()
    }

    /// How much of it is billed; nothing when there is no such line.
    fn billed(&self, item: &str) -> Decimal {
        let line = self.bill.lines.iter().find(|line| line.item == item);
        let unknown = self.bill.unknown.iter().find(|one| one.item == item);
        let quantity = line.map(|line| line.quantity);
        quantity.or(unknown.and_then(|one| one.quantity)).unwrap_or_default()
    }

    fn is_billed(&self, item: &str) -> bool {
        let lines = self.bill.lines.iter().map(|line| &line.item);
        lines.chain(self.bill.unknown.iter().map(|one| &one.item)).any(|one| one == item)
    }

    fn same(&self, item: &str, rendered: usize, each: Decimal) {
        let expected = Decimal::from(rendered) * each;
        assert_eq!(self.billed(item), expected, "{}: {item}", self.name);
    }
}

fn spec(text: &str) -> AppSpec {
    trefoil_core::spec::parse("trefoil.yaml", text, &known()).unwrap().spec
}

/// All environments of a cloud in the examples that are rendered.
fn environments(cloud: &str, region: &str) -> Vec<Seen> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered");
    let mut seen = Vec::new();
    for example in ["everything", "medassistant", "pair", "pair-azure", "regions", "tiny"] {
        let path = folder.join(format!("{example}.yaml"));
        let text = std::fs::read_to_string(path).unwrap();
        seen.extend(environments_of(example, &spec(&text), cloud, region));
        if example == "regions" {
            let served = spec(&format!("{text}cdn: true\nfirewall: true\n"));
            seen.extend(environments_of("regions, by the edge", &served, cloud, region));
        }
    }
    assert!(seen.len() >= 3, "{cloud} has {} environments", seen.len());
    seen
}

/// The environments of a specification on a cloud.
fn environments_of(example: &str, all: &AppSpec, cloud: &str, region: &str) -> Vec<Seen> {
    let of_cloud = all.environments.iter().filter(|(_, one)| one.cloud == cloud);
    let seen = of_cloud.map(|(name, _)| {
        let own = all.for_environment(name).unwrap();
        let deployment = Deployment::new(&own, name, region, all.environments.len() > 1);
        let artefacts = (renderer(cloud).unwrap().render)(&deployment).unwrap();
        let files = artefacts.into_iter().map(|one| (one.path, one.contents)).collect();
        let bill = estimate(cloud, region, &Needs::of_environment(all, name).unwrap());
        Seen { name: format!("{example}/{name}"), files, bill }
    });
    seen.collect()
}

/// The text between two words.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text.split_once(begin).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(inside, _)| inside)
}

#[test]
fn aws_bills_what_it_renders() {
    let elsewhere = environments("aws", "eu-west-1");
    for seen in environments("aws", "us-east-1").into_iter().chain(elsewhere) {
        let has_way_out = between(seen.file("variables.tf"), "variable \"internet_access\"", "}\n")
            .contains("default     = true");
        let endpoints = between(seen.file("network.tf"), "endpoint_services =", "]\n}");
        let endpoints = if has_way_out { 0 } else { endpoints.matches("\",\n").count() };
        seen.same("interface endpoints", endpoints, HOURS * dec!(2));
        seen.same("NAT gateways", if has_way_out { 2 } else { 0 }, HOURS);
        seen.same("KMS keys", seen.count_all("resource \"aws_kms_key\""), Decimal::ONE);
        seen.same("DNS zones", seen.count("dns.tf", "resource \"aws_route53_zone\""), Decimal::ONE);
        let boards = seen.count("dashboard.tf", "resource \"aws_cloudwatch_dashboard\"");
        seen.same("CloudWatch dashboards", boards, Decimal::ONE);
        let jobs = seen.count("jobs.tf", "timeout_s = ");
        let vpn = seen.count("vpn.tf", "resource \"aws_vpn_connection\"") * 2;
        // Each metric of an alarm is billed; those of jobs and tunnels are there once for each.
        let watched = seen.count("alarms.tf", "metric_name ")
            + seen.count("jobs.tf", "metric_name ") * jobs
            + seen.count("vpn.tf", "metric_name ") * 2
            + seen.count("dnssec.tf", "metric_name ") * 2;
        seen.same("CloudWatch alarms", watched, Decimal::ONE);
        seen.same("VPN", vpn, HOURS);
        let rules = seen.count("firewall.tf", "\n  rule {");
        seen.same("WAF, rules", rules, Decimal::ONE);
        let cdn = !seen.file("cdn.tf").is_empty();
        assert_eq!(seen.is_billed("CloudFront, data"), cdn, "{}", seen.name);
        let is_public = seen.file("load_balancer.tf").contains("internal           = false");
        let addresses = if is_public { 2 } else { 0 };
        seen.same("public IPv4 of the load balancer", addresses, HOURS);
        let budgets = seen.count("budget.tf", "resource \"aws_budgets_budget\"");
        seen.same("budgets", budgets, Decimal::ONE);
        let cache = seen.file("cache.tf");
        let node = between(cache, "node_type            = \"", "\"");
        let nodes = if cache.contains("num_cache_clusters         = 2") { 2 } else { 1 };
        let nodes = if cache.is_empty() { 0 } else { nodes };
        seen.same(&format!("ElastiCache for Valkey {node}"), nodes, HOURS);
        let class = between(seen.file("database.tf"), "instance_class", "\n");
        let class = class.trim().trim_matches(['=', ' ', '"']);
        let servers = usize::from(!class.is_empty());
        seen.same(&format!("RDS PostgreSQL {class}"), servers, HOURS);
        let checks = seen.count("dns.tf", "resource \"aws_route53_health_check\"");
        seen.same("Route 53 health check of its own", checks, Decimal::ONE);
    }
}

#[test]
fn azure_bills_what_it_renders() {
    for seen in environments("azure", "eastus") {
        let modules =
            seen.files.values().map(|text| text.matches("'private-endpoint.bicep'").count());
        let endpoints: usize = modules.sum();
        seen.same("private endpoints", endpoints, HOURS);
        let database = seen.count("database.bicep", "'Microsoft.Network/privateDnsZones@");
        seen.same("private DNS zones", endpoints + database, Decimal::ONE);
        let metrics = seen.count("alerts.bicep", "'Microsoft.Insights/metricAlerts@");
        seen.same("metric alerts", metrics, Decimal::ONE);
        let questions = seen.count("alerts.bicep", "'Microsoft.Insights/scheduledQueryRules@");
        seen.same("alerts on logs", questions, Decimal::ONE);
        let front_door = seen.file("front-door.bicep");
        let premium = front_door.contains("'Premium_AzureFrontDoor'");
        let standard = front_door.contains("'Standard_AzureFrontDoor'");
        assert_eq!(seen.is_billed("Front Door Premium, with its firewall"), premium);
        assert_eq!(seen.is_billed("Front Door Standard"), standard);
        let gateways = seen.count("vpn.bicep", "'Microsoft.Network/virtualNetworkGateways@");
        seen.same("VPN gateway", gateways, HOURS);
        let cache = seen.file("cache.bicep");
        let sku = between(between(cache, "sku: {", "}"), "name: '", "'");
        let nodes = if cache.contains("highAvailability: 'Enabled'") { 2 } else { 1 };
        seen.same(&format!("Managed Redis {sku}"), if cache.is_empty() { 0 } else { nodes }, HOURS);
        let premium = seen.file("registry.bicep").contains("name: 'Premium'");
        assert_eq!(seen.is_billed("Container Registry Premium"), premium, "{}", seen.name);
        let in_zones = seen.file("storage.bicep").contains("'Standard_ZRS'");
        let line = seen.bill.lines.iter().find(|line| line.item == "Blob storage");
        assert_eq!(line.is_some_and(|line| line.key.contains("zrs")), in_zones, "{}", seen.name);
        let budgets = seen.count("budget.bicep", "'Microsoft.Consumption/budgets@");
        seen.same("budgets", budgets, Decimal::ONE);
    }
}

#[test]
fn google_cloud_bills_what_it_renders() {
    for seen in environments("gcp", "us-central1") {
        let rules = seen.count("edge.tf", "resource \"google_compute_global_forwarding_rule\"");
        assert_eq!(seen.is_billed("load balancer"), rules > 0, "{}", seen.name);
        seen.same("Cloud Armor, rules", seen.count("firewall.tf", "\n  rule {"), Decimal::ONE);
        let cdn = seen.file("edge.tf").contains("enable_cdn = true");
        assert_eq!(seen.is_billed("Cloud CDN, data"), cdn, "{}", seen.name);
        let tunnels = seen.count("vpn.tf", "resource \"google_compute_vpn_tunnel\"");
        assert_eq!(seen.is_billed("VPN tunnels"), tunnels > 0, "{}", seen.name);
        let cache = seen.file("cache.tf");
        let gb = between(cache, "memory_size_gb = ", "\n");
        let tier = if cache.contains("\"STANDARD_HA\"") { "standard" } else { "basic" };
        let hours = gb.parse().unwrap_or(0) * usize::from(!cache.is_empty());
        seen.same(&format!("Memorystore for Redis, {tier}, {gb} GB"), hours, HOURS);
        let names: Vec<_> = ["secrets.tf", "database.tf", "cache.tf", "tracing.tf"]
            .iter()
            .map(|file| seen.file(file))
            .collect();
        // Terraform's own, one by one; those of the specification are given for each name.
        let own: usize = names[1..]
            .iter()
            .map(|text| text.matches("resource \"google_secret_manager_secret\"").count())
            .sum();
        let given = between(seen.file("locals.tf"), "secrets = {", "}").matches(" = ").count();
        assert!(seen.billed("secrets") >= Decimal::from(own + given), "{}", seen.name);
        let check = seen.count("monitoring.tf", "google_monitoring_uptime_check_config\" ");
        // 43,800 minutes from six places, in thousands
        seen.same("uptime check of its own", check, dec!(262.8));
        let jobs = seen
            .files
            .values()
            .map(|text| text.matches("resource \"google_cloud_scheduler_job\"").count())
            .sum();
        seen.same("Cloud Scheduler", jobs, Decimal::ONE);
        let budgets = seen.count("budget.tf", "resource \"google_billing_budget\"");
        seen.same("budgets", budgets, Decimal::ONE);
    }
}

/// A small application with everything around it.
const RESILIENT: &str = "
name: shop
application: { image: ghcr.io/example/shop:1.0 }
size: { cpu: 1, memory: 2Gi }
database: { size: medium, storage: 100GB }
domain: shop.example.com
profile: resilient
budget: { monthly_usd: 900 }
jobs: { report: { schedule: '0 2 * * *', command: [report] } }
workload: { requests_per_s: 10, egress_per_month: 200GB, job_time: 120s }
environments: { all: { cloud: local } }
";

fn line(cloud: &str, region: &str, item: &str) -> Decimal {
    let cost = estimate(cloud, region, &Needs::of_rendered(&spec(RESILIENT)));
    let found = cost.lines.iter().find(|line| line.item == item);
    cents(found.unwrap_or_else(|| panic!("{item} in {:#?}", cost.unknown)).amount_usd)
}

#[test]
fn what_stands_around_on_aws_by_hand() {
    let usd = |item| line("aws", "us-east-1", item);
    // 1 GiB needs cache.t4g.small, two nodes: 2 x 730 x 0.0256
    assert_eq!(usd("ElastiCache for Valkey cache.t4g.small"), dec!(37.38));
    // 26.28 M requests / 10,000 x 0.01; 200 GB are within the 1,024 that are free
    assert_eq!(usd("CloudFront, requests"), dec!(26.28));
    assert_eq!(usd("CloudFront, data"), dec!(0.00));
    // 5 + 6 x 1 + 26.28 x 0.60
    assert_eq!(usd("WAF"), dec!(5.00));
    assert_eq!(usd("WAF, rules"), dec!(6.00));
    assert_eq!(usd("WAF, requests"), dec!(15.77));
    // 365 / 12 runs of 120 s: 1.01389 h x 0.04048, and x 2 GB x 0.004445
    assert_eq!(usd("job report, Fargate x86 vCPU"), dec!(0.04));
    assert_eq!(usd("job report, Fargate x86 GB"), dec!(0.01));
    // 4 endpoints (two of the registry, logs, secrets) x 2 zones x 7.30
    assert_eq!(usd("interface endpoints"), dec!(58.40));
    // db.m6i.large in two zones: 730 x 0.356
    assert_eq!(usd("RDS PostgreSQL db.m6i.large"), dec!(259.88));
    // what is kept, and what the zone signs
    assert_eq!(usd("KMS keys"), dec!(2.00));
    assert_eq!(usd("budgets"), dec!(0.00));
    // 2 zones x 12 an hour x 730 = 17,520 files of logs x 1 for a million
    assert_eq!(usd("events of buckets"), dec!(0.02));
    // (26.28 M x 1.75 kB = 45.99 GB) + 0.5 = 46.49 GB x 0.15, kept 365 days: 12 months x 0.03
    assert_eq!(usd("their storage"), dec!(2.51));
    // Where us-east-1 is another region, its logs have a key of their own.
    assert_eq!(line("aws", "eu-west-1", "KMS keys"), dec!(3.00));
}

#[test]
fn what_stands_around_on_azure_by_hand() {
    let usd = |item| line("azure", "eastus", item);
    // two nodes of Balanced_B1: 2 x 730 x 0.032
    assert_eq!(usd("Managed Redis Balanced_B1"), dec!(46.72));
    assert_eq!(usd("Front Door Premium, with its firewall"), dec!(330.00));
    // 200 x 0.0825; 2,628 x 0.015
    assert_eq!(usd("Front Door, data"), dec!(16.50));
    assert_eq!(usd("Front Door, requests"), dec!(39.42));
    // 365 / 12 x 1.6666
    assert_eq!(usd("Container Registry Premium"), dec!(50.69));
    // vault, redis, registry: 3 x 730 x 0.01; and the database's zone of names: 4 x 0.50
    assert_eq!(usd("private endpoints"), dec!(21.90));
    assert_eq!(usd("private DNS zones"), dec!(2.00));
    // two servers D2ds_v5: 2 x 730 x 0.178
    assert_eq!(usd("PostgreSQL Flexible Server D2ds_v5"), dec!(259.88));
    // (26.28 M x 2.5 kB = 65.7 GB) + 0.5 GB = 66.2; nothing else is logged, so 5 are free: 61.2 x 2.30
    assert_eq!(usd("logs of accesses and the platform"), dec!(140.76));
}

#[test]
fn what_stands_around_on_google_cloud_by_hand() {
    let usd = |item| line("gcp", "us-central1", item);
    // 1 GB in two zones: 730 x 0.064
    assert_eq!(usd("Memorystore for Redis, standard, 1 GB"), dec!(46.72));
    // 730 x 0.025; 200 x 0.008
    assert_eq!(usd("load balancer"), dec!(18.25));
    assert_eq!(usd("load balancer, data"), dec!(1.60));
    // half of 200 GB x 0.08; 2,628 x 0.0075
    assert_eq!(usd("Cloud CDN, data"), dec!(8.00));
    assert_eq!(usd("Cloud CDN, lookups"), dec!(19.71));
    // 5; 11 x 1; 26.28 x 0.75
    assert_eq!(usd("Cloud Armor"), dec!(5.00));
    assert_eq!(usd("Cloud Armor, rules"), dec!(11.00));
    assert_eq!(usd("Cloud Armor, requests"), dec!(19.71));
    // the other half leaves as ever: (100 - 1) x 0.12
    assert_eq!(usd("egress"), dec!(11.88));
    // 26.28 M x 2.5 kB + 0.5 GB = 66.2 GB, 50 free: 16.2 x 0.50
    assert_eq!(usd("logs of requests, accesses and the platform"), dec!(8.10));
}

#[test]
fn commitments_by_hand() {
    use trefoil_core::cost::needs::Commitment;
    let amount = |cloud: &str, region: &str, item: &str, commitment| {
        let mut needs = Needs::of_rendered(&spec(RESILIENT));
        needs.commitment = commitment;
        needs.database_commitment = commitment;
        let cost = estimate(cloud, region, &needs);
        let found = cost.lines.iter().find(|line| line.item.starts_with(item));
        cents(found.unwrap_or_else(|| panic!("{item} in {:#?}", cost.unknown)).amount_usd)
    };
    // D2ds_v5: 2 x 730 x 0.1157 and 2 x 730 x 0.0801
    let item = "PostgreSQL Flexible Server D2ds_v5, reserved";
    assert_eq!(amount("azure", "eastus", item, Commitment::OneYear), dec!(168.92));
    assert_eq!(amount("azure", "eastus", item, Commitment::ThreeYears), dec!(116.95));
    // Cloud SQL, 2 vCPU in two zones: 1,460 x 0.06195 and 1,460 x 0.039648
    let at = ("gcp", "us-central1");
    assert_eq!(amount(at.0, at.1, "Cloud SQL vCPU", Commitment::OneYear), dec!(90.45));
    assert_eq!(amount(at.0, at.1, "Cloud SQL vCPU", Commitment::ThreeYears), dec!(57.89));
    // Cloud Run, 3 instances of 1 vCPU: (7,884,000 - 240,000) s x 0.00001296
    assert_eq!(amount(at.0, at.1, "Cloud Run vCPU", Commitment::OneYear), dec!(99.07));
    // The catalogue has no reservation of db.m6i.large: it is paid as used.
    let item = "RDS PostgreSQL db.m6i.large";
    assert_eq!(amount("aws", "us-east-1", item, Commitment::OneYear), dec!(259.88));
}
