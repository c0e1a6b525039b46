//! Writing a cloud's own artefacts: what every cloud's renderer shares.
//!
//! A renderer computes typed values from a [`Deployment`] and gives them to templates that look
//! like the files they become. Templates know `if` and `for` only; every value that they print
//! passes the one escaping function of the file's language ([`escape`]).

pub mod align;
pub mod escape;
pub mod names;
pub mod templates;

use trefoil_core::deployment::Deployment;
use trefoil_core::units::Period;

use crate::Result;

pub use templates::{Language, Templates};

/// How a cloud writes its artefacts.
#[derive(Clone, Copy)]
pub struct Renderer {
    /// What of a deployment this cloud cannot be; empty when it fits.
    pub misfits: fn(&Deployment) -> Vec<Misfit>,
    /// The files. Called only when there are no misfits.
    pub render: fn(&Deployment) -> Result<Vec<Artefact>>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Where it lies below the folder that is rendered into, such as `infra/aws/network.tf`.
    pub path: String,
    /// What it says.
    pub contents: String,
}

/// Something that a specification asks for and a cloud cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The key of the specification, such as `size.memory`.
    pub path: String,
    /// What is asked for and what the limit is, with both numbers.
    pub message: String,
    /// The nearest that fits.
    pub nearest: String,
}

impl Misfit {
    /// A misfit of the key at `path`.
    pub fn new(
        path: impl Into<String>,
        message: impl Into<String>,
        nearest: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), message: message.into(), nearest: nearest.into() }
    }
}

/// What of an environment is there already: it is not looked at, and everything that is rendered is
/// made new, so it is refused by name on every cloud.
pub fn existing(deployment: &Deployment) -> Vec<Misfit> {
    let (folder, environments) = (&deployment.folder, &deployment.spec.environments);
    // The only environment to render lies in the folder of its cloud.
    let by_cloud = || environments.iter().find(|(_, one)| one.cloud == *folder);
    let Some((name, environment)) = environments.get_key_value(folder).or_else(by_cloud) else {
        return Vec::new();
    };
    let parts = [
        ("database", environment.database.is_some()),
        ("application", environment.application.is_some()),
        ("buckets", !environment.buckets.is_empty()),
        ("sessions", environment.sessions.is_some()),
    ];
    let there = parts.iter().filter(|(_, is_there)| *is_there);
    let misfit = |(part, _): &(&str, bool)| {
        let message = "it exists already, and what is rendered makes every part new";
        let nearest = "leave it out, or render another environment";
        Misfit::new(format!("environments.{name}.{part}"), message, nearest)
    };
    there.map(misfit).collect()
}

/// Whole seconds, rounded up: what clouds count in.
pub fn seconds(period: Period) -> u64 {
    period.as_millis().div_ceil(1_000)
}
