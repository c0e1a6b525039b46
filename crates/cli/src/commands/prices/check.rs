//! `trefoil prices check`: how far the catalogue can be believed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use trefoil_core::cost::Confidence;

use crate::commands::cost::input;
use crate::{Cx, ExitStatus, Result};

#[derive(Serialize)]
struct Answer {
    catalogue_date: String,
    age_days: i32,
    too_old: bool,
    prices: usize,
    confidence: BTreeMap<Confidence, usize>,
    from_memory: Vec<String>,
    by_hand: usize,
    retired_models: Vec<String>,
}

/// The answer is no when the catalogue is too old.
pub(super) async fn run(named: Option<&Path>, cx: &Cx) -> Result<ExitStatus> {
    let book = input::catalogue(&cx.settings, named).await?;
    let today = input::today();
    let prices = &book.catalogue().prices;
    let mut confidence = BTreeMap::new();
    for price in prices {
        *confidence.entry(price.confidence).or_default() += 1;
    }
    let memory = prices.iter().filter(|price| price.confidence == Confidence::Memory);
    let models = book.catalogue().models.iter();
    let answer = Answer {
        catalogue_date: book.date().to_string(),
        age_days: book.age_days(today),
        too_old: book.age_warning(today).is_some(),
        prices: prices.len(),
        confidence,
        from_memory: memory.map(|price| price.title()).collect(),
        by_hand: prices.iter().filter(|price| price.feed.contains_key("manual")).count(),
        retired_models: models
            .filter(|model| model.alive(today).is_err())
            .map(|model| format!("{} {}", model.provider, model.id))
            .collect(),
    };
    cx.printer.answer(&answer, || text(&answer))?;
    if let Some(warning) = book.age_warning(today) {
        cx.printer.talk(&format!("warning: {warning}"));
    }
    Ok(if answer.too_old { ExitStatus::No } else { ExitStatus::Yes })
}

fn text(answer: &Answer) -> String {
    let mut text = format!(
        "{} prices of {}, {} days old; {} are pinned by hand, the others have a selector\n",
        answer.prices, answer.catalogue_date, answer.age_days, answer.by_hand
    );
    for (confidence, count) in &answer.confidence {
        let _ = writeln!(text, "  {count:4} {confidence}");
    }
    let _ = write!(text, "from memory, unsourced:\n  {}", answer.from_memory.join("\n  "));
    let _ = write!(text, "\nmodels that have retired:\n  {}", answer.retired_models.join("\n  "));
    text
}
