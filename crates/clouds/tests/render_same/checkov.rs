//! A scanner of others over all that is rendered: nothing fails, and what it is told to pass over
//! stands here by name, each with its reason beside the resource.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trefoil_clouds::conformance::stand_ins;

/// Which checks are passed over, by cloud. Those of AWS are more than five: the list says why.
const SKIPPED: [(&str, &[&str]); 3] = [
    (
        "aws",
        &[
            "CKV_AWS_144", // no second region, unless the specification has one
            "CKV_AWS_145", // load balancers write to no bucket with a key of one's own
            "CKV_AWS_158", // the key is in another region than the firewall's log
            "CKV_AWS_18",  // a bucket of logs does not log into itself
            "CKV_AWS_260", // port 80 redirects to HTTPS
            "CKV_AWS_305", // the application answers for its root itself
            "CKV_AWS_31",  // a token of the cache would stand in the state
            "CKV_AWS_310", // the other environment takes over by its name
            "CKV_AWS_316", // building an image takes a container engine
            "CKV_AWS_338", // the profile says how long logs are kept
            "CKV_AWS_374", // no country is excluded
            "CKV_AWS_86",  // the check does not know the newer kind of log
            "CKV2_AWS_23", // a standby on another cloud
            "CKV2_AWS_28", // no firewall, as that specification asks
            "CKV2_AWS_34", // the name of an image is no secret
            "CKV2_AWS_38", // signing a zone takes the registrar
            "CKV2_AWS_39", // questions for a public name are no secret
            "CKV2_AWS_47", // users of VPNs are not turned away
            "CKV2_AWS_57", // only who gave out a key can make a new one
            "CKV2_AWS_62", // nobody waits for the next line of a log
        ],
    ),
    (
        "azure",
        &["CKV_AZURE_139", "CKV_AZURE_163", "CKV_AZURE_166", "CKV_AZURE_206", "CKV_AZURE_41"],
    ),
    ("gcp", &["CKV_GCP_62", "CKV_GCP_84", "CKV_GCP_6", "CKV2_GCP_13", "CKV_GCP_79"]),
];

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
        .arg("--directory")
        .arg(folder)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report.as_array().cloned().unwrap_or_else(|| vec![report])
}

/// The cloud whose file a check is about.
fn cloud_of(check: &str) -> Option<&'static str> {
    let clouds = [("AWS", "aws"), ("AZURE", "azure"), ("GCP", "gcp")];
    clouds.iter().find(|(mark, _)| check.contains(mark)).map(|(_, cloud)| *cloud)
}

#[test]
fn checkov_finds_nothing_and_passes_over_what_is_listed() {
    let Some(checkov) = checkov() else {
        println!("skipped: checkov: not installed, and TREFOIL_CHECKOV does not name it");
        return;
    };
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered");
    let (mut skips, mut passed) = (BTreeMap::<&str, BTreeSet<String>>::new(), 0);
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
            let cloud = cloud_of(check).unwrap_or_else(|| panic!("{check}: of which cloud?"));
            skips.entry(cloud).or_default().insert(check.to_owned());
        }
    }
    assert!(passed > 1_000, "only {passed} checks were made");
    for (cloud, listed) in SKIPPED {
        let listed: BTreeSet<_> = listed.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(skips.remove(cloud).unwrap_or_default(), listed, "{cloud}");
        assert!(cloud == "aws" || listed.len() <= 5, "{cloud}");
    }
}
