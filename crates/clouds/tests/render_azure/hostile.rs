//! Whatever a specification says stays a value: hostile text in every free string comes back from
//! the Bicep, the YAML and the JSON as it went in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use trefoil_core::spec::AppSpec;

use crate::bicep::{Expr, parse};
use crate::support::{Files, deployment, files};
use crate::types::faults;
use crate::yaml;

const WHOLE: &str = "
name: shop
profile: resilient
application: { image: image, command: [word], setup: [word] }
database: {}
chat: { model: { azure: model } }
jobs: { one: { schedule: 0 0 * * *, command: [word] } }
alarms:
  mail: { metric: cpu, threshold: 1, notify: a@example.com }
  hook: { metric: cpu, threshold: 1, notify: \"https://example.com\" }
budget: { monthly_usd: 1, notify: a@example.com }
environments: { azure: { cloud: azure, region: eastus } }
";

/// Text that tries to get out of its quotes.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "${file(\"/etc/passwd\")}",
        "${resourceGroup().id}",
        "%{if true}",
        "%%{",
        "$${",
        "$",
        "'",
        "'''",
        "\"",
        "\\",
        "\\'",
        "\n",
        "\r\n",
        "\t",
        "$(id)",
        "`id`",
        "</script>",
        "{{ name }}",
        "{% raw %}",
        "{# a #}",
        "${{ secrets.X }}",
        ": ",
        " #",
        "- ",
        "---",
        "é😀\u{2028}\u{feff}\u{85}",
        "\u{7f}\u{1b}",
        "a",
        " ",
    ]);
    prop::collection::vec(pieces, 1..8).prop_map(|pieces| pieces.concat())
}

fn set_everywhere(text: &str) -> AppSpec {
    let mut spec = crate::support::parse(WHOLE);
    let application = spec.application.as_mut().unwrap();
    application.image = Some(text.to_owned());
    application.command = vec!["serve".to_owned(), text.to_owned()];
    application.setup = vec![text.to_owned()];
    application.variables = BTreeMap::from([("HOSTILE".to_owned(), text.to_owned())]);
    application.health.path = format!("/{text}");
    application.health.ready = format!("/{text}");
    let chat = spec.chat.as_mut().unwrap();
    chat.api_version = Some(text.to_owned());
    spec.jobs.get_mut("one").unwrap().command = vec![text.to_owned()];
    spec.alarms.get_mut("mail").unwrap().notify = Some(text.to_owned());
    spec.alarms.get_mut("hook").unwrap().notify = Some(format!("https:{text}"));
    spec.budget.as_mut().unwrap().notify = Some(text.to_owned());
    spec
}

/// All texts without code in a Bicep file.
fn texts(files: &Files, path: &str) -> Vec<String> {
    let file = parse(&files[&format!("infra/azure/{path}")]).unwrap();
    let mut found = Vec::new();
    let bodies = file.resources.iter().map(|one| &one.body);
    for one in bodies.chain(file.variables.values()) {
        one.each(&mut |one: &Expr| found.extend(one.literal()));
    }
    found
}

fn comes_back(text: &str) {
    let files = files(&deployment(&set_everywhere(text), "azure"));
    assert_eq!(faults(&files), Vec::<String>::new());
    let expected = [
        ("main.bicep", text.to_owned()),
        ("modules/application.bicep", text.to_owned()),
        ("modules/application.bicep", format!("/{text}")),
        ("modules/jobs.bicep", text.to_owned()),
        ("modules/monitoring.bicep", text.to_owned()),
        ("modules/monitoring.bicep", format!("https:{text}")),
        ("modules/budget.bicep", text.to_owned()),
        ("modules/front-door.bicep", format!("/{text}")),
    ];
    for (path, wanted) in expected {
        assert!(texts(&files, path).contains(&wanted), "{path} lost {wanted:?}");
    }
    let parameters: Value =
        serde_json::from_str(&files["infra/azure/main.parameters.json"]).unwrap();
    assert_eq!(parameters["parameters"]["image"]["value"], text);
    let app = yaml::read(&files["infra/azure/container-app.yaml"]);
    let container = &app["properties"]["template"]["containers"][0];
    assert_eq!((&container["image"], &container["args"][1]), (&text.into(), &text.into()));
    assert_eq!(container["probes"][0]["httpGet"]["path"], format!("/{text}"));
    let named = |one: &&Value| one["name"] == "HOSTILE";
    let variable = container["env"].as_array().unwrap().iter().find(named).unwrap();
    assert_eq!(variable["value"], text);
    // The workflow repeats the path of the health check in a comment.
    yaml::read(&files[".github/workflows/deploy-azure.yml"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_text_stays_text(text in hostile()) {
        comes_back(&text);
    }
}
