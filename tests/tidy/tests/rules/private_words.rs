//! Nothing in the repository refers to the places and tools of those who write it.

use crate::workspace::{files, root};
use crate::{Finding, assert_none, words};

/// Words that mean something on one machine only. Written in two halves, so that this file does
/// not hold them.
const PRIVATE: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/", "wt-"),
    concat!("shared/", "design"),
    concat!("brief-", "common"),
    concat!("/home/", "user/"),
    concat!("sub", "agent"),
];

fn private_words(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().zip(1..);
    let found = lines.flat_map(|(line, number)| {
        let in_line = PRIVATE.iter().filter(move |word| line.to_lowercase().contains(**word));
        in_line.map(move |word| Finding::new(path, number, format!("`{word}` is private")))
    });
    found.collect()
}

#[test]
fn no_file_has_a_private_word() {
    let mut findings = Vec::new();
    for path in files("") {
        // What is no text holds no words.
        if let Ok(text) = std::fs::read_to_string(root().join(&path)) {
            findings.extend(private_words(&path, &text));
        }
    }
    assert_none("a reader elsewhere could not follow", findings);
}

#[test]
fn a_private_word_is_found() {
    let text = format!("the work\nsee {}x", PRIVATE[0]);
    assert_eq!(words(&private_words("a.md", &text)), [format!("2: `{}` is private", PRIVATE[0])]);
}
