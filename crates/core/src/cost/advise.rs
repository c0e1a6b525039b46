//! What would cost less without breaking the specification: each with its saving and its risk.

use rust_decimal::Decimal;
use rust_decimal::dec;
use schemars::JsonSchema;
use serde::Serialize;

use super::estimate::{Estimator, Place};
use super::needs::{Architecture, Commitment, Needs, Network, StorageClass};
use super::quantity::number;
use crate::Result;

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Advice {
    /// The cloud, with its region.
    pub cloud: String,
    /// What to do.
    pub change: &'static str,
    /// What it saves, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub saving_usd: Decimal,
    /// What may go wrong.
    pub risk: &'static str,
}

/// A change that could be made.
struct Change {
    what: &'static str,
    risk: &'static str,
    /// Makes the change; false when the specification does not allow it or has it already.
    make: fn(&mut Needs) -> bool,
}

const CHANGES: &[Change] = &[
    Change {
        what: "run on ARM processors",
        risk: "the image must be built for arm64 and tested there",
        make: |needs| match &mut needs.application {
            Some(one) if one.portable && one.architecture == Architecture::X86 => {
                one.architecture = Architecture::Arm;
                true
            }
            _ => false,
        },
    },
    Change {
        what: "commit to the compute for one year",
        risk: "it is paid for a year, used or not; a move to another cloud pays twice",
        make: |needs| commit(needs, Commitment::OneYear),
    },
    Change {
        what: "commit to the compute for three years",
        risk: "it is paid for three years, used or not; a move to another cloud pays twice",
        make: |needs| commit(needs, Commitment::ThreeYears),
    },
    Change {
        what: "reserve the database for one year",
        risk: "it is paid for a year, used or not; its size and region are fixed",
        make: |needs| reserve(needs, Commitment::OneYear),
    },
    Change {
        what: "reserve the database for three years",
        risk: "it is paid for three years, used or not; its size and region are fixed",
        make: |needs| reserve(needs, Commitment::ThreeYears),
    },
    Change {
        what: "keep objects in the class for infrequent access",
        risk: "reading costs extra, and objects are billed for at least 30 days",
        make: |needs| match &mut needs.objects {
            Some(objects) if objects.class == StorageClass::Standard => {
                objects.class = StorageClass::Infrequent;
                true
            }
            _ => false,
        },
    },
    Change {
        what: "reach the cloud's own services through private endpoints instead of NAT gateways",
        risk: "nothing outside the cloud can be reached from the containers",
        make: |needs| {
            let had = needs.network == Network::Nat;
            needs.network = Network::Endpoints;
            had
        },
    },
    Change {
        what: "reach the cloud's own services through NAT gateways instead of private endpoints",
        risk: "data can leave by the same way; what goes through is billed by the gigabyte",
        make: |needs| {
            let had = matches!(needs.network, Network::Endpoints | Network::Private);
            needs.network = Network::Nat;
            had
        },
    },
    Change {
        what: "log half as much for each request",
        risk: "less to see when something goes wrong",
        make: |needs| {
            let had = !needs.workload.log_kb_per_request.is_zero();
            needs.workload.log_kb_per_request /= dec!(2);
            had
        },
    },
];

fn commit(needs: &mut Needs, to: Commitment) -> bool {
    let can = needs.commitment == Commitment::None
        && needs.application.as_ref().is_some_and(|one| one.min_instances > 0 && !one.spot);
    needs.commitment = to;
    can
}

fn reserve(needs: &mut Needs, to: Commitment) -> bool {
    let can = needs.database_commitment == Commitment::None && needs.database.is_some();
    needs.database_commitment = to;
    can
}

/// What would save something at this place, the largest saving first.
///
/// # Errors
/// As for an estimate.
pub fn advise(estimator: &Estimator<'_>, place: &Place, needs: &Needs) -> Result<Vec<Advice>> {
    let now = estimator.cloud(place, needs)?;
    let mut found = Vec::new();
    for change in CHANGES {
        let mut changed = needs.clone();
        if !(change.make)(&mut changed) {
            continue;
        }
        let then = estimator.cloud(place, &changed)?;
        let saving_usd = now.total_usd - then.total_usd;
        // A line that lost its price would look like a saving.
        if then.unknown.len() > now.unknown.len() || saving_usd <= Decimal::ZERO {
            continue;
        }
        found.push(Advice {
            cloud: format!("{} {}", place.cloud, place.region),
            change: change.what,
            saving_usd,
            risk: change.risk,
        });
    }
    found.sort_by_key(|advice| std::cmp::Reverse(advice.saving_usd));
    Ok(found)
}
