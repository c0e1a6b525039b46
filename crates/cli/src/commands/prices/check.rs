//! `trefoil prices check`: how far the catalogue can be believed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::cost::Confidence;

use crate::commands::cost::input;
use crate::{Cx, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// The day at which the newest prices held.
    catalogue_date: String,
    /// Days since then.
    age_days: i32,
    /// Whether that is too long ago; the exit code then is 1.
    too_old: bool,
    /// How many prices there are.
    prices: usize,
    /// How many prices have each degree of confidence.
    confidence: BTreeMap<Confidence, usize>,
    /// The prices that rest on memory.
    from_memory: Vec<String>,
    /// How many prices no feed can refresh.
    by_hand: usize,
    /// The chat models that do not answer any more.
    retired_models: Vec<String>,
}

/// The answer is no when the catalogue is too old.
pub(super) async fn run(cx: &Cx, named: Option<&Path>) -> Result<ExitStatus> {
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
