//! Estimates whose arithmetic is written out.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::needs::{
    Application, Architecture, Commitment, Database, Network, Objects, StorageClass, Workload,
};
use trefoil_core::cost::{Category, FreeTiers, Needs};

use crate::support::{category, cents, estimate, with};

/// One instance of this size, always on.
fn running(vcpu: Decimal, memory_gib: Decimal) -> Needs {
    let application = Application { vcpu, memory_gib, ..Application::default() };
    Needs { application: Some(application), ..Needs::default() }
}

fn at(mut needs: Needs, requests_per_s: Decimal) -> Needs {
    needs.workload.requests_per_s = requests_per_s;
    needs.workload.log_kb_per_request = dec!(0);
    needs
}

fn database(vcpu: Decimal, memory_gib: Decimal, high_availability: bool) -> Needs {
    let burstable = vcpu.is_zero();
    let database = Database { vcpu, memory_gib, high_availability, burstable };
    let workload = Workload { database_gb: dec!(100), ..Workload::default() };
    Needs { database: Some(database), workload, ..Needs::default() }
}

fn egress(gb: Decimal) -> Needs {
    let workload = Workload { egress_gb: gb, ..Workload::default() };
    Needs { workload, ..Needs::default() }
}

fn amount(cloud: &str, region: &str, needs: &Needs, of: Category) -> Decimal {
    category(&estimate(cloud, region, needs), of)
}

#[test]
fn fargate_1_vcpu_2_gb() {
    // 730 x 0.04048 + 1,460 x 0.004445 = 29.5504 + 6.4897 = 36.0401
    let cost = estimate("aws", "us-east-1", &running(dec!(1), dec!(2)));
    assert_eq!(category(&cost, Category::Compute), dec!(36.04));
    // load balancer 730 x 0.0225 = 16.425; 3 addresses x 730 x 0.005 = 10.95; together 27.375
    assert_eq!(category(&cost, Category::Networking), dec!(27.38));
}

#[test]
fn fargate_on_arm() {
    let mut needs = running(dec!(2), dec!(4));
    needs.application.as_mut().unwrap().architecture = Architecture::Arm;
    // 1,460 x 0.03238 + 2,920 x 0.00356 = 47.2748 + 10.3952 = 57.67
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Compute), dec!(57.67));
}

#[test]
fn fargate_with_a_savings_plan() {
    let needs = |commitment| Needs { commitment, ..running(dec!(2), dec!(4)) };
    // 1,460 x 0.032384 + 2,920 x 0.003556 = 47.28064 + 10.38352 = 57.66416
    let year = needs(Commitment::OneYear);
    assert_eq!(amount("aws", "us-east-1", &year, Category::Compute), dec!(57.66));
    // 1,460 x 0.022264 + 2,920 x 0.00244475 = 32.50544 + 7.13867 = 39.64411
    let three = needs(Commitment::ThreeYears);
    assert_eq!(amount("aws", "us-east-1", &three, Category::Compute), dec!(39.64));
}

#[test]
fn rds_in_two_zones() {
    // 730 x 0.036 + 100 x 0.23 = 26.28 + 23 = 49.28
    let needs = database(dec!(0), dec!(0.6), true);
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Database), dec!(49.28));
}

#[test]
fn rds_on_arm_in_two_zones() {
    let mut needs = database(dec!(2), dec!(8), true);
    let arm = Application { architecture: Architecture::Arm, ..Application::default() };
    needs.application = Some(arm);
    // db.m7g.large: 730 x 0.337 + 100 x 0.23 = 246.01 + 23 = 269.01
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Database), dec!(269.01));
}

#[test]
fn rds_backups_beyond_the_storage() {
    let mut needs = database(dec!(0), dec!(0.6), false);
    needs.workload.database_backup_gb = dec!(250);
    // 730 x 0.018 + 100 x 0.115 + (250 - 100) x 0.095 = 13.14 + 11.50 + 14.25 = 38.89
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Database), dec!(38.89));
}

#[test]
fn container_apps_busy() {
    // vCPU 2,628,000 - 180,000 = 2,448,000 x 0.000024 = 58.752
    // GiB  5,256,000 - 360,000 = 4,896,000 x 0.000003 = 14.688
    // requests 26.28 - 2 = 24.28 x 0.40 = 9.712; together 83.152
    let needs = at(running(dec!(1), dec!(2)), dec!(10));
    assert_eq!(amount("azure", "eastus", &needs, Category::Compute), dec!(83.15));
}

#[test]
fn container_apps_idle_share_the_grant() {
    // vCPU  5,256,000 - 180,000 =  5,076,000 x 0.000003 = 15.228
    // GiB  10,512,000 - 360,000 = 10,152,000 x 0.000003 = 30.456; together 45.684
    let needs = running(dec!(2), dec!(4));
    assert_eq!(amount("azure", "eastus", &needs, Category::Compute), dec!(45.68));
}

#[test]
fn container_apps_half_idle() {
    // 0.5 requests a second keep it busy half of the time at most: 1,314,000 s of 2 vCPU and 4 GiB.
    // active vCPU 2,628,000 - 180,000 = 2,448,000 x 0.000024 = 58.752; idle 2,628,000 x 0.000003 = 7.884
    // active GiB  5,256,000 - 360,000 = 4,896,000 x 0.000003 = 14.688; idle 5,256,000 x 0.000003 = 15.768
    // requests 1.314 are below the 2 that are free; together 97.092
    let needs = at(running(dec!(2), dec!(4)), dec!(0.5));
    assert_eq!(amount("azure", "eastus", &needs, Category::Compute), dec!(97.09));
}

#[test]
fn container_apps_cost_more_in_westus2() {
    // 5,076,000 x 0.000034 + 10,152,000 x 0.000004 + 24.28 x 0.40 = 172.584 + 40.608 + 9.712 = 222.904
    let needs = at(running(dec!(2), dec!(4)), dec!(10));
    assert_eq!(amount("azure", "westus2", &needs, Category::Compute), dec!(222.90));
}

#[test]
fn flexible_server_with_a_second_server() {
    // D2ds_v5: 1,460 x 0.178 + 2 x 128 x 0.115 = 259.88 + 29.44 = 289.32
    let needs = database(dec!(2), dec!(8), true);
    assert_eq!(amount("azure", "eastus", &needs, Category::Database), dec!(289.32));
}

#[test]
fn cloud_run_that_sleeps() {
    // Busy 1 - e^(-10 x 0.1) = 0.632121 of 2,628,000 s = 1,661,212.8 s
    // vCPU 3,322,425.6 - 180,000 = 3,142,425.6 x 0.000024  = 75.418
    // GiB  6,644,851.2 - 360,000 = 6,284,851.2 x 0.0000025 = 15.712
    // requests 24.28 x 0.40 = 9.712; together 100.842
    let mut needs = at(running(dec!(2), dec!(4)), dec!(10));
    needs.application.as_mut().unwrap().min_instances = 0;
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Compute), dec!(100.84));
    // 200 ms: busy 1 - e^-2 = 0.864665: 4,544,677 and 9,089,355 s
    // 104.752 + 21.823 + 9.712 = 136.288
    needs.workload.request_ms = dec!(200);
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Compute), dec!(136.29));
    // 500 ms: busy 1 - e^-5 = 0.993262: 121.0 + 25.2 + 9.712 = 155.89
    needs.workload.request_ms = dec!(500);
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Compute), dec!(155.89));
}

#[test]
fn cloud_run_always_on() {
    // 5,016,000 x 0.000018 + (5,256,000 - 450,000) x 0.000002 = 90.288 + 9.612 = 99.90
    let needs = running(dec!(2), dec!(2));
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Compute), dec!(99.90));
}

#[test]
fn cloud_sql_in_two_zones() {
    // 2 x 730 x 0.0826 + 8 x 730 x 0.014 + 100 x 0.34 = 120.596 + 81.76 + 34 = 236.356
    let needs = database(dec!(2), dec!(8), true);
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Database), dec!(236.36));
}

#[test]
fn egress_of_20_tb() {
    let needs = egress(dec!(20000));
    let of = |cloud, region| amount(cloud, region, &needs, Category::Networking);
    // 100 free + 10,140 x 0.09 + 9,760 x 0.085 = 912.60 + 829.60
    assert_eq!(of("aws", "us-east-1"), dec!(1742.20));
    // 100 free + 10,240 x 0.087 + 9,660 x 0.083 = 890.88 + 801.78
    assert_eq!(of("azure", "eastus"), dec!(1692.66));
    // 1 free + 1,023 x 0.12 + 9,216 x 0.11 + 9,760 x 0.08 = 122.76 + 1,013.76 + 780.80
    assert_eq!(of("gcp", "us-central1"), dec!(1917.32));
}

#[test]
fn egress_without_free_tiers() {
    let cost = with("aws", "us-east-1", &egress(dec!(200)), FreeTiers::LeftOut);
    // 200 x 0.09: the free 100 GB cost what the next tier costs
    assert_eq!(cents(cost.total_usd), dec!(18.00));
    let cost = with("gcp", "us-central1", &egress(dec!(200)), FreeTiers::LeftOut);
    // 200 x 0.12
    assert_eq!(cents(cost.total_usd), dec!(24.00));
}

#[test]
fn nat_gateways_and_endpoints() {
    let line = |network, item: &str| {
        let needs = Needs { network, ..running(dec!(2), dec!(4)) };
        let cost = estimate("aws", "us-east-1", &needs);
        cents(cost.lines.iter().find(|line| line.item == item).unwrap().amount_usd)
    };
    // 2 x 730 x 0.045 and 2 x 730 x 0.005
    assert_eq!(line(Network::Nat, "NAT gateways"), dec!(65.70));
    assert_eq!(line(Network::Nat, "public IPv4 of the NAT gateways"), dec!(7.30));
    // 3 endpoints (two of the registry, and logs) x 2 zones x 730 x 0.01
    assert_eq!(line(Network::Endpoints, "interface endpoints"), dec!(43.80));
}

#[test]
fn logs_share_five_free_gigabytes() {
    let workload = Workload { log_base_gb: dec!(4), ..Workload::default() };
    let needs = Needs { workload, log_kept_days: 730, ..Needs::default() };
    // 4 GB in are free; 4 x 0.15 x 24 = 14.4 GB-month kept, of which the fifth free GB: 13.4 x 0.03
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Monitoring), dec!(0.40));
    let workload = Workload { log_base_gb: dec!(15.14), ..Workload::default() };
    let needs = Needs { workload, log_kept_days: 61, ..Needs::default() };
    // 10.14 x 2.30 + 15.14 x 30 / 30.41667 x 0.10 = 23.322 + 1.4933
    assert_eq!(amount("azure", "eastus", &needs, Category::Monitoring), dec!(24.82));
    // below 50 GB; 15.14 x 31 / 30.41667 x 0.01 = 0.1543
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Monitoring), dec!(0.15));
}

#[test]
fn objects_of_infrequent_access() {
    let workload = Workload {
        object_gb: dec!(500),
        object_writes: dec!(100000),
        object_reads: dec!(1000000),
        egress_gb: dec!(50),
        ..Workload::default()
    };
    let objects = Some(Objects { class: StorageClass::Infrequent });
    let needs = Needs { objects, workload, ..Needs::default() };
    // 500 x 0.0125 + 100 x 0.01 + 1,000 x 0.001 + 50 x 0.01 = 6.25 + 1 + 1 + 0.50
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Storage), dec!(8.75));
    // 500 x 0.0152 + 10 x 0.10 + 100 x 0.01 + 50 x 0.01 = 7.60 + 1 + 1 + 0.50
    assert_eq!(amount("azure", "eastus", &needs, Category::Storage), dec!(10.10));
}

#[test]
fn sessions_of_a_hundred_requests_a_second() {
    let workload = Workload {
        requests_per_s: dec!(100),
        session_kb: dec!(5),
        session_gb: dec!(30),
        log_kb_per_request: dec!(0),
        ..Workload::default()
    };
    let needs = Needs { sessions: true, workload, ..Needs::default() };
    // 262.8 M reads x 0.5 x 2 (5 kB are two times 4) x 0.125 = 32.85
    // 26.28 M writes x 5 x 0.625 = 82.125; (30 - 25) x 0.25 = 1.25; together 116.225
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Other), dec!(116.23));
    // (262.8 x 1 + 26.28 x 6) x 5 = 2,102.4 M units x 0.25 = 525.60; 30 x 0.25 = 7.50
    assert_eq!(amount("azure", "eastus", &needs, Category::Other), dec!(533.10));
}

#[test]
fn probes_of_two_endpoints_elsewhere() {
    let needs = Needs { external_checks: 2, ..Needs::default() };
    // 2 x 0.75 + 2 x 2.00
    assert_eq!(amount("aws", "us-east-1", &needs, Category::Monitoring), dec!(5.50));
    // 2 x 0.54
    assert_eq!(amount("azure", "eastus", &needs, Category::Monitoring), dec!(1.08));
    // 2 x 43,800 minutes x 3 places = 262,800, below the million that is free
    assert_eq!(amount("gcp", "us-central1", &needs, Category::Monitoring), dec!(0.00));
}
