//! The real program: `init`, `completions`, `man`, and keys of the specification from variables.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs the program in `folder` with these variables and no other settings.
fn run(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TREFOIL_")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).env("NO_COLOR", "1");
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().expect("it starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_first_specification_is_clean_and_never_overwritten() {
    let place = folder();
    let shop = place.path().join("My Shop");
    std::fs::create_dir(&shop).unwrap();
    let made = run(&shop, &["init"], &[]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let text = std::fs::read_to_string(shop.join("trefoil.yaml")).unwrap();
    assert!(text.starts_with("# yaml-language-server: $schema=trefoil.schema.json\n"));
    assert!(text.contains("\nname: my-shop\n"));

    let checked = run(&shop, &["check"], &[]);
    assert_eq!((checked.status.code(), stderr(&checked).as_str()), (Some(0), ""));
    assert!(stdout(&checked).contains("no mistakes\n"));

    let again = run(&shop, &["init", "--json"], &[]);
    assert_eq!(again.status.code(), Some(3));
    let answer: Value = serde_json::from_str(&stdout(&again)).unwrap();
    assert_eq!(answer["errors"][0]["code"], "spec_exists");
    assert_eq!(std::fs::read_to_string(shop.join("trefoil.yaml")).unwrap(), text);

    let other = run(&shop, &["init", "-f", "other.yaml", "--json"], &[]);
    let answer: Value = serde_json::from_str(&stdout(&other)).unwrap();
    assert_eq!((&answer["data"]["file"], &answer["ok"]), (&"other.yaml".into(), &true.into()));
    let nowhere = run(&shop, &["init", "-f", "absent/other.yaml"], &[]);
    assert_eq!(nowhere.status.code(), Some(5));
}

#[test]
fn files_of_other_tools_are_refused_by_name() {
    let place = folder();
    let refused = run(place.path(), &["init", "--from", "compose.yaml"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("`trefoil init --from`"));
    assert!(!place.path().join("trefoil.yaml").exists());
}

#[test]
fn every_shell_gets_its_completions() {
    let place = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(place.path(), &["completions", shell], &[]);
        assert_eq!(script.status.code(), Some(0));
        assert!(stdout(&script).contains("migrate"), "{shell}");
    }
    let script = run(place.path(), &["completions", "bash"], &[]);
    std::fs::write(place.path().join("script"), stdout(&script)).unwrap();
    let read = Command::new("bash").args(["-n", "script"]).current_dir(place.path()).output();
    assert!(read.unwrap().status.success(), "bash reads its script");
    assert_eq!(run(place.path(), &["completions", "cmd"], &[]).status.code(), Some(2));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let place = folder();
    let page = run(place.path(), &["man"], &[]);
    assert_eq!(page.status.code(), Some(0));
    assert!(stdout(&page).contains(".TH trefoil 1"), "{}", stdout(&page));
    let written = run(place.path(), &["man", "-o", "pages", "--json"], &[]);
    let answer: Value = serde_json::from_str(&stdout(&written)).unwrap();
    let files = answer["data"]["files"].as_array().unwrap();
    for name in ["trefoil.1", "trefoil-check.1", "trefoil-migrate-plan.1"] {
        assert!(files.contains(&name.into()), "{name} of {files:?}");
        assert!(place.path().join("pages").join(name).is_file());
    }
    std::fs::write(place.path().join("file"), "").unwrap();
    assert_eq!(run(place.path(), &["man", "-o", "file"], &[]).status.code(), Some(5));
}

#[test]
fn variables_and_the_env_file_set_keys() {
    let place = folder();
    let spec = "name: shop\napplication: {command: [shop]}\nscale: {min: 2}\n";
    std::fs::write(place.path().join("trefoil.yaml"), spec).unwrap();
    let check = |variables: &[(&str, &str)]| run(place.path(), &["check", "--json"], variables);
    let code = |output: &Output| {
        let answer: Value = serde_json::from_str(&stdout(output)).unwrap();
        let codes = answer["errors"].as_array().unwrap().iter();
        codes.map(|error| error["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(check(&[("TREFOIL_SCALE__MAX", "3")]).status.code(), Some(0));
    let wrong = check(&[("TREFOIL_SCALE__MAX", "1")]);
    assert_eq!((wrong.status.code(), code(&wrong)), (Some(2), vec!["scale_order".to_owned()]));
    let two = check(&[("TREFOIL_SCALE__MAX", "many"), ("TREFOIL_SKALE__MAX", "1")]);
    assert_eq!(code(&two), ["wrong_type", "setting_unknown"]);
    let known = &object(&two)["errors"][0];
    assert_eq!((&known["path"], &known["severity"]), (&"scale.max".into(), &"error".into()));
    assert_eq!(known["allowed"], serde_json::json!(["1 to 1000"]), "{known}");
    assert!(
        stderr(&run(place.path(), &["check"], &[("TREFOIL_SCALE__MAX", "1")])).contains("SCALE")
    );

    std::fs::write(place.path().join(".env"), "TREFOIL_SCALE__MAX=1\n").unwrap();
    assert_eq!(code(&check(&[])), ["scale_order"]);
    assert_eq!(check(&[("TREFOIL_SCALE__MAX", "9")]).status.code(), Some(0));
}

#[test]
fn parts_that_are_there_already_are_used_or_refused_when_acted_on() {
    let place = folder();
    let known = run(place.path(), &["clouds", "--json"], &[]);
    let known: Value = serde_json::from_str(&stdout(&known)).unwrap();
    let cloud = known["data"]["clouds"][0]["name"].as_str().unwrap().to_owned();
    let spec = format!(
        "name: shop\napplication: {{command: [shop]}}\ndatabase:\nenvironments:\n  a:\n    cloud: {cloud}\n    \
         database: {{admin_url: env:URL}}\n  b: {{cloud: {cloud}}}\n"
    );
    std::fs::write(place.path().join("trefoil.yaml"), &spec).unwrap();
    assert_eq!(run(place.path(), &["check"], &[]).status.code(), Some(0));
    let refused = run(place.path(), &["inventory", "a"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("`environments.a.database`"), "{}", stderr(&refused));

    let alone = spec.replace("application: {command: [shop]}\n", "");
    std::fs::write(place.path().join("trefoil.yaml"), alone).unwrap();
    let missing = run(place.path(), &["inventory", "a"], &[]);
    assert_eq!(missing.status.code(), Some(5));
    assert!(stderr(&missing).contains("the environment variable URL is not set"));
}

/// The one object on stdout.
fn object(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stdout(output)))
}

/// The exit code and the first error's code.
fn refusal(output: &Output) -> (i32, String) {
    let code = object(output)["errors"][0]["code"].as_str().unwrap_or_default().to_owned();
    (output.status.code().unwrap_or(-1), code)
}

/// A folder after `trefoil init`, with nothing running.
fn begun() -> tempfile::TempDir {
    let place = folder();
    assert!(run(place.path(), &["init"], &[]).status.success());
    place
}

#[test]
fn an_answer_that_cannot_be_written_is_no_yes() {
    let place = begun();
    for arguments in [
        &["schema"][..],
        &["--json", "check"],
        &["prices", "list"],
        &["--json", "prices", "list"],
        &["cost", "--csv"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
        command.args(arguments).current_dir(place.path()).stdin(Stdio::null()).stdout(full);
        let output = command.output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: the answer cannot be written"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_mistake() {
    let place = begun();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
    command.arg("schema").current_dir(place.path()).stdout(writer);
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn what_is_no_folder_of_state_is_not_an_empty_one() {
    let place = begun();
    let log = |arguments: &[&str]| refusal(&run(place.path(), arguments, &[]));
    let refused = (5, "state_folder".to_owned());
    assert_eq!(log(&["--json", "runs"]), (0, String::new()), "a folder that is not there yet");
    assert_eq!(log(&["--json", "runs", "--state", "trefoil.yaml"]), refused);
    assert_eq!(log(&["--json", "log", "--state", "trefoil.yaml"]), refused);
    std::os::unix::fs::symlink("absent", place.path().join(".trefoil")).unwrap();
    assert_eq!(log(&["--json", "runs"]), refused, "a link to nothing");
    std::fs::remove_file(place.path().join(".trefoil")).unwrap();
    std::fs::write(place.path().join(".trefoil"), "").unwrap();
    assert_eq!(log(&["--json", "log"]), refused, "a file");
}

#[test]
fn a_run_that_is_not_there_leaves_nothing() {
    let place = begun();
    for arguments in [
        &["runs", "approve", "x", "--as", "Ada"][..],
        &["runs", "abort", "x"],
        &["runs", "resume", "last"],
        &["migrate", "rollback", "x"],
        &["migrate", "finish", "x"],
    ] {
        let output = run(place.path(), &[&["--json", "--yes"], arguments].concat(), &[]);
        assert_eq!(refusal(&output), (2, "run_unknown".to_owned()), "{arguments:?}");
        assert!(!place.path().join(".trefoil").exists(), "{arguments:?}");
    }
}

#[test]
fn a_preflight_without_a_source_says_that_there_is_nothing_to_look_at() {
    let place = begun();
    let arguments = ["--json", "migrate", "preflight", "--from", "east", "--to", "west"];
    let output = run(place.path(), &arguments, &[]);
    assert_eq!(refusal(&output), (5, "database_absent".to_owned()));
    let hint = object(&output)["errors"][0]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("trefoil up east"), "{hint}");
}

#[test]
fn wrong_usage_says_all_of_it_in_json_too() {
    let place = begun();
    let message = |output: &Output| {
        assert_eq!(refusal(output), (2, "usage".to_owned()));
        object(output)["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    let by_variable = run(place.path(), &["check", "--bogus"], &[("TREFOIL_JSON", "true")]);
    assert!(message(&by_variable).contains("--bogus"));
    std::fs::write(place.path().join("settings"), "TREFOIL_JSON=1\n").unwrap();
    let by_file = run(place.path(), &["--env-file=settings", "check", "--bogus"], &[]);
    assert!(message(&by_file).contains("--bogus"));
    let missing = message(&run(place.path(), &["--json", "cost", "curve"], &[]));
    assert!(missing.contains("--vary <VARY>"), "{missing}");
    let values = message(&run(place.path(), &["--json", "completions", "tcsh"], &[]));
    assert!(values.contains("bash, elvish, fish"), "{values}");
}

#[test]
fn what_is_no_text_is_shown_at_its_place() {
    let place = begun();
    std::fs::write(place.path().join("trefoil.yaml"), b"name: shop\n# caf\xe9\n").unwrap();
    let output = run(place.path(), &["--json", "check"], &[]);
    assert_eq!(refusal(&output), (2, "spec_unreadable".to_owned()));
    let error = object(&output)["errors"][0].clone();
    let found = (&error["file"], &error["line"], &error["column"]);
    assert_eq!(found, (&"trefoil.yaml".into(), &2.into(), &6.into()), "{error}");
    assert!(stderr(&run(place.path(), &["check"], &[])).contains("trefoil.yaml:2:6"));
}

#[test]
fn a_secret_that_cannot_be_is_refused_before_anything_is_asked() {
    let place = begun();
    let absent = run(place.path(), &["--json", "secrets", "delete", "east", "nope"], &[]);
    assert_eq!(refusal(&absent), (2, "secret_unknown".to_owned()));

    std::fs::write(place.path().join("value"), "\u{e9}".repeat(100_000)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
    command.args(["--json", "secrets", "set", "east", "key"]).current_dir(place.path());
    command.stdin(std::fs::File::open(place.path().join("value")).unwrap());
    let long = command.output().unwrap();
    assert_eq!(refusal(&long), (2, "secret_value".to_owned()));
    let message = object(&long)["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("more than 25000 bytes"), "{message}");
}
