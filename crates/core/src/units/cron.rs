//! Times that come again.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use cronexpr::{FallbackTimezoneOption, ParseOptions, parse_crontab_with};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Times that come again, in UTC: minute, hour, day of the month, month and day of the week, as
/// crontab has them, such as `0 2 * * *` for 02:00 of each day.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    /// How often it comes in a year, counted once for it and its copies: that takes a while, and
    /// each estimate asks.
    times: Arc<OnceLock<usize>>,
}

/// Days of the year that a schedule is counted over.
const YEAR_DAYS: u32 = 365;

impl Cron {
    /// A schedule that stands in our own code.
    ///
    /// Panics when `text` is none.
    pub(crate) fn constant(text: &str) -> Self {
        text.parse().expect("a schedule of our own is one")
    }

    /// How often it comes in a year of 365 days.
    pub(crate) fn times_a_year(&self) -> usize {
        *self.times.get_or_init(|| self.count())
    }

    /// The days of a year on which it comes, times how often it comes on one of them.
    fn count(&self) -> usize {
        let fields: Vec<&str> = self.text.split_whitespace().collect();
        let [minute, hour, day, month, week_day] = fields.as_slice() else { return 0 };
        let within = |text: String, most_days: u32| {
            Self::from_str(&text).map_or(0, |cron| cron.times_within(most_days))
        };
        let on_days = within(format!("0 0 {day} {month} {week_day}"), YEAR_DAYS);
        on_days * within(format!("{minute} {hour} * * *"), 1)
    }

    /// How often it comes within so many days from the beginning of a year of 365 days.
    fn times_within(&self, most_days: u32) -> usize {
        // The last second before 2027-01-01T00:00:00Z.
        const BEFORE: i64 = 1_798_761_599;
        let end = BEFORE + i64::from(most_days) * 86_400;
        let Ok(start) = cronexpr::MakeTimestamp::from_second(BEFORE) else { return 0 };
        let times = parse_crontab_with(&self.text, options()).and_then(|one| one.iter_after(start));
        let Ok(times) = times else { return 0 };
        times.map_while(Result::ok).take_while(|time| time.timestamp().as_second() <= end).count()
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("`{text}` is not a schedule: {why}");
        // The library takes a time zone as a sixth field; ours are always in UTC.
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return Err(wrong(format!("it has {fields} fields, not 5")));
        }
        parse_crontab_with(text, options()).map_err(|error| wrong(reason(&error.to_string())))?;
        Ok(Self { text: text.to_owned(), times: Arc::default() })
    }
}

fn options() -> ParseOptions {
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    options
}

/// The last line of the library's message: the lines before it repeat and underline the text.
fn reason(message: &str) -> String {
    let last = message.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("not understood");
    last.trim_start_matches([' ', '^', '|']).to_owned()
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Cron {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Cron {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cron".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "cron", "examples": ["0 2 * * *"] })
    }
}
