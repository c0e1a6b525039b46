//! The rules. Each is a function from sources to findings, tried on a planted violation too.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod chapter;
mod cloud_names;
mod dependencies;
mod modules;
mod private_words;
mod sizes;
mod source;
mod workspace;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl Finding {
    pub(crate) fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

/// Fails with all findings at once.
pub(crate) fn assert_none(rule: &str, mut findings: Vec<Finding>) {
    findings.sort();
    let lines: Vec<String> = findings
        .iter()
        .map(|found| format!("{}:{}: {}", found.file, found.line, found.what))
        .collect();
    assert!(lines.is_empty(), "{rule}\n{}\n", lines.join("\n"));
}

/// The words of findings, for the tests of the rules themselves.
pub(crate) fn words(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|found| format!("{}: {}", found.line, found.what)).collect()
}
