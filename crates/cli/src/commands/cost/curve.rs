//! `trefoil cost curve`: how the total changes with one input.

use std::fmt::Write;

use rust_decimal::dec;
use trefoil_core::cost::curve::{Curve, Range, Vary, curve};
use trefoil_core::cost::quantity::{dollars, words};

use super::input::Input;
use super::{svg, view};
use crate::args::{CurveArgs, Varied};
use crate::{Cx, Error, ExitStatus, Result};

/// How many points the table in the terminal shows.
const ROWS: usize = 11;

/// Computes the curve and its break-even points, and draws it.
pub(super) async fn run(cx: &Cx, args: &CurveArgs, input: &Input) -> Result<ExitStatus> {
    let vary = match args.vary {
        Varied::Requests => Vary::Requests,
        Varied::Users => Vary::Users,
        Varied::Storage => Vary::Storage,
        Varied::Egress => Vary::Egress,
        Varied::Tokens => Vary::Tokens,
    };
    let Some(first) = input.sites.first() else {
        return Err(Error::usage("cost_provider", "no cloud is asked for"));
    };
    let now = vary.value(&first.needs)?;
    if now.is_zero() && args.to.is_none() {
        let message = format!("the specification says no number of {}", vary.unit());
        return Err(Error::usage("cost_range", message)
            .hint("say where the curve ends with `--to`, or how much it is in `workload`"));
    }
    let range = Range {
        from: args.from.unwrap_or(now / dec!(10)),
        to: args.to.unwrap_or(now * dec!(10)),
        points: args.points,
    };
    let curve = curve(&input.estimator(), &input.sites, vary, range)?;
    if let Some(file) = &args.svg {
        tokio::fs::write(file, svg::curve(&curve)?).await.map_err(|error| {
            Error::failed("cost_write", format!("cannot write {}", file.display())).because(error)
        })?;
        cx.printer.talk(&format!("wrote {}", file.display()));
    }
    cx.printer.answer(&curve, || text(&curve))?;
    Ok(input.ending())
}

fn text(curve: &Curve) -> String {
    let mut header = vec![curve.unit.to_uppercase()];
    header.extend(curve.clouds.iter().cloned());
    let last = curve.points.len().saturating_sub(1);
    let shown =
        (0..ROWS.min(curve.points.len())).map(|row| row * last / (ROWS.min(last + 1) - 1).max(1));
    let rows = shown.map(|place| {
        let point = &curve.points[place];
        let mut row = vec![words(point.value.round_dp(2))];
        let totals = point.totals_usd.iter();
        row.extend(totals.map(|total| total.0.map_or_else(|| "unknown".to_owned(), dollars)));
        row
    });
    let mut text = view::table(header, rows.collect(), 0);
    text.push('\n');
    if curve.break_even.is_empty() {
        text.push_str("\nno cloud becomes cheaper than another in this range");
    }
    for one in &curve.break_even {
        let (value, total) = (words(one.value.round_dp(4)), dollars(one.total_usd));
        let jump = if one.jump { ", at a jump" } else { "" };
        let _ = write!(
            text,
            "\nbreak-even at {value} {}: below it {} is cheaper, above it {} ({total} a month{jump})",
            curve.unit, one.cheaper_below, one.cheaper_above
        );
    }
    text
}
