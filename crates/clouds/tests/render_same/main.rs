//! One specification means the same on every cloud: what each renders is parsed and compared, with
//! the others and with what was asked for.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests stop a test where it went wrong, and say what was skipped"
)]

mod aws;
mod azure;
#[allow(dead_code, reason = "the whole reader, of which a part is used here")]
#[path = "../render_azure/bicep.rs"]
mod bicep;
mod chapter;
mod checkov;
mod existing;
mod gcp;
mod hcl;
mod meaning;
mod pair;
mod production;
#[path = "../render_azure/scan.rs"]
mod scan;
mod specifications;
mod workflow;
#[path = "../render_azure/yaml.rs"]
mod yaml;

use std::collections::BTreeMap;

use trefoil_clouds::registry;
use trefoil_core::deployment::Deployment;
use trefoil_core::spec::parse;

use meaning::Meaning;

/// What a file says, by its path below `infra/<folder>/`; and what was asked for.
pub(crate) struct Rendered {
    deployment: Deployment,
    files: BTreeMap<String, String>,
}

impl Rendered {
    /// An environment of a specification, as its cloud's renderer writes it.
    fn of(text: &str, environment: &str) -> Self {
        let spec = parse("trefoil.yaml", text, &registry::known())
            .unwrap_or_else(|found| panic!("{text}\n{found:#?}"))
            .spec;
        let there = &spec.environments[environment];
        let view = spec.for_environment(environment).unwrap();
        let region = there.region.as_deref().unwrap();
        let deployment = Deployment::new(&view, environment, region, false);
        let renderer = registry::renderer(&there.cloud).unwrap();
        assert_eq!((renderer.misfits)(&deployment), [], "{environment}: {text}");
        let folder = format!("infra/{environment}/");
        let below = |path: String| path.trim_start_matches(&folder).to_owned();
        let files = (renderer.render)(&deployment).unwrap();
        let files = files.into_iter().map(|one| (below(one.path), one.contents)).collect();
        Self { deployment, files }
    }

    /// What the file says; fails when there is none.
    fn file(&self, name: &str) -> &str {
        self.files.get(name).unwrap_or_else(|| panic!("no {name}"))
    }
}

/// Reads what a cloud's files mean.
type Reader = fn(&Rendered) -> Meaning;

/// What a specification means on each cloud.
fn meanings(text: &str) -> [(&'static str, Rendered, Meaning); 3] {
    let read: [(&str, Reader); 3] =
        [("aws", aws::meaning), ("azure", azure::meaning), ("gcp", gcp::meaning)];
    read.map(|(cloud, read)| {
        let rendered = Rendered::of(text, cloud);
        let meaning = read(&rendered);
        (cloud, rendered, meaning)
    })
}

#[test]
fn port_probes_limits_secrets_and_scaling_mean_the_same() {
    for text in specifications::all() {
        for (cloud, rendered, meaning) in meanings(&text) {
            let mut asked = Meaning::asked(&rendered.deployment);
            // What a cloud cannot be is said in the README beside it.
            let said = asked.bend(cloud, &rendered.deployment);
            for words in said {
                assert!(rendered.file("README.md").contains(words), "{cloud}: {words}\n{text}");
            }
            assert_eq!(meaning, asked, "{cloud}\n{text}");
        }
    }
}

#[test]
fn each_clouds_two_forms_of_the_service_say_the_same() {
    for text in specifications::all() {
        let azure = Rendered::of(&text, "azure");
        assert_eq!(azure::of_bicep(&azure), azure::of_yaml(&azure), "{text}");
        let gcp = Rendered::of(&text, "gcp");
        assert_eq!(gcp::of_terraform(&gcp), gcp::of_yaml(&gcp), "{text}");
    }
}

/// A comparison that would let a difference pass would prove nothing.
#[test]
fn a_difference_is_noticed() {
    let text = specifications::all().remove(0);
    let changes = [
        ("aws", "task-definition.json", "\"memory\": \"2048\"", "\"memory\": \"4096\""),
        ("aws", "load_balancer.tf", "unhealthy_threshold = 3", "unhealthy_threshold = 4"),
        ("aws", "autoscaling.tf", "max_capacity       = 10", "max_capacity       = 11"),
        ("azure", "container-app.yaml", "cpu: 1", "cpu: 2"),
        ("azure", "container-app.yaml", "secretRef: \"api-key\"", "secretRef: \"other\""),
        ("gcp", "service.yaml", "failureThreshold: 6", "failureThreshold: 7"),
        ("gcp", "service.yaml", "- \"serve\"", "- \"sleep\""),
        ("gcp", "jobs.tf", "timeout = \"900s\"", "timeout = \"90s\""),
    ];
    for (cloud, file, right, wrong) in changes {
        let mut rendered = Rendered::of(&text, cloud);
        let contents = rendered.files.get_mut(file).unwrap();
        assert!(contents.contains(right), "{file} has no {right}\n{contents}");
        *contents = contents.replace(right, wrong);
        let read = match cloud {
            "aws" => aws::meaning,
            "azure" => azure::meaning,
            _ => gcp::meaning,
        };
        let mut asked = Meaning::asked(&rendered.deployment);
        asked.bend(cloud, &rendered.deployment);
        assert_ne!(read(&rendered), asked, "{cloud}: {wrong}");
    }
}
