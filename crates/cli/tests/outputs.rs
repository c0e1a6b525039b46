//! What the real program prints with `--json` is what `docs/reference/` says: no key is missing,
//! none is unknown, times are RFC 3339.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Output, Stdio};

use common::Town;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use trefoil_cli::reference::{ENVELOPE, schemas};

/// A town whose every answer is compared with its schema.
struct Reader {
    town: Town,
    validators: BTreeMap<String, Validator>,
    seen: RefCell<BTreeSet<String>>,
}

impl Reader {
    fn new() -> Reader {
        let validators = schemas().into_iter().map(|(name, mut schema)| {
            close(&mut schema);
            let options = jsonschema::options().should_validate_formats(true);
            (name.to_owned(), options.build(&schema).unwrap())
        });
        let validators = validators.collect();
        Reader { town: Town::new(""), validators, seen: RefCell::default() }
    }

    /// The object that a command printed, and its exit code.
    fn read(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, Value) {
        let mut command = self.town.command(arguments);
        self.judge(arguments, &command.envs(variables.iter().copied()).output().unwrap())
    }

    /// The data of a command that must succeed and is given a value on its standard input.
    fn told(&self, arguments: &[&str], value: &str) -> Value {
        let mut command = self.town.command(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        let (code, object) = self.judge(arguments, &child.wait_with_output().unwrap());
        assert_eq!(code, 0, "trefoil {arguments:?}: {object:#}");
        object["data"].clone()
    }

    /// Holds what a command printed against its schema.
    fn judge(&self, arguments: &[&str], output: &Output) -> (i32, Value) {
        let code = output.status.code().unwrap_or(-1);
        let stdout = String::from_utf8(output.stdout.clone()).unwrap();
        if code == -1 {
            return (code, Value::Null);
        }
        assert_eq!(stdout.lines().count(), 1, "trefoil {arguments:?}: {stdout}");
        let object: Value = serde_json::from_str(&stdout).unwrap();
        self.validate(ENVELOPE, &object);
        assert_eq!(object["ok"], code == 0, "{object}");
        if object["data"] != json!({}) {
            let name = object["schema"].as_str().unwrap();
            let name = name.strip_prefix("trefoil/").and_then(|name| name.strip_suffix("/v1"));
            self.validate(name.unwrap(), &object["data"]);
        }
        (code, object)
    }

    fn validate(&self, name: &str, value: &Value) {
        let wrong: Vec<_> = self.validators[name]
            .iter_errors(value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{value:#}");
        self.seen.borrow_mut().insert(name.to_owned());
    }

    /// The data of a command that must succeed.
    fn ok(&self, arguments: &[&str]) -> Value {
        let (code, object) = self.read(arguments, &[]);
        assert_eq!(code, 0, "trefoil {arguments:?}: {object:#}");
        object["data"].clone()
    }

    /// The first error's code of a command that must fail.
    fn fails(&self, arguments: &[&str]) -> String {
        let (code, object) = self.read(arguments, &[]);
        assert!(code > 0, "trefoil {arguments:?}: {object:#}");
        object["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Runs a command that is killed before it writes the journal's third entry.
    fn killed(&self, arguments: &[&str]) {
        let arguments = &[arguments, &["--no-supervisor"]].concat();
        let (code, object) = self.read(arguments, &[("TREFOIL_CRASH_BEFORE_EVENT", "3")]);
        assert_eq!(code, -1, "trefoil {arguments:?}: {object:#}");
    }

    fn plan(&self, name: &str) -> String {
        let file = self.town.path().join(name).display().to_string();
        self.ok(&["migrate", "plan", "--from", "east", "--to", "west", "--output", &file]);
        file
    }
}

/// Refuses keys that a schema does not name, wherever an object stands on its own.
fn close(schema: &mut Value) {
    let Some(parts) = schema.as_object_mut() else { return };
    if parts.contains_key("properties") || parts.contains_key("oneOf") {
        parts.insert("unevaluatedProperties".into(), json!(false));
    }
    close_below(parts);
}

fn close_below(parts: &mut Map<String, Value>) {
    for (key, part) in parts {
        match (key.as_str(), part) {
            ("properties" | "$defs", Value::Object(named)) => named.values_mut().for_each(close),
            ("items" | "additionalProperties", part) => close(part),
            ("prefixItems", Value::Array(parts)) => parts.iter_mut().for_each(close),
            // Variants stand beside the keys of what they are variants of.
            ("oneOf" | "anyOf" | "allOf", Value::Array(parts)) => {
                parts.iter_mut().filter_map(Value::as_object_mut).for_each(close_below);
            }
            _ => {}
        }
    }
}

#[test]
fn every_answer_is_as_its_schema_says() {
    let reader = Reader::new();
    before_anything_runs(&reader);
    reader.ok(&["up", "east"]);
    reader.town.seed(5, 5);
    reader.ok(&["ps"]);
    reader.ok(&["inventory", "east"]);
    reader.told(&["secrets", "set", "east", "api-token"], "a value for nobody");
    reader.ok(&["secrets", "list", "east"]);
    reader.ok(&["secrets", "delete", "east", "api-token"]);

    reader.read(&["migrate", "preflight", "--from", "east", "--to", "west"], &[]);
    let file = reader.plan("first.json");
    let looked = reader.ok(&["migrate", "run", &file, "--dry-run"]);
    assert!(looked["steps"].as_array().unwrap().iter().any(|step| step["verdict"] == "after"));
    reader.ok(&["migrate", "rehearse", &file]);
    reader.killed(&["migrate", "run", &file]);
    reader.ok(&["runs", "abort", "last"]);

    let moved = reader.ok(&["migrate", "run", &reader.plan("second.json")]);
    reader.ok(&["runs"]);
    let there = moved["run_id"].as_str().unwrap();
    let shown = reader.ok(&["runs", "show", there]);
    assert_eq!(shown["state"], "soaking");
    reader.ok(&["runs", "approve", there, "--as", "Ada", "--item", "functionality_testing"]);
    let compared = reader.ok(&["migrate", "verify", "west", "east"]);
    assert!(compared["stream"].is_string(), "{compared:#}");
    reader.ok(&["migrate", "rollback", there, "--plan-only"]);
    reader.killed(&["migrate", "rollback", there]);
    reader.ok(&["runs", "resume", "last"]);
    reader.ok(&["migrate", "rollback", "last"]);
    reader.ok(&["migrate", "finish", "last"]);

    reader.ok(&["down", "east"]);
    reader.ok(&["ps"]);
    assert_eq!(reader.fails(&["migrate", "run", &file, "--dry-run"]), "");
    reader.ok(&["log"]);
    let wanted: BTreeSet<_> = schemas().iter().map(|(name, _)| (*name).to_owned()).collect();
    let never: Vec<_> = wanted.difference(&reader.seen.borrow()).cloned().collect();
    // The demonstration has a test of its own, and a refresh needs the providers' feeds.
    let elsewhere = ["demo", "prices-refresh"];
    assert_eq!(never, elsewhere, "never printed");
}

fn costs_and_prices(reader: &Reader) {
    let spec = reader.town.path().join("trefoil.yaml").display().to_string();
    reader.ok(&["cost"]);
    reader.ok(&["cost", "--diff", &spec]);
    let range = ["--from", "1", "--to", "100", "--points", "5"];
    reader.ok(&[["cost", "curve", "--vary", "requests"].as_slice(), &range].concat());
    reader.ok(&["cost", "move", "--from", "aws", "--to", "gcp"]);
    reader.ok(&["cost", "resilience"]);
    reader.ok(&["cost", "advise"]);
    let listed = reader.ok(&["prices", "list"]);
    let price = &listed["prices"][0];
    let (cloud, key) = (price["provider"].as_str().unwrap(), price["key"].as_str().unwrap());
    reader.ok(&["prices", "show", cloud, key]);
    reader.read(&["prices", "check"], &[]);
}

fn before_anything_runs(reader: &Reader) {
    reader.ok(&["check"]);
    reader.ok(&["clouds"]);
    reader.ok(&["completions", "bash"]);
    reader.ok(&["man"]);
    costs_and_prices(reader);
    let image = "name: shop\napplication: {image: \"ghcr.io/acme/shop:1.4.2\"}\n";
    std::fs::write(reader.town.path().join("image.yaml"), image).unwrap();
    reader.ok(&["--file", "image.yaml", "render", "--output", "rendered"]);
    reader.ok(&["--file", "first.yaml", "init"]);
    assert_eq!(reader.fails(&["--file", "first.yaml", "init"]), "spec_exists");
    std::fs::write(reader.town.path().join("wrong.yaml"), "name: shop\ncolour: red\n").unwrap();
    assert_eq!(reader.fails(&["--file", "wrong.yaml", "check"]), "unknown_key");
    assert_eq!(reader.fails(&["runs", "show", "last"]), "run_unknown");
    assert_eq!(reader.fails(&["dance"]), "usage");
}

#[test]
fn the_demonstration_reports_as_its_schema_says() {
    let reader = Reader::new();
    let folder = reader.town.path().join("report").display().to_string();
    let small = ["--database-mib", "1", "--documents", "5", "--sessions", "5", "--writers", "2"];
    let demo = ["demo", "--report", &folder, "--pause", "500ms"];
    let printed = reader.ok(&[demo.as_slice(), &small].concat());
    let written = std::fs::read_to_string(format!("{folder}/report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), printed);
    let moves = printed["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 2);
    for one in moves {
        assert_eq!((&one["lost"], &one["doubled"]), (&json!(0), &json!(0)), "{one:#}");
        assert!(one["requests"]["sent"].as_u64().unwrap() > 0, "{one:#}");
        assert_eq!(one["write_gap_ms"]["all"].as_array().unwrap().len(), 2, "{one:#}");
        for kind in ["rows", "objects", "sessions"] {
            let counted = &one["counted"][kind];
            assert_eq!((&counted["lost"], &counted["doubled"]), (&json!(0), &json!(0)), "{one:#}");
            // Rows are only added; everything else is also changed and taken away.
            let done: &[&str] =
                if kind == "rows" { &["written"] } else { &["written", "overwritten", "deleted"] };
            let never = done.iter().find(|what| counted[**what].as_u64().unwrap() == 0);
            assert_eq!(never, None, "{kind}: {one:#}");
        }
    }
}

#[test]
fn a_closed_schema_refuses_what_it_does_not_name() {
    let (_, mut schema) = schemas().into_iter().find(|(name, _)| *name == "runs-show").unwrap();
    let entry = |extra: bool| {
        let mut entry = json!({ "at": "2026-01-02T03:04:05Z", "event": "started", "step": 1 });
        if extra {
            entry["colour"] = json!("red");
        }
        entry
    };
    close(&mut schema);
    let wrap = json!({ "$defs": schema["$defs"], "$ref": "#/$defs/Entry" });
    let entries = jsonschema::options().should_validate_formats(true).build(&wrap).unwrap();
    assert!(entries.is_valid(&entry(false)) && !entries.is_valid(&entry(true)));
    assert!(!entries.is_valid(&json!({ "at": "yesterday", "event": "started", "step": 1 })));
}
