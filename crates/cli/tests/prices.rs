//! `trefoil prices refresh` through the real binary: feeds of all three clouds, served on this
//! machine in the shapes that were recorded of them. Only a whole answer that is believed changes
//! anything.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

#[allow(dead_code, reason = "not all of what the tests of feeds need")]
#[path = "../../clouds/tests/price_feeds/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use server::Server;
use trefoil_cli::reference::{ENVELOPE, schemas};

const AWS_OFFER: &str = include_str!("../../clouds/tests/price_feeds/fixtures/aws_offer.json");
const AZURE_PAGE: &str =
    include_str!("../../clouds/tests/price_feeds/fixtures/azure_two_rows.json");
const GCP_SKUS: &str = include_str!("../../clouds/tests/price_feeds/fixtures/gcp_skus.json");
const ECS: &str =
    "/pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonECS/current/us-east-1/index.json";
const AZURE: &str = "/prices.azure.com/api/retail/prices";
const SERVICES: &str = "/cloudbilling.googleapis.com/v1/services";
const SKUS: &str = "/cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus";
const KEY: &str = "a-key-that-stays-secret";

fn price(provider: &str, region: &str, key: &str, tiers: Value, feed: Value) -> Value {
    json!({
        "provider": provider, "regions": [region], "key": key, "service": "A", "item": key,
        "category": "compute", "meter": "m", "unit": "u", "tiers": tiers, "source": "S",
        "confidence": "page", "feed": feed,
    })
}

/// A catalogue of one price of each cloud.
fn catalogue() -> Value {
    let one = |usd: &str| json!([{"from": "0", "price": usd}]);
    json!({
        "schema": "trefoil/prices/v1", "date": "2026-10-03", "currency": "USD",
        "regions": {"aws": ["us-east-1"], "azure": ["eastus"], "gcp": ["us-central1"]},
        "models": [],
        "sources": {"S": {"kind": "page", "location": "here", "underlying": "nothing"}},
        "prices": [
            price("aws", "us-east-1", "fargate/arm", one("0.03"),
                json!({"offer": "AmazonECS", "usagetype": "Fargate-ARM-vCPU-Hours:perCPU"})),
            price("azure", "eastus", "files/kept", one("0.055"),
                json!({"service": "Storage", "product": "Files", "meter": "LRS Data Stored", "region": "Global"})),
            price("gcp", "us-central1", "vpn/out",
                json!([{"from": "0", "price": "0.12"}, {"from": "1024", "price": "0.11"}, {"from": "10240", "price": "0.085"}]),
                json!({"service": "Compute Engine", "region": "us-central1",
                    "description": "Network Vpn Internet Egress from Americas to Africa"})),
        ],
    })
}

/// The three feeds, with what one of them answers.
fn feeds(path: &str, answer: &str) -> Server {
    let mut page: Value = serde_json::from_str(AZURE_PAGE).unwrap();
    // The filter leaves out what was not asked for.
    page["Items"].as_array_mut().unwrap().truncate(1);
    let services =
        json!({"services": [{"name": "services/6F81-5844-456A", "displayName": "Compute Engine"}]});
    let (page, services) = (page.to_string(), services.to_string());
    let usual = [(ECS, AWS_OFFER), (AZURE, &page), (SERVICES, &services), (SKUS, GCP_SKUS)];
    let answers = usual.map(|(at, body)| (at, 200, if at == path { answer } else { body }));
    Server::new(&answers)
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder of state, in which an earlier refresh has left its catalogue.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.catalogue(), catalogue().to_string()).unwrap();
        place
    }

    fn catalogue(&self) -> PathBuf {
        self.folder.path().join("prices.json")
    }

    fn kept(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.catalogue()).unwrap()).unwrap()
    }

    /// The exit code and the object that was printed, which is as its schema says.
    fn refresh(&self, server: &Server, more: &[&str]) -> (i32, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
        command.arg("--state").arg(self.folder.path());
        command.args(["prices", "refresh", "--mirror", server.url(), "--write", "--json"]);
        let output = command.args(more).env("TREFOIL_GCP_API_KEY", KEY).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
        assert!(!out.contains(KEY) && !String::from_utf8_lossy(&err).contains(KEY));
        let object: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}"));
        follows(ENVELOPE, &object);
        if object["data"] != json!({}) {
            follows("prices-refresh", &object["data"]);
        }
        (output.status.code().unwrap(), object)
    }
}

fn follows(name: &str, value: &Value) {
    let (_, schema) = schemas().into_iter().find(|(one, _)| *one == name).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let wrong: Vec<_> = validator.iter_errors(value).map(|one| one.to_string()).collect();
    assert!(wrong.is_empty(), "{name}: {wrong:?}\n{value:#}");
}

/// The first price of each cloud that is kept.
fn first_paid(catalogue: &Value) -> Vec<(String, String)> {
    let prices = catalogue["prices"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    prices.map(|one| (text(&one["key"]), text(&one["tiers"][0]["price"]))).collect()
}

#[test]
fn three_feeds_renew_the_catalogue_that_the_next_estimate_uses() {
    let place = Place::new();
    let (code, object) = place.refresh(&feeds("", ""), &[]);
    assert_eq!(code, 0, "{object:#}");
    let data = &object["data"];
    assert_eq!(data["read"], 3);
    let change = |key: &str| {
        let changes = data["changes"].as_array().unwrap();
        let one = changes.iter().find(|one| one["price"].as_str().unwrap().contains(key));
        one.map(|one| (one["before_usd"].as_f64().unwrap(), one["after_usd"].as_f64().unwrap()))
    };
    assert_eq!(change("fargate/arm"), Some((0.03, 0.03238)));
    assert_eq!(change("files/kept"), Some((0.055, 0.06)));
    // Of the third only the last tier has changed.
    assert_eq!(change("vpn/out"), Some((0.12, 0.12)));
    assert_eq!(Path::new(data["written"].as_str().unwrap()), place.catalogue());
    let kept = place.kept();
    let expected = [("fargate/arm", "0.0323800000"), ("files/kept", "0.06"), ("vpn/out", "0.12")];
    for ((key, usd), (expected_key, expected_usd)) in first_paid(&kept).iter().zip(expected) {
        let number = |text: &str| text.parse::<f64>().unwrap();
        assert_eq!((key.as_str(), number(usd)), (expected_key, number(expected_usd)));
    }
    assert_eq!(kept["prices"][2]["tiers"][2]["price"], "0.08");
    assert!(kept["prices"].as_array().unwrap().iter().all(|one| one["confidence"] == "api"));
    let shown = Command::new(env!("CARGO_BIN_EXE_trefoil"))
        .arg("--state")
        .arg(place.folder.path())
        .args(["prices", "show", "aws", "fargate/arm"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("0.03238"), "{shown:?}");
    // A second time nothing changes.
    let (code, object) = place.refresh(&feeds("", ""), &[]);
    assert_eq!((code, &object["data"]["changes"]), (0, &json!([])));
}

#[test]
fn without_write_nothing_is_written() {
    let place = Place::new();
    let server = feeds("", "");
    let output = Command::new(env!("CARGO_BIN_EXE_trefoil"))
        .arg("--state")
        .arg(place.folder.path())
        .args(["prices", "refresh", "--mirror", server.url()])
        .env("TREFOIL_GCP_API_KEY", KEY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("nothing was written"), "{output:?}");
    assert_eq!(place.kept(), catalogue());
}

#[test]
fn what_is_not_believed_leaves_the_old_catalogue_and_no_other_file() {
    let jump = AWS_OFFER.replace("0.0323800000", "0.3238000000");
    let renamed = AWS_OFFER.replace("pricePerUnit", "priceByUnit");
    let half = &AWS_OFFER[..AWS_OFFER.len() / 2];
    let skus = GCP_SKUS.replace("tieredRates", "rates");
    let cases = [
        (ECS, jump.as_str(), "price_jump", 3),
        (ECS, half, "feed_truncated", 1),
        (ECS, &renamed, "feed_shape", 1),
        (AZURE, "<html>sign in</html>", "feed_shape", 1),
        (AZURE, &AZURE_PAGE[..400], "feed_truncated", 1),
        (SKUS, &skus, "feed_shape", 1),
        (SKUS, "{\"skus\": []}", "selector_not_one", 3),
    ];
    for (path, answer, code, exit) in cases {
        let place = Place::new();
        let (status, object) = place.refresh(&feeds(path, answer), &[]);
        assert_eq!(object["errors"][0]["code"], code, "{path} {object:#}");
        assert_eq!(status, exit, "{code}");
        assert_eq!(place.kept(), catalogue(), "{code}: the old catalogue stays");
        let files = std::fs::read_dir(place.folder.path()).unwrap().count();
        assert_eq!(files, 1, "{code}: nothing lies beside it");
    }
    let place = Place::new();
    let (status, object) = place.refresh(&feeds(ECS, &jump), &["--accept"]);
    assert_eq!((status, &object["data"]["read"]), (0, &json!(3)), "{object:#}");
    assert_eq!(first_paid(&place.kept())[0].1.parse::<f64>().unwrap(), 0.3238);
}
