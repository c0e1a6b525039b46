//! The real program: `check`, `schema`, `clouds`, and what every command has in common.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const GOOD: &str = "name: shop\n\
    application:\n  image: shop\n  command: [shop, serve]\n\
    environments:\n  west: {cloud: local}\n  east: {cloud: local}\n";
const BAD: &str = "name: Shop!\napplication:\n  comand: [shop]\n  image: shop\nvolumes: 2\n";

/// A folder with a specification, where the program runs.
struct Folder(TempDir);

/// What one run of the program did.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Folder {
    fn with(spec: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("trefoil.yaml"), spec).expect("a file");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
        let foreign = |name: &str| name.starts_with("TREFOIL_") || name == "NO_COLOR";
        let names = std::env::vars().map(|(name, _)| name).filter(|name| foreign(name));
        names.for_each(|name| {
            command.env_remove(name);
        });
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the program starts"))
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let code = output.status.code().expect("an exit code");
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The one JSON object on stdout.
    fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        let object: Value = serde_json::from_str(&self.stdout).expect("one JSON object");
        assert_eq!(object["ok"], self.code == 0);
        assert!(object["data"].is_object() && object["errors"].is_array());
        object
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

#[test]
fn a_good_specification_is_summed_up() {
    let ran = Folder::with(GOOD).run(&["check"]);
    let summary = "trefoil.yaml: no mistakes, 1 warning\n\
        application: shop\nenvironments: east on local, west on local\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (0, summary));
    let shown = "warning[image_unpinned]: `shop` names no fixed version\n --> trefoil.yaml:3:10\n";
    assert!(ran.stderr.starts_with(shown), "{}", ran.stderr);
    let quiet = Folder::with(GOOD).run(&["-q", "check"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
}

#[test]
fn a_good_specification_as_json() {
    let ran = Folder::with(GOOD).run(&["check", "--json"]);
    let object = ran.json();
    assert_eq!(ran.stderr, "");
    assert_eq!((ran.code, &object["schema"]), (0, &Value::from("trefoil/check/v1")));
    assert_eq!(object["data"]["environments"], serde_json::json!(["east", "west"]));
    assert_eq!(object["data"]["warnings"][0]["code"], "image_unpinned");
    assert_eq!(object["data"]["warnings"][0]["line"], 3);
    assert_eq!(object["errors"], serde_json::json!([]));
}

#[test]
fn all_mistakes_are_shown_sorted_and_underlined() {
    let ran = Folder::with(BAD).run(&["check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    insta::assert_snapshot!("all_mistakes", ran.stderr);
}

#[test]
fn mistakes_as_json() {
    let ran = Folder::with(BAD).run(&["--json", "check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (2, ""));
    let object = ran.json();
    let errors = object["errors"].as_array().unwrap();
    let codes: Vec<_> = errors.iter().map(|error| error["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["wrong_form", "unknown_key", "section_never"]);
    let misspelt = &errors[1];
    assert_eq!(misspelt["file"], "trefoil.yaml");
    assert_eq!((&misspelt["line"], &misspelt["column"]), (&3.into(), &3.into()));
    assert_eq!(misspelt["path"], "application.comand");
    assert_eq!(misspelt["hint"], "did you mean `command`?");
}

#[test]
fn a_specification_that_cannot_be_read() {
    let folder = Folder::with(GOOD);
    let ran = folder.run(&["check", "-f", "other.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("there is no specification at other.yaml"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n\nhint: "), "{}", ran.stderr);
    let object = folder.run(&["check", "-f", "other.yaml", "--json"]).json();
    assert_eq!(object["errors"][0]["code"], "spec_missing");
    assert_eq!(object["errors"][0]["line"], Value::Null);

    std::fs::write(folder.path().join("latin.yaml"), b"name: shop\n# caf\xe9\n").unwrap();
    let ran = folder.run(&["check", "-f", "latin.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("this is not UTF-8 text\n --> latin.yaml:2:6"), "{}", ran.stderr);
    let ran = folder.run(&["check", "-f", "."]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cause: "), "{}", ran.stderr);
}

#[test]
fn the_examples_are_clean() {
    let mut checked = 0;
    for entry in std::fs::read_dir(examples()).unwrap() {
        let file = entry.unwrap().path().join("trefoil.yaml");
        if !file.is_file() {
            continue;
        }
        let ran = Folder::with("").run(&["check", "-f", file.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{} {}", file.display(), ran.stderr);
        // An example may show sections that only an estimate uses yet.
        let mut talk = ran.stderr.lines().filter(|line| line.starts_with(char::is_alphabetic));
        assert!(
            talk.all(|line| line.starts_with("warning[section_not_yet_used]")),
            "{}",
            ran.stderr
        );
        assert!(ran.stdout.contains("no mistakes"), "{}", ran.stdout);
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn what_operating_does_not_use_is_told_at_its_place_by_check_and_in_a_line_by_others() {
    let text = format!("{GOOD}\nsize: {{ cpu: 1, memory: 2Gi }}\nscale: {{ min: 1, max: 2 }}\n");
    let folder = Folder::with(&text);
    let checked = folder.run(&["check"]);
    assert_eq!(checked.stderr.matches("warning[section_not_yet_used]").count(), 2);
    let listed = folder.run(&["ps"]);
    let note = "note: only `trefoil cost` and `trefoil render` use `size`, `scale`\n";
    assert!(listed.stderr.ends_with(note), "{}", listed.stderr);
    assert!(!listed.stderr.contains("section_not_yet_used"), "{}", listed.stderr);
}

#[test]
fn the_file_comes_from_flag_variable_or_env_file() {
    let folder = Folder::with(BAD);
    std::fs::write(folder.path().join("good.yaml"), GOOD).unwrap();
    let with = |name, value, args: &[&str]| {
        Ran::of(folder.command(args).env(name, value).output().unwrap()).code
    };
    assert_eq!(with("TREFOIL_FILE", "good.yaml", &["check"]), 0);
    assert_eq!(with("TREFOIL_FILE", "good.yaml", &["check", "-f", "trefoil.yaml"]), 2);
    std::fs::write(folder.path().join("here.env"), "TREFOIL_FILE=good.yaml\n").unwrap();
    assert_eq!(folder.run(&["check", "--env-file", "here.env"]).code, 0);
    assert_eq!(with("TREFOIL_ENV_FILE", "here.env", &["check"]), 0);
    std::fs::rename(folder.path().join("here.env"), folder.path().join(".env")).unwrap();
    assert_eq!(folder.run(&["check"]).code, 0);
    assert_eq!(with("TREFOIL_FILE", "trefoil.yaml", &["check"]), 2);
    let missing = folder.run(&["check", "--env-file", "no.env", "--json"]);
    assert_eq!(missing.json()["errors"][0]["code"], "env_file");
}

#[test]
fn wrong_settings_are_refused() {
    let folder = Folder::with(GOOD);
    let ran = folder.run(&["check", "--state", "gs://bucket/state", "--json"]);
    assert_eq!((ran.code, &ran.json()["errors"][0]["code"]), (2, &"state_not_yet".into()));
    assert_eq!(folder.run(&["check", "--state", "file:///tmp/state"]).code, 0);
    let overridden = folder.command(&["check"]).env("TREFOIL_DATABASE__SIZE", "1Gi").output();
    let ran = Ran::of(overridden.unwrap());
    assert!(ran.code == 2 && ran.stderr.contains("TREFOIL_DATABASE__SIZE"), "{}", ran.stderr);
}

#[test]
fn colours_are_a_matter_of_choice() {
    let folder = Folder::with(BAD);
    let coloured = |args: &[&str], no_color: &str| {
        let output = folder.command(args).env("NO_COLOR", no_color).output().unwrap();
        Ran::of(output).stderr.contains('\u{1b}')
    };
    // Not a terminal, so only a flag gives colours.
    assert!(!coloured(&["check"], ""));
    assert!(!coloured(&["check"], "1"));
    assert!(!coloured(&["check", "--color", "never"], ""));
    assert!(coloured(&["check", "--color", "always"], ""));
    assert!(coloured(&["check", "--color=always"], "1"));
    assert!(coloured(&["chekc", "--color=always"], "") && !coloured(&["chekc"], ""));
    assert!(coloured(&["deploy", "--color", "always"], "") && !coloured(&["deploy"], ""));
}

#[test]
fn commands_of_later_versions_are_refused_by_name() {
    let folder = Folder::with(GOOD);
    for args in [
        &["explain", "main.tf:3"][..],
        &["import", "x"],
        &["diff", "east"],
        &["deploy", "east", "--dry-run"],
        &["doctor", "east"],
        &["permissions", "east"],
        &["backup", "create"],
        &["watch"],
        &["status"],
        &["failover"],
        &["failback"],
        &["drill"],
        &["runbook"],
        &["bench", "http://localhost"],
        &["console"],
    ] {
        let ran = folder.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        let shown = format!("error: `trefoil {}` (", args[0]);
        assert!(ran.stderr.starts_with(&shown), "{}", ran.stderr);
        assert!(ran.stderr.contains("is not built yet"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: there are: init, check, "), "{}", ran.stderr);
    }
    let ran = folder.run(&["--json", "deploy", "east"]);
    assert_eq!((ran.code, &ran.json()["errors"][0]["code"]), (2, &"command_not_yet".into()));
}

#[test]
fn wrong_usage_is_explained() {
    let folder = Folder::with(GOOD);
    let ran = folder.run(&["chekc"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("similar subcommands exist: 'schema', 'check'"), "{}", ran.stderr);
    let ran = folder.run(&["check", "--colour"]);
    assert_eq!(ran.code, 2);
    let ran = folder.run(&["chekc", "--json"]);
    assert_eq!(ran.json()["errors"][0]["code"], "usage");
    let ran = folder.run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("Usage: trefoil"));
}

#[test]
fn ctrl_c_ends_a_command_that_waits() {
    use nix::sys::signal::{Signal, kill};
    let folder = Folder::with(GOOD);
    let pipe = folder.path().join("pipe.yaml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = folder.command(&["check", "-f", "pipe.yaml", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Opens as soon as the program reads; then it waits for text that never comes.
    let _writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &ran.json()["errors"][0]["code"]), (130, &"interrupted".into()));
}

#[test]
fn help_and_version_are_answers() {
    let folder = Folder::with(GOOD);
    let ran = folder.run(&["--help"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("--no-progress"), "{}", ran.stdout);
    let ran = folder.run(&["--version"]);
    assert!(ran.code == 0 && ran.stdout.starts_with("trefoil "), "{}", ran.stdout);
}

#[test]
fn schema_and_clouds() {
    let folder = Folder::with(GOOD);
    let schema: Value = serde_json::from_str(&folder.run(&["schema"]).stdout).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    let object = folder.run(&["schema", "--json"]).json();
    assert_eq!(object["schema"], "trefoil/schema/v1");
    assert_eq!(object["data"], schema);
    assert_eq!(folder.run(&["clouds"]).stdout, "local\naws\nazure\ngcp\n");
    assert_eq!(folder.run(&["clouds", "--json"]).json()["data"]["clouds"][0]["name"], "local");
}
