//! YAML as a tree that knows where each key and value stands.

use std::collections::HashMap;

use saphyr::Scalar;
use saphyr_parser::{BufferedInput, Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Number, Value};

use super::diagnostic::{Diagnostic, Place, quoted};

/// How many nodes a specification may have, with every alias written out: far more than anybody
/// writes, and little enough that aliases of aliases cannot fill the memory.
const NODES_MAX: usize = 5_000;

/// How deep it may be nested; the specification itself needs four.
const DEPTH_MAX: usize = 64;

/// What the library says of brackets within brackets that it looks at before it tells of any.
const TOO_DEEP: &str = "recursion limit exceeded";

/// A part of the text that was read, or why the rest of it cannot be. Boxed: it is large and rare.
type Read<T = ()> = Result<T, Box<Diagnostic>>;

/// Reading ends here.
fn stop<T>(diagnostic: Diagnostic) -> Read<T> {
    Err(Box::new(diagnostic))
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Text, a number, true or false, or nothing; `raw` as it was written, without quotes.
    Scalar { value: Value, raw: String },
    /// A list.
    List(Vec<Node>),
    /// Keys with values, in the order of the text.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) value: Node,
}

impl Entry {
    /// An entry that was never text.
    pub(super) fn of(key: &str, value: Node) -> Self {
        Self { key: key.to_owned(), key_place: Place::START, value }
    }

    /// What to underline when the value is wrong: the key, when the value is empty or long.
    pub(super) fn value_place(&self) -> Place {
        match &self.value.kind {
            Kind::Scalar { value: Value::Null, .. } => self.key_place,
            Kind::Scalar { .. } => self.value.place,
            Kind::List(_) | Kind::Mapping(_) => self.key_place,
        }
    }
}

impl Node {
    /// The entries of a mapping; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping, to change them; none of anything else.
    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        match &mut self.kind {
            Kind::Mapping(entries) => entries,
            _ => &mut [],
        }
    }

    /// The value of a key, to change it.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let entry = self.entries_mut().iter_mut().find(|entry| entry.key == key)?;
        Some(&mut entry.value)
    }

    /// The text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { value: Value::String(text), .. } => Some(text),
            _ => None,
        }
    }

    /// The same without places.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { value, .. } => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Mapping(entries) => {
                let pairs = entries.iter().map(|e| (e.key.clone(), e.value.to_value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// A tree of a value that was never text: everything stands at the beginning. Keys without
    /// a value are left out, as they are in a specification.
    pub(super) fn of(value: &Value) -> Self {
        let kind = match value {
            Value::Array(items) => Kind::List(items.iter().map(Node::of).collect()),
            Value::Object(entries) => {
                let said = entries.iter().filter(|(_, value)| !value.is_null());
                Kind::Mapping(said.map(|(key, value)| Entry::of(key, Node::of(value))).collect())
            }
            Value::String(text) => Kind::Scalar { value: value.clone(), raw: text.clone() },
            other => Kind::Scalar { value: other.clone(), raw: other.to_string() },
        };
        Node { place: Place::START, kind }
    }

    /// Puts `over` over it: keys are added and replaced, and so are lists and single values. A
    /// bare key of a mapping adds nothing to it.
    pub(super) fn merge(&mut self, over: &Node) {
        match (&mut self.kind, &over.kind) {
            (Kind::Mapping(entries), Kind::Mapping(others)) => {
                for other in others {
                    match entries.iter_mut().find(|entry| entry.key == other.key) {
                        Some(entry) => entry.value.merge(&other.value),
                        None => entries.push(other.clone()),
                    }
                }
            }
            (Kind::Mapping(_), Kind::Scalar { value: Value::Null, .. }) => {}
            _ => *self = over.clone(),
        }
    }

    /// Replaces what both have by what `over` has, and adds nothing.
    pub(super) fn replace_common(&mut self, over: &Node) {
        let (Kind::Mapping(entries), Kind::Mapping(others)) = (&mut self.kind, &over.kind) else {
            return self.merge(over);
        };
        for entry in entries {
            if let Some(other) = others.iter().find(|other| other.key == entry.key) {
                entry.value.replace_common(&other.value);
            }
        }
    }

    /// How many nodes it consists of.
    fn size(&self) -> usize {
        let below: usize = match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => items.iter().map(Node::size).sum(),
            Kind::Mapping(entries) => entries.iter().map(|e| e.value.size()).sum(),
        };
        below + 1
    }
}

/// Reads one YAML document. What is wrong comes back as diagnostics; the tree is there as long as
/// the text can be understood, and `None` also for a text that says nothing.
pub(super) fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut builder = Builder::new(text);
    // The events are taken one by one, because the library's own loader recurses without a limit,
    // forgets the first of two equal keys and writes out every alias.
    let mut parser = Parser::new(BufferedInput::new(text.chars()));
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => stop(builder.syntax(&error)),
        };
        if let Err(diagnostic) = step {
            builder.found.push(*diagnostic);
            return (None, builder.found);
        }
    }
    (builder.root, builder.found)
}

/// A list or mapping that is being read.
struct Open {
    kind: Kind,
    place: Place,
    anchor: usize,
    /// The key whose value comes next, in a mapping.
    key: Option<(String, Place)>,
}

struct Builder<'a> {
    text: &'a str,
    /// How many characters each line has.
    widths: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
    found: Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            widths: line_widths(text),
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
            found: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Read {
        let place = self.place(span);
        match event {
            Event::DocumentStart(_) => self.begin_document(place),
            Event::SequenceStart(anchor, tag) => {
                self.begin(Kind::List(Vec::new()), place, anchor, tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(Kind::Mapping(Vec::new()), place, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.end(open),
                None => Ok(()),
            },
            Event::Scalar(raw, style, anchor, tag) => {
                let kind = scalar(raw.into_owned(), style, tag.as_deref(), place)?;
                self.count(1, place)?;
                self.complete(Node { place, kind }, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin_document(&mut self, place: Place) -> Read {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let message = "a second document begins here".to_owned();
        stop(
            Diagnostic::error("yaml_documents", place, "", message)
                .hint("a specification is one document: keep each in a file of its own"),
        )
    }

    fn begin(&mut self, kind: Kind, place: Place, anchor: usize, tag: Option<&Tag>) -> Read {
        if let Some(tag) = tag.filter(|tag| !is_collection_tag(tag)) {
            return stop(unknown_tag(tag, place));
        }
        if self.open.len() == DEPTH_MAX {
            return stop(too_deep(place));
        }
        self.count(1, place)?;
        self.open.push(Open { kind, place, anchor, key: None });
        Ok(())
    }

    fn end(&mut self, open: Open) -> Read {
        self.complete(Node { place: open.place, kind: open.kind }, open.anchor)
    }

    /// Puts a whole node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Read {
        if anchor > 0 {
            self.count(node.size(), node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Mapping(entries) => match open.key.take() {
                None => open.key = Some(key_of(node)?),
                Some((key, key_place)) => {
                    let first = entries.iter().find(|entry| entry.key == key);
                    match first.map(|entry| entry.key_place.line) {
                        Some(line) => self.found.push(duplicate(&key, key_place, line)),
                        None => entries.push(Entry { key, key_place, value: node }),
                    }
                }
            },
            Kind::Scalar { .. } => {}
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Read {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            let message = "this alias stands inside the value that it refers to".to_owned();
            return stop(Diagnostic::error("yaml_alias", place, "", message));
        };
        self.count(node.size(), place)?;
        self.complete(node, 0)
    }

    fn count(&mut self, nodes: usize, place: Place) -> Read {
        self.nodes += nodes;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("more than {NODES_MAX} values, aliases written out");
        stop(Diagnostic::error("yaml_too_large", place, "", message))
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let mark = *error.marker();
        let place = self.place(Span::new(mark, mark));
        if error.info() == TOO_DEEP {
            return too_deep(place);
        }
        let message = format!("this is not YAML: {}", error.info());
        let diagnostic = Diagnostic::error("yaml_syntax", place, "", message);
        match tab_indents(self.text, place.line) {
            true => diagnostic.hint("indent with spaces: YAML does not allow tabs there"),
            false => diagnostic,
        }
    }

    /// From the library's places, whose columns begin at 0, to ours; never beyond the line's end.
    fn place(&self, span: Span) -> Place {
        let line = span.start.line().clamp(1, self.widths.len());
        let width = self.widths[line - 1];
        let begin = span.start.col().min(width);
        let end = end_column(span.start, span.end, width).max(begin + 1);
        Place { line, column: begin + 1, length: end - begin }
    }
}

/// How many characters each line has, at least one line; YAML ends a line at `\n`, `\r\n`, `\r`.
fn line_widths(text: &str) -> Vec<usize> {
    let mut widths = vec![0];
    let mut previous = ' ';
    for c in text.chars() {
        match (c, widths.last_mut()) {
            ('\n', _) if previous == '\r' => {}
            ('\n' | '\r', _) => widths.push(0),
            (_, Some(width)) => *width += 1,
            (_, None) => {}
        }
        previous = c;
    }
    widths
}

/// Where on its first line a span ends, from 0.
fn end_column(start: Marker, end: Marker, width: usize) -> usize {
    if end.line() > start.line() { width } else { end.col().min(width) }
}

fn too_deep(place: Place) -> Diagnostic {
    let message = format!("nested more than {DEPTH_MAX} deep");
    Diagnostic::error("yaml_too_large", place, "", message)
}

fn tab_indents(text: &str, line: usize) -> bool {
    let before = line.saturating_sub(2);
    text.lines().skip(before).take(2).any(|line| {
        let indent = &line[..line.len() - line.trim_start().len()];
        indent.contains('\t')
    })
}

fn duplicate(key: &str, place: Place, first_line: usize) -> Diagnostic {
    let message = format!("the key {} stands here a second time", quoted(key));
    Diagnostic::error("yaml_duplicate_key", place, key, message)
        .hint(format!("the first is on line {first_line}: keep one of them"))
}

fn key_of(node: Node) -> Read<(String, Place)> {
    match node.kind {
        Kind::Scalar { raw, .. } => Ok((raw, node.place)),
        Kind::List(_) | Kind::Mapping(_) => {
            let message = "a list or mapping cannot be a key".to_owned();
            stop(
                Diagnostic::error("yaml_key", node.place, "", message)
                    .hint("text in braces after a colon needs quotes: key: \"{text}\""),
            )
        }
    }
}

fn is_collection_tag(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq")
}

fn unknown_tag(tag: &Tag, place: Place) -> Diagnostic {
    let message = format!("the tag {} means nothing here", quoted(&tag.to_string()));
    Diagnostic::error("yaml_tag", place, "", message)
        .hint("write the value itself: nothing is included or computed")
}

fn scalar(raw: String, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Read<Kind> {
    if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
        return stop(unknown_tag(tag, place));
    }
    // An empty plain scalar is nothing; the library takes it for empty text.
    if raw.is_empty() && style == ScalarStyle::Plain && tag.is_none() {
        return Ok(Kind::Scalar { value: Value::Null, raw });
    }
    let tag = tag.cloned().map(std::borrow::Cow::Owned);
    let Some(scalar) =
        Scalar::parse_from_cow_and_metadata(raw.as_str().into(), style, tag.as_ref())
    else {
        let message = format!("{} is not what its tag says", quoted(&raw));
        return stop(Diagnostic::error("yaml_tag", place, "", message).hint("leave the tag out"));
    };
    let value = json(scalar);
    Ok(Kind::Scalar { value, raw })
}

fn json(scalar: Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(value),
        Scalar::Integer(value) => Value::from(value),
        Scalar::FloatingPoint(value) => float(value.into_inner()),
        Scalar::String(text) => Value::String(text.into_owned()),
    }
}

/// A whole number written with a point is a whole number; what JSON cannot say stays text.
fn float(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        // Exact: whole, and within what a double holds without rounding.
        #[expect(clippy::cast_possible_truncation)]
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number)
}
