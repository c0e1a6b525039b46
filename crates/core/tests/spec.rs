//! Specifications, good and bad: every kind of mistake with its place.

mod support;

use std::collections::BTreeSet;

use support::{CLOUDS, bad, good, hint, one};
use trefoil_core::spec::{Severity, json_schema, render};

const EXAMPLE: &str = include_str!("../../../examples/medassistant/trefoil.yaml");
const MISTAKES: &str = include_str!("mistakes.yaml");

#[test]
fn only_the_name_is_required() {
    let parsed = good("name: shop\n");
    assert_eq!(parsed.spec.name, "shop");
    assert_eq!(parsed.warnings, []);
    assert!(parsed.spec.application.is_none() && parsed.spec.database.is_none());
}

#[test]
fn the_example_is_clean() {
    let parsed = good(EXAMPLE);
    assert_eq!(parsed.warnings, []);
    assert_eq!(parsed.spec.name, "medassistant");
    assert_eq!(parsed.spec.database_name().as_deref(), Some("medassistant"));
    let application = parsed.spec.application.unwrap();
    assert_eq!(application.command, ["medassistant", "serve"]);
    assert_eq!(application.setup, ["medassistant", "migrate"]);
    assert_eq!(application.health.interval.as_millis(), 5_000);
    assert!(parsed.spec.buckets.contains_key("documents"));
    let environments: Vec<_> = parsed.spec.environments.keys().collect();
    assert_eq!(environments, ["east", "west"]);
}

#[test]
fn a_bare_key_is_a_section_of_defaults() {
    let spec = good("name: shop\ndatabase:\nsessions:\nbuckets:\n  pictures:\n").spec;
    assert_eq!(spec.database_name().as_deref(), Some("shop"));
    assert_eq!(spec.sessions.unwrap().ttl.as_millis(), 30 * 60 * 1_000);
    assert!(spec.buckets.contains_key("pictures"));
}

#[test]
fn an_alias_stands_for_its_anchor() {
    let text = "name: shop\nenvironments:\n  east: &place\n    cloud: local\n  west: *place\n";
    assert_eq!(good(text).spec.environments["west"].cloud, "local");
}

#[test]
fn all_mistakes_at_once() {
    let found = bad(MISTAKES);
    assert!(found.is_sorted_by_key(|d| (d.line, d.column)));
    let without: Vec<_> = found.iter().filter(|one| one.hint.is_none()).collect();
    assert!(without.is_empty(), "each says what to do: {without:?}");
    let places: BTreeSet<_> = found.iter().map(|one| (one.line, one.column)).collect();
    assert!(places.len() >= 20, "{} places", places.len());
    insta::assert_snapshot!("all_mistakes_at_once", render(&found, MISTAKES, false));
}

#[test]
fn colour_is_only_colour() {
    let found = bad(MISTAKES);
    let coloured = render(&found, MISTAKES, true);
    assert!(coloured.contains("\u{1b}["));
    assert!(!render(&found, MISTAKES, false).contains('\u{1b}'));
}

#[test]
fn nothing_at_all() {
    for text in ["", "\n\n", "# nothing\n", "---\n", "~\n", "\u{feff}"] {
        let found = bad(text);
        assert_eq!((found[0].code, found[0].line, found.len()), ("missing_key", 1, 1), "{text:?}");
        assert!(render(&found, text, false).contains("trefoil.yaml:1:1"), "{text:?}");
    }
}

#[test]
fn yaml_that_is_none() {
    let found = bad("name: shop\napplication: [a, b\n");
    assert_eq!((found[0].code, found.len()), ("yaml_syntax", 1));
    let found = bad("name: shop\napplication:\n\tport: 1\n");
    assert_eq!((found[0].code, found[0].line), ("yaml_syntax", 3));
    assert!(hint(&found[0]).contains("tabs"));
    let found = bad("name: shop\nport: *nowhere\n");
    assert_eq!((found[0].code, found[0].line), ("yaml_syntax", 2));
}

#[test]
fn yaml_that_is_not_for_us() {
    let twice = one("name: shop\nname: shed\n", "yaml_duplicate_key", 2, 1, "name");
    assert!(hint(&twice).contains("line 1"));
    one("name: shop\n---\nname: shed\n", "yaml_documents", 2, 1, "---");
    one("name: !env SHOP\n", "yaml_tag", 1, 12, "SHOP");
    one("name: !!int shop\n", "yaml_tag", 1, 13, "shop");
    one("name: shop\n[a]: b\n", "yaml_key", 2, 1, "[");
    one("name: shop\ndatabase: &a [*a]\n", "yaml_alias", 2, 15, "*a");
    one("- name\n", "wrong_type", 1, 1, "-");
}

#[test]
fn aliases_of_aliases_end() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let row = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{row}]\n"));
    }
    let found = bad(&text);
    assert_eq!((found[0].code, found.len()), ("yaml_too_large", 1));
    assert!(found[0].line > 1);
}

#[test]
fn depth_and_length_have_an_end() {
    assert_eq!(bad(&"- ".repeat(50_000))[0].code, "yaml_too_large");
    assert_eq!(bad(&"[".repeat(100))[0].code, "yaml_too_large");
    assert_eq!(bad(&"[".repeat(5_000))[0].code, "yaml_too_large");
    assert_eq!(bad(&format!("name: {}", "{a: [".repeat(5_000)))[0].code, "yaml_too_large");
    assert_eq!(bad(&"{a: ".repeat(100))[0].code, "yaml_too_large");
    assert_eq!(bad(&"#".repeat(300_000))[0].code, "yaml_too_large");
}

#[test]
fn thousands_of_mistakes_are_shown_in_little_time() {
    let text: String = (0..2_400).map(|n| format!("key{n}: {{}}\n")).collect();
    let found = bad(&text);
    assert_eq!(found.len(), 2_401);
    assert!(render(&found, &text, false).contains("trefoil.yaml:2400:1"));
}

#[test]
fn unknown_keys_get_the_nearest() {
    let text = "name: shop\napplication:\n  command: [shop]\n  helth:\n    path: /up\n";
    let found = one(text, "unknown_key", 4, 3, "helth");
    assert_eq!(hint(&found), "did you mean `health`?");
    assert_eq!(found.path, "application.helth");
    assert!(found.allowed.contains(&"drain".to_owned()));

    let found = one("name: shop\nport: 80\n", "unknown_key", 2, 1, "port");
    assert_eq!(hint(&found), "`port` belongs under `application`");
    let found = one("name: shop\nlogLevel: info\n", "unknown_key", 2, 1, "logLevel");
    assert_eq!(hint(&found), "`log_level` belongs under `application`");
    let found = one("name: shop\nxyzzy: 1\n", "unknown_key", 2, 1, "xyzzy");
    assert!(hint(&found).contains("leave it out"));
    let text = "name: shop\ndatabase:\n  engine: postgresql\n";
    assert_eq!(hint(&one(text, "unknown_key", 3, 3, "engine")), "leave it out");
}

#[test]
fn missing_keys() {
    let found = one("database:\n", "missing_key", 1, 1, "d");
    assert!(hint(&found).contains("name"));
    let text = "name: shop\nenvironments:\n  east:\n    region: r1\n";
    assert_eq!(one(text, "missing_key", 3, 3, "east").path, "environments.east.cloud");
    one("name: shop\nenvironments:\n  east:\n", "missing_key", 3, 3, "east");
}

#[test]
fn wrong_types() {
    let application =
        |line: &str| format!("name: shop\napplication:\n  command: [shop]\n  {line}\n");
    let found = one(&application("port: high"), "wrong_type", 4, 9, "high");
    assert!(found.message.contains("a whole number"), "{}", found.message);
    assert_eq!(found.allowed, ["1 to 65535"]);
    let found = one(&application("port: \"80\""), "wrong_type", 4, 9, "\"80\"");
    assert_eq!(hint(&found), "leave the quotes out: 80");
    one(&application("image:"), "wrong_type", 4, 3, "image");
    let found = one(&application("setup: shop migrate"), "wrong_type", 4, 10, "shop migrate");
    assert_eq!(hint(&found), "write [shop, migrate]");
    let found = one(&application("variables: {SIZE: 5}"), "wrong_type", 4, 21, "5");
    assert_eq!(hint(&found), "put it in quotes to make it text: \"5\"");
    let found = one(&application("needs_database_to_start: 1"), "wrong_type", 4, 28, "1");
    assert_eq!(found.allowed, ["true", "false"]);
    let found = one(&application("drain: 5"), "wrong_type", 4, 10, "5");
    assert!(found.allowed.contains(&"30s".to_owned()), "{:?}", found.allowed);
    one(&application("health: [a]"), "wrong_type", 4, 3, "health");
    one(&application("setup: [a, [b]]"), "wrong_type", 4, 14, "[");
    one("name: shop\napplication: shop\n", "wrong_type", 2, 14, "shop");
    one("name: 5\n", "wrong_type", 1, 7, "5");
}

#[test]
fn wrong_values() {
    let application =
        |line: &str| format!("name: shop\napplication:\n  command: [shop]\n  {line}\n");
    let found = one(&application("port: 70000"), "out_of_range", 4, 9, "70000");
    assert_eq!(found.allowed, ["1 to 65535"]);
    one(&application("port: 99999999999999999999"), "out_of_range", 4, 9, "99999999999999999999");
    let found = one(&application("log_level: warn"), "wrong_value", 4, 14, "warn");
    assert_eq!(found.allowed, ["debug", "info", "warning", "error"]);
    let found = one(&application("log_level: infos"), "wrong_value", 4, 14, "infos");
    assert_eq!(hint(&found), "did you mean `info`?");
    let found = one(&application("drain: 10 seconds"), "wrong_form", 4, 10, "10 seconds");
    assert!(found.allowed.contains(&"30s".to_owned()));
    one(&application("drain: 99999999999999999999d"), "wrong_form", 4, 10, "99999999999999999999d");
    one(&application("health: {interval: 0s}"), "out_of_range", 4, 22, "0s");
    one("name: My Shop\n", "wrong_form", 1, 7, "My Shop");
    one("name: shop\ndatabase:\n  name: A\n", "wrong_form", 3, 9, "A");
}

#[test]
fn what_will_never_be_is_refused_with_its_reason() {
    let found = one("name: shop\nvolumes: [data]\n", "section_never", 2, 1, "volumes");
    assert!(hint(&found).contains("buckets"));
    let text = "name: shop\ndatabase:\n  engine: mysql\n";
    let found = one(text, "section_never", 3, 3, "engine");
    assert!(found.message.contains("`mysql`") && found.message.contains("PostgreSQL"));
}

#[test]
fn names_of_keys() {
    let text = "name: shop\nenvironments:\n  East:\n    cloud: local\n";
    one(text, "environment_name", 3, 3, "East");
    one("name: shop\nbuckets:\n  ab:\n", "bucket_name", 3, 3, "ab");
    one("name: shop\nbuckets:\n  my_files: {}\n", "bucket_name", 3, 3, "my_files");
    one("name: postgres\ndatabase:\n", "database_name", 1, 7, "postgres");
    one("name: shop\ndatabase: {name: template1}\n", "database_name", 2, 18, "template1");
    let text = "name: shop\nenvironments:\n  east:\n    cloud: locl\n";
    let found = one(text, "cloud_unknown", 4, 12, "locl");
    assert_eq!(found.allowed, CLOUDS);
    assert_eq!(hint(&found), "did you mean `local`?");
}

#[test]
fn variables_and_secrets() {
    let application =
        |line: &str| format!("name: shop\napplication:\n  command: [shop]\n  {line}\n");
    one(&application("variables: {my-var: a}"), "variable_name", 4, 15, "my-var");
    for name in [
        "PORT",
        "DATABASE_URL",
        "PGPASSWORD",
        "SESSIONS_URL",
        "CACHE_URL",
        "CACHE_CA_CERTIFICATE",
        "CHAT_BASE_URL",
        "BUCKET_X_URL",
    ] {
        let text = application(&format!("variables: {{{name}: a}}"));
        one(&text, "variable_reserved", 4, 15, name);
        one(&application(&format!("secrets: {{{name}: a}}")), "variable_reserved", 4, 13, name);
    }
    let found =
        one(&application("variables: {LOG_LEVEL: a}"), "variable_reserved", 4, 15, "LOG_LEVEL");
    assert!(hint(&found).contains("application.log_level"));
    let text = application("variables: {KEY: a}\n  secrets: {KEY: key}");
    assert!(hint(&one(&text, "variable_twice", 5, 13, "KEY")).contains("line 4"));
    one(&application("secrets: {KEY: trefoil/own}"), "secret_reserved", 4, 18, "trefoil/own");
    let found = one(&application("secrets: {KEY: Pa55word!}"), "secret_name", 4, 18, "Pa55word!");
    assert!(!found.message.contains("Pa55"));
    one(&application("variables: {KEY: \"a\\0b\"}"), "wrong_value", 4, 20, "\"a\\0b\"");
}

#[test]
fn what_belongs_together() {
    one("name: shop\napplication:\n", "nothing_to_run", 2, 1, "application");
    one("name: shop\napplication:\n  command: []\n", "nothing_to_run", 2, 1, "application");
    let application =
        |line: &str| format!("name: shop\napplication:\n  command: [shop]\n  {line}\n");
    one(&application("health: {path: up}"), "health_path", 4, 18, "up");
    one(&application("health: {ready: \"\"}"), "health_path", 4, 19, "\"\"");
    one(&application("needs_database_to_start: true"), "database_needed", 4, 28, "true");
    one(&application("image: \"\""), "wrong_form", 4, 10, "\"\"");
}

#[test]
fn an_image_without_version_is_a_warning() {
    let image = |name: &str| format!("name: shop\napplication:\n  image: {name}\n");
    for name in ["shop", "shop:latest", "registry:5000/shop", "registry:5000/shop:latest"] {
        let warnings = good(&image(name)).warnings;
        assert_eq!(warnings.len(), 1, "{name}");
        assert_eq!((warnings[0].code, warnings[0].severity), ("image_unpinned", Severity::Warning));
        assert_eq!((warnings[0].line, warnings[0].column), (3, 10));
    }
    for name in ["shop:1.2", "registry:5000/shop:1.2", "shop@sha256:0123"] {
        assert_eq!(good(&image(name)).warnings, [], "{name}");
    }
}

#[test]
fn a_byte_order_mark_is_no_text() {
    assert_eq!(good("\u{feff}name: shop\n").spec.name, "shop");
    let text = "\u{feff}name: 5\n";
    assert!(render(&bad(text), text, false).contains("1 | name: 5\n  |       ^\n"));
}

#[test]
fn columns_count_characters() {
    one("name: shop\nbuckets: {żółć-ß: {}}\n", "bucket_name", 2, 11, "żółć-ß");
    let text = "name: shop\r\nbuckets:\r\n  ab:\r\n";
    one(text, "bucket_name", 3, 3, "ab");
    let shown = render(&bad(text), text, false);
    assert!(shown.contains("trefoil.yaml:3:3"), "{shown}");
}

#[test]
fn the_schema_is_documented() {
    let schema = json_schema();
    assert_eq!(schema["required"], serde_json::json!(["name"]));
    let port = &schema["properties"]["application"]["properties"]["port"];
    assert_eq!(port["maximum"], 65535);
    assert!(port["description"].as_str().unwrap().contains("users reach"));
    assert!(!schema.to_string().contains("anyOf"));
}
