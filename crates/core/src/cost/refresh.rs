//! A catalogue renewed from the providers' feeds: all of it, or nothing.

use jiff::civil::Date;
use rust_decimal::{Decimal, dec};
use serde::Serialize;

use super::book::{Catalogue, PriceBook};
use super::price::{Confidence, Tier, UnitPrice};
use super::quantity::number;
use crate::{Error, Result};

/// The identifier of the source of refreshed prices.
const SOURCE: &str = "FEED";

/// What a feed has for one selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How the feed names it.
    pub name: String,
    /// The tiers: from which quantity on, US dollars for one unit, both in the catalogue's unit.
    pub tiers: Vec<(Decimal, Decimal)>,
}

/// All that a feed has for the price at this place of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// The place of the price in the catalogue.
    pub place: usize,
    /// What was found; a good selector finds one.
    pub found: Vec<Found>,
}

/// A price that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The price.
    pub price: String,
    /// US dollars for one unit before, in the first tier that is paid.
    #[serde(serialize_with = "number")]
    pub before_usd: Decimal,
    /// US dollars for one unit now.
    #[serde(serialize_with = "number")]
    pub after_usd: Decimal,
    /// The change in percent; of a price that was zero, one hundred.
    #[serde(serialize_with = "number")]
    pub change_percent: Decimal,
    /// Whether there are more or fewer tiers than before.
    pub tiers_changed: bool,
}

/// What a refresh came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Refreshed {
    /// The catalogue with the feeds' prices.
    pub catalogue: Catalogue,
    /// How many prices the feeds confirmed or changed.
    pub read: usize,
    /// What changed.
    pub changes: Vec<Change>,
}

/// How much may change without being accepted.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// In percent of the price before.
    pub tolerance_percent: Decimal,
    /// Whether larger changes are accepted.
    pub accept: bool,
}

/// The catalogue with what the feeds have.
///
/// # Errors
/// `selector_not_one` unless each selector found exactly one price, `price_jump` for changes
/// beyond the tolerance. The catalogue that was passed in is untouched.
pub fn refresh(
    book: &PriceBook,
    matches: &[Matches],
    today: Date,
    rules: Rules,
) -> Result<Refreshed> {
    exactly_one(book, matches)?;
    let mut catalogue = book.catalogue().clone();
    let mut changes = Vec::new();
    for one in matches {
        let price = &mut catalogue.prices[one.place];
        changes.extend(renew(price, &one.found[0], today)?);
    }
    jumps(&changes, rules)?;
    catalogue.date = today;
    catalogue.sources.entry(SOURCE.to_owned()).or_insert_with(|| super::book::Source {
        kind: "api".to_owned(),
        location: "the provider's public price feed, read by `trefoil prices refresh`".to_owned(),
        underlying: "read and matched by the selector of each price".to_owned(),
    });
    Ok(Refreshed { catalogue, read: matches.len(), changes })
}

fn exactly_one(book: &PriceBook, matches: &[Matches]) -> Result<()> {
    let wrong: Vec<_> = matches.iter().filter(|one| one.found.len() != 1).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let list = wrong.iter().map(|one| {
        let names: Vec<_> = one.found.iter().map(|found| found.name.as_str()).collect();
        let what = if names.is_empty() { "nothing".to_owned() } else { names.join(" | ") };
        format!("{}: {what}", book.catalogue().prices[one.place].title())
    });
    let list: Vec<_> = list.collect();
    let message = format!(
        "{} selectors do not match exactly one price; the catalogue stays as it is: {}",
        wrong.len(),
        list.join("; ")
    );
    Err(Error::refused("selector_not_one", message)
        .hint("the feed changed, or the selector is wrong: correct `feed` of these prices"))
}

/// Puts the feed's tiers into the price; what is given away stays as the catalogue has it.
fn renew(price: &mut UnitPrice, found: &Found, today: Date) -> Result<Option<Change>> {
    let paid: Vec<_> = found.tiers.iter().filter(|tier| !tier.1.is_zero()).collect();
    let before = price.first_paid();
    let (Some(first), true) =
        (paid.first(), found.tiers.iter().all(|tier| tier.1 >= Decimal::ZERO))
    else {
        let message = format!("the feed has no price above zero for {}", price.title());
        return Err(Error::refused("selector_not_one", message));
    };
    let free: Vec<_> = price.tiers.iter().filter(|tier| tier.free).cloned().collect();
    let count = price.tiers.len() - free.len();
    // A free part of the feed that the catalogue takes off as an allowance begins at 0 all the same.
    let nothing_free = free.is_empty();
    let from = |place: usize, tier: Decimal| match (place, nothing_free) {
        (0, true) => Decimal::ZERO,
        _ => tier,
    };
    let after = first.1;
    let tiers_changed = count != paid.len() && price.up_to.is_none();
    let renewed = paid.iter().enumerate().map(|(place, tier)| Tier {
        from: from(place, tier.0),
        price: tier.1,
        free: false,
        source: None,
        confidence: None,
    });
    let tiers: Vec<_> = free.into_iter().chain(renewed).collect();
    let same = price
        .tiers
        .iter()
        .map(|tier| (tier.from, tier.price))
        .eq(tiers.iter().map(|tier| (tier.from, tier.price)));
    price.tiers = tiers;
    price.up_to = None;
    price.source = SOURCE.to_owned();
    price.agrees = None;
    price.as_of = Some(today.to_string());
    price.confidence = Confidence::Api;
    let change_percent = match before.is_zero() {
        true => dec!(100),
        false => (after - before) / before * dec!(100),
    };
    let change = Change {
        price: price.title(),
        before_usd: before,
        after_usd: after,
        change_percent,
        tiers_changed,
    };
    Ok((!same).then_some(change))
}

fn jumps(changes: &[Change], rules: Rules) -> Result<()> {
    if rules.accept {
        return Ok(());
    }
    let jumps: Vec<_> = changes
        .iter()
        .filter(|one| one.change_percent.abs() > rules.tolerance_percent || one.tiers_changed)
        .map(|one| format!("{}: {} -> {}", one.price, one.before_usd, one.after_usd))
        .collect();
    if jumps.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} prices changed by more than {} % or got other tiers; the catalogue stays as it is: {}",
        jumps.len(),
        rules.tolerance_percent,
        jumps.join("; ")
    );
    Err(Error::refused("price_jump", message).hint("look at them, then add --accept"))
}
