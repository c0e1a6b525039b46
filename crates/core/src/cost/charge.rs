//! What a quantity costs at one price: tiers and free allowances exactly as published.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::price::{Confidence, Tier, UnitPrice};
use super::quantity::words;

/// Whether what providers give away is taken off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FreeTiers {
    /// As published: the account uses them for this application.
    #[default]
    Taken,
    /// Left out: the account has used them up elsewhere.
    LeftOut,
}

/// A part of a quantity that one tier prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// How much of the quantity.
    pub quantity: Decimal,
    /// US dollars for one unit.
    pub price: Decimal,
}

/// What a quantity costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// US dollars.
    pub amount: Decimal,
    /// How much of the quantity was free.
    pub free: Decimal,
    /// The parts that are paid, by tier.
    pub slices: Vec<Slice>,
    /// The least confidence among the tiers that are paid.
    pub confidence: Confidence,
    /// Their sources that differ from that of the price.
    pub sources: Vec<String>,
}

impl Charge {
    /// The amounts in words: `1,460 at 0.04048`, tier by tier.
    pub fn words(&self, unit: &str) -> String {
        let mut parts = Vec::new();
        if self.free > Decimal::ZERO {
            parts.push(format!("{} {unit} free", words(self.free)));
        }
        for slice in &self.slices {
            parts.push(format!("{} {unit} at {}", words(slice.quantity), words(slice.price)));
        }
        if parts.is_empty() { format!("0 {unit}") } else { parts.join(" + ") }
    }
}

/// Why a quantity has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPrice {
    /// The catalogue's tiers end before it.
    BeyondTiers {
        /// The quantity at which they end.
        up_to: Decimal,
    },
    /// The product does not fit into 28 digits.
    TooLarge,
}

/// The meters of one account in one month: tiers and allowances are used up over all lines.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    free_tiers: FreeTiers,
    used: HashMap<String, Decimal>,
    left: HashMap<String, Decimal>,
}

impl Meter {
    /// Meters at the beginning of a month.
    pub fn new(free_tiers: FreeTiers) -> Self {
        Self { free_tiers, ..Self::default() }
    }

    /// Charges a further `quantity` of a price, in its unit.
    ///
    /// # Errors
    /// When the catalogue knows no price for so much.
    pub fn charge(&mut self, price: &UnitPrice, quantity: Decimal) -> Result<Charge, NoPrice> {
        let before = self.used.get(&price.key).copied().unwrap_or_default();
        let after = before.checked_add(quantity).ok_or(NoPrice::TooLarge)?;
        if let Some(up_to) = price.up_to.filter(|up_to| after > *up_to) {
            return Err(NoPrice::BeyondTiers { up_to });
        }
        let granted = self.granted(price, quantity);
        let charge = tiers(price, before + granted, after, self.free_tiers)?;
        if let Some(allowance) = &price.free {
            let left = self.left.entry(pool(price)).or_insert_with(|| allowance.monthly());
            *left -= granted;
        }
        self.used.insert(price.key.clone(), after);
        Ok(Charge { free: charge.free + granted, ..charge })
    }

    /// How much of the quantity an allowance covers: it is used before anything is paid.
    fn granted(&self, price: &UnitPrice, quantity: Decimal) -> Decimal {
        let Some(allowance) = &price.free else { return Decimal::ZERO };
        if self.free_tiers == FreeTiers::LeftOut {
            return Decimal::ZERO;
        }
        let left = self.left.get(&pool(price)).copied().unwrap_or_else(|| allowance.monthly());
        left.min(quantity)
    }
}

fn pool(price: &UnitPrice) -> String {
    let pool = price.free.as_ref().and_then(|allowance| allowance.pool.clone());
    match pool {
        // A pool's name cannot be a key, which has a slash.
        Some(pool) => pool,
        None => price.key.clone(),
    }
}

/// Prices the units from `start` to `end` of the month.
fn tiers(
    price: &UnitPrice,
    start: Decimal,
    end: Decimal,
    free_tiers: FreeTiers,
) -> Result<Charge, NoPrice> {
    let mut charge = Charge {
        amount: Decimal::ZERO,
        free: Decimal::ZERO,
        slices: Vec::new(),
        confidence: price.confidence,
        sources: Vec::new(),
    };
    for (place, tier) in price.tiers.iter().enumerate() {
        let next = price.tiers.get(place + 1);
        let upper = next.map_or(end, |next| next.from.min(end));
        let quantity = upper - tier.from.max(start);
        if quantity <= Decimal::ZERO {
            continue;
        }
        if tier.free && free_tiers == FreeTiers::Taken {
            charge.free += quantity;
            continue;
        }
        let paid = if tier.free { next.unwrap_or(tier) } else { tier };
        add(&mut charge, paid, quantity)?;
    }
    Ok(charge)
}

fn add(charge: &mut Charge, tier: &Tier, quantity: Decimal) -> Result<(), NoPrice> {
    let amount = quantity.checked_mul(tier.price).ok_or(NoPrice::TooLarge)?;
    charge.amount = charge.amount.checked_add(amount).ok_or(NoPrice::TooLarge)?;
    if let Some(confidence) = tier.confidence {
        charge.confidence = charge.confidence.min(confidence);
    }
    charge.sources.extend(tier.source.clone().filter(|one| !charge.sources.contains(one)));
    match charge.slices.last_mut().filter(|last| last.price == tier.price) {
        Some(last) => last.quantity += quantity,
        None => charge.slices.push(Slice { quantity, price: tier.price }),
    }
    Ok(())
}
