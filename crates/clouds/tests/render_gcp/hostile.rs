//! Whatever a specification says stays a value: it is fed what would be code in one of the
//! languages, and read back.

use super::support::{file, render, spec};
use saphyr::{LoadableYamlNode, Yaml};
use trefoil_core::deployment::Deployment;

/// What would be code somewhere.
const TEXTS: [&str; 14] = [
    "${file(\"/etc/passwd\")}",
    "%{if true}yes%{endif}",
    "$${already}",
    "say \"hello\" and 'bye'",
    "two\nlines\r\nand\ttab",
    "$(id) `id` ; rm -rf /",
    "</script><script>alert(1)</script>",
    "back\\slash \\n \\u0041",
    "{{ name }} {% if x %} {# c #}",
    "${{ secrets.TOKEN }}",
    "${PROJECT} $IMAGE",
    "ünïcode 漢字 🦀 \u{2028} \u{feff}",
    "\u{1}\u{7f}\u{85} control",
    "]] }} EOF --- # comment",
];

/// A specification that says `text` wherever it may say anything.
fn hostile(text: &str) -> Deployment {
    let mut spec = spec(
        "name: shop\napplication: {image: \"ghcr.io/acme/shop:1.0.0\"}\n\
         jobs: {job: {schedule: 0 1 * * *, command: [a]}}\nchat: {}\n",
    );
    let application = spec.application.as_mut().unwrap();
    application.command = vec!["serve".to_owned(), text.to_owned()];
    application.health.path = path(text);
    application.health.ready = path(text);
    application.variables.insert("HOSTILE".to_owned(), text.to_owned());
    let chat = spec.chat.as_mut().unwrap();
    chat.model.insert("gcp".to_owned(), text.to_owned());
    chat.api_version = Some(text.to_owned());
    spec.jobs.get_mut("job").unwrap().command = vec![text.to_owned(), text.to_owned()];
    Deployment::new(&spec, "gcp", "us-central1", false)
}

/// Paths have no spaces: the specification refuses them.
fn path(text: &str) -> String {
    format!("/{}", text.replace(char::is_whitespace, "_"))
}

/// What Terraform reads between the quotes at the start of `text`, by its own rules; fails at an
/// interpolation or a directive.
fn hcl_string(text: &str) -> String {
    let mut rest = text.strip_prefix('"').unwrap().chars().peekable();
    let mut out = String::new();
    while let Some(one) = rest.next() {
        match one {
            '"' => return out,
            '\\' => match rest.next().unwrap() {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'u' => {
                    let code: String = rest.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&code, 16).unwrap();
                    out.push(char::from_u32(code).unwrap());
                }
                other if "\"\\".contains(other) => out.push(other),
                other => panic!("no escape: {other}"),
            },
            '$' | '%' if rest.peek() == Some(&one) => {
                let mut ahead = rest.clone();
                ahead.next();
                out.push(one);
                if ahead.peek() == Some(&'{') {
                    rest.next();
                    out.extend(rest.next());
                }
            }
            '$' | '%' if rest.peek() == Some(&'{') => panic!("code in {text}"),
            '\n' => panic!("a line ends in {text}"),
            other => out.push(other),
        }
    }
    panic!("no end: {text}")
}

/// The value of the first line that begins with a name and `=`.
fn hcl_value(text: &str, name: &str) -> String {
    let line = text.lines().map(str::trim).find_map(|line| {
        line.strip_prefix(name)?.trim_start().strip_prefix('=').map(str::trim_start)
    });
    hcl_string(line.unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn hostile_text_stays_a_value_in_terraform() {
    for text in TEXTS {
        let artefacts = render(&hostile(text));
        let locals = file(&artefacts, "locals.tf");
        assert_eq!(hcl_value(locals, "HOSTILE"), text);
        assert_eq!(hcl_value(locals, "CHAT_API_VERSION"), text);
        let jobs = file(&artefacts, "jobs.tf");
        let (_, arguments) = jobs.split_once("args    = [").unwrap();
        assert_eq!(hcl_string(arguments), text);
        let service = file(&artefacts, "service.tf");
        let (_, arguments) = service.split_once("args  = [\"serve\", ").unwrap();
        assert_eq!(hcl_string(arguments), text);
        let path = path(text);
        assert_eq!(hcl_value(file(&artefacts, "service.tf"), "path"), path);
        assert_eq!(hcl_value(file(&artefacts, "monitoring.tf"), "path"), path);
    }
}

#[test]
fn hostile_text_stays_a_value_in_yaml() {
    for text in TEXTS {
        let artefacts = render(&hostile(text));
        let service = file(&artefacts, "service.yaml");
        let parsed = Yaml::load_from_str(service).unwrap();
        let container = &parsed[0]["spec"]["template"]["spec"]["containers"][0];
        let found = container["env"].as_vec().unwrap().iter().find_map(|one| {
            (one["name"].as_str() == Some("HOSTILE")).then(|| one["value"].as_str().unwrap())
        });
        assert_eq!(found, Some(text), "{service}");
        let path = path(text);
        assert_eq!(container["livenessProbe"]["httpGet"]["path"].as_str(), Some(path.as_str()));
        // What envsubst fills in stands in no text of the specification.
        let blank = container["image"].as_str().unwrap();
        assert!(blank.starts_with("${IMAGE") && !text.contains(blank), "{blank}");
    }
}

#[test]
fn github_finds_no_expression_in_a_text() {
    let artefacts = render(&hostile("${{ secrets.TOKEN }}"));
    let workflow = file(&artefacts, "deploy-gcp.yml");
    let parsed = Yaml::load_from_str(workflow).unwrap();
    let ready = parsed[0]["jobs"]["deploy"]["env"]["READY"].as_str().unwrap();
    assert_eq!(ready, "/${{ '${{' }}_secrets.TOKEN_}}");
    assert!(!workflow.contains("${{ secrets.") && !workflow.contains("${{_secrets."));
}
