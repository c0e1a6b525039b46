//! Keys of later versions: those that are only checked as yet, those that are refused, and those
//! that will never be.

use super::diagnostic::{Diagnostic, Place, quoted};
use super::parse::Spot;

/// Sections that are checked and kept, but that no command uses yet; `*` stands for every name.
const NOT_USED: &[&[&str]] = &[
    &["size"],
    &["scale"],
    &["jobs"],
    &["domain"],
    &["alarms"],
    &["workload"],
    &["recovery"],
    &["profile"],
    &["cache"],
    &["cdn"],
    &["firewall"],
    &["tracing"],
    &["budget"],
    &["application", "dapr"],
    &["database", "size"],
    &["database", "storage"],
    &["database", "high_availability"],
    &["database", "backup_days"],
];

/// A word about each section that nothing uses yet, so that nobody relies on it.
pub(super) fn not_used(root: &Spot<'_>) -> Vec<Diagnostic> {
    let spot = |path: &&[&str]| path.iter().try_fold(root.clone(), |spot, key| spot.key(key));
    NOT_USED.iter().filter_map(spot).map(|spot| not_used_yet(&spot)).collect()
}

fn not_used_yet(spot: &Spot<'_>) -> Diagnostic {
    let message = format!("{} is checked, and not used where environments run", spot.name());
    let place = spot.entry.map_or(spot.place, |entry| entry.key_place);
    Diagnostic::warning("section_not_yet_used", place, &spot.path, message)
        .hint("only `trefoil cost` and `trefoil render` use it in this version")
}

/// Keys of sections that cannot differ between environments: users reach one edge, a database
/// keeps its name when it moves, and a plan is made for one program.
pub(super) const SAME: [(&str, &str); 4] = [
    ("application", "port"),
    ("application", "drain"),
    ("application", "needs_database_to_start"),
    ("database", "name"),
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
    let full = super::parse::join(path, key);
    if let Some(never) = NEVER.iter().find(|never| never.path == path && never.key == key) {
        let message = format!("{} is not supported: {}", quoted(key), never.reason);
        return Some(Diagnostic::error("section_never", at, &full, message).hint(never.hint));
    }
    if path == "database" && key == "engine" {
        return Some(engine(value, at, &full));
    }
    let is_same = |(section, name): &&(&str, &str)| {
        *name == key && path.ends_with(&format!(".overrides.{section}"))
    };
    if let Some((section, _)) = SAME.iter().find(is_same) {
        let message = format!("{} is the same in every environment", quoted(key));
        return Some(
            Diagnostic::error("override_same", at, &full, message)
                .hint(format!("set it under `{section}:` at the top of the file")),
        );
    }
    None
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
