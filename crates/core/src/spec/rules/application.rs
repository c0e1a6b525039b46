//! Rules of the section `application`.

use super::super::diagnostic::{Diagnostic, Place, quoted};
use super::super::model::is_secret;
use super::super::parse::Spot;
use super::super::tree::Kind;
use super::Named;

/// The environment variables that environments give the application themselves.
const GIVEN: [&str; 8] = [
    "PORT",
    "DATABASE_URL",
    "PGPASSWORD",
    "SESSIONS_URL",
    "CACHE_URL",
    "CACHE_CA_CERTIFICATE",
    "CHAT_BASE_URL",
    "LOG_LEVEL",
];

/// Everything in `application` that breaks a rule.
pub(super) fn check(root: &Spot<'_>, application: &Spot<'_>, found: &mut Vec<Diagnostic>) {
    what_runs(application, found);
    image(application, found);
    variables(application, found);
    secrets(application, found);
    health(application, found);
    start(root, application, found);
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
        } else if !is_secret(name) {
            // Not repeated in the message: it may be the secret itself, put here by mistake.
            let message = format!("the value of {} is not the name of a secret", secret.name());
            found.push(Diagnostic::error("secret_name", secret.place, &secret.path, message).hint(
                "lower-case letters, digits and hyphens, no hyphen first; the secret itself \
                     never stands in the specification",
            ));
        }
    }
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
