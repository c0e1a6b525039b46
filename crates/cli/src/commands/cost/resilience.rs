//! `trefoil cost resilience`: what surviving the loss of a cloud costs.

use std::fmt::Write;

use rust_decimal::dec;
use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::cost::Site;
use trefoil_core::cost::resilience::{Assumptions, Level, levels};

use super::input::Input;
use super::view;
use crate::args::{Choice, ResilienceArgs};
use crate::{Cx, Error, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// The place that serves.
    primary: String,
    /// The place that stands by.
    standby: String,
    /// The levels, the cheapest first.
    levels: Vec<Level>,
}

/// Prices each level.
pub(super) fn run(
    cx: &Cx,
    args: &ResilienceArgs,
    (choice, input): (&Choice, &Input),
) -> Result<ExitStatus> {
    let (primary, standby) = sides(args, choice, input)?;
    let load = &primary.needs.workload;
    let tenth = (load.database_gb + load.object_gb) * dec!(0.1);
    let assume = Assumptions {
        change_gb: args.change_gb.unwrap_or(tenth),
        backup_hours: args.backup_hours,
        restore_mb_per_s: args.restore_mb_per_s,
    };
    let levels = levels(&input.estimator(), (&primary, &standby), &assume)?;
    let answer = Answer { primary: primary.name(), standby: standby.name(), levels };
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(input.ending())
}

/// The two places: as named, else those that the specification recovers between, else the two
/// cheapest.
fn sides(args: &ResilienceArgs, choice: &Choice, input: &Input) -> Result<(Site, Site)> {
    let named =
        |name: &Option<String>| name.as_deref().map(|name| input.site(name, choice)).transpose();
    let (primary, standby) = (named(&args.primary)?, named(&args.standby)?);
    let pair = match &input.spec.recovery {
        // Clouds that a person chose say where, so the specification does not.
        Some(pair) if choice.cloud.is_empty() => {
            vec![input.site(&pair.primary, choice)?, input.site(&pair.standby, choice)?]
        }
        _ => Vec::new(),
    };
    let report = input.estimator().compare(&input.sites)?;
    let cheapest = report.clouds.iter();
    let cheapest: Vec<_> = cheapest
        .filter_map(|cloud| input.sites.iter().find(|site| site.name() == cloud.name()))
        .collect();
    let mut first = pair.iter().chain(cheapest.iter().copied());
    let primary = primary.or_else(|| first.find(|one| Some(*one) != standby.as_ref()).cloned());
    let mut second = pair.iter().rev().chain(cheapest.iter().copied());
    let standby = standby.or_else(|| second.find(|one| Some(*one) != primary.as_ref()).cloned());
    match (primary, standby) {
        (Some(primary), Some(standby)) if primary != standby => Ok((primary, standby)),
        _ => Err(Error::usage("cost_standby", "a standby needs two places")
            .hint("name them with --primary and --standby, or give --cloud twice")),
    }
}

fn text(answer: &Answer) -> String {
    let header =
        ["LEVEL", "BACK AFTER", "MAY LOSE", "STANDBY", "REPLICATION", "CHECKS", "EXTRA", "TOTAL"];
    let rows = answer.levels.iter().map(|level| {
        let amount = |name, sum| view::amount(!level.minimums.contains(&name), sum);
        vec![
            level.name.to_owned(),
            level.rto_s.map_or_else(|| "not prepared".to_owned(), time),
            level.rpo_s.map_or_else(|| "everything".to_owned(), time),
            amount("standby_usd", level.standby_usd),
            amount("replication_usd", level.replication_usd),
            amount("health_checks_usd", level.health_checks_usd),
            amount("extra_usd", level.extra_usd),
            amount("total_usd", level.total_usd),
        ]
    });
    let mut text =
        format!("{} with a standby on {}, USD a month\n\n", answer.primary, answer.standby);
    text.push_str(&view::table(header.map(str::to_owned).to_vec(), rows.collect(), 1));
    text.push_str("\n\ntimes are planning values; a drill measures them");
    for level in &answer.levels {
        for unknown in &level.unknown {
            let _ = write!(text, "\nunknown, missing above in {}: {unknown}", level.name);
        }
    }
    text
}

/// Seconds in the largest unit that keeps them whole enough to read.
fn time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}
