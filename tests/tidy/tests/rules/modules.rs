//! Inside a crate, the modules of the first level depend on each other one way.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{files, members, production_files, read};
use crate::{Finding, assert_none, source};

/// Tables of everything that implements a trait. They are looked up from below on purpose, so that
/// callers need not know what is in them: crate, module of the table, who may look it up (any
/// module when empty).
const TABLES: [(&str, &str, &[&str]); 2] =
    [("trefoil-clouds", "registry", &[]), ("trefoil-ops", "actions", &["engine"])];

/// One module uses another, and where it does first.
type Uses = BTreeMap<(String, String), Finding>;

/// The modules of the first level that a file uses. `inside` is the file's path below `src`.
fn uses(path: &str, inside: &str, text: &str, modules: &BTreeSet<String>) -> Uses {
    let own = module_of(inside);
    let depth = inside.trim_end_matches("/mod.rs").split('/').count();
    let mut uses = Uses::new();
    for used in source::paths(&source::parse(path, text)) {
        let ups = used.segments.iter().take_while(|segment| *segment == "super").count();
        let from_root = match used.segments.first().map(String::as_str) {
            Some("crate") => used.segments.get(1),
            Some("super") if ups == depth => used.segments.get(ups),
            _ => None,
        };
        let Some(other) = from_root.filter(|name| modules.contains(*name) && **name != own) else {
            continue;
        };
        let what = format!("`{own}` uses `{other}`");
        let finding = Finding::new(path, used.line, what);
        uses.entry((own.clone(), other.clone())).or_insert(finding);
    }
    uses
}

/// The module of the first level that a file below `src` belongs to.
fn module_of(inside: &str) -> String {
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs").to_owned()
}

fn is_lookup(crate_name: &str, user: &str, used: &str) -> bool {
    TABLES.iter().any(|(name, table, users)| {
        *name == crate_name && *table == used && (users.is_empty() || users.contains(&user))
    })
}

/// The uses that are part of a circle.
fn circles(uses: &Uses) -> Vec<Finding> {
    let reaches = |from: &str, to: &str| {
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut next = vec![from.to_owned()];
        while let Some(module) = next.pop() {
            for (_, other) in uses.keys().filter(|(user, _)| *user == module) {
                if seen.insert(other.clone()) {
                    next.push(other.clone());
                }
            }
        }
        seen.contains(to)
    };
    let closing = uses.iter().filter(|((user, used), _)| reaches(used, user));
    closing.map(|(_, finding)| finding.clone()).collect()
}

#[test]
fn modules_form_no_circle() {
    let mut findings = Vec::new();
    let production: BTreeSet<_> = production_files().into_iter().collect();
    for member in members() {
        let folder = format!("{}/src", member.folder);
        let inside = |path: &str| path[folder.len() + 1..].to_owned();
        let sources: Vec<_> =
            files(&folder).into_iter().filter(|path| production.contains(path)).collect();
        let mut modules: BTreeSet<_> =
            sources.iter().map(|path| module_of(&inside(path))).collect();
        modules.remove("lib");
        modules.remove("main");
        let mut all = Uses::new();
        for path in &sources {
            let own = module_of(&inside(path));
            if modules.contains(&own) {
                all.extend(uses(path, &inside(path), &read(path), &modules));
            }
        }
        all.retain(|(user, used), _| !is_lookup(&member.name, user, used));
        findings.extend(circles(&all));
    }
    assert_none("a reader never comes back to an earlier module", findings);
}

#[test]
fn a_circle_is_found_and_what_leads_to_it_is_not() {
    let modules = ["a", "b", "c", "d"].map(str::to_owned).into();
    let mut all =
        uses("a.rs", "a.rs", "use crate::b::X;\nuse super::d;\nuse crate::Error;", &modules);
    all.extend(uses("b.rs", "b/inner.rs", "fn f() { crate::c::g() }\nuse super::d;", &modules));
    all.extend(uses("c.rs", "c/mod.rs", "use super::b;\nuse super::{c, d};", &modules));
    let names: Vec<_> = all.keys().map(|(user, used)| format!("{user}{used}")).collect();
    assert_eq!(names, ["ab", "ad", "bc", "cb", "cd"]);
    let found: Vec<_> = circles(&all).into_iter().map(|found| found.what).collect();
    assert_eq!(found, ["`b` uses `c`", "`c` uses `b`"]);
}
