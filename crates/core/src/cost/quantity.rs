//! Lengths of a month, limits, and how amounts are written in words.

use rust_decimal::Decimal;
use rust_decimal::dec;

use crate::{Error, Result};

/// Hours of a month, as all three providers' calculators count them: 365 days / 12.
pub const HOURS: Decimal = dec!(730);
/// Seconds of a month of [`HOURS`].
pub const SECONDS: Decimal = dec!(2628000);
/// One million.
pub const MILLION: Decimal = dec!(1000000);
/// The largest quantity that is believed: beyond it an input is a mistake of units.
pub const LARGEST: Decimal = dec!(1000000000000);

/// Days of a month of [`HOURS`]: 30.4166...
pub fn days() -> Decimal {
    HOURS / dec!(24)
}

/// Refuses a quantity below zero or beyond [`LARGEST`], naming the `field`.
///
/// # Errors
/// `cost_quantity`, when the quantity is out of range.
pub fn believable(field: &str, quantity: Decimal) -> Result<()> {
    if quantity < Decimal::ZERO || quantity > LARGEST {
        let message = format!("`{field}` is {quantity}, which is out of range");
        return Err(Error::usage("cost_quantity", message)
            .hint(format!("a quantity lies between 0 and {}", words(LARGEST))));
    }
    Ok(())
}

/// The number as people read it: no trailing zeros, thousands apart, at most nine decimals.
pub fn words(number: Decimal) -> String {
    let plain = number.round_dp(9).normalize().to_string();
    let (sign, plain) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let mut grouped = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// Dollars to the cent: `1,234.50`.
pub fn dollars(amount: Decimal) -> String {
    let rounded =
        amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    let text = words(rounded);
    match text.split_once('.') {
        None => format!("{text}.00"),
        Some((_, cents)) if cents.len() == 1 => format!("{text}0"),
        Some(_) => text,
    }
}

/// Writes a decimal as a JSON number.
///
/// # Errors
/// When the serializer fails.
pub fn number<S: serde::Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    use rust_decimal::prelude::ToPrimitive;
    use serde::ser::Error as _;
    let value = value.to_f64().ok_or_else(|| S::Error::custom("a decimal beyond a number"))?;
    serializer.serialize_f64(value)
}

/// Writes an optional decimal as a JSON number or null.
///
/// # Errors
/// When the serializer fails.
pub fn optional<S: serde::Serializer>(value: &Option<Decimal>, s: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, s),
        None => s.serialize_none(),
    }
}
