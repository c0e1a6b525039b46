//! `trefoil cost advise`: what would cost less.

use serde::Serialize;
use trefoil_core::cost::advise::{Advice, advise};
use trefoil_core::cost::quantity::dollars;

use super::input::Input;
use super::view;
use crate::{Cx, ExitStatus, Result};

#[derive(Serialize)]
struct Answer {
    advice: Vec<Advice>,
}

/// Asks for each place.
pub(super) fn run(input: &Input, cx: &Cx) -> Result<ExitStatus> {
    let estimator = input.estimator();
    let mut advice = Vec::new();
    for place in &input.places {
        advice.extend(advise(&estimator, place, &input.needs)?);
    }
    let answer = Answer { advice };
    cx.printer.answer(&answer, || text(&answer))?;
    Ok(ExitStatus::Yes)
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
