//! Whatever a specification says stays a value: text that would be code anywhere else comes back
//! as it was.

use proptest::prelude::*;
use serde_json::Value;
use trefoil_clouds::operate::render::Artefact;
use trefoil_core::spec::{AppSpec, Budget};

use crate::literals::literals;
use crate::support::{deployment, example, render};

const PIECES: [&str; 22] = [
    "${file(\"/etc/passwd\")}",
    "%{if true}",
    "%{ for x in y }",
    "$${x}",
    "$$${x}",
    "%%{",
    "\"",
    "'",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "$(id)",
    "`id`",
    "</script>",
    "{{ name }}",
    "{% raw %}",
    "#",
    "/*",
    "ünïcödé \u{1F600}",
    "\u{7f}\u{85}",
    "EOT",
];

/// The examples with this text wherever text is free.
fn poisoned(text: &str) -> AppSpec {
    let mut spec = example("everything");
    let application = spec.application.as_mut().unwrap();
    application.command = vec!["run".into(), text.into()];
    application.setup = vec![text.into()];
    application.health.ready = format!("/{text}");
    application.variables.insert("HOSTILE".into(), text.into());
    for job in spec.jobs.values_mut() {
        job.command = vec![text.into()];
    }
    for alarm in spec.alarms.values_mut() {
        alarm.notify = Some(format!("{text}@example.com"));
    }
    spec.chat.as_mut().unwrap().api_version = Some(text.into());
    spec.budget = Some(Budget { monthly_usd: 5, notify: Some(format!("{text}@example.com")) });
    spec
}

fn file<'a>(artefacts: &'a [Artefact], name: &str) -> &'a str {
    &artefacts.iter().find(|one| one.path.ends_with(name)).unwrap().contents
}

#[track_caller]
fn has(artefacts: &[Artefact], name: &str, text: &str) {
    let (plain, _) = literals(file(artefacts, name));
    assert!(plain.iter().any(|one| one == text), "{name} lacks {text:?}");
}

/// As `templatefile` of Terraform reads a text in which nothing is to be filled in.
fn read_template(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    while let Some(&one) = chars.get(at) {
        let next = |step: usize| chars.get(at + step).copied();
        if matches!(one, '$' | '%') {
            assert_ne!(next(1), Some('{'), "{text:?} would be filled in");
            if next(1) == Some(one) && next(2) == Some('{') {
                out.extend([one, '{']);
                at += 3;
                continue;
            }
        }
        out.push(one);
        at += 1;
    }
    out
}

fn check(text: &str) {
    let harmless = render(&deployment(&poisoned("harmless"), "aws"));
    let artefacts = render(&deployment(&poisoned(text), "aws"));
    has(&artefacts, "outputs.tf", text);
    has(&artefacts, "jobs.tf", text);
    has(&artefacts, "load_balancer.tf", &format!("/{text}"));
    let to = format!("{text}@example.com");
    for name in ["alarms.tf", "variables.tf", "budget.tf"] {
        has(&artefacts, name, &to);
    }
    for (before, after) in harmless.iter().zip(&artefacts) {
        assert_eq!(before.path, after.path);
        if after.path.ends_with(".tf") {
            let shape = |one: &Artefact| {
                let (plain, mixed) = literals(&one.contents);
                (plain.len(), mixed)
            };
            assert_eq!(shape(before), shape(after), "{}", after.path);
        }
    }
    let task: Value = serde_json::from_str(file(&artefacts, "task-definition.json")).unwrap();
    let container = &task["containerDefinitions"][0];
    assert_eq!(read_template(container["command"][1].as_str().unwrap()), text);
    let variable = |name: &str| {
        let all = container["environment"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap();
        read_template(one["value"].as_str().unwrap())
    };
    assert_eq!(variable("HOSTILE"), text);
    assert_eq!(variable("CHAT_API_VERSION"), text);
}

#[test]
fn each_hostile_piece_stays_text() {
    for piece in PIECES {
        check(piece);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_text_stays_text(pieces in prop::collection::vec(
        prop_oneof![prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned), ".{0,4}"], 1..5,
    )) {
        let text = pieces.concat();
        prop_assume!(!text.contains('\0'));
        check(&text);
    }
}

/// Names of every length become names that AWS takes, different for what is different.
#[test]
fn names_of_every_length() {
    let long = "a-very-long-name-of-a-shop-that-goes-on9";
    assert_eq!(long.len(), 40);
    let mut seen = std::collections::BTreeSet::new();
    for name in [
        "ab",
        long,
        "a-very-long-name-of-a-shop-that-goes-on8",
        "a--b",
        "sg-shop",
        "internal-shop",
        "aws-shop",
    ] {
        let mut spec = example("everything");
        spec.name = name.into();
        let artefacts = render(&deployment(&spec, "aws"));
        let task: Value = serde_json::from_str(file(&artefacts, "task-definition.json")).unwrap();
        let prefix = task["family"].as_str().unwrap().to_owned();
        assert!((4..=24).contains(&prefix.len()), "{prefix}");
        assert!(!prefix.contains("--") && !prefix.ends_with('-'), "{prefix}");
        for reserved in ["sg-", "internal-", "aws"] {
            assert!(!prefix.starts_with(reserved), "{prefix}");
        }
        assert!(prefix.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        assert!(seen.insert(prefix.clone()), "{prefix} twice");
    }
}
