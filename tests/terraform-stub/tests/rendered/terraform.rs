//! The real `terraform`, with the stub in place of the providers.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use trefoil_clouds::conformance::skipped;

/// `terraform` and a folder of providers for it.
pub(crate) struct Terraform {
    home: TempDir,
}

impl Terraform {
    /// The one of this machine; says so when there is none, because no registry of packages that
    /// a fresh machine reaches has it.
    pub(crate) fn find() -> Option<Self> {
        if Command::new("terraform").arg("version").output().is_err() {
            skipped("terraform: not installed, so nothing rendered was planned or applied");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        for entry in fs::read_dir(schemas).unwrap() {
            provider(home.path(), &entry.unwrap().path());
        }
        let mirror = home.path().join("mirror");
        let settings = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            mirror.display()
        );
        fs::write(home.path().join("rc"), settings).unwrap();
        Some(Self { home })
    }

    fn run(&self, folder: &Path, args: &[&str]) -> Output {
        Command::new("terraform")
            .args(args)
            .current_dir(folder)
            .env("TF_CLI_CONFIG_FILE", self.home.path().join("rc"))
            .env("TF_DISABLE_PLUGIN_TLS", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .output()
            .unwrap()
    }

    fn must(&self, folder: &Path, args: &[&str], what: &str) -> Output {
        let ran = self.run(folder, args);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            ran.status.success(),
            "terraform {args:?}: {what}\n{}\n{}",
            said(&ran.stdout),
            said(&ran.stderr)
        );
        ran
    }

    /// A whole life: formatted, valid, planned, applied, nothing left to do, destroyed. What was
    /// planned comes back, as Terraform's own JSON.
    pub(crate) fn lives(&self, folder: &Path, what: &str) -> Value {
        self.must(folder, &["fmt", "-check", "-diff", "-recursive"], what);
        // The state is kept in a bucket, which a test does not have.
        fs::write(folder.join("backend_override.tf"), "terraform {\n  backend \"local\" {}\n}\n")
            .unwrap();
        let values = serde_json::to_string(&values(folder)).unwrap();
        fs::write(folder.join("test.auto.tfvars.json"), values).unwrap();
        self.must(folder, &["init", "-no-color", "-input=false"], what);
        self.must(folder, &["validate", "-no-color"], what);
        self.must(folder, &["apply", "-no-color", "-input=false", "-auto-approve"], what);
        // 2 would say that there is still something to do.
        let again = ["plan", "-no-color", "-input=false", "-detailed-exitcode", "-out=again"];
        self.must(folder, &again, what);
        // Of the first plan much is only known once it is applied: the task definition's sizes, for one.
        let planned = self.must(folder, &["show", "-no-color", "-json", "again"], what);
        // What is protected from deletion cannot be destroyed, which is right.
        let destroyed =
            self.run(folder, &["destroy", "-no-color", "-auto-approve", "-input=false"]);
        let said = String::from_utf8_lossy(&destroyed.stderr).into_owned();
        assert!(destroyed.status.success() || said.contains("prevent_destroy"), "{what}\n{said}");
        serde_json::from_slice(&planned.stdout).unwrap()
    }

    /// What `terraform validate` says against a configuration of one provider.
    pub(crate) fn mistakes(&self, provider: &str, text: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let needs = format!(
            "terraform {{\n  required_providers {{\n    {provider} = {{ source = \"hashicorp/{provider}\" }}\n  }}\n}}\n"
        );
        fs::write(folder.path().join("main.tf"), format!("{needs}{text}")).unwrap();
        self.must(folder.path(), &["init", "-no-color"], text);
        let ran = self.run(folder.path(), &["validate", "-no-color"]);
        (!ran.status.success()).then(|| String::from_utf8_lossy(&ran.stderr).into_owned())
    }
}

/// Puts the stub where Terraform looks for a provider.
fn provider(home: &Path, schema: &Path) {
    let name = schema.file_stem().unwrap().to_str().unwrap();
    let parsed: Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    let version = parsed["version"].as_str().unwrap();
    let folder: PathBuf = home
        .join("mirror/registry.terraform.io/hashicorp")
        .join(name)
        .join(version)
        .join("linux_amd64");
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join(format!("terraform-provider-{name}_v{version}_x5"));
    let stub = env!("CARGO_BIN_EXE_terraform-stub");
    fs::write(&program, format!("#!/bin/sh\nexec '{stub}' '{}'\n", schema.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A value for each variable without a default: what an operator would write, by its type.
fn values(folder: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(folder.join("variables.tf")).unwrap_or_default();
    let mut values = BTreeMap::new();
    for block in text.split("\nvariable \"").skip(usize::from(!text.starts_with("variable"))) {
        let block = block.trim_start_matches("variable \"");
        let name = block.split('"').next().unwrap();
        let body = block.split("\n}").next().unwrap();
        if body.lines().any(|line| line.trim_start().starts_with("default ")) {
            continue;
        }
        values.insert(name.to_owned(), value(name, body));
    }
    values
}

fn value(name: &str, body: &str) -> Value {
    let kind = body.lines().find_map(|line| line.trim().strip_prefix("type"));
    match kind.unwrap_or("= string").trim_start_matches([' ', '=']) {
        "number" => json!(1),
        "bool" => json!(true),
        other if other.starts_with("map") => json!({}),
        other if other.starts_with("list") || other.starts_with("set") => json!([]),
        _ => json!(word(name)),
    }
}

/// A text that has the form which the variable of that name asks for.
fn word(name: &str) -> String {
    let digest = "0".repeat(64);
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    match name {
        _ if name.contains("image") => format!("registry.example.com/shop@sha256:{digest}"),
        _ if name.ends_with("arn") => arn.to_owned(),
        _ if name.contains("email") => "ops@example.com".to_owned(),
        _ if name.contains("repository") => "acme/shop".to_owned(),
        _ if name.contains("project") => "acme-prod-1234".to_owned(),
        _ if name.contains("billing") => "012345-6789AB-CDEF01".to_owned(),
        _ if name.contains("cidr") => "10.99.0.0/16".to_owned(),
        _ if name.ends_with("ip") || name.contains("address") => "203.0.113.7".to_owned(),
        _ if name.contains("bucket") => "acme-terraform-state".to_owned(),
        _ => "stub".to_owned(),
    }
}
