//! How long functions and files may be.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::workspace::{production_files, read};
use crate::{Finding, assert_none, source, words};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

fn long_functions(path: &str, text: &str) -> Vec<Finding> {
    let mut reader = Functions { path, findings: Vec::new() };
    reader.visit_file(&source::parse(path, text));
    reader.findings
}

struct Functions<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, end: Span) {
        let first = signature.span().start().line;
        let lines = end.end().line + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let what = format!(
                "`{}` has {lines} lines; {FUNCTION_LINES_MAX} are allowed",
                signature.ident
            );
            self.findings.push(Finding::new(self.path, first, what));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.measure(&function.sig, function.span());
        visit::visit_trait_item_fn(self, function);
    }
}

fn long_file(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count() - source::test_lines(text);
    let what = format!("the file has {lines} lines; {FILE_LINES_MAX} are allowed");
    (lines > FILE_LINES_MAX).then(|| Finding::new(path, 1, what))
}

#[test]
fn functions_have_at_most_70_lines() {
    let files = production_files();
    let findings = files.iter().flat_map(|path| long_functions(path, &read(path))).collect();
    assert_none("functions are short enough to be read at once", findings);
}

#[test]
fn files_have_at_most_600_lines() {
    let files = production_files();
    let findings = files.iter().filter_map(|path| long_file(path, &read(path))).collect();
    assert_none("files are short enough to be known", findings);
}

#[test]
fn a_long_function_is_found() {
    let body = |lines: usize| "    f();\n".repeat(lines);
    let text = format!(
        "fn short() {{\n{}}}\nfn long() {{\n{}}}\n#[cfg(test)]\nmod tests {{\nfn t() {{\n{}}}\n}}\nimpl A {{\nfn m() {{\n{}}}\n}}",
        body(68),
        body(69),
        body(100),
        body(70)
    );
    let expected =
        ["71: `long` has 71 lines; 70 are allowed", "248: `m` has 72 lines; 70 are allowed"];
    assert_eq!(words(&long_functions("a.rs", &text)), expected);
}

#[test]
fn a_long_file_is_found() {
    assert_eq!(long_file("a.rs", &"\n".repeat(600)), None);
    let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n\n}}\n", "\n".repeat(600));
    assert_eq!(long_file("a.rs", &with_tests), None);
    let found = long_file("a.rs", &"\n".repeat(601)).unwrap();
    assert_eq!(found.what, "the file has 601 lines; 600 are allowed");
}
