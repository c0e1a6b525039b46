//! Values of the specification that come from outside of it: `TREFOIL_DATABASE__SIZE`.

use serde_json::Value;

use super::diagnostic::{nearest, plain, quoted};
use super::tree::{Entry, Kind, Node};
use super::{AppSpec, Diagnostic, mistakes, rules, schema, tree, view};
use crate::{Error, Result};

/// A value for one key of the specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The variable, such as `TREFOIL_DATABASE__SIZE`: the key's path in capitals, with two
    /// underscores between its parts.
    pub variable: String,
    /// The value, as it would be written in the specification.
    pub value: String,
}

/// Why a setting cannot be used.
#[derive(Debug)]
pub struct WrongSetting {
    /// In words, with the variable.
    pub error: Error,
    /// What it makes wrong in the specification; none when it names no place there.
    pub found: Option<Diagnostic>,
}

impl From<Error> for WrongSetting {
    fn from(error: Error) -> Self {
        Self { error, found: None }
    }
}

/// What the name of each such variable begins with.
const PREFIX: &str = "TREFOIL_";

/// Keys that a variable cannot change: they say what the application is.
const FIXED: [&str; 1] = ["name"];

impl Setting {
    /// Whether a variable of this name sets a key of the specification. The name of a key within
    /// a section has two underscores; all other names belong to the flags of the commands.
    pub fn is_one(variable: &str) -> bool {
        variable.strip_prefix(PREFIX).is_some_and(|path| path.contains("__") || path == "DOMAIN")
    }

    /// The tree that says this and nothing else.
    fn tree(&self, spec: &Node) -> Result<Node> {
        let path = self.variable.strip_prefix(PREFIX).unwrap_or(&self.variable);
        let (mut keys, mut at, mut known) = (Vec::new(), schema::schema(), Some(spec));
        for segment in path.split("__") {
            let key = self.key(segment, at, known, &keys.join("."))?;
            at = schema::below(at, &key).unwrap_or(&Value::Null);
            known = known.and_then(|node| node.get(&key)).map(|entry| &entry.value);
            keys.push(key);
        }
        let wrap = |value, key: &String| Node {
            place: super::diagnostic::Place::START,
            kind: Kind::Mapping(vec![Entry::of(key, value)]),
        };
        Ok(keys.iter().rev().fold(self.value(at)?, wrap))
    }

    /// The key that one part of the variable's name stands for.
    fn key(&self, segment: &str, at: &Value, known: Option<&Node>, path: &str) -> Result<String> {
        let wanted = plain(segment);
        let keys: Vec<_> = schema::keys(at).collect();
        if let Some(key) = keys.iter().find(|key| plain(key) == wanted && !FIXED.contains(key)) {
            return Ok((*key).to_owned());
        }
        if !at["additionalProperties"].is_object() || wanted.is_empty() {
            return Err(self.unknown(segment, &keys, path));
        }
        let named = known.into_iter().flat_map(Node::entries);
        let named = named.map(|entry| entry.key.as_str()).find(|key| plain(key) == wanted);
        Ok(named.map_or_else(|| new_name(segment, path), str::to_owned))
    }

    fn unknown(&self, segment: &str, keys: &[&str], path: &str) -> Error {
        let place = if path.is_empty() { "the specification" } else { path };
        let message =
            format!("{} names {}, which is no key of {place}", self.variable, quoted(segment));
        let error = Error::usage("setting_unknown", message);
        match nearest(segment, keys.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{}`?", meant.to_uppercase())),
            None => error.hint(format!("its keys are: {}", keys.join(", "))),
        }
    }

    /// The value: text where text is wanted, else what YAML takes it for.
    fn value(&self, at: &Value) -> Result<Node> {
        if at["type"] == "string" {
            return Ok(Node::of(&Value::String(self.value.clone())));
        }
        let (node, found) = tree::read(&self.value);
        match (node, found.into_iter().next()) {
            (Some(node), None) => Ok(node),
            (None, None) => Ok(Node::of(&Value::Null)),
            (_, Some(mistake)) => Err(self.error(&mistake)),
        }
    }

    /// The mistake is as long as the value, which stands in no file.
    fn wrong(&self, mistake: Diagnostic) -> WrongSetting {
        let length = self.value.chars().count().max(1);
        WrongSetting { error: self.error(&mistake), found: Some(Diagnostic { length, ..mistake }) }
    }

    fn error(&self, mistake: &Diagnostic) -> Error {
        let mut message = format!("{}: {}", self.variable, mistake.message);
        if !mistake.allowed.is_empty() {
            message.push_str(&format!(" (allowed: {})", mistake.allowed.join(", ")));
        }
        let error = Error::usage(mistake.code, message);
        match &mistake.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// A name that the specification does not have yet: variables are in capitals, all else is not.
fn new_name(segment: &str, path: &str) -> String {
    if matches!(path, "application.variables" | "application.secrets") {
        segment.to_owned()
    } else {
        segment.to_lowercase().replace('_', "-")
    }
}

impl AppSpec {
    /// The specification with settings put over it and over what its environments override, the
    /// later over the earlier. `clouds` are the
    /// names of the clouds that can be used.
    ///
    /// Errors: every mistake of every setting, each naming its variable.
    pub fn with_settings(
        &self,
        settings: &[Setting],
        clouds: &[&str],
    ) -> Result<AppSpec, Vec<WrongSetting>> {
        let mut tree = Node::of(&self.to_value());
        let mut errors = Vec::new();
        for setting in settings {
            match applied(&tree, setting, clouds) {
                Ok(with) => tree = with,
                Err(mistakes) => errors.extend(mistakes),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        serde_json::from_value(filled(&tree)).map_err(|error| {
            let message = "the settings do not fit together";
            vec![Error::usage("wrong_value", message).because(error).into()]
        })
    }
}

fn filled(tree: &Node) -> Value {
    let mut value = tree.to_value();
    schema::fill(&mut value, schema::schema());
    value
}

fn applied(tree: &Node, setting: &Setting, clouds: &[&str]) -> Result<Node, Vec<WrongSetting>> {
    let over = setting.tree(tree).map_err(|error| vec![error.into()])?;
    let mut with = tree.clone();
    with.merge(&over);
    over_overrides(&mut with, &over);
    let mut found = mistakes::find(&with, &filled(&with));
    found.extend(rules::check(&with, clouds));
    view::check(&with, clouds, &mut found);
    let errors: Vec<_> =
        found.into_iter().filter(Diagnostic::is_error).map(|one| setting.wrong(one)).collect();
    if errors.is_empty() { Ok(with) } else { Err(errors) }
}

/// A setting wins over what single environments override, too.
fn over_overrides(tree: &mut Node, over: &Node) {
    let Some(environments) = tree.get_mut("environments") else { return };
    for environment in environments.entries_mut() {
        if let Some(overrides) = environment.value.get_mut("overrides") {
            overrides.replace_common(over);
        }
    }
}
