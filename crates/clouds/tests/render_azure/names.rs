//! Names within Azure's limits, whatever the application is called.

use crate::bicep::{Expr, Part, parse};
use crate::support::rendered;

/// The token that Azure adds has 13 characters.
const TOKEN: &str = "0123456789abc";
/// The longest names of what is unique in all of Azure, and of what is not, by module.
const LIMITS: [(&str, usize); 9] = [
    ("registry", 50),
    ("vault", 24),
    ("database", 63),
    ("storage", 24),
    ("sessions", 44),
    ("chat", 64),
    ("cache", 60),
    ("environment", 32),
    ("application", 32),
];

fn everything(name: &str) -> String {
    format!(
        "name: {name}\nprofile: resilient\napplication: {{ image: \"a.io/b:1\", setup: [a] }}\n\
         database: {{}}\nbuckets: {{ documents: }}\nsessions: {{}}\nchat: {{ model: {{ azure: gpt-4o }} }}\n\
         jobs: {{ clean: {{ schedule: 0 0 * * *, command: [a] }}, {job}: {{ schedule: 0 0 * * *, command: [a] }} }}\n\
         environments: {{ azure: {{ cloud: azure, region: eastus }} }}\n",
        job = "j".repeat(40)
    )
}

fn name_of(body: &Expr) -> String {
    let Some(Expr::Text(parts)) = body.get("params").and_then(|params| params.get("name")) else {
        return String::new();
    };
    let piece = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Code(_) => TOKEN.to_owned(),
    };
    parts.iter().map(piece).collect()
}

#[test]
fn names_of_two_and_of_forty_characters_fit() {
    let long = format!("a{}z", "-b9".repeat(12) + "cc");
    for name in ["ab", "a-0", &long, "a--b--c", &"m".repeat(40)] {
        let files = rendered(&everything(name));
        let main = parse(&files["infra/azure/main.bicep"]).unwrap();
        for (module, most) in LIMITS {
            let found = main.modules.iter().find(|one| one.symbol == module).unwrap();
            let full = name_of(&found.body);
            assert!((3..=most).contains(&full.len()) || full == name, "{module}: {full}");
            assert!(!full.contains("--") && !full.ends_with('-'), "{module}: {full}");
            let plain = ["registry", "storage"].contains(&module);
            let fits = |one: char| {
                one.is_ascii_lowercase() || one.is_ascii_digit() || (one == '-' && !plain)
            };
            assert!(full.chars().all(fits), "{module}: {full}");
        }
        jobs(&files["infra/azure/modules/jobs.bicep"]);
    }
}

fn jobs(text: &str) {
    let jobs = parse(text).unwrap().resources;
    let names: Vec<_> =
        jobs.iter().map(|one| one.body.get("name").unwrap().literal().unwrap()).collect();
    assert_eq!(names.len(), 3);
    for name in &names {
        assert!(name.len() <= 32 && !name.contains("--") && !name.ends_with('-'), "{name}");
    }
    let each_once: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(each_once.len(), 3, "{names:?}");
}

#[test]
fn names_that_were_cut_stay_apart() {
    let (one, two) = (format!("{}a", "m".repeat(39)), format!("{}b", "m".repeat(39)));
    let name = |name: &str| {
        let files = rendered(&everything(name));
        let main = parse(&files["infra/azure/main.bicep"]).unwrap();
        let found = main.modules.iter().find(|one| one.symbol == "application").unwrap();
        name_of(&found.body)
    };
    assert_ne!(name(&one), name(&two));
}

/// A secret of the specification may have the name that the database's address would get.
#[test]
fn own_secrets_make_way_for_those_of_the_specification() {
    let text =
        everything("shop").replace("setup: [a]", "setup: [a], secrets: { A: database, B: cache }");
    let files = rendered(&text);
    assert!(files["infra/azure/modules/database.bicep"].contains("name: 'database-2'"));
    assert!(files["infra/azure/modules/cache.bicep"].contains("name: 'cache-2'"));
}
