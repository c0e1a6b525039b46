//! Reading Rust: what a file says outside of its comments and tests.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, File, Item};

/// A word of a file: an identifier, the value of a string, or `::name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Identifier(String),
    Text(String),
    /// An identifier after `::`.
    Segment(String),
}

/// A path that is written somewhere, such as `crate::plan::Plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
}

/// Parses a file and takes its tests out.
pub(crate) fn parse(path: &str, text: &str) -> File {
    let mut file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    remove_tests(&mut file.items);
    file
}

fn remove_tests(items: &mut Vec<Item>) {
    items.retain(|item| !attributes(item).iter().any(is_test));
    for item in items {
        if let Item::Mod(module) = item
            && let Some((_, items)) = &mut module.content
        {
            remove_tests(items);
        }
    }
}

/// The lines of a file that its inline tests take.
pub(crate) fn test_lines(text: &str) -> usize {
    let items = syn::parse_file(text).map(|file| file.items).unwrap_or_default();
    let tests = items.iter().filter(|item| attributes(item).iter().any(is_test));
    tests.map(|item| item.span().end().line + 1 - item.span().start().line).sum()
}

fn is_test(attribute: &Attribute) -> bool {
    if attribute.path().is_ident("test") {
        return true;
    }
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// All words of a file, each with its line; comments are none.
pub(crate) fn words(file: &File) -> Vec<(usize, Word)> {
    let mut reader = Words::default();
    reader.visit_file(file);
    reader.words
}

#[derive(Default)]
struct Words {
    words: Vec<(usize, Word)>,
}

impl Words {
    fn identifier(&mut self, name: &proc_macro2::Ident) {
        self.words.push((name.span().start().line, Word::Identifier(name.to_string())));
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut colons = 0;
        for token in tokens {
            let after_colons = colons == 2;
            colons = match &token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons + 1,
                _ => 0,
            };
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) => {
                    self.identifier(&name);
                    if after_colons {
                        let line = name.span().start().line;
                        self.words.push((line, Word::Segment(name.to_string())));
                    }
                }
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        let line = literal.span().start().line;
                        self.words.push((line, Word::Text(text.value())));
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn segment(&mut self, name: &proc_macro2::Ident) {
        self.words.push((name.span().start().line, Word::Segment(name.to_string())));
    }
}

impl<'ast> Visit<'ast> for Words {
    fn visit_ident(&mut self, name: &'ast proc_macro2::Ident) {
        self.identifier(name);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.words.push((text.span().start().line, Word::Text(text.value())));
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("doc")
            && let syn::Meta::List(list) = &attribute.meta
        {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        path.segments.iter().skip(1).for_each(|segment| self.segment(&segment.ident));
        visit::visit_path(self, path);
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        match &*path.tree {
            syn::UseTree::Path(next) => self.segment(&next.ident),
            syn::UseTree::Name(name) => self.segment(&name.ident),
            syn::UseTree::Rename(name) => self.segment(&name.ident),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    match tree {
                        syn::UseTree::Path(next) => self.segment(&next.ident),
                        syn::UseTree::Name(name) => self.segment(&name.ident),
                        syn::UseTree::Rename(name) => self.segment(&name.ident),
                        _ => {}
                    }
                }
            }
            syn::UseTree::Glob(_) => {}
        }
        visit::visit_use_path(self, path);
    }
}

/// All paths of a file, those of `use` spelt out.
pub(crate) fn paths(file: &File) -> Vec<Path> {
    let mut reader = Paths::default();
    reader.visit_file(file);
    reader.paths
}

#[derive(Default)]
struct Paths {
    paths: Vec<Path>,
}

impl Paths {
    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &proc_macro2::Ident| [before, &[name.to_string()]].concat();
        let line = tree.span().start().line;
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.paths.push(Path { line, segments: with(&name.ident) }),
            syn::UseTree::Rename(name) => {
                self.paths.push(Path { line, segments: with(&name.ident) });
            }
            syn::UseTree::Glob(_) => self.paths.push(Path { line, segments: before.to_vec() }),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(before, tree));
            }
        }
    }

    /// The paths that are written in the arguments of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut line = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 => segments.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.end(line, &mut segments);
                    line = name.span().start().line;
                    segments.push(name.to_string());
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.end(line, &mut segments);
                    self.tokens(group.stream());
                }
                _ => self.end(line, &mut segments),
            }
            colons = 0;
        }
        self.end(line, &mut segments);
    }

    fn end(&mut self, line: usize, segments: &mut Vec<String>) {
        let segments = std::mem::take(segments);
        if segments.len() > 1 {
            self.paths.push(Path { line, segments });
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.paths.push(Path { line: path.span().start().line, segments });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }
}

#[test]
fn tests_and_comments_are_no_words() {
    let text =
        "//! azure\n/// gcp\n#[cfg(test)]\nmod tests { fn aws() {} }\nfn f() { g!(a::b, \"c\") }";
    let found = words(&parse("a.rs", text));
    let expected = [
        Word::Identifier("f".into()),
        Word::Identifier("g".into()),
        Word::Identifier("a".into()),
        Word::Identifier("b".into()),
        Word::Segment("b".into()),
        Word::Text("c".into()),
    ];
    assert_eq!(found.into_iter().map(|(_, word)| word).collect::<Vec<_>>(), expected);
    assert_eq!(test_lines(text), 3, "its comment and attribute included");
}

#[test]
fn paths_are_spelt_out() {
    let text = "use crate::{a::B, c};\nfn f() { crate::d::e(); g!(crate::h::i) }";
    let found = paths(&parse("a.rs", text));
    let found: Vec<_> = found.iter().map(|path| path.segments.join("::")).collect();
    assert_eq!(found, ["crate::a::B", "crate::c", "crate::d::e", "g", "crate::h::i"]);
}
