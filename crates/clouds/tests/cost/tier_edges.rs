//! Every price of the catalogue at 0 and just below, at and just above each edge of its tiers and
//! its allowance. `tier_edges.csv` was computed by another program from the same catalogue, step by
//! step between the edges, with and without what the providers give away.

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::{FreeTiers, Meter};

use crate::support::book;

const EDGES: &str = include_str!("tier_edges.csv");

fn charged(line: &[&str], free_tiers: FreeTiers) -> Option<Decimal> {
    let book = book();
    let price = book.price(line[0], line[1], line[2]).unwrap_or_else(|| panic!("{line:?}"));
    let quantity = line[3].parse().unwrap();
    Meter::new(free_tiers).charge(price, quantity).ok().map(|charge| charge.amount)
}

#[test]
fn every_price_at_every_edge() {
    let mut compared = 0;
    let book = book();
    for line in EDGES.lines().skip(1) {
        let line: Vec<_> = line.split(',').collect();
        for (free_tiers, expected) in [(FreeTiers::Taken, line[4]), (FreeTiers::LeftOut, line[5])] {
            let price = book.price(line[0], line[1], line[2]).unwrap();
            let quantity: Decimal = line[3].parse().unwrap();
            let charged = Meter::new(free_tiers).charge(price, quantity).ok();
            match (charged, expected) {
                (None, "unknown") => {}
                (Some(charge), expected) => {
                    let expected: Decimal = expected.parse().unwrap_or_else(|_| panic!("{line:?}"));
                    let difference = (charge.amount - expected).abs();
                    assert!(difference <= dec!(0.000000001), "{line:?}: {}", charge.amount);
                }
                (None, _) => panic!("{line:?}: has no price"),
            }
            compared += 1;
        }
    }
    assert!(compared > 3_000, "only {compared} amounts were compared");
}

#[test]
fn every_price_of_the_catalogue_is_compared() {
    for price in &book().catalogue().prices {
        let begin = format!("\n{},{},{},", price.provider, price.regions[0], price.key);
        assert!(EDGES.contains(&begin), "{}", price.title());
    }
}

#[test]
fn beyond_the_last_known_tier_there_is_no_price() {
    assert!(
        charged(&["aws", "us-east-1", "s3/standard-storage", "51200"], FreeTiers::Taken).is_some()
    );
    assert!(
        charged(&["aws", "us-east-1", "s3/standard-storage", "51200.001"], FreeTiers::Taken)
            .is_none()
    );
}
