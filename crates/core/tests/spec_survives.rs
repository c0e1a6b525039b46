//! No text makes the parser panic: random ones, changed ones, and the corpus of the fuzz target.

mod support;

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use support::{CLOUDS, good, survives};
use trefoil_core::spec::Setting;

const EXAMPLE: &str = include_str!("../../../examples/medassistant/trefoil.yaml");
const WHOLE: &str = include_str!("whole.yaml");

/// Values that are hard for one kind of key or another.
const VALUES: [&str; 32] = [
    "",
    "~",
    "0",
    "-1",
    "1e400",
    "0.5",
    "99999999999999999999",
    "true",
    "no",
    "[]",
    "[[a]]",
    "{}",
    "{a: }",
    "\"\"",
    "'a'",
    "!!int x",
    "*a",
    "&a b",
    "0s",
    "5%",
    "101%",
    "2Gi",
    "9999999Ti",
    "text",
    "* * * * *",
    "a b c d e",
    "s3://b/x",
    "postgres://u:p@h/d",
    "env:A",
    "east",
    "local",
    "\"\\0\"",
];

/// A change of one line of a specification.
#[derive(Debug, Clone)]
enum Change {
    Remove(usize),
    Repeat(usize, usize),
    Value(usize, usize),
    Indent(usize, usize),
    Key(usize, String),
}

fn change(lines: usize) -> impl Strategy<Value = Change> {
    let line = 0..lines;
    prop_oneof![
        line.clone().prop_map(Change::Remove),
        (line.clone(), 0..lines).prop_map(|(from, to)| Change::Repeat(from, to)),
        (line.clone(), 0..VALUES.len()).prop_map(|(line, value)| Change::Value(line, value)),
        (line.clone(), 0..9_usize).prop_map(|(line, by)| Change::Indent(line, by)),
        (line, "[a-z_]{1,12}|[A-Z-]{1,4}|\\PC{1,4}").prop_map(|(line, key)| Change::Key(line, key)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for change in changes {
        let at = |line: &usize| line % lines.len().max(1);
        match change {
            Change::Remove(line) if lines.len() > 1 => drop(lines.remove(at(line))),
            Change::Remove(_) => {}
            Change::Repeat(from, to) => {
                let (line, to) = (lines[at(from)].clone(), at(to));
                lines.insert(to, line);
            }
            Change::Value(line, value) => {
                let line = at(line);
                let key = lines[line].split(':').next().unwrap_or_default().to_owned();
                lines[line] = format!("{key}: {}", VALUES[*value]);
            }
            Change::Indent(line, by) => {
                let line = at(line);
                lines[line] = format!("{}{}", " ".repeat(*by), lines[line].trim_start());
            }
            Change::Key(line, key) => {
                let line = at(line);
                let rest = lines[line].split_once(':').map_or("", |(_, rest)| rest).to_owned();
                let indent = lines[line].len() - lines[line].trim_start().len();
                lines[line] = format!("{}{key}:{rest}", " ".repeat(indent));
            }
        }
    }
    lines.join("\n")
}

#[test]
fn the_corpus_survives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/specification");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.unwrap().path();
        #[expect(clippy::disallowed_methods, reason = "a test reads its files")]
        let bytes = std::fs::read(&path).unwrap();
        // The target takes bytes; what is no text is refused before the parser.
        if let Ok(text) = String::from_utf8(bytes) {
            survives(&text);
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} files in the corpus");
}

proptest! {
    #[test]
    fn random_text_survives(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn random_bytes_of_yaml_survive(text in "[-a:\\[\\]{}\"'#&*!|>%@`?, \t\r\n~<0\u{e9}\u{85}\u{feff}]{0,120}") {
        survives(&text);
    }

    #[test]
    fn a_changed_example_survives(
        at in 0..EXAMPLE.len(),
        removed in 0..30_usize,
        put in "[-a:\\[\\]{}\"'#&*!|>%?, \r\n~0]{0,12}",
    ) {
        let end = (at + removed).min(EXAMPLE.len());
        survives(&format!("{}{put}{}", &EXAMPLE[..at], &EXAMPLE[end..]));
    }

    #[test]
    fn a_changed_specification_survives(changes in vec(change(WHOLE.lines().count()), 1..6)) {
        survives(&changed(WHOLE, &changes));
    }

    #[test]
    fn any_variable_survives(
        path in "(APPLICATION|SCALE|SIZE|ENVIRONMENTS|RECOVERY|[A-Z_]{0,9})(__[A-Z_]{0,12}){0,3}",
        value in 0..VALUES.len(),
        text in "\\PC{0,12}",
    ) {
        let spec = good(WHOLE).spec;
        for value in [VALUES[value], text.as_str()] {
            let setting = Setting { variable: format!("TREFOIL_{path}"), value: value.to_owned() };
            if let Err(errors) = spec.with_settings(std::slice::from_ref(&setting), CLOUDS) {
                prop_assert!(errors.iter().all(|e| e.error.to_string().contains(&setting.variable)));
            }
        }
    }
}
