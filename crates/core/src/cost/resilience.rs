//! What it costs to survive the loss of a cloud, from nothing to a hot standby on another.

use rust_decimal::Decimal;
use rust_decimal::dec;
use schemars::JsonSchema;
use serde::Serialize;

use super::estimate::{Estimator, Site};
use super::needs::{Needs, Objects, Workload};
use super::quantity::{days, number};
use super::report::CloudCost;
use crate::Result;

/// What is assumed about the standby.
#[derive(Debug, Clone, Copy)]
pub struct Assumptions {
    /// How much of the database and the objects changes in a month, in GB.
    pub change_gb: Decimal,
    /// How many hours lie between two backups.
    pub backup_hours: Decimal,
    /// How fast a backup is restored, in MB a second.
    pub restore_mb_per_s: Decimal,
}

/// One level of resilience and its price.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Level {
    /// Its name.
    pub name: &'static str,
    /// What there is on the other cloud.
    pub standby: &'static str,
    /// Recovery time: seconds until it serves again. A planning value, not a measurement; none
    /// where nothing is prepared.
    pub rto_s: Option<u64>,
    /// Recovery point: how many seconds of writes may be lost; none where nothing is prepared.
    pub rpo_s: Option<u64>,
    /// What the standby itself costs, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub standby_usd: Decimal,
    /// What replication costs where it leaves the primary, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub replication_usd: Decimal,
    /// What probing from outside costs, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub health_checks_usd: Decimal,
    /// What it costs on top, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub extra_usd: Decimal,
    /// With the primary, in US dollars a month.
    #[serde(serialize_with = "number")]
    #[schemars(with = "f64")]
    pub total_usd: Decimal,
    /// The sums that miss a price, by name: each is at least as much.
    pub minimums: Vec<&'static str>,
    /// What has no price and is missing from the sums.
    pub unknown: Vec<String>,
}

/// A level before it is priced.
struct Plan {
    name: &'static str,
    words: &'static str,
    rto_s: Option<u64>,
    rpo_s: Option<u64>,
    standby: Option<Needs>,
    replication_gb: Decimal,
    checks: u32,
}

/// The levels from none to a hot standby.
///
/// # Errors
/// As for an estimate.
pub fn levels(
    estimator: &Estimator<'_>,
    (primary, standby): (&Site, &Site),
    assume: &Assumptions,
) -> Result<Vec<Level>> {
    super::quantity::believable("--change-gb", assume.change_gb)?;
    super::quantity::believable("--backup-hours", assume.backup_hours)?;
    super::quantity::believable("--restore-mb-per-s", assume.restore_mb_per_s)?;
    let plans = [
        Plan {
            name: "none",
            words: "nothing",
            rto_s: None,
            rpo_s: None,
            standby: None,
            replication_gb: Decimal::ZERO,
            checks: 0,
        },
        backups(&primary.needs, assume),
        Plan {
            name: "pilot light",
            words: "the database follows, objects and images are there, nothing runs",
            rto_s: Some(15 * 60),
            rpo_s: Some(60),
            standby: Some(pilot_light(&standby.needs)),
            replication_gb: assume.change_gb,
            checks: 2,
        },
        Plan {
            name: "warm standby",
            words: "as pilot light, and one instance runs",
            rto_s: Some(5 * 60),
            rpo_s: Some(60),
            standby: Some(warm(&standby.needs)),
            replication_gb: assume.change_gb,
            checks: 2,
        },
        Plan {
            name: "hot standby",
            words: "as many instances as at the primary, the database with a second server",
            rto_s: Some(60),
            rpo_s: Some(10),
            standby: Some(hot(&standby.needs)),
            replication_gb: assume.change_gb,
            checks: 2,
        },
    ];
    plans.into_iter().map(|plan| price(estimator, (primary, standby), plan)).collect()
}

/// Backups: one full copy of everything each month, and what changed in between.
fn backups(needs: &Needs, assume: &Assumptions) -> Plan {
    let load = &needs.workload;
    let full = load.database_gb + load.object_gb;
    let per_s = assume.restore_mb_per_s.max(Decimal::ONE);
    let restore_s = full * Decimal::ONE_THOUSAND / per_s;
    let rto = (restore_s + dec!(3600)).ceil().try_into().ok();
    let rpo = (assume.backup_hours * dec!(3600)).ceil().try_into().ok();
    let runs = match assume.backup_hours.is_zero() {
        true => Decimal::ZERO,
        false => (days() * dec!(24) / assume.backup_hours).ceil(),
    };
    let standby = Needs {
        objects: Some(Objects::default()),
        workload: Workload {
            object_gb: full + assume.change_gb,
            object_writes: runs,
            ..Workload::default()
        },
        ..Needs::default()
    };
    Plan {
        name: "backups",
        words: "a full copy of database and objects each month, and the changes since",
        rto_s: rto,
        rpo_s: rpo,
        standby: Some(standby),
        replication_gb: load.database_gb + assume.change_gb,
        checks: 0,
    }
}

fn pilot_light(needs: &Needs) -> Needs {
    let mut standby = idle(needs);
    standby.application = None;
    if let Some(database) = &mut standby.database {
        database.high_availability = false;
    }
    standby
}

fn warm(needs: &Needs) -> Needs {
    let mut standby = pilot_light(needs);
    standby.application = needs.application.clone().map(|mut application| {
        application.min_instances = 1;
        application
    });
    standby
}

fn hot(needs: &Needs) -> Needs {
    let mut standby = idle(needs);
    if let Some(application) = &mut standby.application {
        let instances = application.instances(needs.workload.requests_per_s);
        application.min_instances = instances.try_into().unwrap_or(u32::MAX);
    }
    if let Some(database) = &mut standby.database {
        database.high_availability = true;
    }
    standby
}

/// The same application without users: data, but no requests, tokens and downloads.
fn idle(needs: &Needs) -> Needs {
    let load = &needs.workload;
    let mut standby = needs.clone();
    standby.chat = None;
    standby.dns_zones = 0;
    if let Some(around) = &mut standby.surroundings {
        // What runs by the clock runs at the primary.
        around.jobs.clear();
    }
    standby.workload = Workload {
        database_gb: load.database_gb,
        database_backup_gb: load.database_backup_gb,
        object_gb: load.object_gb,
        object_writes: load.object_writes,
        session_gb: load.session_gb,
        log_base_gb: load.log_base_gb,
        ..Workload::default()
    };
    standby
}

fn price(
    estimator: &Estimator<'_>,
    (primary, standby): (&Site, &Site),
    plan: Plan,
) -> Result<Level> {
    let (needs, primary) = (&primary.needs, &primary.place);
    let alone = estimator.cloud(primary, needs)?;
    let mut sending = needs.clone();
    sending.workload.replication_gb += plan.replication_gb;
    let replicated = estimator.cloud(primary, &sending)?;
    let mut probing = sending.clone();
    probing.external_checks += plan.checks;
    let probed = estimator.cloud(primary, &probing)?;
    let there = match &plan.standby {
        Some(there) => Some(estimator.cloud(&standby.place, there)?),
        None => None,
    };
    let standby_usd = there.as_ref().map(|cost| cost.total_usd).unwrap_or_default();
    let replication_usd = replicated.total_usd - alone.total_usd;
    let health_checks_usd = probed.total_usd - replicated.total_usd;
    let extra_usd = standby_usd + replication_usd + health_checks_usd;
    let minimums = minimums([&alone, &replicated, &probed], there.as_ref());
    let unknown = [Some(&probed), there.as_ref()].into_iter().flatten().flat_map(|cloud| {
        cloud.unknown.iter().map(|one| format!("{}: {} ({})", cloud.cloud, one.item, one.why))
    });
    Ok(Level {
        name: plan.name,
        standby: plan.words,
        rto_s: plan.rto_s,
        rpo_s: plan.rpo_s,
        standby_usd,
        replication_usd,
        health_checks_usd,
        extra_usd,
        total_usd: alone.total_usd + extra_usd,
        minimums,
        unknown: unknown.collect(),
    })
}

/// The sums that miss a price. A difference of two bills misses one where something without a price
/// grows.
fn minimums(
    [alone, replicated, probed]: [&CloudCost; 3],
    there: Option<&CloudCost>,
) -> Vec<&'static str> {
    let standby = there.is_some_and(|there| !there.is_complete());
    let replication = alone.unknown != replicated.unknown;
    let checks = replicated.unknown != probed.unknown;
    let extra = standby || replication || checks;
    let sums = [
        ("standby_usd", standby),
        ("replication_usd", replication),
        ("health_checks_usd", checks),
        ("extra_usd", extra),
        ("total_usd", extra || !alone.is_complete()),
    ];
    sums.into_iter().filter(|(_, is_minimum)| *is_minimum).map(|(name, _)| name).collect()
}
