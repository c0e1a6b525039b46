//! What AWS bills for what stands around the application: cache, content delivery network, firewall,
//! jobs, the way to another cloud, keys, dashboards, logs of traffic.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::quantity::{HOURS, MILLION, days};
use trefoil_core::cost::surroundings::Job;
use trefoil_core::cost::{Category, Needs, Place, Usage};

use super::super::resources::{Around, FargateService, Resources, ZONES};
use super::{TEN_THOUSAND, THOUSAND, fargate_key, processor};
use crate::operate::pricing::{KB_PER_GB, words};

/// What the network logs of a request, in kB: each is a new connection of two sides, and a record of
/// the flow has 125 bytes.
const FLOW_LOG_KB: Decimal = dec!(0.25);
/// What the firewall logs of a request, in kB.
const FIREWALL_LOG_KB: Decimal = dec!(1.5);
/// What the load balancer keeps of a request, compressed, in kB.
const ACCESS_LOG_KB: Decimal = dec!(0.1);
/// What the database, its monitoring and Container Insights log in a month, in GB.
const PLATFORM_LOG_GB: Decimal = dec!(0.5);
/// Steps of a job's state machine that are billed: its start and its one state.
const JOB_STEPS: Decimal = dec!(2);
/// What Route 53 logs of a question, in kB.
const QUERY_LOG_KB: Decimal = dec!(0.2);
/// How often each node of the load balancer writes what it was asked into the bucket of logs.
const LOGS_AN_HOUR: Decimal = dec!(12);
/// The region in which what is global logs.
const GLOBAL: &str = "us-east-1";
/// Options of a health check: by HTTPS, each ten seconds, with its latency.
const CHECK_OPTIONS: Decimal = dec!(3);

/// What is billed for what stands around.
pub(super) fn usages(resources: &Resources, place: &Place, needs: &Needs, usages: &mut Vec<Usage>) {
    match &resources.cache {
        Some(Ok(cache)) => {
            let nodes = Decimal::from(cache.nodes);
            let how = format!("{nodes} nodes x 730 h");
            let key = format!("valkey/{}", cache.node.replace('.', "-"));
            let item = format!("ElastiCache for Valkey {}", cache.node);
            usages.push(Usage::new(Category::Other, item, key, nodes * HOURS, how));
        }
        Some(Err(why)) => {
            usages.push(Usage::unknown(Category::Other, "ElastiCache", why.as_str()));
        }
        None => {}
    }
    if let Some(Ok(service)) = &resources.service {
        for job in &resources.jobs {
            run(job, service, usages);
        }
        scheduled(&resources.jobs, usages);
    }
    edge(&resources.around, needs, usages);
    watched(resources, needs, usages);
    told(resources, needs, usages);
    kept(&resources.around, place, needs, usages);
}

/// The tasks of a job; Fargate bills a minute at least.
fn run(job: &Job, service: &FargateService, usages: &mut Vec<Usage>) {
    let hours = job.runs * job.run_s.max(dec!(60)) / dec!(3600);
    let spot = if job.interruptible { "spot " } else { "" };
    for (what, each, unit) in [("vcpu", service.vcpu, "vCPU"), ("gb", service.memory_gb, "GB")] {
        usages.push(Usage::new(
            Category::Compute,
            format!("job {}, Fargate {spot}{} {unit}", job.name, processor(service)),
            fargate_key(service, job.interruptible, what),
            hours * each,
            format!("{} h of runs x {} {unit}", words(hours.round_dp(2)), words(each)),
        ));
    }
}

fn scheduled(jobs: &[Job], usages: &mut Vec<Usage>) {
    let runs: Decimal = jobs.iter().map(|job| job.runs).sum();
    if runs.is_zero() {
        return;
    }
    let runs_words = words(runs.round_dp(1));
    let how = format!("{runs_words} runs x {JOB_STEPS} transitions");
    let key = "stepfunctions/transitions";
    let steps = runs * JOB_STEPS / THOUSAND;
    usages.push(Usage::new(Category::Compute, "Step Functions", key, steps, how));
    let (key, how) = ("scheduler/invocations", format!("{runs_words} runs"));
    let item = "EventBridge Scheduler";
    usages.push(Usage::new(Category::Compute, item, key, runs / MILLION, how));
}

/// What stands between users, the other environment and the application.
fn edge(around: &Around, needs: &Needs, usages: &mut Vec<Usage>) {
    let (load, category) = (&needs.workload, Category::Networking);
    let requests = load.requests();
    let asked = format!("{} requests", words(requests));
    if around.cdn {
        let how = format!("{} GB to users, all by CloudFront", words(load.egress_gb));
        let key = "cdn/data-out-first-10-tb";
        usages.push(Usage::new(category, "CloudFront, data", key, load.egress_gb, how));
        let key = "cdn/https-requests";
        let item = "CloudFront, requests";
        usages.push(Usage::new(category, item, key, requests / TEN_THOUSAND, asked.clone()));
    }
    if around.firewall_rules > 0 {
        let rules = Decimal::from(around.firewall_rules);
        usages.push(Usage::new(category, "WAF", "waf/web-acl", Decimal::ONE, "1 list"));
        let how = format!("{rules} rules, a set that AWS keeps counted as one");
        usages.push(Usage::new(category, "WAF, rules", "waf/rule", rules, how));
        let key = "waf/requests";
        usages.push(Usage::new(category, "WAF, requests", key, requests / MILLION, asked));
    }
    if around.vpn_connections > 0 {
        let connections = Decimal::from(around.vpn_connections);
        let how = format!("{connections} connections x 730 h");
        let key = "vpn/connection";
        usages.push(Usage::new(category, "VPN", key, connections * HOURS, how));
    }
}

fn watched(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let around = &resources.around;
    let category = Category::Monitoring;
    let mut count = |item: &str, key: &str, number: u32, how: String| {
        if number > 0 {
            usages.push(Usage::new(category, item, key, Decimal::from(number), how));
        }
    };
    let boards = around.dashboards;
    count("CloudWatch dashboards", "monitoring/dashboard", boards, format!("{boards} dashboards"));
    let metrics = around.custom_metrics;
    let how = format!("{metrics} metrics of Container Insights and of the application");
    count("CloudWatch metrics", "monitoring/custom-metric-first-10k", metrics, how);
    let checks = around.health_checks;
    let how = format!("{checks} endpoints of this environment");
    let key = "dns/health-check-aws-endpoint";
    count("Route 53 health check of its own", key, checks, how);
    if checks > 0 {
        let key = "dns/health-check-option-https-string-match-fast-interval-latency-aws-endpoint";
        let how = format!("{CHECK_OPTIONS} options: HTTPS, each ten seconds, latency");
        let options = Decimal::from(checks) * CHECK_OPTIONS;
        let item = "Route 53 health check of its own, options";
        usages.push(Usage::new(category, item, key, options, how));
    }
    if around.tracing {
        let why = "the specification does not say how many traces the application sends";
        usages.push(Usage::unknown(category, "X-Ray traces", why));
    }
    if around.logs {
        logged(resources, needs, usages);
    }
}

/// What AWS itself logs.
fn logged(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    let (around, log_days) = (&resources.around, resources.log_days);
    let category = Category::Monitoring;
    let runs = needs.application.is_some();
    let requests = if runs { needs.workload.requests() } else { Decimal::ZERO };
    let firewall = if around.firewall_rules > 0 { FIREWALL_LOG_KB } else { Decimal::ZERO };
    let each = FLOW_LOG_KB + firewall;
    let asked = if resources.zones > 0 { needs.workload.dns_queries } else { Decimal::ZERO };
    let logs = (requests * each + asked * QUERY_LOG_KB) / KB_PER_GB + PLATFORM_LOG_GB;
    let questions = match asked.is_zero() {
        true => String::new(),
        false => format!(" + {} lookups x {QUERY_LOG_KB} kB", words(asked)),
    };
    let how = format!("{} requests x {each} kB{questions} + {PLATFORM_LOG_GB} GB", words(requests));
    let (item, key) = ("logs of the network and the platform", "logs/ingestion-standard-class");
    usages.push(Usage::new(category, item, key, logs, how));
    let months = Decimal::from(log_days) / days();
    let kept = logs * super::LOG_COMPRESSION * months;
    let how = format!("{} GB x 0.15 compressed, kept {log_days} days", words(logs));
    let item = "their storage";
    usages.push(Usage::new(category, item, "logs/storage", kept, how));
    if runs && !requests.is_zero() {
        let sides = if around.cdn { dec!(2) } else { Decimal::ONE };
        let kept = requests * ACCESS_LOG_KB * sides / KB_PER_GB * months;
        let how = format!(
            "{} requests x {} kB compressed, kept {log_days} days",
            words(requests),
            ACCESS_LOG_KB * sides
        );
        let (item, key) = ("access logs in S3", "s3/standard-storage");
        usages.push(Usage::new(category, item, key, kept, how));
    }
}

/// What buckets tell EventBridge: each object that is written, by users or into the logs.
fn told(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    if !resources.around.logs {
        return;
    }
    let writes = match &needs.objects {
        Some(_) => needs.workload.object_writes,
        None => Decimal::ZERO,
    };
    let logs = match resources.service {
        Some(_) => Decimal::from(ZONES) * LOGS_AN_HOUR * HOURS,
        None => Decimal::ZERO,
    };
    if writes + logs > Decimal::ZERO {
        let how = format!("{} objects written, {} files of logs", words(writes), words(logs));
        let (item, key) = ("events of buckets", "eventbridge/opt-in-events");
        usages.push(Usage::new(Category::Storage, item, key, (writes + logs) / MILLION, how));
    }
}

fn kept(around: &Around, place: &Place, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Other;
    if around.keys > 0 {
        let elsewhere = if place.region == GLOBAL { 0 } else { around.keys_elsewhere };
        let keys = Decimal::from(around.keys + elsewhere);
        let key = "kms/customer-managed-key";
        usages.push(Usage::new(category, "KMS keys", key, keys, format!("{keys} keys")));
        let reads = needs.workload.secret_reads;
        let how = format!("{} reads of secrets; others ask for a key seldom", words(reads));
        let (item, key) = ("KMS requests", "kms/requests");
        usages.push(Usage::new(category, item, key, reads / TEN_THOUSAND, how));
    }
    if around.budgets > 0 {
        let budgets = Decimal::from(around.budgets);
        let how = format!("{budgets} budgets without actions");
        usages.push(Usage::new(category, "budgets", "budgets/budget", budgets, how));
    }
}
