//! What a number on the command line may be. Each refusal says what is allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use rust_decimal::{Decimal, dec};
use trefoil_core::cost::quantity::{LARGEST, words};
use trefoil_core::units::Period;

/// A whole number of a range.
pub(super) fn whole<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.ok_or_else(|| format!("give a whole number from {least} to {most}"))
    }
}

/// A number of a range.
pub(super) fn number(
    range: RangeInclusive<Decimal>,
) -> impl Fn(&str) -> Result<Decimal, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().or_else(|_| Decimal::from_scientific(text));
        let number = number.ok().filter(|number| range.contains(number));
        let (least, most) = (words(*range.start()), words(*range.end()));
        number.ok_or_else(|| format!("give a number from {least} to {most}"))
    }
}

/// A quantity of an estimate.
pub(super) fn quantity(text: &str) -> Result<Decimal, String> {
    number(dec!(0)..=LARGEST)(text)
}

/// The shortest window in which anything can be switched, and the longest that a plan may let users
/// wait.
const WINDOW: RangeInclusive<Period> =
    Period::from_millis(1_000)..=Period::from_millis(24 * 60 * 60 * 1_000);

/// The length of a window.
pub(super) fn window(text: &str) -> Result<Period, String> {
    let (least, most) = (WINDOW.start(), WINDOW.end());
    let window = text.parse::<Period>()?;
    match WINDOW.contains(&window) {
        true => Ok(window),
        false => Err(format!("give a length of time from {least} to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_refused_with_what_is_allowed() {
        let percent = whole(1..=100_u32);
        assert_eq!(percent("100"), Ok(100));
        for wrong in ["0", "101", "x", "-1", ""] {
            assert_eq!(percent(wrong).unwrap_err(), "give a whole number from 1 to 100", "{wrong}");
        }
        assert_eq!((quantity("0"), quantity("1e3")), (Ok(dec!(0)), Ok(dec!(1000))));
        for wrong in ["1e30", "-1", "many", "1e-40", "NaN"] {
            let why = quantity(wrong).unwrap_err();
            assert_eq!(why, "give a number from 0 to 1,000,000,000,000", "{wrong}");
        }
        assert_eq!(window("30s").unwrap(), Period::from_millis(30_000));
        assert_eq!(window("0s").unwrap_err(), "give a length of time from 1s to 1d");
        assert!(window("soon").unwrap_err().contains("write 250ms, 30s"));
    }
}
