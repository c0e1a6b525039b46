//! The specification as one environment sees it.

use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::parse::Spot;
use super::tree::{Entry, Kind, Node};
use super::{AppSpec, Environment, mistakes, rules, schema};
use crate::{Error, Result};

/// Sections that are the same for every environment and that overrides cannot reach.
const NOT_MERGED: [&str; 2] = ["environments", "recovery"];

/// Sections that a move carries, or that decide how it goes.
const CARRIED: [&str; 3] = ["application", "database", "sessions"];

impl AppSpec {
    /// The specification as it holds in one environment: its overrides put over the sections.
    ///
    /// Errors: `environment_unknown`; `overrides_wrong` for a specification that `parse` would
    /// have refused.
    pub fn for_environment(&self, name: &str) -> Result<AppSpec> {
        let environment = self.environment(name)?;
        if environment.overrides.0.is_empty() {
            return Ok(self.clone());
        }
        let mut merged = Node::of(&self.to_value());
        merged.merge(&Node::of(&Value::Object(environment.overrides.0.clone())));
        serde_json::from_value(merged.to_value()).map_err(|error| {
            let message = format!("the overrides of environment `{name}` do not fit the sections");
            Error::usage("overrides_wrong", message).because(error)
        })
    }

    /// An environment by its name.
    ///
    /// Errors: `environment_unknown`.
    pub fn environment(&self, name: &str) -> Result<&Environment> {
        self.environments.get(name).ok_or_else(|| {
            let known: Vec<_> = self.environments.keys().map(String::as_str).collect();
            Error::usage("environment_unknown", format!("there is no environment `{name}`"))
                .hint(format!("the specification has: {}", known.join(", ")))
        })
    }

    /// What the specification says about an environment that no command can honour yet, one error
    /// for each: whoever is about to act on the environment refuses with them.
    pub fn not_yet(&self, environment: &str) -> Vec<Error> {
        let Some(part) = self.environments.get(environment) else { return Vec::new() };
        let mut keys = Vec::new();
        if part.application.is_some() {
            keys.push("application.url".to_owned());
        }
        if part.sessions.is_some() {
            keys.push("sessions.url".to_owned());
        }
        let path = |key: String| format!("environments.{environment}.{key}");
        keys.into_iter().map(|key| existing_not_yet(&path(key))).collect()
    }

    pub(super) fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a specification has only text for keys")
    }
}

fn existing_not_yet(path: &str) -> Error {
    let message = format!("`{path}` is a part that is there already: not built yet");
    let hint = "leave it out to have Trefoil make and run that part itself";
    Error::usage("section_not_yet", message).hint(hint)
}

/// Adds what is wrong with the sections as each environment overrides them, without what was
/// found in the sections or in the overrides alone.
pub(super) fn check(root: &Node, clouds: &[&str], found: &mut Vec<Diagnostic>) {
    let Some(environments) = root.get("environments") else { return };
    for environment in environments.value.entries() {
        let overrides = environment.value.get("overrides");
        let Some(overrides) = overrides.filter(|entry| !entry.value.entries().is_empty()) else {
            continue;
        };
        let path = format!("environments.{}.overrides", environment.key);
        found.extend(added(root, &overrides.value, &path));
        let merged = merged(root, &overrides.value);
        let mut value = merged.to_value();
        schema::fill(&mut value, schema::schema());
        let mut new = mistakes::find(&merged, &value);
        new.extend(rules::check(&merged, clouds));
        new.extend(super::sections::not_used(&Spot::root(&merged)));
        for mut diagnostic in new {
            let same = |other: &Diagnostic| {
                (other.line, other.column, other.code)
                    == (diagnostic.line, diagnostic.column, diagnostic.code)
            };
            if found.iter().any(same) {
                continue;
            }
            let path = format!("{path}.{}", diagnostic.path);
            diagnostic.message.push_str(&format!(" (in environment `{}`)", environment.key));
            found.push(Diagnostic { path, ..diagnostic });
        }
    }
}

/// Parts that only the overrides have. What there is has to be the same everywhere, because a
/// move carries it from one environment to the other.
fn added(root: &Node, overrides: &Node, path: &str) -> Vec<Diagnostic> {
    let new = |base: Option<&Node>, over: &Node, keys: Option<&[&str]>, path: &str| {
        let wanted = |entry: &&Entry| keys.is_none_or(|keys| keys.contains(&entry.key.as_str()));
        let missing = |entry: &&Entry| base.is_none_or(|base| base.get(&entry.key).is_none());
        let entries = over.entries().iter().filter(wanted).filter(missing);
        entries.map(|entry| added_part(entry, path)).collect::<Vec<_>>()
    };
    let mut found = new(Some(root), overrides, Some(&CARRIED), path);
    if let Some(buckets) = overrides.get("buckets") {
        let base = root.get("buckets").map(|entry| &entry.value);
        found.extend(new(base, &buckets.value, None, &format!("{path}.buckets")));
    }
    found
}

fn added_part(entry: &Entry, path: &str) -> Diagnostic {
    let path = super::parse::join(path, &entry.key);
    let message = format!("{} is only in this environment", super::diagnostic::quoted(&path));
    Diagnostic::error("part_without_section", entry.key_place, &path, message)
        .hint("add it to the section at the top of the file: every environment has the same parts")
}

/// The sections with overrides put over them.
fn merged(root: &Node, overrides: &Node) -> Node {
    let sections = |entry: &&Entry| !NOT_MERGED.contains(&entry.key.as_str());
    let entries = root.entries().iter().filter(sections).cloned().collect();
    let mut merged = Node { place: root.place, kind: Kind::Mapping(entries) };
    let over = overrides.entries().iter().filter(sections).cloned().collect();
    merged.merge(&Node { place: overrides.place, kind: Kind::Mapping(over) });
    merged
}
