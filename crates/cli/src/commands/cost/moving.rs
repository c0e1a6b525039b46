//! `trefoil cost move`: what moving costs, and when it has paid for itself.

use std::fmt::Write;

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
    Ok(ExitStatus::Yes)
}

fn text(cost: &MoveCost) -> String {
    let mut rows: Vec<_> = cost
        .parts
        .iter()
        .map(|part| vec![part.item.clone(), dollars(part.amount_usd), part.formula.clone()])
        .collect();
    rows.push(vec!["ONCE".to_owned(), dollars(cost.once_usd), String::new()]);
    let header = [format!("{} -> {}", cost.from, cost.to), "USD".to_owned(), "BECAUSE".to_owned()];
    let mut text = view::table(header.to_vec(), rows, usize::MAX);
    let (before, after) = (dollars(cost.before_usd), dollars(cost.after_usd));
    let _ = write!(text, "\n\na month before {before}, after {after}: ");
    match cost.payback_months {
        Some(months) => {
            let _ = write!(
                text,
                "saves {}, paid back after {} months",
                dollars(cost.saving_usd),
                words(months.round_dp(1))
            );
        }
        None => {
            let _ = write!(text, "costs {} more, never paid back", dollars(-cost.saving_usd));
        }
    }
    for unknown in &cost.unknown {
        let _ = write!(text, "\nunknown, missing above: {unknown}");
    }
    text
}
