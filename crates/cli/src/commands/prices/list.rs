//! `trefoil prices list` and `trefoil prices show`.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::cost::quantity::words;
use trefoil_core::cost::{Confidence, PriceBook, UnitPrice};

use crate::args::{PricesListArgs, PricesShowArgs};
use crate::commands::cost::input;
use crate::table::{or_dash, table};
use crate::{Cx, Error, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer<'a> {
    /// The day at which the newest prices held.
    catalogue_date: String,
    /// The prices.
    prices: Vec<&'a UnitPrice>,
}

/// Lists the prices that fit.
pub(super) async fn list(cx: &Cx, args: &PricesListArgs) -> Result<ExitStatus> {
    let book = input::catalogue(&cx.settings, args.catalogue.catalogue.as_deref()).await?;
    let word = args.word.as_deref().unwrap_or_default().to_lowercase();
    let prices = book.catalogue().prices.iter().filter(|price| {
        args.cloud.as_ref().is_none_or(|cloud| *cloud == price.provider)
            && args.region.as_ref().is_none_or(|region| price.holds_in(region))
            && (price.key.contains(&word) || price.item.to_lowercase().contains(&word))
    });
    let answer = Answer { catalogue_date: book.date().to_string(), prices: prices.collect() };
    if answer.prices.is_empty() {
        let clouds = book.catalogue().regions.keys().map(String::as_str).collect::<Vec<_>>();
        let hint = format!("without words it lists all; its clouds are: {}", clouds.join(", "));
        return Err(Error::failed("price_unknown", "no price of the catalogue fits").hint(hint));
    }
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(ExitStatus::Yes)
}

fn text(answer: &Answer<'_>) -> String {
    let rows = answer.prices.iter().map(|price| {
        [
            price.provider.clone(),
            price.regions.join(","),
            price.key.clone(),
            words(price.first_paid()),
            price.unit.clone(),
            or_dash(price.as_of.as_ref()),
            confidence(price),
        ]
    });
    let header = ["CLOUD", "REGION", "KEY", "USD", "UNIT", "AS OF", "CONFIDENCE"];
    format!(
        "{}\n\n{} prices, of {}",
        table(header, rows),
        answer.prices.len(),
        answer.catalogue_date
    )
}

fn confidence(price: &UnitPrice) -> String {
    match price.confidence {
        Confidence::Memory => "FROM MEMORY".to_owned(),
        other => other.to_string(),
    }
}

/// Shows all that is known about a price, in each of its regions.
pub(super) async fn show(cx: &Cx, args: &PricesShowArgs) -> Result<ExitStatus> {
    let book = input::catalogue(&cx.settings, args.catalogue.catalogue.as_deref()).await?;
    let prices = book.catalogue().prices.iter();
    let fits = |price: &&UnitPrice| price.provider == args.cloud && price.key == args.key;
    let answer =
        Answer { catalogue_date: book.date().to_string(), prices: prices.filter(fits).collect() };
    if answer.prices.is_empty() {
        let message = format!("the catalogue has no price `{}` of `{}`", args.key, args.cloud);
        return Err(
            Error::usage("price_unknown", message).hint("`trefoil prices list` lists the keys")
        );
    }
    cx.printer.answer(&answer, || details(&book, &answer.prices))?;
    Ok(ExitStatus::Yes)
}

fn details(book: &PriceBook, prices: &[&UnitPrice]) -> String {
    let mut text = String::new();
    for price in prices {
        let _ = writeln!(text, "{}: {}, {}", price.title(), price.service, price.item);
        for tier in &price.tiers {
            let free = if tier.free { " (free tier)" } else { "" };
            let (amount, from) = (words(tier.price), words(tier.from));
            let _ = writeln!(text, "  from {from} {}: {amount} USD{free}", price.unit);
        }
        if let Some(up_to) = price.up_to {
            let _ = writeln!(text, "  beyond {} {}: unknown", words(up_to), price.unit);
        }
        if let Some(free) = &price.free {
            let (much, month) = (words(free.quantity), words(free.monthly().round_dp(3)));
            let _ = writeln!(
                text,
                "  free: {much} (in a month {month}) {}, {}",
                price.unit, free.scope
            );
        }
        let source = book.catalogue().sources.get(&price.source);
        let location = source.map_or("unknown", |source| source.location.as_str());
        let _ = writeln!(text, "  source: {} {location}", price.source);
        let (date, confidence) = (or_dash(price.as_of.as_ref()), confidence(price));
        let _ = writeln!(text, "  as of: {date}, confidence: {confidence}");
        let feed = serde_json::Value::Object(price.feed.clone());
        let _ = writeln!(text, "  meter: {}, feed: {feed}", price.meter);
        if let Some(note) = &price.note {
            let _ = writeln!(text, "  note: {note}");
        }
    }
    text.trim_end().to_owned()
}
