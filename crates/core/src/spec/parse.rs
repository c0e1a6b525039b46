//! From text to a specification: a tree with places, the schema, the rules, then the types.

use serde_json::Value;

use super::diagnostic::{Diagnostic, Place, without_mark};
use super::tree::{Entry, Kind, Node};
use super::{AppSpec, mistakes, rules, schema, sections, tree, view};

/// The largest specification that is read, in bytes.
const BYTES_MAX: usize = 256 * 1024;

/// A specification without mistakes.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The specification.
    pub spec: AppSpec,
    /// What somebody should look at, sorted by place.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a specification. `clouds` are the names of the clouds that can be used.
///
/// Errors: every mistake at once, with the warnings among them, sorted by place. `file_name` is
/// only repeated in them; nothing is read.
pub fn parse(file_name: &str, text: &str, clouds: &[&str]) -> Result<Parsed, Vec<Diagnostic>> {
    let (spec, mut found) = understand(without_mark(text), clouds);
    for diagnostic in &mut found {
        file_name.clone_into(&mut diagnostic.file);
    }
    found.sort_by(|a, b| {
        (a.line, a.column, a.code, &a.path).cmp(&(b.line, b.column, b.code, &b.path))
    });
    match spec {
        Some(spec) if !found.iter().any(Diagnostic::is_error) => {
            Ok(Parsed { spec, warnings: found })
        }
        _ => Err(found),
    }
}

/// The text of a file, or where it is none.
///
/// # Errors
/// `spec_unreadable`, for what is not UTF-8.
pub fn decode(file_name: &str, bytes: &[u8]) -> Result<String, Box<Diagnostic>> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = Place { line, column, length: 1 };
    let message = "this is not UTF-8 text".to_owned();
    let mut found =
        Diagnostic::error("spec_unreadable", place, "", message).hint("save the file as UTF-8");
    file_name.clone_into(&mut found.file);
    Err(Box::new(found))
}

/// Something that a cloud cannot be, asked for at `path` of a specification that was read without
/// mistakes: at its place in the text, or at that of the nearest key above it that the text has.
pub fn misfit_at(
    (file_name, text): (&str, &str),
    path: &str,
    message: String,
    hint: String,
) -> Diagnostic {
    let (root, _) = tree::read(without_mark(text));
    let place = root.as_ref().map_or(Place::START, |root| {
        let mut spot = Spot::root(root);
        for key in path.split('.') {
            let Some(below) = spot.key(key) else { break };
            spot = below;
        }
        spot.place
    });
    let mut found = Diagnostic::error("render_misfit", place, path, message).hint(hint);
    file_name.clone_into(&mut found.file);
    found
}

/// The specification, if it could be understood, and all that is wrong with it.
fn understand(text: &str, clouds: &[&str]) -> (Option<AppSpec>, Vec<Diagnostic>) {
    if text.len() > BYTES_MAX {
        let message = format!("a specification has at most {BYTES_MAX} bytes, not {}", text.len());
        return (None, vec![Diagnostic::error("yaml_too_large", Place::START, "", message)]);
    }
    let (root, mut found) = tree::read(text);
    let Some(root) = root.filter(|root| !is_nothing(root)) else {
        if found.is_empty() {
            found.push(empty());
        }
        return (None, found);
    };
    let mut value = root.to_value();
    schema::fill(&mut value, schema::schema());
    found.extend(mistakes::find(&root, &value));
    found.extend(rules::check(&root, clouds));
    found.extend(sections::not_used(&Spot::root(&root)));
    view::check(&root, clouds, &mut found);
    if found.iter().any(Diagnostic::is_error) {
        return (None, found);
    }
    match serde_json::from_value(value) {
        Ok(spec) => (Some(spec), found),
        Err(error) => {
            found.push(Diagnostic::error("wrong_value", Place::START, "", error.to_string()));
            (None, found)
        }
    }
}

fn is_nothing(root: &Node) -> bool {
    matches!(&root.kind, Kind::Scalar { value: Value::Null, .. })
}

fn empty() -> Diagnostic {
    let message = "the specification is empty".to_owned();
    Diagnostic::error("missing_key", Place::START, "", message)
        .hint("only the name is required: `name: my-application`")
}

/// The path of a key below `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A node on the way from the root, with what is needed to talk about it.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub(super) path: String,
    /// What to underline.
    pub(super) place: Place,
    pub(super) node: &'a Node,
    /// The key that it has, unless it is the root or an item of a list.
    pub(super) entry: Option<&'a Entry>,
}

impl<'a> Spot<'a> {
    /// The whole specification.
    pub(super) fn root(node: &'a Node) -> Self {
        Self { path: String::new(), place: Place { length: 1, ..node.place }, node, entry: None }
    }

    /// The value of a key.
    pub(super) fn key(&self, key: &str) -> Option<Spot<'a>> {
        let entry = self.node.get(key)?;
        Some(self.entry(entry))
    }

    /// The value of an entry of this mapping.
    pub(super) fn entry(&self, entry: &'a Entry) -> Spot<'a> {
        Spot {
            path: join(&self.path, &entry.key),
            place: entry.value_place(),
            node: &entry.value,
            entry: Some(entry),
        }
    }

    /// An item of this list.
    pub(super) fn item(&self, index: usize) -> Option<Spot<'a>> {
        let node = self.node.items().get(index)?;
        Some(Spot { path: format!("{}[{index}]", self.path), place: node.place, node, entry: None })
    }

    /// The values of this mapping.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'a Entry, Spot<'a>)> + '_ {
        self.node.entries().iter().map(|entry| (entry, self.entry(entry)))
    }

    /// How to name it: by its path, or as a whole.
    pub(super) fn name(&self) -> String {
        if self.path.is_empty() {
            "the specification".to_owned()
        } else {
            super::diagnostic::quoted(&self.path)
        }
    }
}
