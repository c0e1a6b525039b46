//! Price feeds, read from recorded shapes of their answers through a local HTTP server, odd ones
//! included. `fixtures/aws_offer.json` is constructed from a recorded product, the other two are
//! recorded answers from public copies.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

mod server;

use jiff::civil::date;
use rust_decimal::dec;
use serde_json::{Value, json};
use server::Server;
use trefoil_clouds::operate::fetch::Http;
use trefoil_clouds::registry::read_feed;
use trefoil_core::cost::PriceBook;
use trefoil_core::cost::refresh::{Refreshed, Rules, refresh};
use trefoil_core::{Error, Result};

const AWS_OFFER: &str = include_str!("fixtures/aws_offer.json");
const AZURE_PAGE: &str = include_str!("fixtures/azure_two_rows.json");
const GCP_SKUS: &str = include_str!("fixtures/gcp_skus.json");
const ECS: &str =
    "/pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonECS/current/us-east-1/index.json";

/// A catalogue of one price.
fn book(provider: &str, region: &str, price: &str, feed: &Value) -> PriceBook {
    let catalogue = json!({
        "schema": "trefoil/prices/v1", "date": "2026-01-01", "currency": "USD",
        "regions": {provider: [region]}, "models": [],
        "sources": {"S": {"kind": "page", "location": "here", "underlying": "nothing"}},
        "prices": [{
            "provider": provider, "regions": [region], "key": "a/b", "service": "A", "item": "B",
            "category": "compute", "meter": "m", "unit": "u",
            "tiers": [{"from": "0", "price": price}],
            "source": "S", "confidence": "page", "feed": feed,
        }],
    });
    PriceBook::parse(&catalogue.to_string(), "test").unwrap()
}

fn arm() -> PriceBook {
    let feed = json!({"offer": "AmazonECS", "usagetype": "Fargate-ARM-vCPU-Hours:perCPU"});
    book("aws", "us-east-1", "0.03", &feed)
}

fn files(region: &str) -> PriceBook {
    let feed = json!({"service": "Storage", "product": "Files", "meter": "LRS Data Stored", "region": region});
    book("azure", "eastus", "0.055", &feed)
}

fn vpn() -> PriceBook {
    let description = "Network Vpn Internet Egress from Americas to Africa";
    let feed =
        json!({"service": "Compute Engine", "description": description, "region": "us-central1"});
    book("gcp", "us-central1", "0.12", &feed)
}

fn run(book: &PriceBook, server: &Server, rules: Rules) -> Result<Refreshed> {
    let http = Http::new(Some(server.url().parse().unwrap()));
    let cloud = &book.catalogue().prices[0].provider;
    let matches = read_feed(cloud, book, Some("the-key"), &http)?;
    refresh(book, &matches, date(2026, 11, 1), rules)
}

const RULES: Rules = Rules { tolerance_percent: dec!(30), accept: false };

fn refused(book: &PriceBook, server: &Server) -> Error {
    let before = book.catalogue().clone();
    let error = run(book, server, RULES).unwrap_err();
    assert_eq!(*book.catalogue(), before, "the catalogue stays");
    error
}

#[test]
fn an_offer_file_renews_a_price() {
    let server = Server::new(&[(ECS, 200, AWS_OFFER)]);
    let done = run(&arm(), &server, RULES).unwrap();
    let price = &done.catalogue.prices[0];
    assert_eq!(price.first_paid(), dec!(0.03238));
    assert_eq!(price.confidence.as_str(), "api");
    assert_eq!(price.as_of.as_deref(), Some("2026-11-01"));
    assert_eq!(done.changes[0].before_usd, dec!(0.03));
    assert_eq!(done.changes[0].change_percent.round_dp(2), dec!(7.93));
    PriceBook::new(done.catalogue, "renewed").unwrap();
}

#[test]
fn usage_types_that_only_end_alike_do_not_match() {
    // Windows, Spot and the EC2 launch type have longer or other usage types.
    let odd = AWS_OFFER.replace("USE1-Fargate-ARM", "USE1-SpotUsage-Fargate-ARM");
    let error = refused(&arm(), &Server::new(&[(ECS, 200, &odd)]));
    assert_eq!(error.code(), "selector_not_one");
    assert!(error.to_string().contains("nothing"), "{error}");
}

#[test]
fn two_prices_for_one_selector_are_refused() {
    let mut offer: Value = serde_json::from_str(AWS_OFFER).unwrap();
    let product = offer["products"]["XSZATS4VYMDC9CYN"].clone();
    let term = offer["terms"]["OnDemand"]["XSZATS4VYMDC9CYN"].clone();
    offer["products"]["OTHER"] = product;
    offer["terms"]["OnDemand"]["OTHER"] = term;
    let error = refused(&arm(), &Server::new(&[(ECS, 200, &offer.to_string())]));
    assert_eq!(error.code(), "selector_not_one");
    assert!(error.to_string().contains("OTHER"));
}

#[test]
fn tiers_and_a_free_part_are_read() {
    let mut offer: Value = serde_json::from_str(AWS_OFFER).unwrap();
    let term = &mut offer["terms"]["OnDemand"]["XSZATS4VYMDC9CYN"]["XSZATS4VYMDC9CYN.JRTCKXETXF"];
    term["priceDimensions"] = json!({
        "c": {"unit": "GB", "beginRange": "10240", "endRange": "Inf", "pricePerUnit": {"USD": "0.028"}},
        "a": {"unit": "GB", "beginRange": "0", "endRange": "100", "pricePerUnit": {"USD": "0.0000000000"}},
        "b": {"unit": "GB", "beginRange": "100", "endRange": "10240", "pricePerUnit": {"USD": "0.031"}},
    });
    let server = Server::new(&[(ECS, 200, &offer.to_string())]);
    assert_eq!(refused(&arm(), &server).code(), "price_jump", "other tiers are a jump");
    let done = run(&arm(), &server, Rules { accept: true, ..RULES }).unwrap();
    let tiers: Vec<_> =
        done.catalogue.prices[0].tiers.iter().map(|one| (one.from, one.price)).collect();
    assert_eq!(tiers, [(dec!(0), dec!(0.031)), (dec!(10240), dec!(0.028))]);
}

#[test]
fn a_truncated_feed_is_called_so() {
    for end in [10, AWS_OFFER.len() / 2, AWS_OFFER.len() - 3] {
        let error = refused(&arm(), &Server::new(&[(ECS, 200, &AWS_OFFER[..end])]));
        assert_eq!(error.code(), "feed_truncated", "{end}");
    }
}

#[test]
fn a_feed_of_another_shape_is_called_so() {
    for other in ["[]", "{}", "{\"products\": []}", "{\"terms\": {}, \"products\": {}}", "<html>"] {
        let error = refused(&arm(), &Server::new(&[(ECS, 200, other)]));
        assert_eq!(error.code(), "feed_shape", "{other}");
    }
    let renamed = AWS_OFFER.replace("pricePerUnit", "priceByUnit");
    let error = refused(&arm(), &Server::new(&[(ECS, 200, &renamed)]));
    assert_eq!(error.code(), "feed_shape");
}

#[test]
fn a_jump_is_refused_unless_it_is_accepted() {
    let jump = AWS_OFFER.replace("0.0323800000", "0.3238000000");
    let server = Server::new(&[(ECS, 200, &jump)]);
    let error = refused(&arm(), &server);
    assert_eq!(error.code(), "price_jump");
    assert!(error.to_string().contains("0.03 -> 0.3238"), "{error}");
    let done = run(&arm(), &server, Rules { accept: true, ..RULES }).unwrap();
    assert_eq!(done.catalogue.prices[0].first_paid(), dec!(0.3238));
}

#[test]
fn a_price_of_nothing_is_no_price() {
    let free = AWS_OFFER.replace("0.0323800000", "0.0000000000");
    assert_eq!(refused(&arm(), &Server::new(&[(ECS, 200, &free)])).code(), "selector_not_one");
}

#[test]
fn a_missing_file_is_refused_and_an_overloaded_server_asked_again() {
    let error = refused(&arm(), &Server::new(&[]));
    assert_eq!(error.code(), "feed_unreachable");
    assert!(error.to_string().contains("404"));
    let server = Server::new(&[(ECS, 503, ""), (ECS, 429, ""), (ECS, 200, AWS_OFFER)]);
    assert!(run(&arm(), &server, RULES).is_ok());
    assert_eq!(server.requests(), 3);
}

const AZURE: &str = "/prices.azure.com/api/retail/prices";

#[test]
fn retail_prices_leave_reservations_out_and_follow_pages() {
    let mut page: Value = serde_json::from_str(AZURE_PAGE).unwrap();
    let row = page["Items"][0].clone();
    page["Items"].as_array_mut().unwrap().remove(0);
    page["Items"][0]["armRegionName"] = json!("Global");
    page["NextPageLink"] = json!(format!("https:/{AZURE}?page=2"));
    let last = json!({"Items": [row], "NextPageLink": null, "Count": 1});
    let server = Server::new(&[(AZURE, 200, &page.to_string()), (AZURE, 200, &last.to_string())]);
    let done = run(&files("Global"), &server, RULES).unwrap();
    assert_eq!(done.catalogue.prices[0].first_paid(), dec!(0.06));
    assert_eq!(server.requests(), 2);
}

#[test]
fn rows_that_were_not_asked_for_show_a_dropped_filter() {
    // Without its filter the feed answers with everything, silently.
    let error = refused(&files("eastus"), &Server::new(&[(AZURE, 200, AZURE_PAGE)]));
    assert_eq!(error.code(), "feed_shape");
    assert!(error.to_string().contains("not asked for"), "{error}");
}

#[test]
fn units_of_measure_and_secondary_meters_are_understood() {
    let mut page: Value = serde_json::from_str(AZURE_PAGE).unwrap();
    page["Items"][0]["unitOfMeasure"] = json!("10K");
    page["Items"][0]["retailPrice"] = json!(550);
    let mut secondary = page["Items"][0].clone();
    secondary["isPrimaryMeterRegion"] = json!(false);
    secondary["meterId"] = json!("another");
    page["Items"].as_array_mut().unwrap().push(secondary);
    let done = run(&files("Global"), &Server::new(&[(AZURE, 200, &page.to_string())]), RULES);
    assert_eq!(done.unwrap().catalogue.prices[0].first_paid(), dec!(0.055));
    page["Items"][0]["currencyCode"] = json!("EUR");
    let error = refused(&files("Global"), &Server::new(&[(AZURE, 200, &page.to_string())]));
    assert!(error.to_string().contains("EUR"), "{error}");
}

#[test]
fn the_billing_catalogue_is_read_with_a_key_in_a_header() {
    let services =
        json!({"services": [{"name": "services/6F81-5844-456A", "displayName": "Compute Engine"}]});
    let answers = [
        ("/cloudbilling.googleapis.com/v1/services", 200, services.to_string()),
        ("/cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus", 200, GCP_SKUS.to_owned()),
    ];
    let answers: Vec<_> = answers.iter().map(|one| (one.0, one.1, one.2.as_str())).collect();
    let server = Server::new(&answers);
    let rules = Rules { accept: true, ..RULES };
    let done = run(&vpn(), &server, rules).unwrap();
    let tiers: Vec<_> =
        done.catalogue.prices[0].tiers.iter().map(|one| (one.from, one.price)).collect();
    assert_eq!(tiers, [(dec!(0), dec!(0.12)), (dec!(1024), dec!(0.11)), (dec!(10240), dec!(0.08))]);
    assert!(
        server.heads().iter().all(|head| head.to_lowercase().contains("x-goog-api-key: the-key"))
    );
    assert!(server.heads().iter().all(|head| !head.lines().next().unwrap().contains("the-key")));
    let http = Http::new(Some(server.url().parse().unwrap()));
    assert_eq!(read_feed("gcp", &vpn(), None, &http).unwrap_err().code(), "feed_key");
}

#[test]
fn a_large_file_is_streamed() {
    // Two hundred thousand other products, 60 MB, made while they are read.
    let server = Server::large(ECS, 200_000, AWS_OFFER);
    let before = resident_kib();
    let done = run(&arm(), &server, RULES).unwrap();
    assert_eq!(done.catalogue.prices[0].first_paid(), dec!(0.03238));
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 20 * 1024, "memory grew by {grown} KiB");
}

/// What this process has held at most, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
