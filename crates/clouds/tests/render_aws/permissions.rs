//! What roles may do, read by a linter of policies (`parliament`): every action exists, and may be
//! said of the resource that it is said of.

use std::process::Command;

use serde_json::Value;
use trefoil_clouds::conformance::stand_ins;
use trefoil_clouds::operate::render::Artefact;

use crate::golden::ALL;
use crate::lower::Folder;
use crate::support::{deployment, example, render};

/// Every policy of a role, by a name that is one file's.
fn policies(files: &[Artefact]) -> Vec<(String, Value)> {
    let folder = Folder::read(files);
    let roles = folder.resources().filter(|(kind, ..)| *kind == "aws_iam_role_policy");
    roles
        .map(|(_, name, body)| {
            let policy = body.attributes().find(|one| one.key() == "policy").unwrap();
            (name.to_owned(), folder.lower(policy.expr()))
        })
        .collect()
}

/// What the linter finds in policies.
fn findings(policies: &[(String, Value)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, policy) in policies {
        std::fs::write(folder.path().join(format!("{name}.json")), policy.to_string()).unwrap();
    }
    let mut linter = Command::new(stand_ins::program("parliament"));
    linter.arg("--directory").arg(folder.path()).arg("--json");
    let said = linter.args(["--include_policy_extension", "json"]).output().unwrap();
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(!errors.contains("Traceback"), "{errors}");
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines().filter(|one| !is_answered(one)).map(str::to_owned).collect()
}

/// What the linter finds and there is an answer to: it takes no ARN without an account for that of a
/// foundation model, although that is the form which it knows; tasks on Fargate have no container
/// instance that listing them could be bounded to, so that the condition bounds it by the cluster; and
/// a connection is used under the older name of its service too.
fn is_answered(finding: &str) -> bool {
    let finding: Value = serde_json::from_str(finding).unwrap();
    let detail = &finding["detail"][0];
    match finding["issue"].as_str() {
        Some("RESOURCE_MISMATCH") => {
            detail["action"] == "bedrock:InvokeModel"
                || detail["action"] == "codestar-connections:UseConnection"
        }
        Some("RESOURCE_STAR") => detail == "ecs:ListTasks",
        _ => false,
    }
}

#[test]
fn every_action_exists_and_fits_its_resource() {
    let mut all = Vec::new();
    for (example_name, environment) in ALL {
        let files = render(&deployment(&example(example_name), environment));
        let found = policies(&files);
        all.extend(
            found
                .into_iter()
                .map(|(name, policy)| (format!("{example_name}-{environment}-{name}"), policy)),
        );
    }
    assert!(all.len() > 10, "{}", all.len());
    let unknown = all.iter().find(|(_, policy)| policy.to_string().contains("\"unknown\""));
    assert_eq!(unknown, None, "a whole value of a policy that was not understood");
    assert_eq!(findings(&all), Vec::<String>::new());
}

#[test]
fn a_wrong_action_and_a_wrong_resource_are_found() {
    let files = render(&deployment(&example("medassistant"), "aws"));
    let all = policies(&files);
    let (name, policy) = all.iter().find(|(name, _)| name == "execution").unwrap();
    let policy = policy.to_string();
    for (from, to) in
        [("GetAuthorizationToken", "GetAuthorisation"), ("arn:aws:kms:", "arn:aws:sns:")]
    {
        let wrong = policy.replace(from, to);
        assert_ne!(wrong, policy);
        let wrong = (name.clone(), serde_json::from_str(&wrong).unwrap());
        assert_ne!(findings(&[wrong]), Vec::<String>::new(), "{to}");
    }
}
