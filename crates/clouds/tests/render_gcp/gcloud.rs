//! `service.yaml`, read by gcloud's own parser where gcloud is installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use trefoil_clouds::conformance::skipped;

use super::support::{EXAMPLES, examples};

/// The folder of the SDK, when gcloud is installed.
fn sdk() -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    let found = env::split_paths(&paths).map(|path| path.join("gcloud")).find(|it| it.is_file())?;
    let program = fs::canonicalize(found).ok()?;
    let sdk = program.parent()?.parent()?.to_owned();
    sdk.join("lib/googlecloudsdk/api_lib/run").is_dir().then_some(sdk)
}

/// What the parser says of files: the names of the services, or why it refuses them.
fn parse(sdk: &Path, files: &[PathBuf]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render_gcp/knative.py");
    let ran = Command::new("python3")
        .arg(script)
        .arg(sdk)
        .args(files)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if ran.status.success() { Ok(said(&ran.stdout)) } else { Err(said(&ran.stderr)) }
}

#[test]
fn gcloud_reads_the_service() {
    let Some(sdk) = sdk() else {
        skipped("gcloud: not installed, so its parser has not read service.yaml");
        return;
    };
    let file = |(name, environment): &(&str, &str)| {
        examples().join(name).join("infra").join(environment).join("service.yaml")
    };
    let files: Vec<_> = EXAMPLES.iter().map(file).collect();
    let names = parse(&sdk, &files).unwrap();
    assert_eq!(names.lines().count(), EXAMPLES.len(), "{names}");

    // It would notice a key that there is not.
    let wrong = fs::read_to_string(&files[0]).unwrap().replace("periodSeconds", "periodSecond");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.yaml");
    fs::write(&path, wrong).unwrap();
    let refused = parse(&sdk, &[path]).unwrap_err();
    assert!(refused.contains("startupProbe.periodSecond"), "{refused}");
}
