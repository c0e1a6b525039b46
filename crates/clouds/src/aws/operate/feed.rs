//! AWS's offer files: one for each service and region, without credentials.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Read;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use trefoil_core::cost::refresh::{Found, Matches};

use crate::Result;
use crate::operate::feed::{Fetch, Wanted, each_entry, matches, shape, stream};

const ROOT: &str = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws";
/// Offers whose one file has no region.
const GLOBAL: [&str; 2] = ["AmazonRoute53", "AmazonCloudFront"];
/// Region and the word before its usage types; the first region has mostly none.
const PREFIXES: [(&str, &str); 3] =
    [("us-east-1", "USE1"), ("eu-west-1", "EU"), ("us-west-2", "USW2")];

#[derive(Deserialize)]
struct Product {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    usagetype: String,
    #[serde(default)]
    operation: String,
}

#[derive(Deserialize)]
struct Term {
    #[serde(rename = "priceDimensions")]
    dimensions: HashMap<String, Dimension>,
}

#[derive(Deserialize)]
struct Dimension {
    #[serde(rename = "beginRange", default)]
    begin: Option<String>,
    #[serde(rename = "pricePerUnit")]
    price: HashMap<String, Decimal>,
    #[serde(default)]
    description: String,
}

/// Reads the offer files that the wanted prices are in, one after the other.
///
/// # Errors
/// `feed_unreachable`, `feed_truncated` and `feed_shape`.
pub fn read(wanted: &[Wanted<'_>], _key: Option<&str>, fetch: &dyn Fetch) -> Result<Vec<Matches>> {
    let mut files: BTreeMap<String, Vec<Wanted<'_>>> = BTreeMap::new();
    for one in wanted {
        let Some(offer) = one.selector("offer") else { continue };
        let region = one.price.regions.first().map_or("*", String::as_str);
        let url = match (GLOBAL.contains(&offer), region) {
            (true, _) => format!("{ROOT}/{offer}/current/index.json"),
            (false, "*") => format!("{ROOT}/{offer}/current/{}/index.json", PREFIXES[0].0),
            (false, region) => format!("{ROOT}/{offer}/current/{region}/index.json"),
        };
        files.entry(url).or_default().push(*one);
    }
    let mut all = Vec::new();
    for (url, wanted) in files {
        let found = file(fetch.open(&url, &[])?, &wanted, &url)?;
        all.extend(matches(&wanted, found));
    }
    Ok(all)
}

fn file(reader: Box<dyn Read>, wanted: &[Wanted<'_>], url: &str) -> Result<Vec<Vec<Found>>> {
    let offer = stream(reader, Offer { wanted }, url)?;
    if !offer.products_first {
        return Err(shape(url, "there are no `products`, or `terms` come before them"));
    }
    if !offer.terms {
        return Err(shape(url, "there are no `terms`"));
    }
    Ok(offer.found)
}

/// An offer file, of which only what is wanted is kept.
struct Offer<'a> {
    wanted: &'a [Wanted<'a>],
}

struct Kept {
    found: Vec<Vec<Found>>,
    products_first: bool,
    terms: bool,
}

impl<'de> DeserializeSeed<'de> for Offer<'_> {
    type Value = Kept;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kept, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Offer<'_> {
    type Value = Kept;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offer file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kept, A::Error> {
        // The SKUs that are wanted, and by which prices.
        let mut skus: HashMap<String, Vec<usize>> = HashMap::new();
        let found = vec![Vec::new(); self.wanted.len()];
        let mut read = Kept { found, products_first: false, terms: false };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "products" => {
                    read.products_first = !read.terms;
                    map.next_value_seed(each_entry(|sku: String, product: Product| {
                        let by = (0..self.wanted.len())
                            .filter(|one| is_wanted(&self.wanted[*one], &product.attributes));
                        let by: Vec<_> = by.collect();
                        if !by.is_empty() {
                            skus.insert(sku, by);
                        }
                    }))?;
                }
                "terms" => {
                    read.terms = true;
                    let wanted = self.wanted;
                    map.next_value_seed(Terms { skus: &skus, wanted, found: &mut read.found })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(read)
    }
}

/// The usage type is the selector's, with or without the region's word before it: its tail alone
/// would also fit usage types of Windows or Spot.
fn is_wanted(one: &Wanted<'_>, attributes: &Attributes) -> bool {
    let Some(usagetype) = one.selector("usagetype") else { return false };
    let region = one.price.regions.first().map(String::as_str);
    let prefix = PREFIXES.iter().find(|(name, _)| Some(*name) == region).map(|(_, word)| *word);
    let bare = attributes.usagetype == usagetype;
    let prefixed = prefix.is_some_and(|prefix| {
        attributes.usagetype.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'))
            == Some(usagetype)
    });
    let operation = one.selector("operation");
    (bare || prefixed) && operation.is_none_or(|operation| operation == attributes.operation)
}

struct Terms<'a> {
    skus: &'a HashMap<String, Vec<usize>>,
    wanted: &'a [Wanted<'a>],
    found: &'a mut [Vec<Found>],
}

impl<'de> DeserializeSeed<'de> for Terms<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Terms<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the terms of an offer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key != "OnDemand" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            map.next_value_seed(each_entry(|sku: String, terms: HashMap<String, Term>| {
                for by in self.skus.get(&sku).into_iter().flatten() {
                    for term in terms.values() {
                        let found = found(&self.wanted[*by], &sku, term);
                        self.found[*by].push(found);
                    }
                }
            }))?;
        }
        Ok(())
    }
}

fn found(wanted: &Wanted<'_>, sku: &str, term: &Term) -> Found {
    let tiers = term.dimensions.values().filter_map(|one| {
        let from = one.begin.as_deref().unwrap_or("0").parse().ok()?;
        Some((from, *one.price.get("USD")?))
    });
    let words = term.dimensions.values().map(|one| one.description.as_str()).max();
    Found {
        name: format!("{sku} {}", words.unwrap_or_default()),
        tiers: wanted.scaled(tiers.collect()),
    }
}
