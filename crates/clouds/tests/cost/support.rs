//! What the tests share.

use jiff::civil::Date;
use rust_decimal::Decimal;
use trefoil_clouds::registry::Bills;
use trefoil_core::cost::estimate::Estimator;
use trefoil_core::cost::{Category, CloudCost, FreeTiers, Needs, Offer, Place, PriceBook};

/// A day on which the built-in catalogue is new.
pub(crate) fn today() -> Date {
    jiff::civil::date(2026, 11, 1)
}

pub(crate) fn book() -> PriceBook {
    PriceBook::embedded().unwrap()
}

pub(crate) fn place(cloud: &str, region: &str) -> Place {
    Place { cloud: cloud.to_owned(), region: region.to_owned() }
}

/// What the needs cost in a region.
pub(crate) fn estimate(cloud: &str, region: &str, needs: &Needs) -> CloudCost {
    with(cloud, region, needs, FreeTiers::Taken)
}

pub(crate) fn with(cloud: &str, region: &str, needs: &Needs, free_tiers: FreeTiers) -> CloudCost {
    let book = book();
    let offer = Offer { book: &book, today: today(), free_tiers };
    Estimator { offer, pricer: &Bills }.cloud(&place(cloud, region), needs).unwrap()
}

/// The needs of the chapter's baseline.
pub(crate) fn baseline() -> Needs {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/chapter-baseline/trefoil.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let clouds = trefoil_clouds::registry::known();
    Needs::of_spec(&trefoil_core::spec::parse("trefoil.yaml", &text, &clouds).unwrap().spec)
}

pub(crate) fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

pub(crate) fn category(cost: &CloudCost, category: Category) -> Decimal {
    cents(cost.of(category))
}
