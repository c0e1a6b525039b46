//! Which inputs move the total most.

use rust_decimal::Decimal;
use rust_decimal::dec;
use serde::Serialize;

use super::estimate::{Estimator, Place};
use super::needs::Needs;
use super::quantity::number;
use crate::Result;

/// How much an input moves the total.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sensitivity {
    /// The input.
    pub input: &'static str,
    /// What twice as much of it costs on top, in US dollars a month.
    #[serde(serialize_with = "number")]
    pub doubled_usd: Decimal,
}

/// Makes an input twice as large.
type Double = fn(&mut Needs);

const TWO: Decimal = dec!(2);

const INPUTS: &[(&str, Double)] = &[
    ("requests a second", |needs| needs.workload.requests_per_s *= TWO),
    ("vCPU of an instance", |needs| {
        if let Some(one) = &mut needs.application {
            one.vcpu *= TWO;
        }
    }),
    ("memory of an instance", |needs| {
        if let Some(one) = &mut needs.application {
            one.memory_gib *= TWO;
        }
    }),
    ("instances that always run", |needs| {
        if let Some(one) = &mut needs.application {
            one.min_instances = one.min_instances.saturating_mul(2);
        }
    }),
    ("egress", |needs| needs.workload.egress_gb *= TWO),
    ("size of the database", |needs| needs.workload.database_gb *= TWO),
    ("memory of the database", |needs| {
        if let Some(one) = &mut needs.database {
            one.memory_gib *= TWO;
        }
    }),
    ("size of the objects", |needs| needs.workload.object_gb *= TWO),
    ("tokens", |needs| {
        needs.workload.input_tokens *= TWO;
        needs.workload.output_tokens *= TWO;
    }),
    ("log bytes a request", |needs| needs.workload.log_kb_per_request *= TWO),
    ("session writes a request", |needs| needs.workload.session_writes_per_request *= TWO),
];

/// The inputs by how much they move the total, the strongest first. An input whose doubling has no
/// price is left out.
///
/// # Errors
/// As for an estimate.
pub fn sensitivity(
    estimator: &Estimator<'_>,
    place: &Place,
    needs: &Needs,
) -> Result<Vec<Sensitivity>> {
    let now = estimator.cloud(place, needs)?;
    let mut found = Vec::new();
    for (input, double) in INPUTS {
        let mut changed = needs.clone();
        double(&mut changed);
        let then = estimator.cloud(place, &changed)?;
        if then.unknown.len() == now.unknown.len() {
            let doubled_usd = then.total_usd - now.total_usd;
            found.push(Sensitivity { input, doubled_usd });
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse(one.doubled_usd.abs()));
    Ok(found)
}
