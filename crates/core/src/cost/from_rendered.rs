//! What a specification needs as `trefoil render` sets it up: with what its profile adds, and with
//! all that stands around the application.

use rust_decimal::{Decimal, dec};

use super::needs::{Needs, Network};
use super::quantity::days;
use super::surroundings::{Job, Pair, Surroundings};
use crate::Result;
use crate::deployment::{log_days, with_profile};
use crate::spec::{self, AppSpec, Profile};
use crate::units::Period;

/// Days of the year that a schedule is counted over.
const YEAR_DAYS: Decimal = dec!(365);

impl Needs {
    /// What a specification needs as `trefoil render` sets it up: with what its profile adds, in a
    /// private network, and with all that stands around the application.
    pub fn of_rendered(spec: &AppSpec) -> Self {
        let spec = with_profile(spec);
        Self {
            network: Network::Private,
            log_kept_days: log_days(spec.profile),
            surroundings: Some(surroundings(&spec)),
            ..Self::of_spec(&spec)
        }
    }

    /// What one environment of a specification needs as `trefoil render` sets it up, its overrides
    /// taken in, with what it has because another takes over for it.
    ///
    /// # Errors
    /// `environment_unknown`, and `overrides_wrong` for a specification that was not parsed.
    pub fn of_environment(spec: &AppSpec, name: &str) -> Result<Self> {
        let own = spec.for_environment(name)?;
        Ok(Self::of_rendered(&own).beside_others(&own, name))
    }

    /// The same for an environment beside others: one that can move to another, that takes over for
    /// another, or for which another does.
    #[must_use]
    pub fn beside_others(mut self, spec: &AppSpec, name: &str) -> Self {
        if let Some(around) = &mut self.surroundings {
            around.pair = pair(spec, name);
            around.movable = spec.environments.len() > 1;
        }
        self
    }

    /// What stands around the application; nothing when only the application itself is meant.
    pub fn around(&self) -> Surroundings {
        self.surroundings.clone().unwrap_or_default()
    }
}

fn surroundings(spec: &AppSpec) -> Surroundings {
    let runs = spec.application.is_some();
    Surroundings {
        survives_zone: spec.profile > Profile::Small,
        resilient: spec.profile == Profile::Resilient,
        domain: runs && spec.domain.is_some(),
        cache_gib: spec
            .cache
            .as_ref()
            .map(|cache| Decimal::from(cache.memory.as_u64()) / Decimal::from(1_u64 << 30)),
        cdn: runs && spec.cdn == Some(true),
        firewall: runs && spec.firewall == Some(true),
        budget: spec.budget.is_some(),
        tracing: runs && spec.tracing,
        reaches_outside: runs && spec.chat.as_ref().is_some_and(|chat| chat.endpoint.is_some()),
        watched: spec.alarms.values().map(|alarm| alarm.metric.clone()).collect(),
        jobs: if runs { jobs(spec) } else { Vec::new() },
        movable: false,
        pair: None,
    }
}

fn jobs(spec: &AppSpec) -> Vec<Job> {
    let usual = spec.workload.clone().unwrap_or_default().job_time;
    let job = |(name, job): (&String, &spec::Job)| Job {
        name: name.clone(),
        runs: Decimal::from(job.schedule.times_a_year()) * days() / YEAR_DAYS,
        run_s: seconds(usual.min(job.timeout)),
        interruptible: job.interruptible,
    };
    spec.jobs.iter().map(job).collect()
}

fn seconds(period: Period) -> Decimal {
    Decimal::from(period.as_millis()) / Decimal::ONE_THOUSAND
}

fn pair(spec: &AppSpec, name: &str) -> Option<Pair> {
    let recovery = spec.recovery.as_ref()?;
    let serves = name == recovery.primary;
    let other = match serves {
        true => &recovery.standby,
        false if name == recovery.standby => &recovery.primary,
        false => return None,
    };
    Some(Pair {
        serves,
        other_cloud: spec.environments.get(other)?.cloud.clone(),
        private_network: recovery.private_network && spec.database.is_some(),
    })
}
