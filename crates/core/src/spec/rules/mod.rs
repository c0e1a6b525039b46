//! Rules that the schema cannot say: names of keys, and what belongs together. They look at the
//! tree, not at the types, so that a mistake elsewhere hides none of them.

mod application;
mod places;
mod sections;

use super::diagnostic::{Diagnostic, Place, nearest, quoted};
use super::parse::Spot;
use super::tree::{Kind, Node};
use crate::units::Period;

/// Databases that every PostgreSQL server has of its own.
const SERVER_DATABASES: [&str; 3] = ["postgres", "template0", "template1"];

/// Periods that make no sense when they are zero; `*` stands for every name.
const NEVER_ZERO: [&[&str]; 9] = [
    &["application", "health", "interval"],
    &["application", "health", "timeout"],
    &["application", "health", "start_time"],
    &["sessions", "ttl"],
    &["chat", "timeout"],
    &["jobs", "*", "timeout"],
    &["alarms", "*", "period"],
    &["recovery", "rto"],
    &["recovery", "triggers", "response_time"],
];

/// Everything that breaks a rule.
pub(super) fn check(root: &Node, clouds: &[&str]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let root = Spot::root(root);
    environments(&root, clouds, &mut found);
    buckets(&root, &mut found);
    database_name(&root, &mut found);
    for path in NEVER_ZERO {
        found.extend(spots(&root, path).iter().filter_map(zero_period));
    }
    if let Some(application) = root.key("application").filter(is_section) {
        application::check(&root, &application, &mut found);
    }
    sections::check(&root, clouds, &mut found);
    places::check(&root, &mut found);
    found
}

/// Whether it is keys with values, or a bare key, which stands for its defaults.
fn is_section(spot: &Spot<'_>) -> bool {
    match &spot.node.kind {
        Kind::Mapping(_) => true,
        Kind::Scalar { value, .. } => value.is_null(),
        Kind::List(_) => false,
    }
}

/// What stands at `path`; `*` stands for every name.
fn spots<'a>(root: &Spot<'a>, path: &[&str]) -> Vec<Spot<'a>> {
    let mut open = vec![root.clone()];
    for key in path {
        open = match *key {
            "*" => open.iter().flat_map(|spot| values(spot)).collect(),
            key => open.iter().filter_map(|spot| spot.key(key)).collect(),
        };
    }
    open
}

fn values<'a>(spot: &Spot<'a>) -> Vec<Spot<'a>> {
    spot.values().map(|(_, value)| value).collect()
}

fn environments(root: &Spot<'_>, clouds: &[&str], found: &mut Vec<Diagnostic>) {
    let Some(environments) = root.key("environments") else { return };
    for (entry, environment) in environments.values() {
        if !is_name(&entry.key, 1, 31) || !entry.key.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push(
                Named { what: "an environment", code: "environment_name" }
                    .wrong(&entry.key, entry.key_place, &environment.path)
                    .hint("lower-case letters, digits and hyphens, a letter first, at most 31"),
            );
        }
        let Some(cloud) = environment.key("cloud") else { continue };
        let Some(name) = cloud.node.text() else { continue };
        if !clouds.contains(&name) {
            found.push(unknown_cloud(&cloud, name, clouds));
        }
    }
}

fn unknown_cloud(spot: &Spot<'_>, name: &str, clouds: &[&str]) -> Diagnostic {
    let message = format!("{} is not a cloud that this build knows", quoted(name));
    let diagnostic = Diagnostic::error("cloud_unknown", spot.place, &spot.path, message)
        .allowed(clouds.iter().copied());
    match nearest(name, clouds.iter().copied()) {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic.hint("`trefoil clouds` lists the clouds that this build knows"),
    }
}

/// Lower-case letters, digits and hyphens, no hyphen at either end.
fn is_name(text: &str, shortest: usize, longest: usize) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (shortest..=longest).contains(&text.len())
        && text.chars().all(good)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A kind of thing that has a name in the specification.
struct Named {
    what: &'static str,
    code: &'static str,
}

impl Named {
    fn wrong(&self, name: &str, place: Place, path: &str) -> Diagnostic {
        let message = format!("{} cannot be the name of {}", quoted(name), self.what);
        Diagnostic::error(self.code, place, path, message)
    }
}

fn buckets(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(buckets) = root.key("buckets") else { return };
    for (entry, bucket) in buckets.values().filter(|(entry, _)| !is_name(&entry.key, 3, 63)) {
        found.push(
            Named { what: "a bucket", code: "bucket_name" }
                .wrong(&entry.key, entry.key_place, &bucket.path)
                .hint("3 to 63 lower-case letters, digits and hyphens, no hyphen at either end"),
        );
    }
}

/// The database's name, written or taken from the application's.
fn database_name(root: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(database) = root.key("database") else { return };
    let Some(named) = database.key("name").or_else(|| root.key("name")) else { return };
    let Some(name) = named.node.text().filter(|name| SERVER_DATABASES.contains(name)) else {
        return;
    };
    found.push(
        Named { what: "the database", code: "database_name" }
            .wrong(name, named.place, &named.path)
            .hint("every PostgreSQL server has one of that name already: set `database.name`"),
    );
}

fn zero_period(spot: &Spot<'_>) -> Option<Diagnostic> {
    let period: Period = spot.node.text()?.parse().ok()?;
    if period.as_millis() > 0 {
        return None;
    }
    let message = format!("{} cannot be zero", spot.name());
    Some(
        Diagnostic::error("out_of_range", spot.place, &spot.path, message)
            .hint("leave the key out to get the default"),
    )
}
