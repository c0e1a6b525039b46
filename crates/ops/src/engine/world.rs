//! The environments that a plan works on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;
use trefoil_clouds::operate::Site;
use trefoil_core::spec::AppSpec;

use crate::{Error, Result};

/// Everything that actions may touch.
#[derive(Clone)]
pub struct World {
    /// The specification.
    pub spec: AppSpec,
    /// The file it was read from.
    pub spec_file: PathBuf,
    /// The environments by name.
    pub sites: BTreeMap<String, Site>,
    /// The folder of state on this machine (`.trefoil`).
    pub folder: PathBuf,
    /// Where the log is when it is not in that folder.
    pub log_url: Option<String>,
    /// The program that is started for processes that stay: agent, edge, backflow.
    pub program: PathBuf,
    /// What steps of a run leave for later ones in this process.
    pub kept: Kept,
}

/// Handles by their type, each made when it is asked for first. Nothing in here is needed: a step
/// that another process performs does without.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Extensions>>);

impl Kept {
    /// The handle of this type.
    pub fn handle<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get_or_insert_default::<T>().clone()
    }
}

impl World {
    /// The specification as it holds in one environment.
    pub fn spec_of(&self, environment: &str) -> Result<AppSpec> {
        self.spec.for_environment(environment)
    }

    /// An environment by its name.
    pub fn site(&self, environment: &str) -> Result<&Site> {
        self.sites.get(environment).ok_or_else(|| {
            let known: Vec<_> = self.sites.keys().map(String::as_str).collect();
            Error::usage("environment_unknown", format!("there is no environment `{environment}`"))
                .hint(format!("the specification has: {}", known.join(", ")))
        })
    }
}
