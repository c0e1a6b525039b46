//! Rules that the schema cannot say: names of keys, and what belongs together. They look at the
//! tree, not at the types, so that a mistake elsewhere hides none of them.

use super::diagnostic::{Diagnostic, Place, nearest, quoted};
use super::parse::Spot;
use super::tree::{Kind, Node};
use crate::units::Period;

/// The environment variables that every environment gives the application itself.
const GIVEN: [&str; 5] = ["PORT", "DATABASE_URL", "SESSIONS_URL", "CHAT_BASE_URL", "LOG_LEVEL"];

/// Databases that every PostgreSQL server has of its own.
const SERVER_DATABASES: [&str; 3] = ["postgres", "template0", "template1"];

/// Periods that make no sense when they are zero.
const NEVER_ZERO: [&[&str]; 4] = [
    &["application", "health", "interval"],
    &["application", "health", "timeout"],
    &["application", "health", "start_time"],
    &["sessions", "ttl"],
];

/// Everything that breaks a rule.
pub(super) fn check(root: &Node, clouds: &[&str]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let root = Spot::root(root);
    environments(&root, clouds, &mut found);
    buckets(&root, &mut found);
    database_name(&root, &mut found);
    for path in NEVER_ZERO {
        let spot = path.iter().try_fold(root.clone(), |spot, key| spot.key(key));
        spot.and_then(|spot| zero_period(&spot)).into_iter().for_each(|one| found.push(one));
    }
    let section = |spot: &Spot<'_>| match &spot.node.kind {
        Kind::Mapping(_) => true,
        Kind::Scalar { value, .. } => value.is_null(),
        Kind::List(_) => false,
    };
    if let Some(application) = root.key("application").filter(section) {
        what_runs(&application, &mut found);
        image(&application, &mut found);
        variables(&application, &mut found);
        secrets(&application, &mut found);
        health(&application, &mut found);
        start(&root, &application, &mut found);
    }
    found
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
    Some(Diagnostic::error("out_of_range", spot.place, &spot.path, message))
}

fn what_runs(application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    // An `image` or `command` of the wrong type has been refused already; it is not missing.
    let names_program = application.key("command").is_some_and(|command| {
        let program = match command.node.kind {
            Kind::List(_) => command.item(0),
            _ => Some(command),
        };
        program.is_some_and(|program| program.node.text() != Some(""))
    });
    if names_program || application.key("image").is_some() {
        return;
    }
    let message = "the application has neither `image` nor `command`".to_owned();
    let place = application.entry.map_or(application.place, |entry| entry.key_place);
    found.push(
        Diagnostic::error("nothing_to_run", place, &application.path, message)
            .hint("say what runs: `command: [program, argument]`, or `image: name:tag`"),
    );
}

fn image(application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(image) = application.key("image") else { return };
    let Some(name) = image.node.text() else { return };
    if name.is_empty() || name.contains(char::is_whitespace) {
        let message = format!("{} is not the name of an image", quoted(name));
        found.push(Diagnostic::error("wrong_form", image.place, &image.path, message));
        return;
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    if name.contains("@sha256:") || tag.is_some_and(|tag| !tag.is_empty() && tag != "latest") {
        return;
    }
    let message = format!("{} names no fixed version", quoted(name));
    found.push(
        Diagnostic::warning("image_unpinned", image.place, &image.path, message)
            .hint("two environments may run different images: add a tag or an `@sha256:` digest"),
    );
}

fn variables(application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(variables) = application.key("variables") else { return };
    let secrets = application.key("secrets");
    for (entry, variable) in variables.values() {
        variable_name(&entry.key, entry.key_place, &variable.path, found);
        if variable.node.text().is_some_and(|text| text.contains('\0')) {
            let message = format!("{} holds a NUL character", variable.name());
            found.push(Diagnostic::error("wrong_value", variable.place, &variable.path, message));
        }
        let secret = secrets.as_ref().and_then(|secrets| secrets.node.get(&entry.key));
        if let Some(secret) = secret {
            let name = quoted(&entry.key);
            let message = format!("{name} is in `variables` and in `secrets`");
            let path = format!("application.secrets.{}", entry.key);
            found.push(
                Diagnostic::error("variable_twice", secret.key_place, &path, message)
                    .hint(format!("line {} has it too: keep one of them", entry.key_place.line)),
            );
        }
    }
}

fn variable_name(name: &str, place: Place, path: &str, found: &mut Vec<Diagnostic>) {
    let first = |c: char| c.is_ascii_uppercase() || c == '_';
    let good = |c: char| first(c) || c.is_ascii_digit();
    let is_form = name.starts_with(first) && name.chars().all(good);
    let named = Named { what: "a variable", code: "variable_name" };
    if !is_form {
        found.push(
            named
                .wrong(name, place, path)
                .hint("upper-case letters, digits and underscores, no digit first"),
        );
    }
    let is_bucket = name.starts_with("BUCKET_") && name.ends_with("_URL");
    if !is_bucket && !GIVEN.contains(&name) {
        return;
    }
    let message = format!("{} is given to the application by Trefoil", quoted(name));
    found.push(Diagnostic::error("variable_reserved", place, path, message).hint(match name {
        "LOG_LEVEL" => "set `application.log_level`",
        "PORT" => "each instance gets a port of its own; users reach `application.port`",
        _ => "leave it out: its value follows the environment that the application runs in",
    }));
}

fn secrets(application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(secrets) = application.key("secrets") else { return };
    for (entry, secret) in secrets.values() {
        variable_name(&entry.key, entry.key_place, &secret.path, found);
        let Some(name) = secret.node.text() else { continue };
        if name.starts_with("trefoil/") {
            let message = format!("{} is one of Trefoil's own secrets", quoted(name));
            found.push(
                Diagnostic::error("secret_reserved", secret.place, &secret.path, message)
                    .hint("names that begin with `trefoil/` stay in one environment"),
            );
        } else if !is_secret_name(name) {
            // Not repeated in the message: it may be the secret itself, put here by mistake.
            let message = format!("the value of {} is not the name of a secret", secret.name());
            found.push(Diagnostic::error("secret_name", secret.place, &secret.path, message).hint(
                "lower-case letters, digits and hyphens, no hyphen first; the secret itself \
                     never stands in the specification",
            ));
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(first) && name.chars().all(|c| first(c) || c == '-')
}

fn health(application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(health) = application.key("health") else { return };
    for path in ["path", "ready"].iter().filter_map(|key| health.key(key)) {
        let Some(text) = path.node.text() else { continue };
        if text.starts_with('/') && !text.contains(char::is_whitespace) {
            continue;
        }
        let message = format!("{} of {} is not a path", quoted(text), path.name());
        found.push(
            Diagnostic::error("health_path", path.place, &path.path, message)
                .hint("it begins with `/`, as in `/health`, and has no spaces"),
        );
    }
}

fn start(root: &Spot<'_>, application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    let Some(needs) = application.key("needs_database_to_start") else { return };
    if needs.node.to_value() != serde_json::Value::Bool(true) || root.key("database").is_some() {
        return;
    }
    let message = "the application needs a database to start, and there is none".to_owned();
    found.push(
        Diagnostic::error("database_needed", needs.place, &needs.path, message)
            .hint("add `database:`, or leave this key out"),
    );
}
