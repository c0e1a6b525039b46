//! One unit price of a provider, with its tiers, its free allowance and where it comes from.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The categories in which costs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Containers.
    Compute,
    /// PostgreSQL.
    Database,
    /// Tokens of AI models.
    Ai,
    /// Objects.
    Storage,
    /// Load balancers, addresses, transfer.
    Networking,
    /// Logs, alarms, health checks.
    Monitoring,
    /// Secrets, sessions, DNS, registry, cache.
    Other,
}

impl Category {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Category; 7] = [
        Category::Compute,
        Category::Database,
        Category::Ai,
        Category::Storage,
        Category::Networking,
        Category::Monitoring,
        Category::Other,
    ];

    /// Its name in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Compute => "compute",
            Category::Database => "database",
            Category::Ai => "ai",
            Category::Storage => "storage",
            Category::Networking => "networking",
            Category::Monitoring => "monitoring",
            Category::Other => "other",
        }
    }
}

/// How far a price can be believed, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// From memory, without a source: always shown as such.
    Memory,
    /// A third party's page.
    Secondary,
    /// A price table shipped with a software package.
    Bundle,
    /// Expected output of another estimator, rounded.
    Golden,
    /// Someone quotes the provider's feed.
    ApiQuoted,
    /// The provider's own page.
    Page,
    /// Read by a machine from the provider's feed.
    Api,
}

impl Confidence {
    /// Its name in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Memory => "memory",
            Confidence::Secondary => "secondary",
            Confidence::Bundle => "bundle",
            Confidence::Golden => "golden",
            Confidence::ApiQuoted => "api-quoted",
            Confidence::Page => "page",
            Confidence::Api => "api",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One tier: from this total quantity of the month on, a unit costs this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The quantity at which it begins, in the price's unit.
    pub from: Decimal,
    /// US dollars for one unit.
    pub price: Decimal,
    /// Whether the provider gives this tier away; left out, its price is that of the next tier.
    #[serde(default, skip_serializing_if = "is_false")]
    pub free: bool,
    /// Its own source, when it differs from that of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its own confidence, when it differs from that of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// What a provider gives away of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// How much, in the price's unit.
    pub quantity: Decimal,
    /// How often it is given again.
    pub per: Period,
    /// To whom, in words.
    pub scope: String,
    /// The name under which several prices of one cloud share one allowance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// How often an allowance is given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Every month.
    Month,
    /// Every day; what is not used on a day is lost. Even use over the month is assumed.
    Day,
}

impl Allowance {
    /// How much of it there is in a month.
    pub fn monthly(&self) -> Decimal {
        match self.per {
            Period::Month => self.quantity,
            Period::Day => self.quantity * super::quantity::days(),
        }
    }
}

/// One unit price of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitPrice {
    /// The provider, by the name of its cloud.
    pub provider: String,
    /// The regions where it holds; `*` is everywhere.
    pub regions: Vec<String>,
    /// Its stable name within the provider: `service/item`.
    pub key: String,
    /// The provider's service.
    pub service: String,
    /// What is billed (the SKU), in words.
    pub item: String,
    /// The category in which it is shown.
    pub category: Category,
    /// The provider's name of the meter, where known.
    pub meter: String,
    /// The unit of quantities and tiers.
    pub unit: String,
    /// The tiers, by the quantity at which they begin; the first begins at 0.
    pub tiers: Vec<Tier>,
    /// Beyond this quantity the catalogue knows no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Decimal>,
    /// What the provider gives away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Allowance>,
    /// Where it comes from: an identifier in the catalogue's list of sources.
    pub source: String,
    /// Other sources that agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agrees: Option<String>,
    /// The day or month at which the source held; unknown for undated copies and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// How far it can be believed.
    pub confidence: Confidence,
    /// What to know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How to find it in the provider's public feed; the cloud's own folder reads it.
    pub feed: Map<String, Value>,
}

impl UnitPrice {
    /// Whether it holds in the region itself or everywhere.
    pub fn holds_in(&self, region: &str) -> bool {
        self.regions.iter().any(|one| one == region || one == "*")
    }

    /// The first price that has to be paid, in US dollars for one unit.
    pub fn first_paid(&self) -> Decimal {
        let paid = self.tiers.iter().find(|tier| !tier.free).or(self.tiers.first());
        paid.map(|tier| tier.price).unwrap_or_default()
    }

    /// How it is named in messages.
    pub fn title(&self) -> String {
        format!("{} {} ({})", self.provider, self.key, self.regions.join(", "))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
