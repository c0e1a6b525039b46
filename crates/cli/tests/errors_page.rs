//! `docs/errors.md` and the sources name the same codes, with the same exit codes.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The sources whose codes people and programs can meet.
const FOLDERS: [&str; 5] = [
    "crates/core/src",
    "crates/clouds/src",
    "crates/ops/src",
    "crates/cli/src",
    "apps/medassistant/src",
];

/// What makes an error of a code that was made elsewhere, or any error at all.
const PASS_ON: [&str; 2] = ["crates/core/src/error.rs", "crates/clouds/src/operate/control.rs"];

/// Parts of production sources that only tests use.
const FOR_TESTS: [&str; 3] = ["conformance", "harness.rs", "tests"];

/// The codes of the sources, each with the exit codes or HTTP statuses that it was seen with.
#[derive(Debug, Default)]
struct Codes {
    exits: BTreeMap<String, BTreeSet<String>>,
    statuses: BTreeMap<String, BTreeSet<String>>,
    /// Where a code is no literal.
    unclear: Vec<String>,
}

/// A call or a field that names a code.
struct Scan<'a> {
    file: &'a str,
    constants: &'a BTreeMap<String, String>,
    found: &'a mut Codes,
}

impl Scan<'_> {
    fn tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<_> = stream.into_iter().collect();
        for at in 0..tokens.len() {
            if let TokenTree::Group(group) = &tokens[at] {
                if group.delimiter() == Delimiter::Brace && is_test_module(&tokens[..at]) {
                    continue;
                }
                if group.delimiter() == Delimiter::Parenthesis {
                    self.call(&tokens[..at], &arguments(group.stream()));
                }
                self.tokens(group.stream());
            }
            if word(&tokens, at) == "code" && word(&tokens, at + 1) == ":" {
                let code = text(tokens.get(at + 2));
                code.into_iter().for_each(|code| self.exit(code, None));
            }
        }
    }

    /// A call of what stands before its arguments.
    fn call(&mut self, before: &[TokenTree], arguments: &[Vec<TokenTree>]) {
        let Some(name) = before.len().checked_sub(1).map(|last| word(before, last)) else { return };
        let owner = before.len().checked_sub(4).map(|at| word(before, at)).unwrap_or_default();
        let first = arguments.first().map(Vec::as_slice).unwrap_or_default();
        let kind = word(first, first.len().saturating_sub(1));
        match (owner.as_str(), name.as_str()) {
            ("Error", "failed") => self.code(first, Some("1")),
            ("Error" | "Diagnostic", "usage" | "error") => self.code(first, Some("2")),
            ("Error", "refused") => self.code(first, Some("3")),
            ("Error", "missing") => self.code(first, Some("5")),
            ("Error", "new") if word(first, 0) == "ErrorKind" => {
                self.code(&arguments[1], Some(exit_of(&kind)));
            }
            ("Error", "new") => self.code(&arguments[1], None),
            ("Diagnostic", "warning") => self.code(first, Some("-")),
            (_, "blocker") if text(first.first()).is_some() => self.code(first, Some("3")),
            (_, "warning" | "info") if text(first.first()).is_some() => self.code(first, Some("-")),
            ("Failure", "unavailable") => self.status(first, Some("SERVICE_UNAVAILABLE")),
            ("Failure" | "Self", "new") if word(first, 0) == "StatusCode" => {
                self.status(&arguments[1], Some(&kind));
            }
            ("Failure", "new") => self.status(&arguments[1], None),
            _ => {}
        }
    }

    fn code(&mut self, argument: &[TokenTree], exit: Option<&str>) {
        // A field `code` was found where it was filled.
        let field = argument.len() == 3 && word(argument, 2) == "code";
        let constant = || self.constants.get(&word(argument, 0)).cloned();
        match text(argument.first()).or_else(constant) {
            Some(code) => self.exit(code, exit),
            None if field || PASS_ON.contains(&self.file) => {}
            None => self.found.unclear.push(format!("{}: {argument:?}", self.file)),
        }
    }

    fn exit(&mut self, code: String, exit: Option<&str>) {
        self.found.exits.entry(code).or_default().extend(exit.map(str::to_owned));
    }

    fn status(&mut self, argument: &[TokenTree], name: Option<&str>) {
        if let Some(code) = text(argument.first()) {
            let statuses = self.found.statuses.entry(code).or_default();
            statuses.extend(name.map(|name| status_of(name).to_owned()));
        }
    }
}

fn exit_of(kind: &str) -> &'static str {
    match kind {
        "Failed" => "1",
        "Usage" => "2",
        "Refused" => "3",
        "Stopped" => "4",
        "Missing" => "5",
        "Interrupted" => "130",
        other => panic!("no exit code for {other}"),
    }
}

fn status_of(name: &str) -> &'static str {
    match name {
        "BAD_REQUEST" => "400",
        "NOT_FOUND" => "404",
        "CONFLICT" => "409",
        "UNPROCESSABLE_ENTITY" => "422",
        "SERVICE_UNAVAILABLE" => "503",
        other => panic!("no number for {other}"),
    }
}

/// A token's text; empty past the end.
fn word(tokens: &[TokenTree], at: usize) -> String {
    tokens.get(at).map(ToString::to_string).unwrap_or_default()
}

/// A text literal that could be a code.
fn text(token: Option<&TokenTree>) -> Option<String> {
    let Some(TokenTree::Literal(literal)) = token else { return None };
    let literal = literal.to_string();
    let code = literal.strip_prefix('"')?.strip_suffix('"')?;
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!code.is_empty() && code.chars().all(legal)).then(|| code.to_owned())
}

/// The arguments of a call.
fn arguments(stream: TokenStream) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<_> = stream.into_iter().collect();
    tokens.split(|token| token.to_string() == ",").map(<[_]>::to_vec).collect()
}

/// Whether `#[cfg(test)] mod name` stands before a body.
fn is_test_module(before: &[TokenTree]) -> bool {
    let [.., attribute, module, _name] = before else { return false };
    module.to_string() == "mod" && attribute.to_string().replace(' ', "") == "[cfg(test)]"
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if FOR_TESTS.contains(&name.as_str()) || name == "tests.rs" {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// `const NAME: &str = "text"` of a file.
fn constants(source: &str, found: &mut BTreeMap<String, String>) {
    for declared in source.split("const ").skip(1) {
        let declared = declared.split_once(';').map_or(declared, |(declared, _)| declared);
        if let Some((name, value)) = declared.split_once(": &str = \"") {
            found.insert(name.to_owned(), value.trim_end_matches('"').to_owned());
        }
    }
}

fn codes() -> Codes {
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let mut known = BTreeMap::new();
    files.iter().for_each(|path| constants(&read(path), &mut known));
    let mut found = Codes::default();
    for path in files {
        let file = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let stream = read(&path).parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        Scan { file: &file, constants: &known, found: &mut found }.tokens(stream);
    }
    found
}

/// The page's rows: code and what its second column says, of the tables whose second column is
/// named so.
fn rows(column: &str) -> BTreeMap<String, BTreeSet<String>> {
    let page = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let (mut rows, mut inside) = (BTreeMap::<_, BTreeSet<_>>::new(), false);
    for line in page.lines() {
        if line.starts_with("| code |") {
            inside = line.starts_with(&format!("| code | {column} |"));
        }
        let cells: Vec<_> = line.split(" | ").collect();
        let code = cells[0].strip_prefix("| `").and_then(|code| code.strip_suffix('`'));
        if let (true, Some(code)) = (inside, code) {
            assert!(cells.len() == 4, "a row has four cells: {line}");
            rows.entry(code.to_owned())
                .or_default()
                .extend(cells[1].split(", ").map(str::to_owned));
        }
    }
    rows
}

fn assert_the_same(
    what: &str,
    found: &BTreeMap<String, BTreeSet<String>>,
    page: &BTreeMap<String, BTreeSet<String>>,
) {
    let missing: Vec<_> = found.keys().filter(|code| !page.contains_key(*code)).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
    let stale: Vec<_> = page.keys().filter(|code| !found.contains_key(*code)).collect();
    assert!(stale.is_empty(), "docs/errors.md explains what no source has: {stale:?}");
    for (code, seen) in found {
        // The same code can be a warning elsewhere, and with `-` it only causes other errors.
        let (mut ends, told) = (seen.clone(), &page[code]);
        ends.remove("-");
        let agrees = told.contains("-") || ends.is_subset(told);
        assert!(agrees, "{what} of {code}: {ends:?}, not {told:?}");
    }
}

#[test]
fn the_page_explains_every_code_and_no_other() {
    let found = codes();
    assert!(
        found.unclear.is_empty(),
        "write the code where the error is made: {:?}",
        found.unclear
    );
    assert!(found.exits.len() > 200, "only {} codes were found", found.exits.len());
    assert_the_same("exit code", &found.exits, &rows("exit"));
    assert_the_same("status", &found.statuses, &rows("status"));
}

#[test]
fn codes_are_found_wherever_they_are_made() {
    let source = r#"
        const NAME: &str = "by_name";
        fn production() {
            let a = vec![blocker("in_a_macro", why)];
            let b = Error::usage(NAME, "text, with a comma");
            let c = Error::new(ErrorKind::Stopped, "stopped", format!("{a}"));
            let d = Finding { code: "in_a_field".into() };
            let e = Failure::new(StatusCode::CONFLICT, "over_http", "no");
            let f = Error::failed(unknown, "no");
        }
        #[cfg(test)]
        mod tests {
            fn test() { Error::failed("of_a_test", ""); }
        }
    "#;
    let (mut known, mut found) = (BTreeMap::new(), Codes::default());
    constants(source, &mut known);
    Scan { file: "x.rs", constants: &known, found: &mut found }.tokens(source.parse().unwrap());
    let exits: Vec<_> = found.exits.iter().map(|(code, exits)| (code.as_str(), exits)).collect();
    let one = |exit: &str| BTreeSet::from([exit.to_owned()]);
    let wanted = [
        ("by_name", &one("2")),
        ("in_a_field", &BTreeSet::new()),
        ("in_a_macro", &one("3")),
        ("stopped", &one("4")),
    ];
    assert_eq!(exits, wanted);
    assert_eq!(found.statuses["over_http"], one("409"));
    assert_eq!(found.unclear.len(), 1);
}
