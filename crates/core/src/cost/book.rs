//! The catalogue of prices: reading it, finding a price in it, and how old it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::model::AiModel;
use super::price::UnitPrice;
use crate::{Error, Result};

/// The schema of the catalogue's file.
pub const SCHEMA: &str = "trefoil/prices/v1";
/// A catalogue older than this many days is warned of.
pub const OLD_AFTER_DAYS: i32 = 90;

/// The catalogue that is built in.
const EMBEDDED: &str = include_str!("../../data/prices.json");

/// Where prices come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What kind of source: a feed, a page, another estimator's expected output.
    pub kind: String,
    /// Where it is.
    pub location: String,
    /// What it was made from.
    pub underlying: String,
}

/// The file of a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// [`SCHEMA`].
    pub schema: String,
    /// The day at which its newest prices held.
    pub date: Date,
    /// The currency of all prices.
    pub currency: String,
    /// The regions that can be priced, by provider; the first is the default.
    pub regions: BTreeMap<String, Vec<String>>,
    /// The sources by their identifiers.
    pub sources: BTreeMap<String, Source>,
    /// AI models.
    pub models: Vec<AiModel>,
    /// The prices.
    pub prices: Vec<UnitPrice>,
}

/// A catalogue that can be searched.
#[derive(Debug, Clone)]
pub struct PriceBook {
    catalogue: Catalogue,
    index: HashMap<String, HashMap<String, Vec<usize>>>,
}

impl PriceBook {
    /// The catalogue that is built in.
    ///
    /// # Errors
    /// Never in a build whose tests pass.
    pub fn embedded() -> Result<Self> {
        Self::parse(EMBEDDED, "the built-in catalogue")
    }

    /// Reads a catalogue; `name` says in errors what was read.
    ///
    /// # Errors
    /// `catalogue_invalid`, with the line or the price that is wrong.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let catalogue: Catalogue = serde_json::from_str(text).map_err(|error| {
            let message = format!("{name} is no price catalogue (line {})", error.line());
            Error::usage("catalogue_invalid", message).because(error)
        })?;
        Self::new(catalogue, name)
    }

    /// Checks a catalogue and makes it searchable.
    ///
    /// # Errors
    /// `catalogue_invalid`, with the price that is wrong.
    pub fn new(catalogue: Catalogue, name: &str) -> Result<Self> {
        if catalogue.schema != SCHEMA || catalogue.currency != "USD" {
            let message = format!("{name} is not of the schema {SCHEMA} in USD");
            return Err(Error::usage("catalogue_invalid", message));
        }
        let mut index: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
        let mut seen = BTreeSet::new();
        for (place, price) in catalogue.prices.iter().enumerate() {
            check(price, &catalogue, name)?;
            for region in &price.regions {
                if !seen.insert((&price.provider, &price.key, region)) {
                    return Err(wrong(name, price, &format!("is there twice for {region}")));
                }
            }
            let keys = index.entry(price.provider.clone()).or_default();
            keys.entry(price.key.clone()).or_default().push(place);
        }
        Ok(Self { catalogue, index })
    }

    /// The catalogue itself.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The day at which its newest prices held.
    pub fn date(&self) -> Date {
        self.catalogue.date
    }

    /// The price of that key in a region: its own before one that holds everywhere.
    pub fn price(&self, provider: &str, region: &str, key: &str) -> Option<&UnitPrice> {
        let places = self.index.get(provider)?.get(key)?;
        let prices = places.iter().map(|place| &self.catalogue.prices[*place]);
        let mut everywhere = None;
        for price in prices {
            if price.regions.iter().any(|one| one == region) {
                return Some(price);
            }
            if price.holds_in(region) {
                everywhere = Some(price);
            }
        }
        everywhere
    }

    /// The regions of a provider that can be priced.
    pub fn regions(&self, provider: &str) -> &[String] {
        self.catalogue.regions.get(provider).map_or(&[], Vec::as_slice)
    }

    /// The region to price: the one asked for, or the provider's first.
    ///
    /// # Errors
    /// `cost_provider` for a provider without prices, `cost_region` for an unknown region.
    pub fn region<'a>(&'a self, provider: &str, asked: Option<&'a str>) -> Result<&'a str> {
        let known = self.regions(provider);
        let Some(first) = known.first() else {
            let priced: Vec<_> = self.catalogue.regions.keys().map(String::as_str).collect();
            let message = format!("the catalogue has no prices of `{provider}`");
            return Err(Error::usage("cost_provider", message)
                .hint(format!("it has prices of: {}", priced.join(", "))));
        };
        let Some(asked) = asked else { return Ok(first) };
        if known.iter().any(|one| one == asked) {
            return Ok(asked);
        }
        let message = format!("the catalogue has no prices of `{provider}` in `{asked}`");
        Err(Error::usage("cost_region", message).hint(format!("it knows: {}", known.join(", "))))
    }

    /// The AI model that a specification means by that name.
    ///
    /// # Errors
    /// `model_unknown`, with those known that still answer, the nearest first.
    pub fn model(&self, provider: &str, id: &str) -> Result<&AiModel> {
        let of_provider = || self.catalogue.models.iter().filter(|one| one.provider == provider);
        of_provider().find(|model| model.is_called(id)).ok_or_else(|| {
            let lives =
                |model: &&AiModel| model.retires.is_none_or(|day| day > self.catalogue.date);
            let mut known: Vec<_> = of_provider().filter(lives).map(AiModel::deployed_as).collect();
            let distance = |known: &str| strsim::damerau_levenshtein(id, known);
            known.sort_by_key(|one| distance(one));
            let message = format!("the catalogue has no model `{id}` of `{provider}`");
            let hint = format!("the nearest that it knows, first: {}", known.join(", "));
            Error::usage("model_unknown", message).hint(hint)
        })
    }

    /// How many days old the catalogue is on the day `today`.
    pub fn age_days(&self, today: Date) -> i32 {
        today.since(self.catalogue.date).map_or(0, |span| span.get_days())
    }

    /// What to say about a catalogue that is too old to be trusted.
    pub fn age_warning(&self, today: Date) -> Option<String> {
        let days = self.age_days(today);
        (days > OLD_AFTER_DAYS).then(|| {
            format!(
                "the price catalogue is {days} days old (of {}): prices may have changed; \
                 `trefoil prices refresh` renews it",
                self.catalogue.date
            )
        })
    }

    /// The catalogue's file: one price on a line, so that changes can be reviewed.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_text(&self) -> Result<String> {
        write(&self.catalogue).map_err(|error| {
            Error::failed("catalogue_write", "the catalogue cannot be written").because(error)
        })
    }
}

fn write(catalogue: &Catalogue) -> serde_json::Result<String> {
    let mut lines = vec!["{".to_owned()];
    for (name, value) in [
        ("schema", serde_json::to_string(&catalogue.schema)?),
        ("date", serde_json::to_string(&catalogue.date)?),
        ("currency", serde_json::to_string(&catalogue.currency)?),
        ("regions", serde_json::to_string(&catalogue.regions)?),
        ("sources", serde_json::to_string(&catalogue.sources)?),
    ] {
        lines.push(format!("  \"{name}\": {value},"));
    }
    let models: Result<Vec<_>, _> = catalogue.models.iter().map(serde_json::to_string).collect();
    let prices: Result<Vec<_>, _> = catalogue.prices.iter().map(serde_json::to_string).collect();
    lines.push(format!("  \"models\": [\n    {}\n  ],", models?.join(",\n    ")));
    lines.push(format!("  \"prices\": [\n    {}\n  ]\n}}\n", prices?.join(",\n    ")));
    Ok(lines.join("\n"))
}

/// A price must have tiers that begin at 0 and rise, no negative price, and a known source.
fn check(price: &UnitPrice, catalogue: &Catalogue, name: &str) -> Result<()> {
    let rises = price.tiers.windows(2).all(|pair| pair[0].from < pair[1].from);
    if !rises || price.tiers.first().is_none_or(|tier| tier.from != Decimal::ZERO) {
        return Err(wrong(name, price, "has tiers that do not begin at 0 and rise"));
    }
    if price.tiers.iter().any(|tier| tier.price < Decimal::ZERO) {
        return Err(wrong(name, price, "has a negative price"));
    }
    if !catalogue.sources.contains_key(&price.source) {
        return Err(wrong(name, price, &format!("has no known source: `{}`", price.source)));
    }
    Ok(())
}

fn wrong(name: &str, price: &UnitPrice, what: &str) -> Error {
    Error::usage("catalogue_invalid", format!("{name}: {} {what}", price.title()))
}
