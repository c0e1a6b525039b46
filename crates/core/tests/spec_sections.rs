//! The sections of a specification: their defaults, and what belongs together in them.

mod support;

use serde_json::json;
use support::{CLOUDS, bad, good, hint, one};
use trefoil_core::spec::{AppSpec, Reference, Setting, parse, render};

const WHOLE: &str = include_str!("whole.yaml");

#[test]
fn a_whole_specification_is_read() {
    let parsed = good(WHOLE);
    assert!(parsed.warnings.iter().all(|one| one.code == "section_not_yet_used"));
    let again: AppSpec =
        serde_json::from_value(serde_json::to_value(&parsed.spec).unwrap()).unwrap();
    assert_eq!(again, parsed.spec);
    insta::assert_json_snapshot!("whole", parsed.spec);
}

#[test]
fn defaults_are_those_of_the_chapter() {
    let text = "name: shop\nsize:\nscale:\nworkload:\ndatabase:\nalarms:\n  a:\n    metric: m\n    \
                threshold: 1\nrecovery:\n  primary: a\n  standby: b\nenvironments:\n  a: {cloud: \
                local}\n  b: {cloud: local}\n";
    let spec = serde_json::to_value(good(text).spec).unwrap();
    assert_eq!(spec["size"], json!({"cpu": 1, "memory": "2Gi", "processor": "x86"}));
    assert_eq!(
        spec["scale"],
        json!({"min": 1, "max": 10, "concurrency": 30, "interruptible": false})
    );
    assert_eq!(spec["database"]["storage"], "20GB");
    assert_eq!(spec["database"]["backup_days"], 7);
    let alarm = &spec["alarms"]["a"];
    assert_eq!(alarm["period"], "5m");
    assert_eq!(alarm["evaluation_periods"], 2);
    assert_eq!(alarm["comparison"], "greater_than");
    assert_eq!(alarm["statistic"], "average");
    let recovery = &spec["recovery"];
    assert_eq!((&recovery["rto"], &recovery["rpo"]), (&json!("15m"), &json!("5m")));
    assert_eq!(
        recovery["triggers"],
        json!({"failures": 3, "response_time": "5s", "error_rate": "5%"})
    );
    assert_eq!(
        recovery["schedules"],
        json!({"database": "0 2 * * *", "storage": "0 4 * * *", "config": "0 6 * * 0"})
    );
}

#[test]
fn what_is_not_used_yet_is_said() {
    for section in ["size:", "scale:", "jobs:", "domain: a.example", "alarms:", "workload:"] {
        let parsed = good(&format!("name: shop\n{section}\n"));
        let key = section.split(':').next().unwrap();
        assert_eq!(parsed.warnings.len(), 1, "{section}");
        assert_eq!(
            (parsed.warnings[0].code, parsed.warnings[0].path.as_str()),
            ("section_not_yet_used", key)
        );
    }
    assert_eq!(good("name: shop\ndatabase:\n").warnings, []);
    assert_eq!(good("name: shop\ndatabase: {size: large}\n").warnings.len(), 1);
}

#[test]
fn sizes() {
    one("name: shop\nsize: {memory: 2G}\n", "wrong_form", 2, 16, "2G");
    one("name: shop\nsize: {memory: 64Mi}\n", "out_of_range", 2, 16, "64Mi");
    one("name: shop\nsize: {cpu: 0}\n", "out_of_range", 2, 13, "0");
    let found = one("name: shop\nsize: {cpu: \"1\"}\n", "wrong_type", 2, 13, "\"1\"");
    assert_eq!(hint(&found), "leave the quotes out: 1");
    one("name: shop\ndatabase: {storage: 1GB}\n", "out_of_range", 2, 21, "1GB");
    one("name: shop\nscale: {min: 20}\n", "scale_order", 2, 14, "20");
    one("name: shop\nscale: {max: 0}\n", "out_of_range", 2, 14, "0");
    one("name: shop\nscale: {min: 3, max: 2}\n", "scale_order", 2, 14, "3");
}

#[test]
fn schedules() {
    let job = |when: &str| {
        format!(
            "name: shop\napplication: {{command: [shop]}}\njobs:\n  clean:\n    command: [a]\n    \
             schedule: {when}\n"
        )
    };
    for when in ["0 2 * * *", "\"*/15 0-6 1,15 * 1-5\"", "0 6 * * SUN", "\"0 0 1 JAN *\""] {
        good(&job(when));
    }
    for when in ["daily", "0 25 * * *", "0 2 * *", "0 2 * * * *", "60 2 * * *", "0 2 * * * UTC"] {
        let found = one(&job(when), "schedule_form", 6, 15, when);
        assert!(hint(&found).contains("0 2 * * *"));
    }
    let text = "name: shop\njobs:\n  clean: {command: [a], schedule: 0 2 * * *}\n";
    one(text, "application_needed", 2, 1, "jobs");
}

#[test]
fn passwords_do_not_stand_in_a_specification() {
    let existing = |url: &str| {
        format!(
            "name: shop\ndatabase:\nenvironments:\n  a:\n    cloud: local\n    database:\n      \
             admin_url: {url}\n"
        )
    };
    for url in ["env:ADMIN_URL", "secret:admin-url", "postgresql://admin@db.example.com:5432/shop"]
    {
        good(&existing(url));
    }
    for url in [
        "postgresql://admin:hunter2@db.example.com/shop",
        "postgres://db.example.com/shop?user=admin&password=hunter2",
    ] {
        let found = one(&existing(url), "password_in_specification", 7, 18, url);
        assert!(!found.message.contains("hunter2") && hint(&found).contains("env:VARIABLE"));
    }
    for url in ["db.example.com", "mysql://db.example.com/shop", "env:1A", "secret:My_Secret"] {
        one(&existing(url), "url_form", 7, 18, url);
    }
    let text = "name: shop\nchat: {endpoint: \"https://me:hunter2@example.com\"}\n";
    let found = bad(text);
    assert_eq!(found[0].code, "password_in_specification");
    assert!(!render(&found, text, false).contains("hunter2"));
    let found = one_error("name: shop\nchat: {key: sk-Abc123}\n", "secret_name");
    assert!(!found.contains("sk-Abc"));
}

/// The message of the only error.
fn one_error(text: &str, code: &str) -> String {
    let found: Vec<_> = bad(text).into_iter().filter(|one| one.is_error()).collect();
    assert_eq!(found.len(), 1, "{}", render(&found, text, false));
    assert_eq!(found[0].code, code);
    found[0].message.clone()
}

#[test]
fn places_of_recovery() {
    let recovery = |line: &str| {
        format!(
            "name: shop\nenvironments:\n  east: {{cloud: local}}\n  west: {{cloud: local}}\nrecovery:\n  \
             primary: east\n{line}\n"
        )
    };
    good(&recovery("  standby: west\n  witness: s3://watch/shop\n  copies: {at_least: 2}"));
    for (lines, code) in [
        ("  standby: wst", "environment_unknown"),
        ("  standby: east", "recovery_same_place"),
        ("", "missing_key"),
        ("  standby: west\n  witness: there", "url_form"),
        ("  standby: west\n  copies: {at_least: 3}", "copies_order"),
        ("  standby: west\n  copies: {of: [east, east]}", "place_twice"),
        ("  standby: west\n  copies: {of: [south]}", "environment_unknown"),
        ("  standby: west\n  triggers: {error_rate: 101%}", "wrong_form"),
        ("  standby: west\n  triggers: {failures: 0}", "out_of_range"),
        ("  standby: west\n  rto: 0s", "out_of_range"),
        ("  standby: west\n  schedules: {database: never}", "schedule_form"),
    ] {
        one_error(&recovery(lines), code);
    }
}

#[test]
fn other_rules_of_sections() {
    for (lines, code) in [
        ("workload: {requests_per_s: 1, requests_per_month: 5}", "workload_twice"),
        ("workload: {requests_per_s: -1}", "out_of_range"),
        ("workload: {requests_per_month: 1.5}", "wrong_type"),
        ("workload: {egress_per_month: 5}", "wrong_type"),
        ("domain: https://example.com", "wrong_form"),
        ("domain: localhost", "wrong_form"),
        ("alarms: {Slow: {metric: a, threshold: 1}}", "alarm_name"),
        ("alarms: {slow: {metric: a}}", "missing_key"),
        ("alarms: {slow: {metric: a, threshold: 1, period: 0s}}", "out_of_range"),
        ("alarms: {slow: {metric: a, threshold: 1, notify: nobody}}", "url_form"),
        ("environments: {a: {cloud: local, sessions: {url: env:A}}}", "part_without_section"),
        ("environments: {a: {cloud: local, buckets: {abc: }}}", "part_without_section"),
    ] {
        one_error(&format!("name: shop\n{lines}\n"), code);
    }
    let parsed = good("name: shop\nchat: {model: {loca: llama, elsewhere: gpt}}\n");
    let warned: Vec<_> = parsed.warnings.iter().map(|one| one.code).collect();
    assert_eq!(warned, ["cloud_unknown"]);
}

const TWO: &str = "name: shop
application:
  command: [shop]
  port: 80
  variables: {GREETING: hello, PLACE: here}
scale: {min: 2}
environments:
  east:
    cloud: local
  west:
    cloud: local
    overrides:
      application:
        health: {interval: 81s}
        variables: {PLACE: there}
      scale: {max: 4}
";

#[test]
fn an_environment_sees_its_overrides() {
    let spec = good(TWO).spec;
    let (east, west) =
        (spec.for_environment("east").unwrap(), spec.for_environment("west").unwrap());
    assert_eq!(east, spec);
    let application = west.application.unwrap();
    assert_eq!(application.health.interval.to_string(), "81s");
    assert_eq!(application.health.timeout.to_string(), "5s");
    assert_eq!((application.port, application.command), (80, vec!["shop".to_owned()]));
    assert_eq!(application.variables["GREETING"], "hello");
    assert_eq!(application.variables["PLACE"], "there");
    assert_eq!(west.scale.map(|scale| (scale.min, scale.max)), Some((2, 4)));
    assert_eq!(spec.for_environment("north").unwrap_err().code(), "environment_unknown");
}

#[test]
fn overrides_are_checked_where_they_stand() {
    let text = TWO.replace("max: 4", "max: 1");
    let found = bad(&text);
    let wrong: Vec<_> = found.iter().filter(|one| one.is_error()).collect();
    assert_eq!(wrong.len(), 1, "{}", render(&found, &text, false));
    assert_eq!(
        (wrong[0].code, wrong[0].path.as_str()),
        ("scale_order", "environments.west.overrides.scale.min")
    );
    assert!(wrong[0].message.ends_with("(in environment `west`)"));
    let text = TWO.replace("interval: 81s", "intrval: 81s");
    let message = one_error(&text, "unknown_key");
    assert_eq!(
        message,
        "`intrval` is not a key of `environments.west.overrides.application.health`"
    );
    one_error(&TWO.replace("interval: 81s", "interval: 81"), "wrong_type");
    one_error(&format!("{TWO}      alarms: {{slow: {{metric: a}}}}\n"), "missing_key");
    one_error(&format!("{TWO}      recovery:\n"), "unknown_key");
    for part in ["database:", "sessions:", "buckets: {documents: }"] {
        one_error(&format!("{TWO}      {part}\n"), "part_without_section");
    }
    one_error(&TWO.replace("health: {interval: 81s}", "port: 81"), "override_same");
}

#[test]
fn parts_that_are_there_already_are_not_acted_on_yet() {
    let spec = good(WHOLE).spec;
    let codes: Vec<_> = spec.not_yet("west").iter().map(|e| (e.code(), e.to_string())).collect();
    assert_eq!(codes.len(), 2, "a bucket and a database that are there already can be used");
    assert!(codes.iter().all(|(code, _)| *code == "section_not_yet"));
    assert!(codes[0].1.contains("`environments.west.application.url`"));
    assert!(spec.not_yet("east").is_empty() && spec.not_yet("nowhere").is_empty());
    let existing = spec.environments["west"].database.clone().unwrap();
    assert_eq!(existing.admin_url, Reference::Variable("WEST_ADMIN_URL".into()));
}

fn setting(variable: &str, value: &str) -> Setting {
    Setting { variable: variable.into(), value: value.into() }
}

#[test]
fn settings_win_over_the_specification_and_its_overrides() {
    let spec = good(TWO).spec;
    let settings = [
        setting("TREFOIL_DATABASE__SIZE", "large"),
        setting("TREFOIL_APPLICATION__PORT", "90"),
        setting("TREFOIL_APPLICATION__VARIABLES__PLACE", "5"),
        setting("TREFOIL_APPLICATION__VARIABLES__NEW", "x"),
        setting("TREFOIL_APPLICATION__HEALTH__INTERVAL", "3s"),
        setting("TREFOIL_APPLICATION__HEALTH__START_TIME", "5s"),
        setting("TREFOIL_APPLICATION__COMMAND", "[shop, serve]"),
        setting("TREFOIL_BUCKETS__DOCUMENTS", ""),
        setting("TREFOIL_DOMAIN", "shop.example.com"),
    ];
    let spec = spec.with_settings(&settings, CLOUDS).unwrap();
    let spec = spec.for_environment("west").unwrap();
    let application = spec.application.unwrap();
    assert_eq!((application.port, application.command.len()), (90, 2));
    assert_eq!(application.health.interval.to_string(), "3s");
    assert_eq!(application.variables["PLACE"], "5");
    assert_eq!(application.variables["NEW"], "x");
    assert_eq!(application.health.start_time.as_millis(), 5_000);
    assert!(spec.buckets.contains_key("documents"));
    assert_eq!(spec.domain.as_deref(), Some("shop.example.com"));
    assert_eq!(serde_json::to_value(spec.database).unwrap()["size"], "large");
}

#[test]
fn settings_are_checked() {
    let spec = good(TWO).spec;
    let codes = |variable: &str, value: &str| {
        let errors = spec.with_settings(&[setting(variable, value)], CLOUDS).unwrap_err();
        let errors: Vec<_> = errors.into_iter().map(|wrong| wrong.error).collect();
        assert!(errors.iter().all(|error| error.to_string().contains(variable)), "{errors:?}");
        (errors[0].code(), errors[0].hint_text().unwrap_or_default().to_owned())
    };
    assert_eq!(codes("TREFOIL_APPLICATION__PORT", "high").0, "wrong_type");
    assert_eq!(codes("TREFOIL_APPLICATION__PORT", "70000").0, "out_of_range");
    assert_eq!(codes("TREFOIL_APPLICATION__PORT", "[").0, "yaml_syntax");
    assert_eq!(codes("TREFOIL_SCALE__MAX", "1").0, "scale_order");
    let (code, hint) = codes("TREFOIL_APPLICATION__PRT", "1");
    assert_eq!((code, hint.as_str()), ("setting_unknown", "did you mean `PORT`?"));
    assert_eq!(codes("TREFOIL_APLICATION__PORT", "1").0, "setting_unknown");
    assert_eq!(codes("TREFOIL_NAME__X", "1").0, "setting_unknown");
    assert_eq!(codes("TREFOIL_APPLICATION__", "1").0, "setting_unknown");
    assert!(Setting::is_one("TREFOIL_DATABASE__SIZE") && Setting::is_one("TREFOIL_DOMAIN"));
    assert!(!Setting::is_one("TREFOIL_FILE") && !Setting::is_one("DATABASE__SIZE"));
}

#[test]
fn a_setting_for_one_environment() {
    let spec = good(TWO).spec;
    let settings = [setting("TREFOIL_ENVIRONMENTS__EAST__REGION", "r2")];
    let with = spec.with_settings(&settings, CLOUDS).unwrap();
    assert_eq!(with.environments["east"].region.as_deref(), Some("r2"));
    assert_eq!(with.environments["west"], spec.environments["west"]);
    assert!(parse("x", "name: shop\n", CLOUDS).is_ok());
}
