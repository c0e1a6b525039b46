//! Checks what is rendered against Azure's own types, and the files against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use crate::bicep::{Expr, File, Module, Resource, literal, parse};
use crate::support::Files;

static TABLE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("types.json")).unwrap());

/// Flags of a property.
const REQUIRED: u64 = 1;
const READ_ONLY: u64 = 2;
/// What a resource has beside the properties of its type.
const EVERY_RESOURCE: [&str; 3] = ["parent", "scope", "dependsOn"];
/// Functions of Bicep that are used.
const FUNCTIONS: [&str; 15] = [
    "contains",
    "empty",
    "environment",
    "guid",
    "json",
    "newGuid",
    "range",
    "resourceGroup",
    "resourceId",
    "subscription",
    "subscriptionResourceId",
    "uniqueString",
    "uriComponent",
    "utcNow",
    "concat",
];

/// Everything that is wrong with the Bicep of an environment.
pub(crate) fn faults(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    let mut parsed = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".bicep")) {
        match parse(text) {
            Ok(file) => drop(parsed.insert(path.clone(), file)),
            Err(wrong) => found.push(format!("{path}: {wrong}")),
        }
    }
    for (path, file) in &parsed {
        let mut here = Vec::new();
        names(file, &mut here);
        for resource in &file.resources {
            typed(resource, &mut here);
        }
        for module in &file.modules {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = parsed.get(&format!("{folder}/{}", module.path));
            interface(file, module, target, &mut here);
        }
        found.extend(here.into_iter().map(|fault| format!("{path}: {fault}")));
    }
    found
}

/// Every name is declared once, and every declaration is used.
fn names(file: &File, found: &mut Vec<String>) {
    let mut declared: Vec<&String> = file.params.keys().chain(file.variables.keys()).collect();
    let must_be_used: BTreeSet<&String> = declared.iter().copied().collect();
    declared.extend(file.resources.iter().map(|one| &one.symbol));
    declared.extend(file.modules.iter().map(|one| &one.symbol));
    let mut known = BTreeSet::new();
    for name in declared {
        if !known.insert(name.clone()) {
            found.push(format!("`{name}` is declared twice"));
        }
    }
    known.extend(FUNCTIONS.map(str::to_owned));
    let mut used = BTreeSet::new();
    for one in expressions(file) {
        one.each(&mut |one| match one {
            Expr::Name(name) => drop(used.insert(name.clone())),
            Expr::For { names, .. } => known.extend(names.iter().cloned()),
            _ => {}
        });
    }
    found.extend(used.difference(&known).map(|name| format!("`{name}` is not declared")));
    let unused = must_be_used.into_iter().filter(|name| !used.contains(*name));
    found.extend(unused.map(|name| format!("`{name}` is not used")));
}

fn expressions(file: &File) -> impl Iterator<Item = &Expr> {
    let defaults = file.params.values().filter_map(|one| one.default.as_ref());
    let bodies = file.resources.iter().map(|one| &one.body);
    let modules = file.modules.iter().map(|one| &one.body);
    defaults
        .chain(file.variables.values())
        .chain(bodies)
        .chain(modules)
        .chain(file.outputs.values())
}

/// A module gets what it asks for and nothing else, and gives what is asked of it.
fn interface(file: &File, module: &Module, target: Option<&File>, found: &mut Vec<String>) {
    let Some(target) = target else {
        found.push(format!("there is no module `{}`", module.path));
        return;
    };
    let empty = Expr::Object(Vec::new());
    let Expr::Object(given) = module.body.get("params").unwrap_or(&empty) else { return };
    let given: BTreeSet<String> = given.iter().filter_map(|(key, _)| literal(key)).collect();
    for (name, param) in &target.params {
        if param.default.is_none() && !given.contains(name) {
            found.push(format!("`{}` is not given `{name}`", module.symbol));
        }
    }
    for name in given.iter().filter(|name| !target.params.contains_key(*name)) {
        found.push(format!("`{}` has no parameter `{name}`", module.symbol));
    }
    for one in expressions(file) {
        one.each(&mut |one| {
            let Expr::Member(outputs, name) = one else { return };
            let Expr::Member(of, word) = &**outputs else { return };
            let is_output = **of == Expr::Name(module.symbol.clone()) && word == "outputs";
            if is_output && !target.outputs.contains_key(name) {
                found.push(format!("`{}` has no output `{name}`", module.symbol));
            }
        });
    }
}

fn typed(resource: &Resource, found: &mut Vec<String>) {
    let Some(root) = TABLE["resources"].get(&resource.kind) else {
        found.push(format!("{} is not a type of Azure", resource.kind));
        return;
    };
    if !resource.existing {
        check(root, resource.body.inner(), &resource.symbol, found);
    }
}

/// Checks a value of the container app's YAML.
pub(crate) fn check_value(kind: &str, value: &Value, found: &mut Vec<String>) {
    check(&TABLE["resources"][kind], &expression_of(value), "", found);
}

fn expression_of(value: &Value) -> Expr {
    match value {
        Value::Null => Expr::Null,
        Value::Bool(one) => Expr::Bool(*one),
        Value::Number(one) => one.as_i64().map_or(Expr::Name("json".into()), Expr::Number),
        Value::String(text) => Expr::Text(vec![crate::bicep::Part::Literal(text.clone())]),
        Value::Array(all) => Expr::Array(all.iter().map(expression_of).collect()),
        Value::Object(all) => {
            let key = |key: &String| vec![crate::bicep::Part::Literal(key.clone())];
            Expr::Object(all.iter().map(|(name, one)| (key(name), expression_of(one))).collect())
        }
    }
}

fn node(index: &Value) -> &'static Value {
    &TABLE["nodes"][usize::try_from(index.as_u64().unwrap()).unwrap()]
}

fn check(index: &Value, value: &Expr, at: &str, found: &mut Vec<String>) {
    let kind = node(index);
    match value {
        Expr::For { body, .. } if kind.get("list").is_some() => {
            check(&kind["list"], body, at, found);
        }
        Expr::Choice(_, yes, no) => {
            for one in [yes, no].into_iter().filter(|one| ***one != Expr::Null) {
                check(index, one, at, found);
            }
        }
        // What is computed is not followed.
        Expr::Name(_) | Expr::Member(..) | Expr::Index(..) | Expr::Call(..) | Expr::Both(..) => {}
        value => plain(kind, value, at, found),
    }
}

fn plain(kind: &Value, value: &Expr, at: &str, found: &mut Vec<String>) {
    if kind == "any" {
        return;
    }
    let mut wrong = |what: String| found.push(format!("{at}: {what}"));
    if let Some(all) = kind.get("either") {
        one_of(all, value, &mut wrong);
        return;
    }
    match value {
        Expr::Object(_) if kind.get("object").is_some() => object(kind, value, at, found),
        Expr::Array(all) if kind.get("list").is_some() => {
            all.iter().for_each(|one| check(&kind["list"], one, at, found));
        }
        Expr::Text(parts) if kind.get("text").is_some() => {
            if let Some(text) = literal(parts) {
                limits(&kind["text"], &text, &mut wrong);
            }
        }
        Expr::Text(parts) if kind.get("word").is_some() => {
            let text = literal(parts);
            if text.as_deref() != kind["word"].as_str() {
                wrong(format!("{text:?} is not {}", kind["word"]));
            }
        }
        Expr::Number(number) if kind.get("integer").is_some() => {
            let least = kind["integer"]["minValue"].as_i64().unwrap_or(i64::MIN);
            let most = kind["integer"]["maxValue"].as_i64().unwrap_or(i64::MAX);
            if !(least..=most).contains(number) {
                wrong(format!("{number} is not in {least}..={most}"));
            }
        }
        Expr::Bool(_) | Expr::Not(_) if kind == "boolean" => {}
        other => wrong(format!("{other:?} is not {kind}")),
    }
}

/// An open list of words: one that is not in it is taken for a mistake.
fn one_of(all: &Value, value: &Expr, wrong: &mut dyn FnMut(String)) {
    let Expr::Text(parts) = value else { return wrong(format!("{value:?} is not a word")) };
    let Some(text) = literal(parts) else { return };
    let words: Vec<_> =
        all.as_array().unwrap().iter().filter_map(|one| node(one)["word"].as_str()).collect();
    if !words.is_empty() && !words.contains(&text.as_str()) {
        wrong(format!("`{text}` is none of {words:?}"));
    }
}

fn limits(limits: &Value, text: &str, wrong: &mut dyn FnMut(String)) {
    let length = text.chars().count() as u64;
    if length < limits["minLength"].as_u64().unwrap_or(0) {
        wrong(format!("`{text}` is too short"));
    }
    if length > limits["maxLength"].as_u64().unwrap_or(u64::MAX) {
        wrong(format!("`{text}` is too long"));
    }
    if limits["sensitive"] == true {
        wrong("a secret is written down".to_owned());
    }
}

fn object(kind: &Value, value: &Expr, at: &str, found: &mut Vec<String>) {
    let Expr::Object(entries) = value else { return };
    let mut properties = kind["object"].as_object().unwrap().clone();
    if let Some(by) = kind.get("by") {
        let case = value.get(by.as_str().unwrap()).and_then(Expr::literal).unwrap_or_default();
        match kind["cases"].get(&case) {
            Some(case) => properties.extend(node(case)["object"].as_object().unwrap().clone()),
            None => found.push(format!("{at}: `{case}` is none of {}", kind["cases"])),
        }
    }
    let is_resource = !at.contains('.');
    let mut given = BTreeSet::new();
    for (key, value) in entries {
        let Some(key) = literal(key) else { continue };
        if !given.insert(key.clone()) {
            found.push(format!("{at}.{key} stands twice"));
        }
        let flags = properties.get(&key).map(|property| property[1].as_u64().unwrap());
        match (properties.get(&key), flags) {
            (Some(_), Some(flags)) if flags & READ_ONLY != 0 && flags & REQUIRED == 0 => {
                found.push(format!("{at}.{key} can only be read"));
            }
            (Some(property), _) => check(&property[0], value, &format!("{at}.{key}"), found),
            (None, _) if is_resource && EVERY_RESOURCE.contains(&key.as_str()) => {}
            (None, _) if kind.get("rest").is_some() => {
                check(&kind["rest"], value, &format!("{at}.{key}"), found);
            }
            (None, _) => found.push(format!("{at}.{key} is no property")),
        }
    }
    for (name, property) in &properties {
        let flags = property[1].as_u64().unwrap();
        let is_wanted = flags & REQUIRED != 0 && flags & READ_ONLY == 0;
        if is_wanted && !given.contains(name) {
            found.push(format!("{at}.{name} is missing"));
        }
    }
}
