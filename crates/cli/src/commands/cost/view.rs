//! Costs as people read them: tables, bars, and CSV.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use trefoil_core::cost::quantity::{dollars, words};
use trefoil_core::cost::{Category, CloudCost, Confidence, CostReport, Line};

use super::Strongest;
use super::sites::Refused;

/// The width of the longest bar, in characters.
const BAR: u32 = 60;
/// One letter for each category, in the order of [`Category::ALL`].
const LETTERS: [char; 7] = ['C', 'D', 'A', 'S', 'N', 'M', 'o'];

/// A table whose columns from `numbers` on are numbers.
pub(super) fn table(header: Vec<String>, rows: Vec<Vec<String>>, numbers: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// One row for each category, bars, what is unknown, and what moves the total most.
pub(super) fn categories(
    report: &CostReport,
    strongest: &[Strongest],
    refused: &[Refused],
) -> String {
    let mut header = vec![format!("{} A MONTH", report.currency)];
    header.extend(report.clouds.iter().map(CloudCost::name));
    let row = |name: &str, of: &dyn Fn(&CloudCost) -> Decimal| {
        let mut row = vec![name.to_owned()];
        row.extend(report.clouds.iter().map(|cloud| dollars(of(cloud))));
        row
    };
    let mut rows: Vec<_> = Category::ALL
        .iter()
        .map(|category| row(category.as_str(), &|cloud| cloud.of(*category)))
        .collect();
    let mut totals = vec!["TOTAL".to_owned()];
    totals.extend(report.clouds.iter().map(total));
    rows.push(totals);
    let mut text = table(header, rows, 1);
    text.push_str("\n\n");
    text.push_str(&bars(report));
    text.push_str(&unknown(report));
    text.push_str(&without(refused));
    for one in strongest {
        let inputs = one.inputs.iter().map(|input| {
            format!(
                "{} ({}{})",
                input.input,
                if input.doubled_usd.is_sign_negative() { "" } else { "+" },
                dollars(input.doubled_usd)
            )
        });
        let _ = write!(
            text,
            "\n{}: doubled, these move the total most: {}",
            one.environment.as_ref().unwrap_or(&one.cloud),
            inputs.collect::<Vec<_>>().join(", ")
        );
    }
    let _ = write!(
        text,
        "\nprices of {}; `--by line` shows each with its source and date",
        report.catalogue_date
    );
    text
}

/// A total that misses something is a minimum.
fn total(cloud: &CloudCost) -> String {
    amount(cloud.is_complete(), cloud.total_usd)
}

/// An amount; one that misses something is a minimum.
pub(super) fn amount(is_complete: bool, amount: Decimal) -> String {
    let at_least = if is_complete { "" } else { ">= " };
    format!("{at_least}{}", dollars(amount))
}

/// Bars of the same scale, stacked by category.
fn bars(report: &CostReport) -> String {
    let largest = report.clouds.iter().map(|cloud| cloud.total_usd).max().unwrap_or_default();
    if largest.is_zero() {
        return String::new();
    }
    let width = report.clouds.iter().map(|cloud| short(cloud).len()).max().unwrap_or_default();
    let mut text = String::new();
    for cloud in &report.clouds {
        let _ = writeln!(text, "{:width$}  {} {}", short(cloud), bar(cloud, largest), total(cloud));
    }
    let legend =
        Category::ALL.iter().zip(LETTERS).map(|(one, letter)| format!("{letter} {}", one.as_str()));
    let _ = writeln!(text, "{:width$}  {}", "", legend.collect::<Vec<_>>().join("  "));
    text
}

/// The environment, or the cloud where the specification has none on it.
fn short(cloud: &CloudCost) -> &str {
    cloud.environment.as_ref().unwrap_or(&cloud.cloud)
}

/// What has no estimate at all, and why.
fn without(refused: &[Refused]) -> String {
    let mut text = String::new();
    for one in refused {
        let _ = write!(text, "\nnot priced: {}: {}", one.site, one.message);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The ends of the parts are rounded, not the parts, so that their sum stays right.
fn bar(cloud: &CloudCost, largest: Decimal) -> String {
    let mut bar = String::new();
    let mut sum = Decimal::ZERO;
    for (category, letter) in Category::ALL.iter().zip(LETTERS) {
        sum += cloud.of(*category);
        let end = (sum / largest * Decimal::from(BAR)).round().to_usize().unwrap_or_default();
        bar.extend(std::iter::repeat_n(letter, end.saturating_sub(bar.chars().count())));
    }
    bar
}

fn unknown(report: &CostReport) -> String {
    let mut text = String::new();
    for cloud in &report.clouds {
        for one in &cloud.unknown {
            let _ = write!(text, "\nunknown on {}: {} ({})", short(cloud), one.item, one.why);
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// One row for each line of the bill.
pub(super) fn lines(report: &CostReport, refused: &[Refused]) -> String {
    let header =
        ["CLOUD", "CATEGORY", "ITEM", "QUANTITY", "UNIT PRICE", "AMOUNT", "FORMULA", "SOURCE"];
    let rows = report.clouds.iter().flat_map(|cloud| {
        cloud.lines.iter().map(move |line| {
            vec![
                short(cloud).to_owned(),
                line.category.as_str().to_owned(),
                line.item.clone(),
                format!("{} {}", words(line.quantity.round_dp(4)), line.unit),
                words(line.unit_price_usd),
                dollars(line.amount_usd),
                line.formula.clone(),
                source(line),
            ]
        })
    });
    let mut text = table(header.map(str::to_owned).to_vec(), rows.collect(), usize::MAX);
    for cloud in &report.clouds {
        let _ = write!(text, "\n{}: {}", cloud.name(), total(cloud));
    }
    text.push_str(&unknown(report));
    text.push_str(&without(refused));
    text
}

/// Where a price comes from; one from memory is shown as such.
pub(super) fn source(line: &Line) -> String {
    let date = line.as_of.as_deref().unwrap_or("undated");
    match line.confidence {
        Confidence::Memory => "FROM MEMORY, unsourced".to_owned(),
        confidence => format!("{} {date} ({confidence})", line.source),
    }
}

/// One record for each line, and one for each thing without a price.
pub(super) fn csv(report: &CostReport) -> String {
    let mut text = "cloud,region,category,item,quantity,unit,unit_price_usd,amount_usd,formula,source,as_of,confidence,environment".to_owned();
    for cloud in &report.clouds {
        for line in &cloud.lines {
            let fields = [
                cloud.cloud.as_str(),
                &cloud.region,
                line.category.as_str(),
                &line.item,
                &line.quantity.normalize().to_string(),
                &line.unit,
                &line.unit_price_usd.normalize().to_string(),
                &line.amount_usd.normalize().to_string(),
                &line.formula,
                &line.source,
                line.as_of.as_deref().unwrap_or_default(),
                line.confidence.as_str(),
                cloud.environment.as_deref().unwrap_or_default(),
            ];
            let _ = write!(text, "\n{}", fields.map(quoted).join(","));
        }
        for one in &cloud.unknown {
            let quantity = one.quantity.map(|one| one.normalize().to_string()).unwrap_or_default();
            let fields = [
                cloud.cloud.as_str(),
                &cloud.region,
                one.category.as_str(),
                &one.item,
                &quantity,
                "",
                "",
                "",
                &one.why,
                "",
                "",
                "unknown",
                cloud.environment.as_deref().unwrap_or_default(),
            ];
            let _ = write!(text, "\n{}", fields.map(quoted).join(","));
        }
    }
    text
}

fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
