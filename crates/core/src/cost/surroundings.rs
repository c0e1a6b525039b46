//! What an environment has around its application when Trefoil's files set it up.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::deployment::Metric;

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
