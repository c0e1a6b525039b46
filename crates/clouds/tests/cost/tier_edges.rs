//! Every price of the catalogue at 0 and just below, at and just above each edge of its tiers and
//! its allowance. `tier_edges.csv` was computed by another program from the same catalogue, step by
//! step between the edges, with and without what the providers give away.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::estimate::bill;
use trefoil_core::cost::{FreeTiers, Meter, Offer, UnitPrice, Usage};

use crate::support::{book, place, today};

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

/// The quantities for which rows stand, by cloud, region and key.
fn rows() -> BTreeMap<(String, String, String), Vec<Decimal>> {
    let mut rows = BTreeMap::<_, Vec<Decimal>>::new();
    for line in EDGES.lines().skip(1) {
        let line: Vec<_> = line.split(',').collect();
        let key = (line[0].to_owned(), line[1].to_owned(), line[2].to_owned());
        rows.entry(key).or_default().push(line[3].parse().unwrap());
    }
    rows
}

/// Where the amount of a price bends: its tiers, the end of what is known, its allowance.
fn edges(price: &UnitPrice) -> Vec<Decimal> {
    let tiers = price.tiers.iter().map(|tier| tier.from);
    let free = price.free.iter().map(trefoil_core::cost::price::Allowance::monthly);
    tiers.chain(price.up_to).chain(free).filter(|edge| !edge.is_zero()).collect()
}

/// Which of just below, at and just above an edge has no row.
fn lacking(edge: Decimal, rows: &[Decimal]) -> Vec<&'static str> {
    const NEAR: Decimal = dec!(0.001);
    const SAME: Decimal = dec!(0.000000001);
    let has = |is: &dyn Fn(Decimal) -> bool| rows.iter().any(|row| is(*row - edge));
    let wanted: [(&str, bool); 3] = [
        ("just below", has(&|away| away < -SAME && away >= -NEAR)),
        ("at", has(&|away| away.abs() <= SAME)),
        ("just above", has(&|away| away > SAME && away <= NEAR)),
    ];
    wanted.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
}

#[test]
fn no_edge_of_a_line_lacks_a_row() {
    let rows = rows();
    let (mut missing, mut found) = (Vec::new(), 0);
    for price in &book().catalogue().prices {
        let key = (price.provider.clone(), price.regions[0].clone(), price.key.clone());
        let rows = rows.get(&key).map_or(&[][..], Vec::as_slice);
        if !rows.contains(&Decimal::ZERO) {
            missing.push(format!("{}: at 0", price.title()));
        }
        for edge in edges(price) {
            let lacking = lacking(edge, rows);
            found += 3 - lacking.len();
            missing.extend(lacking.iter().map(|one| format!("{}: {one} {edge}", price.title())));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(found > 400, "only {found} rows stand at an edge");
    // The test itself: a row that is taken away is missed.
    assert_eq!(lacking(dec!(100), &[dec!(99.999), dec!(100)]), ["just above"]);
    assert_eq!(lacking(dec!(100), &[dec!(0), dec!(1000)]), ["just below", "at", "just above"]);
}

#[test]
fn a_line_of_a_bill_costs_the_same_at_every_edge() {
    let book = book();
    for line in EDGES.lines().skip(1) {
        let line: Vec<_> = line.split(',').collect();
        let price = book.price(line[0], line[1], line[2]).unwrap();
        let usage = Usage::new(price.category, "it", line[2], line[3].parse().unwrap(), "so much");
        for (free_tiers, expected) in [(FreeTiers::Taken, line[4]), (FreeTiers::LeftOut, line[5])] {
            let offer = Offer { book: &book, today: today(), free_tiers };
            let bill = bill(&place(line[0], line[1]), std::slice::from_ref(&usage), &offer);
            let Ok(expected) = expected.parse::<Decimal>() else {
                assert_eq!((bill.lines.len(), bill.unknown.len()), (0, 1), "{line:?}");
                continue;
            };
            assert!((bill.total_usd - expected).abs() <= dec!(0.000000001), "{line:?}");
            assert_eq!(bill.total_usd, bill.lines[0].amount_usd);
        }
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
