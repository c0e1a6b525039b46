//! `trefoil cost advise`: what would cost less.

use schemars::JsonSchema;
use serde::Serialize;
use trefoil_core::cost::advise::{Advice, advise};
use trefoil_core::cost::quantity::dollars;

use super::input::Input;
use super::view;
use crate::{Cx, ExitStatus, Result};

/// What is answered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// The changes, cloud by cloud.
    advice: Vec<Advice>,
}

/// Asks for each place.
pub(super) fn run(cx: &Cx, input: &Input) -> Result<ExitStatus> {
    let estimator = input.estimator();
    let mut advice = Vec::new();
    for site in &input.sites {
        advice.extend(advise(&estimator, &site.place, &site.needs)?);
    }
    let answer = Answer { advice };
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(input.ending())
}

fn text(answer: &Answer) -> String {
    if answer.advice.is_empty() {
        return "nothing that this catalogue can price would cost less".to_owned();
    }
    let header = ["CLOUD", "SAVES A MONTH", "CHANGE", "RISK"];
    let rows = answer.advice.iter().map(|one| {
        let saving = dollars(one.saving_usd);
        vec![one.cloud.clone(), saving, one.change.to_owned(), one.risk.to_owned()]
    });
    view::table(header.map(str::to_owned).to_vec(), rows.collect(), usize::MAX)
}
