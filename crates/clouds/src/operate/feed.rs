//! Public price feeds: what to read for which prices, and reading it as a stream, so that a file
//! of half a gigabyte is never held in memory.

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use rust_decimal::Decimal;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Visitor};
use serde_json::{Map, Value};
use trefoil_core::cost::UnitPrice;
use trefoil_core::cost::refresh::{Found, Matches};

use crate::{Error, Result};

/// Opens an address of a feed.
pub trait Fetch {
    /// The content behind `url`, as a stream. `headers` may hold a key and are in no error.
    ///
    /// # Errors
    /// `feed_unreachable`, after a bounded number of attempts.
    fn open(&self, url: &str, headers: &[(&str, &str)]) -> Result<Box<dyn Read>>;
}

/// A price that a feed is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its place in the catalogue.
    pub place: usize,
    /// The price.
    pub price: &'a UnitPrice,
}

/// Asks a feed for prices.
pub type ReadFeed = fn(&[Wanted<'_>], Option<&str>, &dyn Fetch) -> Result<Vec<Matches>>;

impl Wanted<'_> {
    /// A word of the selector.
    pub fn selector(&self, name: &str) -> Option<&str> {
        self.price.feed.get(name).and_then(Value::as_str)
    }

    /// How many of the feed's units one unit of the catalogue has.
    pub fn scale(&self) -> Decimal {
        let number = |name| self.price.feed.get(name).and_then(Value::as_u64).unwrap_or(1);
        Decimal::from(number("scale")) * Decimal::from(number("times"))
    }

    /// The feed's tiers in the catalogue's unit.
    pub fn scaled(&self, tiers: Vec<(Decimal, Decimal)>) -> Vec<(Decimal, Decimal)> {
        let scale = self.scale();
        let mut tiers: Vec<_> =
            tiers.into_iter().map(|(from, price)| (from / scale, price * scale)).collect();
        tiers.sort();
        tiers
    }
}

/// Whether a price can be read from a feed at all; some are pinned by hand, and say why.
pub fn is_selected(feed: &Map<String, Value>) -> bool {
    !feed.contains_key("manual")
}

/// Puts what was found beside what was wanted.
pub(crate) fn matches(wanted: &[Wanted<'_>], found: Vec<Vec<Found>>) -> Vec<Matches> {
    wanted.iter().zip(found).map(|(one, found)| Matches { place: one.place, found }).collect()
}

/// Reads one JSON value with a seed that looks at its parts one after the other.
///
/// # Errors
/// `feed_truncated` when it ends midway, `feed_shape` when it is not what it was.
pub(crate) fn stream<V, S>(reader: impl Read, seed: S, url: &str) -> Result<V>
where
    S: for<'de> DeserializeSeed<'de, Value = V>,
{
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(reader));
    seed.deserialize(&mut json).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => {
            Error::failed("feed_truncated", format!("the price feed {url} ends midway"))
                .hint("the catalogue stays as it is; try again later")
                .because(error)
        }
        serde_json::error::Category::Io => {
            Error::missing("feed_unreachable", format!("the price feed {url} broke off"))
                .retryable()
                .because(error)
        }
        _ => shape(url, error.to_string()),
    })
}

/// The error of a feed that is not what it was.
pub(crate) fn shape(url: &str, what: impl fmt::Display) -> Error {
    Error::failed("feed_shape", format!("the price feed {url} has another shape: {what}"))
        .hint("the catalogue stays as it is; this version cannot read the feed any more")
}

/// Looks at each element of a list, one at a time.
#[cfg(feature = "feed_lists")]
pub(crate) struct Each<T, F>(F, PhantomData<T>);

/// Looks at each element of a list with `look`.
#[cfg(feature = "feed_lists")]
pub(crate) fn each<T, F: FnMut(T)>(look: F) -> Each<T, F> {
    Each(look, PhantomData)
}

#[cfg(feature = "feed_lists")]
impl<'de, T: DeserializeOwned, F: FnMut(T)> DeserializeSeed<'de> for Each<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

#[cfg(feature = "feed_lists")]
impl<'de, T: DeserializeOwned, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(one) = list.next_element::<T>()? {
            (self.0)(one);
        }
        Ok(())
    }
}

/// Looks at each entry of an object, one at a time.
#[cfg(feature = "feed_entries")]
pub(crate) struct EachEntry<T, F>(F, PhantomData<T>);

/// Looks at each entry of an object with `look`.
#[cfg(feature = "feed_entries")]
pub(crate) fn each_entry<T, F: FnMut(String, T)>(look: F) -> EachEntry<T, F> {
    EachEntry(look, PhantomData)
}

#[cfg(feature = "feed_entries")]
impl<'de, T: DeserializeOwned, F: FnMut(String, T)> DeserializeSeed<'de> for EachEntry<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

#[cfg(feature = "feed_entries")]
impl<'de, T: DeserializeOwned, F: FnMut(String, T)> Visitor<'de> for EachEntry<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<String, T>()? {
            (self.0)(key, value);
        }
        Ok(())
    }
}
