//! Where an environment keeps what it has, under the state folder.

use std::path::{Path, PathBuf};

/// The folders and files of one environment.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of `environment` under the state folder (`.trefoil`).
    pub fn new(folder: &Path, environment: &str) -> Self {
        Self { root: folder.join("environments").join(environment) }
    }

    /// The environment's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a bucket.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.root.join("objects").join(name)
    }

    /// The database file of the sessions.
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions.sqlite")
    }

    /// The encrypted file of the secrets; its key stands beside it.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets.age")
    }
}
