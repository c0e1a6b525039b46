//! What holds for every price of the catalogue and every quantity.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

use std::sync::OnceLock;

use proptest::prelude::*;
use rust_decimal::{Decimal, dec};
use trefoil_core::cost::{FreeTiers, Meter, PriceBook, UnitPrice};

fn book() -> &'static PriceBook {
    static BOOK: OnceLock<PriceBook> = OnceLock::new();
    BOOK.get_or_init(|| PriceBook::embedded().unwrap())
}

/// Any price of the catalogue.
fn price() -> impl Strategy<Value = &'static UnitPrice> {
    (0..book().catalogue().prices.len()).prop_map(|place| &book().catalogue().prices[place])
}

/// Quantities with up to four decimals, small and large.
fn quantity() -> impl Strategy<Value = Decimal> {
    prop_oneof![0..10_000_i64, 0..10_000_000_i64, 0..2_000_000_000_i64]
        .prop_map(|number| Decimal::new(number, 4) * dec!(10))
}

fn alone(price: &UnitPrice, quantity: Decimal, free_tiers: FreeTiers) -> Option<Decimal> {
    Meter::new(free_tiers).charge(price, quantity).ok().map(|charge| charge.amount)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn more_never_costs_less(price in price(), a in quantity(), b in quantity()) {
        let (less, more) = (a.min(b), a.max(b));
        for free_tiers in [FreeTiers::Taken, FreeTiers::LeftOut] {
            if let (Some(less), Some(more)) =
                (alone(price, less, free_tiers), alone(price, more, free_tiers))
            {
                prop_assert!(less <= more);
            }
        }
    }

    #[test]
    fn tiers_sum(price in price(), parts in prop::collection::vec(quantity(), 1..6)) {
        // Charged in parts, as the lines of one bill are, or at once: the same to the last digit.
        let whole: Decimal = parts.iter().copied().sum();
        let Some(at_once) = alone(price, whole, FreeTiers::Taken) else { return Ok(()) };
        let mut meter = Meter::new(FreeTiers::Taken);
        let mut sum = Decimal::ZERO;
        for part in parts {
            let charge = meter.charge(price, part).unwrap();
            let paid: Decimal = charge.slices.iter().map(|slice| slice.quantity * slice.price).sum();
            prop_assert_eq!(paid, charge.amount);
            let quantities: Decimal = charge.slices.iter().map(|slice| slice.quantity).sum();
            prop_assert!((quantities + charge.free - part).abs() < dec!(0.000000000001));
            sum += charge.amount;
        }
        prop_assert!((sum - at_once).abs() < dec!(0.000000000001), "{} and {}", sum, at_once);
    }

    #[test]
    fn free_tiers_only_take_off(price in price(), quantity in quantity()) {
        let taken = alone(price, quantity, FreeTiers::Taken);
        let left_out = alone(price, quantity, FreeTiers::LeftOut);
        prop_assert_eq!(taken.is_some(), left_out.is_some());
        if let (Some(taken), Some(left_out)) = (taken, left_out) {
            prop_assert!(Decimal::ZERO <= taken && taken <= left_out);
        }
    }

    #[test]
    fn currency_is_exact(price in price(), quantity in quantity()) {
        // Without free tiers and within the first tier, the amount is the product in whole
        // billionths of a billionth: integers know no rounding.
        let first = price.tiers.get(1).map_or(Decimal::MAX, |tier| tier.from);
        if quantity > first || price.up_to.is_some_and(|up_to| quantity > up_to) {
            return Ok(());
        }
        let unit = match (price.tiers[0].free, price.tiers.get(1)) {
            (true, Some(next)) => next.price,
            _ => price.tiers[0].price,
        };
        let integer = |number: Decimal| (number.mantissa(), number.scale());
        let ((a, a_scale), (b, b_scale)) = (integer(quantity), integer(unit));
        let expected = Decimal::from_i128_with_scale(a * b, a_scale + b_scale);
        prop_assert_eq!(alone(price, quantity, FreeTiers::LeftOut), Some(expected));
    }
}
