//! A scanner of others over all that is rendered: nothing fails, and what it is told to pass over
//! stands here by name, each with its reason beside the resource.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trefoil_clouds::conformance::{skipped, stand_ins};

/// Checks of every environment on AWS: there is no second region to copy to, load balancers write to no
/// bucket with a key of one's own, and a bucket of logs does not log into itself.
const AWS: [&str; 3] = ["CKV_AWS_144", "CKV_AWS_145", "CKV_AWS_18"];
/// No firewall is asked for, and port 80 redirects to HTTPS.
const IN_THE_OPEN: [&str; 2] = ["CKV2_AWS_28", "CKV_AWS_260"];
/// What no free tier of the registry has, and what the vault and the storage account are told.
const AZURE: [&str; 5] =
    ["CKV_AZURE_139", "CKV_AZURE_163", "CKV_AZURE_166", "CKV_AZURE_206", "CKV_AZURE_41"];
/// Keys of Google's own, certificates of clients, statements in the log, the version that was asked for.
const GCP: [&str; 5] = ["CKV2_GCP_13", "CKV_GCP_6", "CKV_GCP_62", "CKV_GCP_79", "CKV_GCP_84"];

/// Which checks are passed over, in each folder that is rendered.
const SKIPPED: [(&str, &[&[&str]]); 15] = [
    ("tiny/infra/aws", &[&AWS, &IN_THE_OPEN]),
    ("tiny/infra/azure", &[&["CKV_AZURE_139", "CKV_AZURE_163", "CKV_AZURE_166"]]),
    ("tiny/infra/gcp", &[&["CKV_GCP_84"]]),
    // And a key that somebody else gave out is not replaced by a clock.
    ("medassistant/infra/aws", &[&AWS, &IN_THE_OPEN, &["CKV2_AWS_57"]]),
    ("medassistant/infra/azure", &[&AZURE]),
    ("medassistant/infra/gcp", &[&GCP]),
    (
        "everything/infra/aws",
        &[
            &AWS,
            &[
                "CKV2_AWS_57", // as above
                "CKV_AWS_305", // the application answers for its root itself
                "CKV_AWS_31",  // a token of the cache would stand in the state
                "CKV_AWS_310", // the other environment takes over by its name
                "CKV_AWS_374", // no country is excluded
                "CKV_AWS_86",  // the check does not know the newer kind of log
            ],
        ],
    ),
    (
        "everything/infra/azure",
        &[&["CKV_AZURE_139", "CKV_AZURE_166", "CKV_AZURE_206", "CKV_AZURE_41"]],
    ),
    ("everything/infra/gcp", &[&GCP]),
    // And the address of a standby on another cloud belongs to nothing of AWS.
    ("pair/infra/primary", &[&AWS, &IN_THE_OPEN, &["CKV2_AWS_23"]]),
    ("pair/infra/secondary", &[&GCP]),
    ("pair-azure/infra/primary", &[&GCP]),
    ("pair-azure/infra/secondary", &[&AZURE]),
    ("regions/infra/primary", &[&AWS, &IN_THE_OPEN]),
    ("regions/infra/secondary", &[&AWS, &IN_THE_OPEN]),
];

/// Where more than five are passed over (docs/proven.md).
const MORE: [&str; 3] = ["everything/infra/aws", "medassistant/infra/aws", "pair/infra/primary"];

/// checkov, where it is: a large package, so it is not among the stand-ins that are installed.
fn checkov() -> Option<PathBuf> {
    let own = stand_ins::folder().join("venv/bin/checkov");
    let named = std::env::var_os("TREFOIL_CHECKOV").map_or(own, PathBuf::from);
    named.exists().then_some(named)
}

/// What each framework of checkov says of a folder.
fn reports(checkov: &Path, folder: &Path) -> Vec<Value> {
    let output = Command::new(checkov)
        .args(["--skip-download", "--compact", "--output", "json", "--framework"])
        .args(["terraform", "bicep", "kubernetes", "secrets", "github_actions"])
        // From inside, so that files are named from here on.
        .args(["--directory", "."])
        .current_dir(folder)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report.as_array().cloned().unwrap_or_else(|| vec![report])
}

/// The folder of an example that a file is in: `tiny/infra/aws`.
fn folder_of(file: &str) -> String {
    let parts: Vec<&str> = file.trim_start_matches('/').split('/').collect();
    parts.iter().take(3).copied().collect::<Vec<_>>().join("/")
}

#[test]
fn checkov_finds_nothing_and_passes_over_what_is_listed() {
    let Some(checkov) = checkov() else {
        skipped("checkov: not installed, and TREFOIL_CHECKOV does not name it");
        return;
    };
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered");
    let (mut skips, mut passed) = (BTreeMap::<String, BTreeSet<String>>::new(), 0);
    for report in reports(&checkov, &examples) {
        let kind = &report["check_type"];
        assert_eq!(
            report["summary"]["failed"], 0,
            "{kind}: {}",
            report["results"]["failed_checks"]
        );
        assert_eq!(report["summary"]["parsing_errors"], 0, "{kind}");
        passed += report["summary"]["passed"].as_u64().unwrap();
        for skip in report["results"]["skipped_checks"].as_array().into_iter().flatten() {
            let check = skip["check_id"].as_str().unwrap();
            let reason = skip["check_result"]["suppress_comment"].as_str().unwrap();
            assert!(reason.len() > 10, "{check} has no reason");
            let folder = folder_of(skip["file_path"].as_str().unwrap());
            skips.entry(folder).or_default().insert(check.to_owned());
        }
    }
    assert!(passed > 1_000, "only {passed} checks were made");
    let listed = SKIPPED.iter().map(|(folder, checks)| {
        let checks = checks.iter().copied().flatten().map(|one| (*one).to_owned());
        ((*folder).to_owned(), checks.collect::<BTreeSet<_>>())
    });
    assert_eq!(skips, listed.collect::<BTreeMap<_, _>>());
    for (folder, checks) in &skips {
        assert_eq!(checks.len() > 5, MORE.contains(&folder.as_str()), "{folder}: {checks:?}");
    }
}
