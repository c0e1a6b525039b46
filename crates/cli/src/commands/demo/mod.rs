//! `trefoil demo`: two local clouds, an application under traffic, a move, the way back, and the
//! count of everything that was acknowledged, by a program that knows nothing of Trefoil.

mod chart;
mod machine;
pub(crate) mod report;
mod stage;
mod story;

use comfy_table::{Table, presets};

use crate::args::DemoArgs;
use crate::{Cx, Error, ExitStatus, Result};

/// Runs the demonstration; exit code 1 when anything was lost or doubled.
///
/// Errors: `demo_program` when a program is not built, `demo_step` when a step fails.
pub async fn run(cx: &Cx, args: &DemoArgs) -> Result<ExitStatus> {
    cx.interrupt.take_over();
    let report = story::run(cx, args).await?;
    let folder = args.report.display();
    cx.printer.answer(&report, || {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        report.rows().into_iter().for_each(|(what, value)| {
            table.add_row([what, value]);
        });
        format!("{table}\n{folder}/report.html shows it; it opens without a network")
    })?;
    if report.is_clean() {
        return Ok(ExitStatus::Yes);
    }
    Err(Error::failed("demo_loss", "something acknowledged is lost, doubled or not equal")
        .hint(format!("{folder}/report.json has the details")))
}
