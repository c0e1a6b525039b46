//! Reading specifications in tests.

#![allow(dead_code, reason = "each test file uses its own part")]

use trefoil_core::spec::{AppSpec, Diagnostic, Parsed, parse, render};

/// The clouds that these tests know.
pub(crate) const CLOUDS: &[&str] = &["local", "lunar"];

/// A specification without mistakes.
pub(crate) fn good(text: &str) -> Parsed {
    parse("trefoil.yaml", text, CLOUDS)
        .unwrap_or_else(|found| panic!("{}", render(&found, text, false)))
}

/// The mistakes of a specification.
pub(crate) fn bad(text: &str) -> Vec<Diagnostic> {
    parse("trefoil.yaml", text, CLOUDS).expect_err("it has mistakes")
}

/// The only mistake of `text` beside sections that are not yet used, after checking its code and place.
pub(crate) fn one(
    text: &str,
    code: &str,
    line: usize,
    column: usize,
    underlined: &str,
) -> Diagnostic {
    let mut found = bad(text);
    found.retain(|one| one.code != "section_not_yet_used");
    assert_eq!(found.len(), 1, "{}", render(&found, text, false));
    let diagnostic = found.into_iter().next().expect("one");
    assert_eq!((diagnostic.code, diagnostic.line, diagnostic.column), (code, line, column));
    let at_line = text.lines().nth(line - 1).unwrap_or_default();
    let shown: String = at_line.chars().skip(column - 1).take(diagnostic.length).collect();
    assert_eq!(shown, underlined, "{diagnostic:?}");
    assert_eq!(diagnostic.file, "trefoil.yaml");
    diagnostic
}

/// What a diagnostic says to do.
pub(crate) fn hint(diagnostic: &Diagnostic) -> &str {
    diagnostic.hint.as_deref().unwrap_or_default()
}

/// Never a panic, always a place inside the text, always something to show; and what is accepted
/// can be written down, read again, and seen from each of its environments.
pub(crate) fn survives(text: &str) {
    match parse("trefoil.yaml", text, CLOUDS) {
        Ok(parsed) => is_whole(&parsed.spec, text),
        Err(found) => is_shown(&found, text),
    }
}

fn is_shown(found: &[Diagnostic], text: &str) {
    assert!(found.iter().any(Diagnostic::is_error));
    let lines = text.split('\n').flat_map(|line| line.split('\r')).count();
    for one in found {
        assert!(one.line >= 1 && one.line <= lines && one.column >= 1 && one.length >= 1);
        assert!(!one.message.is_empty() && !one.code.is_empty());
    }
    assert!(!render(found, text, false).is_empty());
}

fn is_whole(spec: &AppSpec, text: &str) {
    let value = serde_json::to_value(spec).expect("it can be written down");
    let again: AppSpec = serde_json::from_value(value).expect("it can be read again");
    assert_eq!(&again, spec, "{text}");
    for environment in spec.environments.keys() {
        let seen = spec.for_environment(environment);
        assert!(seen.is_ok(), "{environment}: {seen:?}\n{text}");
    }
    let unchanged = spec.with_settings(&[], CLOUDS).expect("nothing is set");
    assert_eq!(&unchanged, spec, "{text}");
}
