//! Lengths of time as people write them.

use proptest::prelude::*;
use trefoil_core::units::Period;

#[test]
fn each_unit() {
    for (text, millis) in
        [("250ms", 250), ("30s", 30_000), ("15m", 900_000), ("24h", 86_400_000), ("0s", 0)]
    {
        assert_eq!(text.parse::<Period>().unwrap().as_millis(), millis, "{text}");
    }
    assert_eq!("24h".parse::<Period>().unwrap().to_string(), "1d");
}

#[test]
fn what_is_no_length_of_time() {
    for text in ["", "5", "s", "5 s", "-5s", "5S", "1.5s", "5min", "99999999999999999999ms", "٣s"]
    {
        let error = text.parse::<Period>().unwrap_err();
        assert!(error.contains(&format!("`{text}`")) && error.contains("30s"), "{error}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_can_be_read(millis in 0..u64::MAX / 2) {
        let period = Period::from_millis(millis);
        prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
    }

    #[test]
    fn what_the_schema_allows_can_be_read(amount in 0..=999_999_999_u64, unit in "ms|s|m|h|d") {
        let text = format!("{amount}{unit}");
        prop_assert!(text.parse::<Period>().is_ok());
    }
}
