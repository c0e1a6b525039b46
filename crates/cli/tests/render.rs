//! `trefoil render` as a user meets it: what it writes, what it refuses, and that nobody's work is
//! ever written over.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const SPEC: &str = "name: shop\napplication:\n  image: ghcr.io/acme/shop:1.4.2\ndatabase:\n\
                    environments:\n  here: {cloud: local}\n";

struct Folder(TempDir);

impl Folder {
    fn with(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("trefoil.yaml"), spec).unwrap();
        Self(folder)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_trefoil"))
            .args(args)
            .current_dir(self.0.path())
            .env_remove("TREFOIL_FILE")
            .output()
            .unwrap()
    }

    /// Runs `trefoil --json render`, which must go well.
    fn render(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["--json", "render"], args].concat());
        let answer: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(ran.status.code(), Some(0), "{answer:#}");
        answer["data"].clone()
    }

    fn refused(&self, args: &[&str], code: i32) -> String {
        let ran = self.run(&[&["render"], args].concat());
        let talk = String::from_utf8(ran.stderr).unwrap();
        assert_eq!((ran.status.code(), ran.stdout.len()), (Some(code), 0), "{talk}");
        talk
    }
}

/// Every file below a folder with what it says.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push((path.strip_prefix(folder).unwrap().to_owned(), text));
                }
            }
        }
    }
    found.sort();
    found
}

fn changes(data: &Value) -> Vec<(&str, &str)> {
    let of = |file| (str_of(file, "path"), str_of(file, "change"));
    data["files"].as_array().unwrap().iter().map(of).collect()
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// A file of the first environment, which a person then changes.
fn change_one(folder: &Folder, data: &Value) -> (String, PathBuf) {
    let (path, _) = changes(data)[0];
    let file = folder.path("out").join(path);
    fs::write(&file, "# mine\n").unwrap();
    (path.to_owned(), file)
}

#[test]
fn all_clouds_are_written_twice_the_same() {
    let folder = Folder::with(SPEC);
    let data = folder.render(&["-o", "out"]);
    let folders: Vec<_> = data["environments"].as_array().unwrap().iter().collect();
    let names: Vec<_> = folders.iter().map(|one| str_of(one, "folder")).collect();
    assert_eq!(names, ["aws", "azure", "gcp"]);
    assert!(changes(&data).iter().all(|(_, change)| *change == "new"));
    let first = files(&folder.path("out"));
    let again = folder.render(&["-o", "out"]);
    assert!(changes(&again).iter().all(|(_, change)| *change == "same"));
    assert_eq!(files(&folder.path("out")), first);
    folder.render(&["-o", "elsewhere"]);
    assert_eq!(files(&folder.path("elsewhere")), first);
}

#[test]
fn each_profile_says_what_it_adds_and_costs() {
    let folder = Folder::with(SPEC);
    let data = folder.render(&["aws", "-o", "out", "--profile", "standard"]);
    let one = &data["environments"][0];
    assert_eq!((str_of(one, "profile"), str_of(one, "cloud")), ("standard", "aws"));
    let profiles = one["profiles"].as_array().unwrap();
    let usd = |at: usize| profiles[at]["monthly_usd"].as_f64().unwrap();
    assert!(profiles[0]["adds"].as_array().unwrap().is_empty());
    assert!(usd(0) < usd(1) && usd(1) <= usd(2), "{profiles:#?}");
    assert!(profiles[1]["adds"].to_string().contains("2 instances at least"));
    assert!(profiles[2]["adds"].to_string().contains("a cache"));
    assert_eq!(profiles[2]["unpriced"].to_string(), "[]", "{profiles:#?}");
}

#[test]
fn what_somebody_changed_is_never_written_over_silently() {
    let folder = Folder::with(SPEC);
    let data = folder.render(&["aws", "-o", "out"]);
    let (path, file) = change_one(&folder, &data);
    let before = files(&folder.path("out"));
    let talk = folder.refused(&["aws", "-o", "out"], 3);
    assert!(talk.contains("-# mine") && talk.contains(&path), "{talk}");
    assert!(talk.contains("--edited keep"), "{talk}");
    assert_eq!(files(&folder.path("out")), before);

    let kept = folder.render(&["aws", "-o", "out", "--edited", "keep"]);
    assert!(changes(&kept).contains(&(path.as_str(), "kept")));
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n");
    // Kept once, it is still somebody's: the next call must not take it for ours.
    folder.refused(&["aws", "-o", "out"], 3);

    let taken = folder.render(&["aws", "-o", "out", "--edited", "take"]);
    assert!(changes(&taken).contains(&(path.as_str(), "taken")));
    assert_ne!(fs::read_to_string(&file).unwrap(), "# mine\n");
}

#[test]
fn a_look_writes_nothing() {
    let folder = Folder::with(SPEC);
    let data = folder.render(&["aws", "-o", "out", "--dry-run"]);
    assert_eq!((&data["dry_run"], folder.path("out").exists()), (&Value::Bool(true), false));
}

#[test]
fn what_is_not_rendered_any_more_goes_unless_somebody_changed_it() {
    let folder = Folder::with(SPEC);
    let names =
        |data: &Value| changes(data).iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>();
    let before = folder.render(&["aws", "-o", "out"]);
    fs::write(folder.path("trefoil.yaml"), SPEC.replace("database:\n", "")).unwrap();
    let after = folder.render(&["aws", "-o", "out"]);
    let removed: Vec<_> =
        changes(&after).into_iter().filter(|(_, change)| *change == "removed").collect();
    assert!(!removed.is_empty());
    for (path, _) in &removed {
        assert!(names(&before).contains(&(*path).to_owned()));
        assert!(!folder.path("out").join(path).exists());
    }
    // With the database again, and one of its files changed by somebody, that one stays.
    fs::write(folder.path("trefoil.yaml"), SPEC).unwrap();
    folder.render(&["aws", "-o", "out"]);
    let mine = folder.path("out").join(removed[0].0);
    fs::write(&mine, "# mine\n").unwrap();
    fs::write(folder.path("trefoil.yaml"), SPEC.replace("database:\n", "")).unwrap();
    let last = folder.render(&["aws", "-o", "out"]);
    assert!(changes(&last).contains(&(removed[0].0, "left")));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "# mine\n");
}

#[test]
fn environments_have_folders_of_their_own_once_there_are_two() {
    let two = "name: shop\napplication:\n  image: ghcr.io/acme/shop:1.4.2\nenvironments:\n  \
               prod: {cloud: aws, region: eu-central-1}\n  spare: {cloud: gcp}\n";
    let folder = Folder::with(two);
    let data = folder.render(&["-o", "out"]);
    let of = |at: usize| {
        let one = &data["environments"][at];
        (str_of(one, "folder"), str_of(one, "cloud"))
    };
    assert_eq!((of(0), of(1)), (("prod", "aws"), ("spare", "gcp")));
    assert_eq!(str_of(&data["environments"][0], "region"), "eu-central-1");
    // A cloud's name means its environments, in the same folder as before.
    let aws = folder.render(&["aws", "-o", "out"]);
    assert!(changes(&aws).iter().all(|(_, change)| *change == "same"));
    assert_eq!(str_of(&aws["environments"][0], "folder"), "prod");
}

#[test]
fn bad_input_is_refused_in_words() {
    let folder = Folder::with(SPEC);
    let talk = folder.refused(&["ibm"], 2);
    assert!(talk.contains("`ibm`") && talk.contains("clouds: aws, azure, gcp"), "{talk}");
    let talk = folder.refused(&["here"], 2);
    assert!(talk.contains("without any files"), "{talk}");
    let long = format!("name: {}\napplication: {{image: a:1}}\n", "a".repeat(200));
    let talk = Folder::with(&long).refused(&["aws"], 2);
    assert!(talk.contains("trefoil.yaml:1:7") && talk.contains("2 to 40"), "{talk}");
}

#[test]
fn what_a_cloud_cannot_be_is_refused_at_its_place_and_nothing_is_written() {
    let huge = format!("{SPEC}size: {{cpu: 64, memory: 2Gi}}\n");
    let folder = Folder::with(&huge);
    let talk = folder.refused(&["-o", "out"], 2);
    for cloud in ["aws: ", "azure: ", "gcp: "] {
        assert!(talk.contains(cloud), "{talk}");
    }
    assert!(talk.contains("trefoil.yaml:7:") && talk.contains("the nearest that fits"), "{talk}");
    assert!(!folder.path("out").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = Folder::with(SPEC);
    fs::write(folder.path("out"), "a file").unwrap();
    let talk = folder.refused(&["aws", "-o", "out"], 5);
    assert!(talk.contains("cannot write out"), "{talk}");
}

#[test]
fn a_record_that_leads_elsewhere_is_not_believed() {
    let folder = Folder::with(SPEC);
    folder.render(&["aws", "-o", "out"]);
    let record = folder.path("out/infra/.trefoil-rendered.json");
    let mine = folder.path("out/mine");
    fs::write(&mine, "mine").unwrap();
    fs::set_permissions(&mine, fs::Permissions::from_mode(0o644)).unwrap();
    let text = fs::read_to_string(&record).unwrap();
    let elsewhere = text.replacen("\"infra/aws/", "\"infra/aws/../../", 1);
    assert_ne!(text, elsewhere);
    fs::write(&record, elsewhere).unwrap();
    let talk = folder.refused(&["aws", "-o", "out"], 2);
    assert!(talk.contains("not below the folder"), "{talk}");
    fs::write(&record, "{").unwrap();
    let talk = folder.refused(&["aws", "-o", "out"], 2);
    assert!(talk.contains("cannot be read") && talk.contains("version control"), "{talk}");
}

#[test]
fn the_example_application_fits_every_cloud() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/medassistant/trefoil.yaml");
    let folder = Folder::with(SPEC);
    let data = folder.render(&["--file", example, "-o", "out"]);
    assert_eq!(data["environments"].as_array().unwrap().len(), 3);
    assert!(folder.path("out/infra/gcp/service.yaml").is_file());
}
