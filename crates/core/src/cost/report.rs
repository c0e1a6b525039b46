//! The answer of an estimate: cloud by cloud, line by line.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::price::{Category, Confidence};
use super::quantity::{number, optional};

/// What the application costs each month, cloud by cloud.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CostReport {
    /// The currency of all amounts.
    pub currency: String,
    /// The day at which the newest prices held.
    pub catalogue_date: Date,
    /// One entry for each cloud, the cheapest first.
    pub clouds: Vec<CloudCost>,
    /// What to know about all of it.
    pub warnings: Vec<String>,
}

/// What the application costs each month on one cloud.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CloudCost {
    /// The environment of the specification that it is, when there is one.
    pub environment: Option<String>,
    /// The cloud.
    pub cloud: String,
    /// The region.
    pub region: String,
    /// US dollars a month, over all lines; what is unknown comes on top.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub total_usd: Decimal,
    /// US dollars a month by category.
    #[serde(serialize_with = "categories")]
    #[schemars(with = "BTreeMap<Category, f64>")]
    pub categories: BTreeMap<Category, Decimal>,
    /// The lines.
    pub lines: Vec<Line>,
    /// What is needed and has no price.
    pub unknown: Vec<Unknown>,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Line {
    /// The category.
    pub category: Category,
    /// What it is.
    pub item: String,
    /// How much, in `unit`.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub quantity: Decimal,
    /// The unit of the quantity.
    pub unit: String,
    /// US dollars for one unit in the first tier that is paid.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub unit_price_usd: Decimal,
    /// US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub amount_usd: Decimal,
    /// How much of the quantity is free.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub free_quantity: Decimal,
    /// How the amount comes about, in words.
    pub formula: String,
    /// Where the price comes from.
    pub source: String,
    /// The day or month at which the source held.
    pub as_of: Option<String>,
    /// How far the price can be believed.
    pub confidence: Confidence,
    /// The key of the price in the catalogue.
    pub key: String,
    /// The provider's service.
    pub service: String,
}

/// Something that is needed and has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unknown {
    /// The category.
    pub category: Category,
    /// What it is.
    pub item: String,
    /// Why it has no price.
    pub why: String,
    /// How much of it is needed, when that is known.
    #[serde(serialize_with = "optional")]
    #[schemars(with = "Option<f64>")]
    pub quantity: Option<Decimal>,
}

impl CloudCost {
    /// What to call it: the cloud and its region, and the environment where it has another name.
    pub fn name(&self) -> String {
        title(self.environment.as_deref(), &self.cloud, &self.region)
    }

    /// US dollars a month of one category.
    pub fn of(&self, category: Category) -> Decimal {
        self.categories.get(&category).copied().unwrap_or_default()
    }

    /// Whether every line has a price.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }

    /// The lines whose price is from memory.
    pub fn from_memory(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.confidence == Confidence::Memory)
    }
}

/// What to call an environment at a place.
pub(super) fn title(environment: Option<&str>, cloud: &str, region: &str) -> String {
    match environment {
        Some(name) if name != cloud => format!("{name} ({cloud} {region})"),
        _ => format!("{cloud} {region}"),
    }
}

fn categories<S: serde::Serializer>(
    values: &BTreeMap<Category, Decimal>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Number(#[serde(serialize_with = "number")] Decimal);
    serializer.collect_map(values.iter().map(|(name, value)| (name, Number(*value))))
}
