//! What an environment has around its application when Trefoil's files set it up.

use std::collections::BTreeSet;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::needs::{Needs, Network};
use super::quantity::days;
use crate::Result;
use crate::deployment::{Metric, log_days, with_profile};
use crate::spec::{AppSpec, Profile};
use crate::units::{Cron, Period};

/// Days of the year that a schedule is counted over.
const YEAR_DAYS: u32 = 365;

/// What an environment has around its application, as `trefoil render` sets it up: what is priced
/// is what would be deployed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Surroundings {
    /// Whether everything goes on when a zone of the region is lost.
    pub survives_zone: bool,
    /// Whether the profile is `resilient`.
    pub resilient: bool,
    /// Whether users come by a name of the application's own.
    pub domain: bool,
    /// How much the cache holds, in GiB.
    pub cache_gib: Option<Decimal>,
    /// Whether a content delivery network answers for the application.
    pub cdn: bool,
    /// Whether a firewall looks at web requests.
    pub firewall: bool,
    /// Whether somebody is told before too much is spent.
    pub budget: bool,
    /// Whether the paths of requests are recorded.
    pub tracing: bool,
    /// Whether the application asks a service outside of the cloud.
    pub reaches_outside: bool,
    /// What each alarm of the specification watches, by the metric's name.
    pub watched: Vec<String>,
    /// What runs by the clock.
    pub jobs: Vec<Job>,
    /// Whether there is another environment to which it can move: then its database can be followed.
    pub movable: bool,
    /// How it stands to another environment, when one takes over for the other.
    pub pair: Option<Pair>,
}

impl Surroundings {
    /// How many alarms watch a metric of this kind.
    pub fn watching(&self, is_kind: impl Fn(Metric<'_>) -> bool) -> u32 {
        let of_kind = self.watched.iter().filter(|name| is_kind(Metric::of(name)));
        u32::try_from(of_kind.count()).unwrap_or(u32::MAX)
    }

    /// Whether an alarm watches this metric.
    pub fn watches(&self, metric: Metric<'_>) -> bool {
        self.watching(|one| one == metric) > 0
    }

    /// How many metrics the application sends itself.
    pub fn own_metrics(&self) -> u32 {
        let own = self.watched.iter().filter(|name| matches!(Metric::of(name), Metric::Own(_)));
        let each_once: BTreeSet<_> = own.collect();
        u32::try_from(each_once.len()).unwrap_or(u32::MAX)
    }
}

/// What runs by the clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// How often it runs in a month.
    pub runs: Decimal,
    /// How long a run takes, in seconds.
    pub run_s: Decimal,
    /// Whether it may run where the cloud can stop it.
    pub interruptible: bool,
}

/// How an environment stands to another, when one takes over for the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Whether it is this one that serves while all is well.
    pub serves: bool,
    /// The cloud of the other one.
    pub other_cloud: String,
    /// Whether the databases reach each other through a VPN of their own.
    pub private_network: bool,
}

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
    let job = |(name, job): (&String, &crate::spec::Job)| Job {
        name: name.clone(),
        runs: runs(&job.schedule),
        run_s: seconds(usual.min(job.timeout)),
        interruptible: job.interruptible,
    };
    spec.jobs.iter().map(job).collect()
}

fn seconds(period: Period) -> Decimal {
    Decimal::from(period.as_millis()) / Decimal::ONE_THOUSAND
}

/// How often a schedule comes in a month: the days of a year on which it comes, times how often it
/// comes on one of them.
fn runs(schedule: &Cron) -> Decimal {
    let fields: Vec<&str> = schedule.as_str().split_whitespace().collect();
    let [minute, hour, day, month, week_day] = fields.as_slice() else { return Decimal::ZERO };
    let within = |text: String, most_days: u32| {
        Cron::from_str(&text).map_or(0, |cron| cron.times_within(most_days))
    };
    let on_days = within(format!("0 0 {day} {month} {week_day}"), YEAR_DAYS);
    let each_day = within(format!("{minute} {hour} * * *"), 1);
    let a_year = Decimal::from(on_days) * Decimal::from(each_day);
    a_year * days() / Decimal::from(YEAR_DAYS)
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
