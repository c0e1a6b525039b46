//! Google's billing catalogue: services and their SKUs, with an API key.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::{Decimal, dec};
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use trefoil_core::cost::refresh::{Found, Matches};

use crate::operate::feed::{Fetch, Wanted, each, matches, shape, stream};
use crate::{Error, Result};

const ROOT: &str = "https://cloudbilling.googleapis.com/v1";
/// Pages that are followed at most.
const MOST_PAGES: usize = 200;

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "displayName")]
    display_name: String,
    /// `services/6F81-5844-456A`.
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sku {
    sku_id: String,
    description: String,
    #[serde(default)]
    service_regions: Vec<String>,
    #[serde(default)]
    pricing_info: Vec<PricingInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PricingInfo {
    pricing_expression: Expression,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    tiered_rates: Vec<Rate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rate {
    #[serde(default)]
    start_usage_amount: Decimal,
    unit_price: Money,
}

#[derive(Deserialize)]
struct Money {
    #[serde(default)]
    units: Decimal,
    #[serde(default)]
    nanos: Decimal,
}

/// Reads the SKUs of each service that the wanted prices are in.
///
/// # Errors
/// `feed_key` without an API key, `feed_unreachable`, `feed_truncated` and `feed_shape`.
pub fn read(wanted: &[Wanted<'_>], key: Option<&str>, fetch: &dyn Fetch) -> Result<Vec<Matches>> {
    let Some(key) = key else {
        return Err(Error::missing("feed_key", "Google's price feed wants an API key")
            .hint("put one into TREFOIL_GCP_API_KEY; it needs no billing account"));
    };
    let mut groups: BTreeMap<&str, Vec<Wanted<'_>>> = BTreeMap::new();
    for one in wanted {
        if let Some(service) = one.price.feed.get("service").and_then(|value| value.as_str()) {
            groups.entry(service).or_default().push(*one);
        }
    }
    let mut ids = BTreeMap::new();
    pages(&format!("{ROOT}/services?pageSize=5000"), "services", key, fetch, |one: Service| {
        ids.insert(one.display_name, one.name);
    })?;
    let mut all = Vec::new();
    for (service, wanted) in groups {
        let mut found: Vec<Vec<Found>> = vec![Vec::new(); wanted.len()];
        // A service that is not listed has no SKU that matches: the refresh says which.
        if let Some(id) = ids.get(service) {
            let url = format!("{ROOT}/{id}/skus?currencyCode=USD&pageSize=5000");
            pages(&url, "skus", key, fetch, |sku: Sku| keep(&sku, &wanted, &mut found))?;
        }
        all.extend(matches(&wanted, found));
    }
    Ok(all)
}

fn keep(sku: &Sku, wanted: &[Wanted<'_>], found: &mut [Vec<Found>]) {
    // The newest price comes last.
    let Some(price) = sku.pricing_info.last() else { return };
    for (by, one) in wanted.iter().enumerate() {
        let region = one.selector("region");
        let there = region.is_none_or(|region| sku.service_regions.iter().any(|at| at == region));
        if one.selector("description") != Some(sku.description.as_str()) || !there {
            continue;
        }
        let rates = price.pricing_expression.tiered_rates.iter();
        let tiers = rates.map(|rate| {
            let price = rate.unit_price.units + rate.unit_price.nanos / dec!(1000000000);
            (rate.start_usage_amount, price)
        });
        let name = format!("{} {}", sku.sku_id, sku.description);
        found[by].push(Found { name, tiers: one.scaled(tiers.collect()) });
    }
}

/// Looks at each element of the list `field` on all pages. The key travels in a header, so that no
/// address in an error or a log holds it.
fn pages<T: DeserializeOwned>(
    first: &str,
    field: &'static str,
    key: &str,
    fetch: &dyn Fetch,
    mut look: impl FnMut(T),
) -> Result<()> {
    let mut url = first.to_owned();
    for _ in 0..MOST_PAGES {
        let reader = fetch.open(&url, &[("X-Goog-Api-Key", key)])?;
        let look = each(&mut look);
        let end = stream(reader, Page { field, look }, &url)?;
        if !end.listed {
            return Err(shape(&url, format!("there are no `{field}`")));
        }
        match end.next {
            Some(token) => {
                let token: String =
                    url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
                url = format!("{first}&pageToken={token}");
            }
            None => return Ok(()),
        }
    }
    Err(shape(&url, format!("more than {MOST_PAGES} pages")))
}

/// A page, whose list is looked at element by element.
struct Page<S> {
    field: &'static str,
    look: S,
}

struct End {
    listed: bool,
    next: Option<String>,
}

impl<'de, S: DeserializeSeed<'de, Value = ()>> DeserializeSeed<'de> for Page<S> {
    type Value = End;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<End, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de, Value = ()>> Visitor<'de> for Page<S> {
    type Value = End;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of the billing catalogue")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<End, A::Error> {
        let mut look = Some(self.look);
        let mut next = None;
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str() == self.field, look.take()) {
                (true, Some(seed)) => map.next_value_seed(seed)?,
                (_, kept) => {
                    look = kept;
                    if key == "nextPageToken" {
                        next = map.next_value::<Option<String>>()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
        }
        Ok(End { listed: look.is_none(), next: next.filter(|token| !token.is_empty()) })
    }
}
