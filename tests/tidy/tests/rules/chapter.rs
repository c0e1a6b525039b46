//! The page that answers the chapter cannot lie: every row has an answer, and what it names exists.

use std::collections::BTreeSet;
use std::io::Write;

use crate::workspace::{read, root};
use crate::{Finding, assert_none, words};

const PAGE: &str = "docs/chapter.md";
/// The file whose `name()` lists the commands.
const ARGS: &str = "crates/cli/src/args.rs";
/// The chapter itself, which is not part of the repository.
const CHAPTER: &str = "../shared/seed/chapter-8-multi-cloud-deployment.md";
/// Where paths begin, so that other words with a slash are not taken for paths.
const FOLDERS: [&str; 8] =
    ["apps/", "crates/", "docs/", "examples/", "scripts/", "tests/", "fuzz/", "bench/"];
/// How an answer begins that names nothing.
const WITHOUT: [&str; 2] = ["not yet", "left out"];

/// A row of one of the page's tables.
struct Row<'a> {
    line: usize,
    item: &'a str,
    answer: &'a str,
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let rows = page.lines().zip(1..).filter(|(text, _)| text.starts_with('|'));
    let rows = rows.filter(|(text, _)| *text != "| item | answer |" && *text != "|---|---|");
    rows.map(|(text, line)| {
        let cells = text.trim_matches('|').split_once(" | ").unwrap_or((text, ""));
        Row { line, item: cells.0.trim(), answer: cells.1.trim() }
    })
    .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of all commands, `-` between the words of one.
fn commands(args: &str) -> BTreeSet<&str> {
    let lines = args
        .lines()
        .filter(|line| line.trim_start().contains("Command::") || line.contains("None =>"));
    let named = lines.filter_map(|line| line.split_once("=> \"")?.1.split_once('"'));
    named.map(|(name, _)| name).collect()
}

/// Whether `trefoil WORDS` is a command: a group's second word has to be one of its parts.
fn is_command(words: &str, commands: &BTreeSet<&str>) -> bool {
    let mut words = words.split(' ');
    let first = words.next().unwrap_or_default();
    let is_group = commands.iter().any(|name| name.starts_with(&format!("{first}-")));
    match words.next().filter(|_| is_group) {
        Some(second) => commands.contains(format!("{first}-{second}").as_str()),
        None => commands.contains(first),
    }
}

fn wrong(page: &str, commands: &BTreeSet<&str>, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Row { line, item, answer } in rows(page) {
        let mut say = |what: String| findings.push(Finding::new(PAGE, line, what));
        let mut named = WITHOUT.iter().any(|word| answer.starts_with(word));
        for word in quoted(answer) {
            if FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                named = true;
                if !exists(word) {
                    say(format!("`{word}` does not exist"));
                }
            } else if let Some(command) = word.strip_prefix("trefoil ") {
                named = true;
                if !is_command(command, commands) {
                    say(format!("`trefoil {command}` is not a command"));
                }
            }
        }
        if !named {
            say(format!("{item:?} has no answer: name a file, a command, or say why not"));
        }
    }
    findings
}

/// What the chapter has: headings, classes, functions and methods, also those that are only called,
/// files, boxes of its diagrams, bullets, items of its checklist.
fn items(chapter: &str) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for line in chapter.lines() {
        let code = line.trim_start();
        let function = code.strip_prefix("async ").unwrap_or(code).strip_prefix("def ");
        let called = code.split("self.").skip(1).filter(|rest| rest.starts_with('_'));
        let class = code.strip_prefix("class ");
        let names = function.into_iter().chain(class).chain(called).map(name);
        items.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
        let file = line.strip_prefix("# ").or(line.strip_prefix("// "));
        let is_file = |text: &&str| text.contains('/') && !text.contains(' ') && text.contains('.');
        items.extend(file.filter(is_file).map(str::to_owned));
        items.extend(line.strip_prefix("## ").or(line.strip_prefix("### ")).map(str::to_owned));
        let check = line.strip_prefix("- [ ] **").and_then(|rest| rest.split_once("**"));
        items.extend(check.map(|(item, rest)| format!("{item}{rest}")));
        let bullet = line.strip_prefix("- **").and_then(|rest| rest.split_once("**"));
        items.extend(bullet.map(|(item, _)| item.trim_end_matches(':').to_owned()));
        items.extend(boxes(line));
    }
    items
}

fn name(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// What stands in the boxes that a line of a diagram goes through.
fn boxes(line: &str) -> Vec<String> {
    if !line.starts_with('│') {
        return Vec::new();
    }
    let cells = line.split(['│', '◄', '►', '─']).map(str::trim);
    cells.filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_row_has_an_answer_that_exists() {
    let args = read(ARGS);
    let commands = commands(&args);
    assert!(commands.contains("check") && commands.contains("migrate-plan"), "{commands:?}");
    let page = read(PAGE);
    assert!(rows(&page).len() > 200, "the chapter has more than that");
    let exists = |path: &str| root().join(path).exists();
    assert_none("the page answers the chapter", wrong(&page, &commands, exists));
}

#[test]
fn nothing_of_the_chapter_is_missing() {
    let Ok(chapter) = std::fs::read_to_string(root().join(CHAPTER)) else {
        // Past what the test runner keeps of a test that passes: `scripts/test` lists it.
        let told = b"\nskipped: the chapter is not beside the repository\n";
        std::io::stderr().write_all(told).unwrap();
        return;
    };
    let page = read(PAGE);
    let items = items(&chapter);
    assert!(items.len() > 200, "{}: {items:?}", items.len());
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let named: Vec<_> = headings.chain(rows(&page).iter().map(|row| row.item)).collect();
    let named = named.join("\n");
    let missing = items.iter().filter(|item| !named.contains(item.as_str()));
    let finding = |item: &String| Finding::new(PAGE, 1, format!("{item:?} is missing"));
    assert_none("every item of the chapter has a row", missing.map(finding).collect());
}

#[test]
fn a_row_that_lies_is_found() {
    let commands = BTreeSet::from(["check", "runs", "runs-show", "migrate-plan"]);
    let page = "| item | answer |\n|---|---|\n| a | `trefoil check` |\n| b | `trefoil cost` |\n\
                | c | `crates/gone.rs` |\n| d | |\n| e | done |\n| f | not yet |\n\
                | g | `trefoil runs show RUN` and `trefoil runs approve RUN` |\n\
                | h | `trefoil migrate` |";
    let expected = [
        "4: `trefoil cost` is not a command",
        "5: `crates/gone.rs` does not exist",
        "6: \"d\" has no answer: name a file, a command, or say why not",
        "7: \"e\" has no answer: name a file, a command, or say why not",
        "9: `trefoil runs approve RUN` is not a command",
        "10: `trefoil migrate` is not a command",
    ];
    assert_eq!(words(&wrong(page, &commands, |_| false)), expected);
}
