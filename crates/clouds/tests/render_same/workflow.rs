//! The workflows of GitHub Actions that are rendered, read as GitHub reads them: keys that there
//! are, actions at a fixed commit, references that lead somewhere, programs that the shell can read.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::yaml;

/// The keys of a workflow, of a job and of a step, by GitHub's "Workflow syntax".
const OF_WORKFLOW: [&str; 8] =
    ["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"];
const OF_JOB: [&str; 16] = [
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
];
const OF_STEP: [&str; 11] = [
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
];
const PERMISSIONS: [&str; 15] = [
    "actions",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
];
/// What an expression may begin with.
const CONTEXTS: [&str; 9] =
    ["env", "vars", "secrets", "github", "steps", "needs", "runner", "job", "inputs"];

fn keys(value: &Value, known: &[&str], at: &str, found: &mut Vec<String>) {
    let Some(all) = value.as_object() else { return found.push(format!("{at} is no mapping")) };
    let unknown = all.keys().filter(|key| !known.contains(&key.as_str()));
    found.extend(unknown.map(|key| format!("{at} has no key {key}")));
}

/// The insides of `${{ }}` in a text.
fn expressions(text: &str) -> Vec<&str> {
    let parts = text.split("${{").skip(1);
    parts.filter_map(|part| part.split_once("}}")).map(|(inside, _)| inside.trim()).collect()
}

/// All texts in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn faults(workflow: &Value) -> Vec<String> {
    let mut found = Vec::new();
    keys(workflow, &OF_WORKFLOW, "the workflow", &mut found);
    let Some(jobs) = workflow["jobs"].as_object() else { return vec!["there are no jobs".into()] };
    permissions(&workflow["permissions"], "the workflow", &mut found);
    for (name, job) in jobs {
        keys(job, &OF_JOB, name, &mut found);
        permissions(&job["permissions"], name, &mut found);
        for key in ["runs-on", "timeout-minutes"] {
            if job[key].is_null() {
                found.push(format!("{name} has no {key}"));
            }
        }
        for needed in texts(&job["needs"]) {
            if !jobs.contains_key(needed) {
                found.push(format!("{name} needs {needed}, and there is no such job"));
            }
        }
        steps(name, job, &mut found);
    }
    found
}

fn permissions(value: &Value, at: &str, found: &mut Vec<String>) {
    for (key, level) in value.as_object().into_iter().flatten() {
        let is_known = PERMISSIONS.contains(&key.as_str());
        if !is_known || !["read", "write", "none"].contains(&level.as_str().unwrap_or_default()) {
            found.push(format!("{at}: {key}: {level} is no permission"));
        }
    }
}

fn steps(name: &str, job: &Value, found: &mut Vec<String>) {
    // A step can ask only for what steps before it have left.
    let mut ids = BTreeSet::new();
    for step in job["steps"].as_array().into_iter().flatten() {
        keys(step, &OF_STEP, name, found);
        for one in texts(step).into_iter().flat_map(expressions) {
            let mut parts = one.split(['.', ' ', '[']);
            let context = parts.next().unwrap_or_default();
            if !CONTEXTS.contains(&context) {
                found.push(format!("{name}: what is {one}?"));
            }
            if context == "steps" && !ids.contains(parts.next().unwrap_or_default()) {
                found.push(format!("{name}: {one} is of no step before"));
            }
        }
        match (step["uses"].as_str(), step["run"].as_str()) {
            (Some(action), None) => pinned(action, found),
            (None, Some(program)) => shell(program, found),
            _ => found.push(format!("{name}: a step either uses or runs something")),
        }
        ids.extend(step["id"].as_str());
    }
}

/// A tag can be moved by whoever owns it, a commit cannot.
fn pinned(action: &str, found: &mut Vec<String>) {
    let commit = action.split_once('@').map_or("", |(_, commit)| commit);
    if commit.len() != 40 || !commit.chars().all(|one| one.is_ascii_hexdigit()) {
        found.push(format!("{action} is at no commit"));
    }
}

fn shell(program: &str, found: &mut Vec<String>) {
    // What is put into a program as text could be a program itself: it comes as a variable.
    if !expressions(program).is_empty() {
        found.push(format!("an expression in a program: {program}"));
    }
    let mut child = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        found.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
}

/// The workflows of the examples.
fn workflows() -> Vec<(String, String)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered");
    let folders = std::fs::read_dir(examples).unwrap().flatten();
    let of = |folder: &Path| std::fs::read_dir(folder.join(".github/workflows"));
    let files = folders.filter_map(|folder| of(&folder.path()).ok()).flatten().flatten();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    files.map(|one| (one.path().display().to_string(), read(&one.path()))).collect()
}

#[test]
fn workflows_are_what_github_runs() {
    let workflows = workflows();
    assert!(workflows.len() >= 12, "only {} workflows", workflows.len());
    for (path, text) in workflows {
        assert_eq!(faults(&yaml::read(&text)), [""; 0], "{path}");
    }
}

#[test]
fn a_mistake_in_a_workflow_is_found() {
    let all = workflows();
    let (_, text) = all.iter().find(|(path, _)| path.ends_with("deploy-aws.yml")).unwrap();
    for (right, wrong, said) in [
        ("timeout-minutes:", "timeout-minute:", "no key timeout-minute"),
        ("id-token: write", "id-tokens: write", "no permission"),
        ("steps.push.outputs", "steps.pull.outputs", "no step before"),
        ("${{ vars.AWS_ROLE_ARN }}", "${{ var.AWS_ROLE_ARN }}", "what is var."),
        ("@11bd71901bbe5b1630ceea73d27597364c9af683", "@v4", "at no commit"),
        ("          fi\n", "", "syntax error"),
        ("--value \"$IMAGE\"", "--value \"${{ steps.push.outputs.image }}\"", "in a program"),
    ] {
        assert!(text.contains(right), "{right}");
        let found = faults(&yaml::read(&text.replacen(right, wrong, 1)));
        assert!(found.iter().any(|one| one.contains(said)), "{wrong}: {found:?}");
    }
}
