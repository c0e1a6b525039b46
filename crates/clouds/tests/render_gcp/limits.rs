//! What Google Cloud cannot be is refused with the number and the nearest that fits, all at once.

use trefoil_core::deployment::Deployment;

use super::support::{misfits, of_text, spec};

const APPLICATION: &str = "name: shop\napplication: {image: \"ghcr.io/acme/shop:1.0.0\"}\n";

/// The one misfit of a text: its key, what it says, and the nearest.
fn only(text: &str) -> (String, String, String) {
    let found = misfits(&of_text(text));
    let [one] = found.as_slice() else { panic!("{found:#?}\n{text}") };
    (one.path.clone(), one.message.clone(), one.nearest.clone())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line for each limit")]
fn each_limit_has_its_number_and_the_nearest() {
    let health =
        |keys: &str| format!("name: shop\napplication: {{image: \"a/b:1\", health: {{{keys}}}}}\n");
    let with = |keys: &str| format!("{APPLICATION}{keys}\n");
    let cases = [
        (with("size: {cpu: 0.5}"), "size.cpu", "1, 2, 4, 6 or 8 vCPU, not of 0.5", "`1`"),
        (with("size: {cpu: 3, memory: 4Gi}"), "size.cpu", "not of 3", "`4`"),
        (with("size: {cpu: 1, memory: 8Gi}"), "size.cpu", "not of 1 with 8Gi", "`2`"),
        (with("size: {cpu: 1, memory: 256Mi}"), "size.memory", "512 MiB", "`512Mi`"),
        (with("size: {cpu: 16, memory: 8Gi}"), "size", "no instance has 16 vCPU", "cpu: 8"),
        (with("size: {processor: arm}"), "size.processor", "0 kinds of ARM", "`x86`"),
        (with("size: {cpu: 8, memory: 8Gi}\ntracing: true"), "size.cpu", "8 vCPU together", "`6`"),
        (
            health("interval: 5m, timeout: 5s, start_time: 4m"),
            "application.health.interval",
            "240 s",
            "`4m`",
        ),
        (
            health("interval: 1500ms, timeout: 1s"),
            "application.health.interval",
            "whole seconds",
            "`2s`",
        ),
        (health("interval: 2s, timeout: 3s"), "application.health.timeout", "2 s, not 3 s", "`2s`"),
        (health("start_time: 10m"), "application.health.start_time", "240 s", "`4m`"),
        (
            with("jobs: {long: {schedule: 0 1 * * *, command: [a], timeout: 8d}}"),
            "jobs.long.timeout",
            "604800 s (7 days)",
            "`7d`",
        ),
        (with("chat: {timeout: 2h, model: {gcp: m}}"), "chat.timeout", "3600 s", "`1h`"),
        (with("chat: {model: {aws: m}}"), "chat.model.gcp", "0 models", "gemini"),
        (with("cdn: true"), "cdn", "1 domain, and there are 0", "set `domain`"),
        (with("firewall: true"), "firewall", "1 domain, and there are 0", "set `domain`"),
        (
            with("database: {size: small, storage: 4TB}"),
            "database.storage",
            "3062 GB at most, not 4000 GB",
            "`3062GB`",
        ),
        (with("cache: {memory: 400Gi}"), "cache.memory", "300 GiB at most, not 400", "`300Gi`"),
        (
            with("alarms: {a: {metric: cpu, threshold: 1, period: 90s}}"),
            "alarms.a.period",
            "whole minutes, not 90s",
            "`2m`",
        ),
        (
            with("alarms: {a: {metric: cpu, threshold: 1, period: 1h, evaluation_periods: 30}}"),
            "alarms.a.evaluation_periods",
            "84600 s",
            "`23`",
        ),
        (
            with("alarms: {a: {metric: cpu, threshold: 1, statistic: sum}}"),
            "alarms.a.statistic",
            "3 statistics",
            "`average`",
        ),
        (
            with("buckets: {my-google-docs: }"),
            "buckets.my-google-docs",
            "`google` 0 times",
            "`my-g-docs`",
        ),
        (
            "name: shop\napplication: {image: \"a/b:1\", variables: {K_SERVICE: a}}\n".to_owned(),
            "application.variables.K_SERVICE",
            "itself",
            "`APP_K_SERVICE`",
        ),
    ];
    for (text, path, message, nearest) in cases {
        let found = only(&text);
        assert_eq!(found.0, path, "{text}");
        assert!(found.1.contains(message), "{text}\n{found:?}");
        assert!(found.2.contains(nearest), "{text}\n{found:?}");
    }
}

#[test]
fn all_that_does_not_fit_is_said_at_once() {
    let text = format!(
        "{APPLICATION}size: {{cpu: 0.5}}\ncdn: true\nfirewall: true\ncache: {{memory: 400Gi}}\n"
    );
    let found = misfits(&of_text(&text));
    let paths: Vec<_> = found.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["size.cpu", "cdn", "firewall", "cache.memory"]);
}

#[test]
fn a_region_must_have_the_form_of_one() {
    let spec = spec(APPLICATION);
    for region in ["us-central1", "europe-west12", "northamerica-northeast1", "me-central2"] {
        assert_eq!(misfits(&Deployment::new(&spec, "gcp", region, false)), [], "{region}");
    }
    for region in ["", "us-east-1", "eastus", "US-CENTRAL1", "us-central1\"\n", "${region}"] {
        let found = misfits(&Deployment::new(&spec, "gcp", region, false));
        assert_eq!(found.len(), 1, "{region}: {found:#?}");
        assert_eq!(found[0].path, "environments.gcp.region");
    }
}

#[test]
fn a_vpn_to_this_machine_is_refused() {
    let spec = spec(&format!(
        "{APPLICATION}database:\nrecovery: {{primary: gcp, standby: here, private_network: true}}\n\
         environments: {{ gcp: {{cloud: gcp}}, here: {{cloud: local}} }}\n"
    ));
    let found = misfits(&Deployment::new(&spec, "gcp", "us-central1", false));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].path, "recovery.private_network");
}
