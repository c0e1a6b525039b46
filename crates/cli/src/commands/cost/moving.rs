//! `trefoil cost move`: what moving costs, and when it has paid for itself.

use std::fmt::Write;

use rust_decimal::Decimal;
use trefoil_core::cost::moving::{Assumptions, MoveCost, moving};
use trefoil_core::cost::quantity::{dollars, words};

use super::input::Input;
use super::view;
use crate::args::{Choice, MoveArgs};
use crate::{Cx, ExitStatus, Result};

/// Prices a move.
pub(super) fn run(
    cx: &Cx,
    args: &MoveArgs,
    (choice, input): (&Choice, &Input),
) -> Result<ExitStatus> {
    let (from, to) = (input.site(&args.from, choice)?, input.site(&args.to, choice)?);
    let assume = Assumptions {
        double_days: args.double_days,
        work_hours: args.hours,
        hour_usd: args.hour_usd,
        object_mb: args.object_mb,
    };
    let cost = moving(&input.estimator(), (&from, &to), &assume)?;
    cx.printer.answer(&cost, || text(&cost))?;
    Ok(input.ending())
}

fn text(cost: &MoveCost) -> String {
    let amount = |is_minimum: bool, amount| view::amount(!is_minimum, amount);
    let sum = |name, sum| amount(cost.minimums.contains(&name), sum);
    let parts = cost.parts.iter().map(|part| {
        vec![part.item.clone(), amount(part.is_minimum, part.amount_usd), part.formula.clone()]
    });
    let mut rows: Vec<_> = parts.collect();
    rows.push(vec!["ONCE".to_owned(), sum("once_usd", cost.once_usd), String::new()]);
    let header = [format!("{} -> {}", cost.from, cost.to), "USD".to_owned(), "BECAUSE".to_owned()];
    let mut text = view::table(header.to_vec(), rows, usize::MAX);
    let (before, after) = (sum("before_usd", cost.before_usd), sum("after_usd", cost.after_usd));
    let _ = write!(text, "\n\na month before {before}, after {after}: {}", gain(cost));
    for unknown in &cost.unknown {
        let _ = write!(text, "\nunknown, missing above: {unknown}");
    }
    text
}

/// What it saves and when it has paid for itself, as far as the prices say.
fn gain(cost: &MoveCost) -> String {
    match (cost.saving_usd, cost.payback_months) {
        (None, _) => "what it saves cannot be said, because prices are missing".to_owned(),
        (Some(saving), Some(months)) => {
            let months = words(months.round_dp(1));
            format!("saves {}, paid back after {months} months", dollars(saving))
        }
        (Some(saving), None) if saving > Decimal::ZERO => {
            format!("saves {}; a price is missing to say when it is paid back", dollars(saving))
        }
        (Some(saving), None) => format!("costs {} more, never paid back", dollars(-saving)),
    }
}
