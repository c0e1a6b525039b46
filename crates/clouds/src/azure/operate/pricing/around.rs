//! What Azure bills for what stands around the application: cache, Front Door with its firewall, jobs,
//! the way to another cloud, private names, alarms on logs, logs of requests.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::quantity::HOURS;
use trefoil_core::cost::surroundings::Job;
use trefoil_core::cost::{Category, Needs, Usage};

use super::super::resources::{Around, ContainerApp, FrontDoor, Resources};
use super::{LOGS, TEN_THOUSAND, active};
use crate::operate::pricing::{CloudLogs, words};

/// What Front Door logs of a request, in kB: the request, and what the firewall thought of it.
const ACCESS_LOG_KB: Decimal = dec!(1.5);
const FIREWALL_LOG_KB: Decimal = dec!(1);
/// What is logged of each object and each secret that is read or written, in kB.
pub(super) const AUDIT_LOG_KB: Decimal = dec!(1);
/// What the database, the registry and Container Apps log in a month, in GB.
const PLATFORM_LOG_GB: Decimal = dec!(0.5);
/// Public addresses of a VPN gateway, one for each of its instances.
const VPN_ADDRESSES: Decimal = dec!(2);

/// What is billed for what stands around.
pub(super) fn usages(resources: &Resources, needs: &Needs, usages: &mut Vec<Usage>) {
    match &resources.cache {
        Some(Ok(cache)) => {
            let nodes = Decimal::from(cache.nodes);
            let how = format!("{nodes} nodes x 730 h");
            let size = cache.sku.to_lowercase().replace('_', "-");
            let (item, key) =
                (format!("Managed Redis {}", cache.sku), format!("managed-redis/{size}-node"));
            usages.push(Usage::new(Category::Other, item, key, nodes * HOURS, how));
        }
        Some(Err(why)) => {
            usages.push(Usage::unknown(Category::Other, "Managed Redis", why.as_str()));
        }
        None => {}
    }
    if let Some(Ok(app)) = &resources.app {
        resources.jobs.iter().for_each(|job| run(job, app, usages));
    }
    edge(&resources.around, needs, usages);
    watched(&resources.around, needs, usages);
    if resources.around.budgets > 0 {
        let budgets = Decimal::from(resources.around.budgets);
        let how = format!("{budgets} budgets");
        let key = "budgets/budget";
        usages.push(Usage::new(Category::Other, "budgets", key, budgets, how));
    }
}

/// The replicas of a job, active as long as they run. There is no spot capacity: what may be
/// interrupted costs the same.
fn run(job: &Job, app: &ContainerApp, usages: &mut Vec<Usage>) {
    let time = job.runs * job.run_s;
    for (name, unit, each) in [("vcpu", "vCPU", app.vcpu), ("memory", "GiB", app.memory_gib)] {
        let (key, quantity) = active(app, name, time * each);
        let how = format!("{} s of runs x {} {unit}", words(time.round_dp(0)), words(each));
        let item = format!("job {}, Container Apps {unit}", job.name);
        usages.push(Usage::new(Category::Compute, item, key, quantity, how));
    }
}

/// What stands between users, the other environment and the application.
fn edge(around: &Around, needs: &Needs, usages: &mut Vec<Usage>) {
    let (load, category) = (&needs.workload, Category::Networking);
    if let Some(tier) = around.front_door {
        let (name, prefix, requests_key) = match tier {
            FrontDoor::Standard => {
                ("Front Door Standard", "frontdoor", "frontdoor/requests-first-250m")
            }
            FrontDoor::Premium => {
                let key = "frontdoor-premium/requests-first-250m";
                ("Front Door Premium, with its firewall", "frontdoor-premium", key)
            }
        };
        let base = format!("{prefix}/base");
        usages.push(Usage::new(category, name, base, Decimal::ONE, "1 month"));
        let how = format!("{} GB to users, all by Front Door", words(load.egress_gb));
        let key = format!("{prefix}/data-out-first-10-tb");
        usages.push(Usage::new(category, "Front Door, data", key, load.egress_gb, how));
        let (requests, how) = (load.requests(), format!("{} requests", words(load.requests())));
        let item = "Front Door, requests";
        usages.push(Usage::new(category, item, requests_key, requests / TEN_THOUSAND, how));
    }
    if around.vpn_gateways > 0 {
        let gateways = Decimal::from(around.vpn_gateways);
        let how = format!("{gateways} gateways x 730 h; ten connections are included");
        let key = "vpn/gateway-vpngw1az";
        usages.push(Usage::new(category, "VPN gateway", key, gateways * HOURS, how));
        let addresses = gateways * VPN_ADDRESSES;
        let (item, how) = ("public IPv4 of the VPN", format!("{addresses} addresses x 730 h"));
        usages.push(Usage::new(category, item, "ipv4/static-ipv4", addresses * HOURS, how));
    }
    if around.private_zones > 0 {
        let zones = Decimal::from(around.private_zones);
        let (key, how) = ("dns/private-zone", format!("{zones} zones"));
        usages.push(Usage::new(category, "private DNS zones", key, zones, how));
    }
}

fn watched(around: &Around, needs: &Needs, usages: &mut Vec<Usage>) {
    let category = Category::Monitoring;
    if around.log_alerts > 0 {
        let alerts = Decimal::from(around.log_alerts);
        let how = format!("{alerts} questions, each five minutes; seldomer costs less");
        let key = "monitoring/log-alert-5-minutes";
        usages.push(Usage::new(category, "alerts on logs", key, alerts, how));
    }
    if around.tracing {
        let why = "the specification does not say how much the application's traces hold";
        usages.push(Usage::unknown(category, "Application Insights traces", why));
    }
    if around.logs {
        logged(around, needs, usages);
    }
}

/// What Azure itself logs.
fn logged(around: &Around, needs: &Needs, usages: &mut Vec<Usage>) {
    let request_kb = match around.front_door {
        None => Decimal::ZERO,
        Some(FrontDoor::Standard) => ACCESS_LOG_KB,
        Some(FrontDoor::Premium) => ACCESS_LOG_KB + FIREWALL_LOG_KB,
    };
    let logs = CloudLogs { request_kb, access_kb: AUDIT_LOG_KB, platform_gb: PLATFORM_LOG_GB };
    let items = ["logs of accesses and the platform", "their retention"];
    LOGS.usages(items, logs.month_gb(needs), needs, usages);
}
