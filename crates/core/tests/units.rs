//! Amounts as people write them.

use proptest::prelude::*;
use trefoil_core::units::{Bytes, Cpu, Cron, Percent, Period};

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

#[test]
fn amounts_of_data() {
    for (text, bytes) in [
        ("512Mi", 512 << 20),
        ("2Gi", 2 << 30),
        ("100GB", 100_000_000_000),
        ("8kB", 8_000),
        ("0B", 0),
    ] {
        let amount = text.parse::<Bytes>().unwrap();
        assert_eq!((amount.as_u64(), amount.to_string().as_str()), (bytes, text));
    }
    for text in ["", "5", "GB", "5 GB", "-1Mi", "1.5Gi", "2G", "2gb", "99999999999999TB"] {
        assert!(text.parse::<Bytes>().unwrap_err().contains(&format!("`{text}`")), "{text}");
    }
}

#[test]
fn shares() {
    for (text, fraction) in [("5%", 0.05), ("0.25%", 0.0025), ("100%", 1.0), ("2.5%", 0.025)] {
        let share = text.parse::<Percent>().unwrap();
        assert!((share.as_fraction() - fraction).abs() < 1e-12);
        assert_eq!(share.to_string(), text);
    }
    for text in ["", "5", "%", "101%", "100.5%", "1.234%", "-1%", "+1%", ".5%", "5.%"] {
        assert!(text.parse::<Percent>().is_err(), "{text}");
    }
}

#[test]
fn parts_of_a_processor() {
    for (text, thousandths) in [("1", 1_000), ("0.5", 500), ("0.25", 250), ("2.0", 2_000)] {
        let cpu: Cpu = serde_json::from_str(text).unwrap();
        assert_eq!(cpu.as_thousandths(), thousandths);
        assert_eq!(serde_json::from_value::<Cpu>(serde_json::to_value(cpu).unwrap()).unwrap(), cpu);
    }
    assert_eq!(Cpu::from_thousandths(1_500).to_string(), "1.5");
    for text in ["0", "-1", "1000", "\"1\""] {
        assert!(serde_json::from_str::<Cpu>(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn an_amount_that_is_printed_can_be_read(bytes in 0..u64::MAX) {
        let amount = Bytes::new(bytes);
        prop_assert_eq!(amount.to_string().parse::<Bytes>(), Ok(amount));
    }

    #[test]
    fn an_amount_that_the_schema_allows_can_be_read(
        amount in 0..=9_999_999_u64, unit in "B|kB|MB|GB|TB|Ki|Mi|Gi|Ti",
    ) {
        let text = format!("{amount}{unit}");
        prop_assert!(text.parse::<Bytes>().is_ok());
    }

    #[test]
    fn no_schedule_panics(text in "[0-9*/,LW# ?A-Z-]{0,24}") {
        let _ = text.parse::<Cron>();
    }
}
