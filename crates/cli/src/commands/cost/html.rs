//! `trefoil cost --html`: one page that opens without a network.

use std::path::Path;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use trefoil_core::cost::quantity::{dollars, words};
use trefoil_core::cost::{Category, CloudCost, CostReport};

use super::{Strongest, svg, view};
use crate::{Error, Result};

const WIDTH: f64 = 640.0;
const COLOURS: [&str; 7] =
    ["#1d4ed8", "#0891b2", "#7e22ce", "#15803d", "#ea580c", "#ca8a04", "#64748b"];

#[derive(Serialize)]
struct Page<'a> {
    name: &'a str,
    date: String,
    warnings: &'a [String],
    legend: Vec<Part>,
    clouds: Vec<Cloud>,
}

#[derive(Serialize)]
struct Cloud {
    title: String,
    total: String,
    parts: Vec<Part>,
    lines: Vec<Row>,
    unknown: Vec<String>,
    strongest: Vec<String>,
}

/// A part of a bar.
#[derive(Serialize)]
struct Part {
    name: &'static str,
    amount: String,
    colour: &'static str,
    x: f64,
    width: f64,
}

#[derive(Serialize)]
struct Row {
    category: &'static str,
    item: String,
    quantity: String,
    price: String,
    amount: String,
    formula: String,
    source: String,
}

/// Writes the page.
pub(super) async fn write(
    file: &Path,
    name: &str,
    report: &CostReport,
    strongest: &[Strongest],
) -> Result<()> {
    let largest = report.clouds.iter().map(|cloud| cloud.total_usd).max().unwrap_or_default();
    let page = Page {
        name,
        date: report.catalogue_date.to_string(),
        warnings: &report.warnings,
        legend: report.clouds.first().map(|cloud| parts(cloud, largest)).unwrap_or_default(),
        clouds: report.clouds.iter().map(|one| cloud(one, largest, strongest)).collect(),
    };
    let text = svg::render("cost.html", include_str!("../../../templates/cost.html"), &page)?;
    tokio::fs::write(file, text).await.map_err(|error| {
        Error::failed("cost_write", format!("cannot write {}", file.display())).because(error)
    })
}

fn cloud(cost: &CloudCost, largest: Decimal, strongest: &[Strongest]) -> Cloud {
    let at_least = if cost.is_complete() { "" } else { "at least " };
    let same =
        |one: &&Strongest| (&one.environment, &one.cloud) == (&cost.environment, &cost.cloud);
    let inputs = strongest.iter().filter(same).flat_map(|one| &one.inputs);
    Cloud {
        title: cost.name(),
        total: format!("{at_least}{}", dollars(cost.total_usd)),
        parts: parts(cost, largest),
        lines: cost.lines.iter().map(row).collect(),
        unknown: cost.unknown.iter().map(|one| format!("{}: {}", one.item, one.why)).collect(),
        strongest: inputs
            .map(|one| format!("{}: {} if doubled", one.input, dollars(one.doubled_usd)))
            .collect(),
    }
}

fn parts(cost: &CloudCost, largest: Decimal) -> Vec<Part> {
    let scale = |amount: Decimal| match largest.is_zero() {
        true => 0.0,
        false => (amount / largest).to_f64().unwrap_or_default() * WIDTH,
    };
    let mut sum = Decimal::ZERO;
    let mut parts = Vec::new();
    for (category, colour) in Category::ALL.iter().zip(COLOURS) {
        let amount = cost.of(*category);
        let (x, width) = (scale(sum), scale(amount));
        sum += amount;
        parts.push(Part { name: category.as_str(), amount: dollars(amount), colour, x, width });
    }
    parts
}

fn row(line: &trefoil_core::cost::Line) -> Row {
    Row {
        category: line.category.as_str(),
        item: line.item.clone(),
        quantity: format!("{} {}", words(line.quantity.round_dp(4)), line.unit),
        price: words(line.unit_price_usd),
        amount: dollars(line.amount_usd),
        formula: line.formula.clone(),
        source: view::source(line),
    }
}
