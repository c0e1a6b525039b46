//! The operate half: what Trefoil needs to run environments, as small traits that each cloud
//! implements, and the wire types of the two processes that stand beside an application.

pub mod agent_protocol;
pub mod compute;
pub mod control;
pub mod edge_protocol;
pub(crate) mod existing;
pub(crate) mod reference;
// Without a cloud that has a feed nothing reads one.
#[cfg_attr(not(feature = "feed"), allow(dead_code, unused_imports))]
pub mod feed;
pub mod fetch;
pub mod files;
pub mod inventory;
pub mod log_store;
pub mod pricing;
pub mod probe;
pub mod process;
pub mod provision;
pub mod render;
pub mod spawn;
pub mod traffic;

use std::sync::Arc;

use crate::services::Services;

/// One environment, opened to be operated.
#[derive(Clone)]
pub struct Site {
    /// The environment's name in the specification.
    pub name: String,
    /// The cloud that it is on.
    pub cloud: String,
    /// Starts and removes what the environment consists of.
    pub provision: Arc<dyn provision::Provision>,
    /// Observes what exists.
    pub inventory: Arc<dyn inventory::Observe>,
    /// Starts and stops the application.
    pub compute: Arc<dyn compute::Compute>,
    /// Sends users' requests to it.
    pub traffic: Arc<dyn traffic::Traffic>,
    /// Its services, once provisioned.
    pub services: Services,
}

/// What is needed to open an environment.
pub struct OpenSite<'a> {
    /// The specification.
    pub spec: &'a trefoil_core::spec::AppSpec,
    /// The folder of the specification: relative paths in commands begin here.
    pub spec_folder: &'a std::path::Path,
    /// The environment's name.
    pub environment: &'a str,
    /// The folder of state on this machine (`.trefoil`).
    pub folder: &'a std::path::Path,
    /// The program that is started for processes that stay: agent and edge.
    pub program: &'a std::path::Path,
}
