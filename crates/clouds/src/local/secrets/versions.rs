//! The versions of one secret as the file holds them, and how their stages change.

use std::collections::BTreeSet;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Result;
use crate::secrets::{
    SecretVersion, Selector, Stage, StoredVersion, VERSIONS_MAX, version_missing,
};

/// The identifier of the version of a secret that was written before there were versions.
const UNVERSIONED: &str = "unversioned";

/// The versions of one secret, the oldest first.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions(Vec<Version>);

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Version {
    id: String,
    value: String,
    stages: BTreeSet<Stage>,
    created_at: Option<Timestamp>,
}

impl Version {
    fn is(&self, value: &SecretString) -> bool {
        self.value == value.expose_secret()
    }

    fn shown(&self) -> SecretVersion {
        let Self { id, stages, created_at, .. } = self;
        SecretVersion { id: id.clone(), stages: stages.clone(), created_at: *created_at }
    }
}

impl Versions {
    /// A secret that was written before there were versions.
    pub(super) fn unversioned(value: String) -> Self {
        let stages = BTreeSet::from([Stage::Current]);
        Self(vec![Version { id: UNVERSIONED.to_owned(), value, stages, created_at: None }])
    }

    /// A secret that comes from another store.
    pub(super) fn carried(versions: &[StoredVersion]) -> Self {
        let carried = |StoredVersion { version, value }: &StoredVersion| Version {
            id: version.id.clone(),
            value: value.expose_secret().to_owned(),
            stages: version.stages.clone(),
            created_at: version.created_at,
        };
        Self(versions.iter().map(carried).collect())
    }

    /// The value of a version.
    pub(super) fn value(&self, which: &Selector) -> Option<SecretString> {
        let version = self.0.iter().find(|version| match which {
            Selector::Version(id) => version.id == *id,
            Selector::Stage(stage) => version.stages.contains(stage),
        });
        version.map(|version| SecretString::from(version.value.as_str()))
    }

    /// All of them without their values.
    pub(super) fn shown(&self) -> Vec<SecretVersion> {
        self.0.iter().map(Version::shown).collect()
    }

    /// Makes a value current.
    pub(super) fn set(&mut self, value: &SecretString, now: Timestamp) {
        if self.in_stage(Stage::Current).is_none_or(|at| !self.0[at].is(value)) {
            let new = self.add(value, now);
            self.make_current(new);
        }
    }

    /// Adds a value that is pending.
    pub(super) fn put(&mut self, value: &SecretString, now: Timestamp) -> SecretVersion {
        let there = self.in_stage(Stage::Pending).filter(|at| self.0[*at].is(value));
        let at = there.unwrap_or_else(|| self.add(value, now));
        self.move_stage(Stage::Pending, at);
        let shown = self.0[at].shown();
        self.forget();
        shown
    }

    /// Makes a version current.
    pub(super) fn promote(&mut self, name: &str, id: &str) -> Result<()> {
        let found = self.0.iter().position(|version| version.id == id);
        self.make_current(found.ok_or_else(|| version_missing(name, id))?);
        Ok(())
    }

    fn in_stage(&self, stage: Stage) -> Option<usize> {
        self.0.iter().position(|version| version.stages.contains(&stage))
    }

    /// Adds a version in no stage; its place.
    fn add(&mut self, value: &SecretString, now: Timestamp) -> usize {
        self.0.push(Version {
            id: Uuid::now_v7().to_string(),
            value: value.expose_secret().to_owned(),
            stages: BTreeSet::new(),
            created_at: Some(now),
        });
        self.0.len() - 1
    }

    fn make_current(&mut self, new: usize) {
        if let Some(old) = self.in_stage(Stage::Current).filter(|old| *old != new) {
            self.move_stage(Stage::Previous, old);
        }
        self.0[new].stages.clear();
        self.move_stage(Stage::Current, new);
        self.forget();
    }

    /// Takes a stage from whatever is in it, and gives it to the version at `to`.
    fn move_stage(&mut self, stage: Stage, to: usize) {
        for (at, version) in self.0.iter_mut().enumerate() {
            if at == to {
                version.stages.insert(stage);
            } else {
                version.stages.remove(&stage);
            }
        }
    }

    /// Forgets the oldest versions that are in no stage, as many as are too many.
    fn forget(&mut self) {
        let mut too_many = self.0.len().saturating_sub(VERSIONS_MAX);
        self.0.retain(|version| {
            let goes = too_many > 0 && version.stages.is_empty();
            too_many -= usize::from(goes);
            !goes
        });
    }
}
