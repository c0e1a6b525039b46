//! Azure's retail prices: pages of meters, without credentials.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use trefoil_core::cost::refresh::{Found, Matches};

use crate::Result;
use crate::operate::feed::{Fetch, Wanted, each, matches, shape, stream};

const ROOT: &str = "https://prices.azure.com/api/retail/prices";
/// Pages that are followed at most: a filter that is dropped would list a million rows.
const MOST_PAGES: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    tier_minimum_units: Decimal,
    retail_price: Decimal,
    #[serde(default)]
    arm_region_name: String,
    #[serde(default)]
    meter_id: String,
    meter_name: String,
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    sku_name: String,
    #[serde(default)]
    service_name: String,
    unit_of_measure: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    is_primary_meter_region: bool,
    #[serde(default)]
    currency_code: Option<String>,
}

fn yes() -> bool {
    true
}

/// The tiers of one meter.
struct Meter {
    name: String,
    tiers: Vec<(Decimal, Decimal)>,
}

/// Reads the meters of each service and region that the wanted prices are in.
///
/// # Errors
/// `feed_unreachable`, `feed_truncated` and `feed_shape`.
pub fn read(wanted: &[Wanted<'_>], _key: Option<&str>, fetch: &dyn Fetch) -> Result<Vec<Matches>> {
    let mut groups: BTreeMap<(&str, &str), Vec<Wanted<'_>>> = BTreeMap::new();
    for one in wanted {
        let service = one.price.feed.get("service").and_then(|value| value.as_str());
        let region = one.price.feed.get("region").and_then(|value| value.as_str());
        if let (Some(service), Some(region)) = (service, region) {
            groups.entry((service, region)).or_default().push(*one);
        }
    }
    let mut all = Vec::new();
    for ((service, region), wanted) in groups {
        all.extend(matches(&wanted, group(service, region, &wanted, fetch)?));
    }
    Ok(all)
}

fn first_page(service: &str, region: &str) -> String {
    let filter = format!(
        "serviceName eq '{service}' and armRegionName eq '{region}' and priceType eq 'Consumption'"
    );
    let mut url = url::form_urlencoded::Serializer::new(String::new());
    url.append_pair("api-version", "2023-01-01-preview");
    url.append_pair("$filter", &filter);
    format!("{ROOT}?{}", url.finish())
}

fn group(
    service: &str,
    region: &str,
    wanted: &[Wanted<'_>],
    fetch: &dyn Fetch,
) -> Result<Vec<Vec<Found>>> {
    // By the price that wants it and the meter: a meter's tiers are rows of their own.
    let mut meters: BTreeMap<(usize, String), Meter> = BTreeMap::new();
    let mut next = Some(first_page(service, region));
    let mut pages = 0;
    while let Some(url) = next {
        pages += 1;
        if pages > MOST_PAGES {
            return Err(shape(
                &url,
                format!("more than {MOST_PAGES} pages for {service} in {region}"),
            ));
        }
        let mut wrong = None;
        let page = Page {
            look: |item: Item| {
                if item.kind == "Consumption" {
                    wrong = wrong.take().or_else(|| foreign(&item, service, region));
                    keep(&item, wanted, &mut meters);
                }
            },
        };
        let page = stream(fetch.open(&url, &[])?, page, &url)?;
        if let Some(wrong) = wrong {
            return Err(shape(&url, wrong));
        }
        if !page.items {
            return Err(shape(&url, "there are no `Items`"));
        }
        next = page.next;
    }
    let mut found: Vec<Vec<Found>> = vec![Vec::new(); wanted.len()];
    for ((by, _), meter) in meters {
        let tiers = wanted[by].scaled(meter.tiers);
        found[by].push(Found { name: meter.name, tiers });
    }
    Ok(found)
}

/// A row that was not asked for shows that the filter was dropped; one in another currency cannot
/// be compared.
fn foreign(item: &Item, service: &str, region: &str) -> Option<String> {
    if item.service_name != service || item.arm_region_name != region {
        let (other, place) = (&item.service_name, &item.arm_region_name);
        return Some(format!("a row of `{other}` in `{place}`, which was not asked for"));
    }
    let currency = item.currency_code.as_deref().unwrap_or("USD");
    (currency != "USD").then(|| format!("a price in {currency}"))
}

fn keep(item: &Item, wanted: &[Wanted<'_>], meters: &mut BTreeMap<(usize, String), Meter>) {
    if !item.is_primary_meter_region {
        return;
    }
    for (by, one) in wanted.iter().enumerate() {
        let product = one.selector("product");
        if one.selector("meter") != Some(item.meter_name.as_str())
            || product.is_some_and(|product| product != item.product_name)
        {
            continue;
        }
        let per = Decimal::from(units(&item.unit_of_measure));
        let id = format!("{}/{}/{}", item.meter_id, item.product_name, item.sku_name);
        let name = format!("{} {} {}", item.product_name, item.sku_name, item.meter_name);
        let meter = meters.entry((by, id)).or_insert(Meter { name, tiers: Vec::new() });
        meter.tiers.push((item.tier_minimum_units * per, item.retail_price / per));
    }
}

/// How many single units a unit of measure has: `10K` is 10,000, `1 GiB Second` and `1/Day` are 1.
fn units(measure: &str) -> u64 {
    let word = measure.split([' ', '/']).next().unwrap_or_default();
    let (digits, factor) = match word.strip_suffix('M').map(|rest| (rest, 1_000_000)) {
        Some(pair) => pair,
        None => word.strip_suffix('K').map_or((word, 1), |rest| (rest, 1_000)),
    };
    digits.parse().map_or(1, |number: u64| number.saturating_mul(factor)).max(1)
}

/// A page, whose items are looked at one after the other.
struct Page<F> {
    look: F,
}

struct End {
    items: bool,
    next: Option<String>,
}

impl<'de, F: FnMut(Item)> DeserializeSeed<'de> for Page<F> {
    type Value = End;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<End, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Item)> Visitor<'de> for Page<F> {
    type Value = End;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of retail prices")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<End, A::Error> {
        let mut end = End { items: false, next: None };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "Items" => {
                    end.items = true;
                    map.next_value_seed(each(&mut self.look))?;
                }
                "NextPageLink" => end.next = map.next_value::<Option<String>>()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        end.next = end.next.filter(|link| !link.is_empty());
        Ok(end)
    }
}
