//! Keys that Trefoil knows and refuses: those of later versions, and those that will never be.

use super::diagnostic::{Diagnostic, Place, quoted};

/// Parts of a specification that are not built yet: where they stand, and their names.
const NOT_YET: &[(&str, &[&str])] = &[
    ("", &["size", "scale", "chat", "jobs", "domain", "alarms", "workload", "recovery"]),
    ("application", &["size", "scale", "jobs", "domain"]),
    ("database", &["size", "version"]),
    ("environments.*", &["overrides", "database", "application", "buckets", "sessions"]),
];

/// What is said about a key that will never be.
struct Never {
    path: &'static str,
    key: &'static str,
    reason: &'static str,
    hint: &'static str,
}

const VOLUMES: &str = "a file on a volume stays behind when the application moves";
const BUCKETS: &str = "put files in `buckets`: they move with the application";

const NEVER: &[Never] = &[
    Never { path: "", key: "volumes", reason: VOLUMES, hint: BUCKETS },
    Never { path: "application", key: "volumes", reason: VOLUMES, hint: BUCKETS },
];

/// The refusal of a key by its name, if it is one of these; `path` is that of its mapping.
pub(super) fn refusal(path: &str, key: &str, value: Option<&str>, at: Place) -> Option<Diagnostic> {
    let pattern = pattern_of(path);
    let full = super::parse::join(path, key);
    if let Some(never) = NEVER.iter().find(|never| never.path == pattern && never.key == key) {
        let message = format!("{} is not supported: {}", quoted(key), never.reason);
        return Some(Diagnostic::error("section_never", at, &full, message).hint(never.hint));
    }
    if pattern == "database" && key == "engine" {
        return Some(engine(value, at, &full));
    }
    NOT_YET.iter().find(|(place, keys)| *place == pattern && keys.contains(&key))?;
    let message = format!("{} is not built yet in this version", quoted(&full));
    Some(Diagnostic::error("section_not_yet", at, &full, message).hint("leave it out for now"))
}

/// Every environment has the same keys.
fn pattern_of(path: &str) -> &str {
    match path.strip_prefix("environments.") {
        Some(name) if !name.contains('.') => "environments.*",
        _ => path,
    }
}

fn engine(value: Option<&str>, at: Place, path: &str) -> Diagnostic {
    if value == Some("postgresql") {
        let message = "`engine` is not a key: the database is always PostgreSQL".to_owned();
        return Diagnostic::error("unknown_key", at, path, message).hint("leave it out");
    }
    let named = value.map_or_else(String::new, |value| format!(" {}", quoted(value)));
    let message = format!("the database engine{named} is not supported: only PostgreSQL is");
    Diagnostic::error("section_never", at, path, message)
        .hint("a move is a stream of PostgreSQL's own logical replication, checked row by row")
}
