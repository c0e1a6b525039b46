//! What Google Cloud bills for what stands around the application: load balancer, content delivery
//! network, firewall, cache, jobs, the way to another cloud, logs of requests.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::quantity::{HOURS, MILLION};
use trefoil_core::cost::surroundings::Job;
use trefoil_core::cost::{Category, Needs, Usage};

use super::super::resources::{Around, Cache, Resources, RunService};
use super::{CACHED, LOGS, TEN_THOUSAND, committed};
use crate::operate::pricing::{CloudLogs, words};

/// What Cloud Run logs of a request, in kB.
const REQUEST_LOG_KB: Decimal = dec!(1);
/// What the load balancer logs of a request, in kB.
const ACCESS_LOG_KB: Decimal = dec!(1.5);
/// What is logged of each object and each secret that is read or written, in kB.
const AUDIT_LOG_KB: Decimal = dec!(1.5);
/// What the database and the network log in a month, in GB.
const PLATFORM_LOG_GB: Decimal = dec!(0.5);
/// Places from which an uptime check runs when it names none.
const ALL_PLACES: Decimal = dec!(6);
/// Bytes of a point of a metric, and points a month of a metric that is sent each minute.
const POINT_BYTES: Decimal = dec!(8);
const POINTS: Decimal = dec!(43800);
const BYTES_PER_MIB: Decimal = dec!(1048576);
/// Capacity tiers of Memorystore: the most GB of each, and how its key ends.
const CACHE_TIERS: [(u32, &str); 5] = [
    (4, "m1-1-4-gb"),
    (10, "m2-5-10-gb"),
    (35, "m3-11-35-gb"),
    (100, "m4-36-100-gb"),
    (300, "m5-over-100-gb"),
];

/// What is billed for what stands around.
pub(super) fn usages(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    if let Some(cache) = &resources.cache {
        usages.push(memorystore(cache));
    }
    if let Some(Ok(service)) = &resources.service {
        resources.jobs.iter().for_each(|job| run(job, service, usages));
        if !resources.jobs.is_empty() {
            let jobs = Decimal::from(resources.jobs.len());
            let (key, how) = ("scheduler/job", format!("{jobs} jobs"));
            usages.push(Usage::new(Category::Compute, "Cloud Scheduler", key, jobs, how));
        }
    }
    edge(&resources.around, needs, usages);
    watched(resources, needs, usages);
    if resources.around.budgets > 0 {
        let budgets = Decimal::from(resources.around.budgets);
        let how = format!("{budgets} budgets");
        let key = "budgets/budget";
        usages.push(Usage::new(Category::Other, "budgets", key, budgets, how));
    }
}

fn memorystore(cache: &Cache) -> Usage {
    let (gb, tier) = match cache.replicated {
        true => (cache.memory_gb, "standard"),
        false => (cache.memory_gb, "basic"),
    };
    let item = format!("Memorystore for Redis, {tier}, {gb} GB");
    let Some((_, size)) = CACHE_TIERS.iter().find(|(most, _)| *most >= gb) else {
        return Usage::unknown(Category::Other, item, "Memorystore holds 300 GB at most");
    };
    let how = format!("{gb} GB x 730 h");
    let key = format!("redis/{tier}-{size}");
    Usage::new(Category::Other, item, key, Decimal::from(gb) * HOURS, how)
}

/// The instances of a job; a minute is billed at least. Those that may be interrupted run on spot
/// machines that Cloud Batch chooses.
fn run(job: &Job, service: &RunService, usages: &mut Vec<Usage>) {
    if job.interruptible {
        let item = format!("job {}, Cloud Batch on spot", job.name);
        let why = "Cloud Batch chooses the machine, and its spot price changes each month";
        usages.push(Usage::unknown(Category::Compute, item, why));
        return;
    }
    let time = job.runs * job.run_s.max(dec!(60));
    for (name, unit, each) in
        [("vcpu", "vCPU", service.vcpu), ("memory", "GiB", service.memory_gib)]
    {
        let how = format!("{} s of runs x {} {unit}", words(time.round_dp(0)), words(each));
        let key = format!("run/instance-based-{name}{}", committed(service.commitment));
        let item = format!("job {}, Cloud Run {unit}", job.name);
        usages.push(Usage::new(Category::Compute, item, key, time * each, how));
    }
}

/// What stands between users, the other environment and the application.
fn edge(around: &Around, needs: &Needs, usages: &mut Vec<Usage>) {
    let (load, category) = (&needs.workload, Category::Networking);
    let requests = load.requests();
    let asked = format!("{} requests", words(requests));
    if around.forwarding_rules > 0 {
        let rules = around.forwarding_rules;
        let how = format!("730 h; {rules} rules, the first five cost as one");
        let key = "loadbalancer/first-5-forwarding-rules";
        usages.push(Usage::new(category, "load balancer", key, HOURS, how));
        let how = format!("{} GB to users", words(load.egress_gb));
        let (item, key) = ("load balancer, data", "loadbalancer/data-processed");
        usages.push(Usage::new(category, item, key, load.egress_gb, how));
    }
    if around.cdn {
        let cached = load.egress_gb * CACHED;
        let how = format!("{} GB to users x {CACHED} at hand", words(load.egress_gb));
        let key = "cdn/cache-egress-na-eu-first-10-tib";
        usages.push(Usage::new(category, "Cloud CDN, data", key, cached, how));
        let (item, key) = ("Cloud CDN, lookups", "cdn/cache-lookups");
        usages.push(Usage::new(category, item, key, requests / TEN_THOUSAND, asked.clone()));
    }
    if around.firewall_rules > 0 {
        let rules = Decimal::from(around.firewall_rules);
        usages.push(Usage::new(category, "Cloud Armor", "armor/policy", Decimal::ONE, "1 policy"));
        let how = format!("{rules} rules");
        usages.push(Usage::new(category, "Cloud Armor, rules", "armor/rule", rules, how));
        let (item, key) = ("Cloud Armor, requests", "armor/requests");
        usages.push(Usage::new(category, item, key, requests / MILLION, asked));
    }
    if around.vpn_tunnels > 0 {
        let tunnels = Decimal::from(around.vpn_tunnels);
        let how = format!("{tunnels} tunnels x 730 h");
        usages.push(Usage::new(category, "VPN tunnels", "vpn/tunnel", tunnels * HOURS, how));
    }
}

fn watched(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let (around, category) = (&resources.around, Category::Monitoring);
    if around.uptime_checks > 0 {
        let checks = Decimal::from(around.uptime_checks);
        let executions = checks * POINTS * ALL_PLACES;
        let how = format!("{checks} endpoints each minute from {ALL_PLACES} places");
        let (item, key) = ("uptime check of its own", "monitoring/uptime-check");
        let thousands = executions / Decimal::ONE_THOUSAND;
        usages.push(Usage::new(category, item, key, thousands, how));
    }
    let instances = resources.service.as_ref().and_then(|one| one.as_ref().ok());
    let instances = instances.map(|service| service.instances).unwrap_or_default();
    if around.own_metrics > 0 {
        let metrics = Decimal::from(around.own_metrics) * instances;
        let how = format!("{} series each minute", words(metrics));
        let mib = metrics * POINTS * POINT_BYTES / BYTES_PER_MIB;
        let key = "monitoring/metric-ingestion-non-prometheus";
        usages.push(Usage::new(category, "metrics of the application", key, mib, how));
    }
    if around.tracing {
        let why = "the specification does not say how many traces the application sends";
        usages.push(Usage::unknown(category, "Cloud Trace", why));
    }
    if around.logs {
        logged(around, needs, usages);
    }
}

/// What Google Cloud itself logs.
fn logged(around: &Around, needs: &Needs, usages: &mut Vec<Usage>) {
    let runs = needs.application.is_some();
    let of_run = if runs { REQUEST_LOG_KB } else { Decimal::ZERO };
    let of_edge = if around.forwarding_rules > 0 { ACCESS_LOG_KB } else { Decimal::ZERO };
    let logs = CloudLogs {
        request_kb: of_run + of_edge,
        access_kb: AUDIT_LOG_KB,
        platform_gb: PLATFORM_LOG_GB,
    };
    let items = ["logs of requests, accesses and the platform", "their retention"];
    LOGS.usages(items, logs.month_gb(needs), needs, usages);
}
