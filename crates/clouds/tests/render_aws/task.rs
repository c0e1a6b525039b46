//! The task definition against what ECS takes, and schedules against what EventBridge takes.

use serde_json::Value;
use trefoil_core::spec::AppSpec;

use crate::support::{deployment, example, render};

/// Fargate's sizes: units of processor, least and most memory in MiB.
const SIZES: [(u64, u64, u64); 7] = [
    (256, 512, 2_048),
    (512, 1_024, 4_096),
    (1_024, 2_048, 8_192),
    (2_048, 4_096, 16_384),
    (4_096, 8_192, 30_720),
    (8_192, 16_384, 61_440),
    (16_384, 32_768, 122_880),
];

fn task(name: &str) -> Value {
    let files = render(&deployment(&example(name), "aws"));
    let file = files.iter().find(|one| one.path.ends_with("task-definition.json")).unwrap();
    serde_json::from_str(&file.contents).unwrap()
}

#[test]
fn a_size_that_fargate_has() {
    for name in ["tiny", "medassistant", "everything"] {
        let task = task(name);
        let number = |key: &str| task[key].as_str().unwrap().parse::<u64>().unwrap();
        let (_, least, most) = SIZES.iter().find(|one| one.0 == number("cpu")).unwrap();
        assert!((*least..=*most).contains(&number("memory")), "{name}");
    }
}

/// What the application is given: the names of docs/container.md.
#[test]
fn the_container_is_given_its_services() {
    let task = task("everything");
    let container = &task["containerDefinitions"][0];
    let names = |key: &str| -> Vec<String> {
        let all = container[key].as_array().unwrap();
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let expected = [
        "AWS_REGION",
        "BUCKET_DOCUMENTS_URL",
        "BUCKET_EXPORTS_URL",
        "CACHE_URL",
        "CHAT_BASE_URL",
        "CHAT_MODEL",
        "CHAT_TIMEOUT_MS",
        "DATABASE_URL",
        "GREETING",
        "LOG_LEVEL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_SERVICE_NAME",
        "PORT",
        "PRICE",
        "SESSIONS_URL",
    ];
    assert_eq!(names("environment"), expected);
    assert_eq!(names("secrets"), ["API_KEY", "JWT_KEY", "PGPASSWORD"]);
    assert_eq!(task["runtimePlatform"]["cpuArchitecture"], "ARM64");
    assert_eq!(container["portMappings"][0]["containerPort"], 8080);
    let tiny = self::task("tiny");
    assert_eq!(tiny["containerDefinitions"][0]["secrets"], Value::Array(Vec::new()));
}

/// The expressions of a job with this schedule.
fn expressions(schedule: &str) -> Vec<String> {
    let mut spec: AppSpec = example("medassistant");
    spec.jobs.values_mut().next().unwrap().schedule = schedule.parse().unwrap();
    let files = render(&deployment(&spec, "aws"));
    let jobs = files.iter().find(|one| one.path.ends_with("jobs.tf")).unwrap();
    let line = jobs.contents.lines().find(|line| line.trim().starts_with("schedules = ")).unwrap();
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn schedules_of_crontab() {
    for (crontab, all) in [
        ("0 3 * * *", vec!["cron(0 3 * * ? *)"]),
        ("*/15 * * * *", vec!["cron(0,15,30,45 * * * ? *)"]),
        ("30 2 * * 1-5", vec!["cron(30 2 ? * 2,3,4,5,6 *)"]),
        ("0 6 1 * *", vec!["cron(0 6 1 * ? *)"]),
        ("0 0 * * 0", vec!["cron(0 0 ? * 1 *)"]),
        ("0 0 * * 7", vec!["cron(0 0 ? * 1 *)"]),
        ("0 0 1 JAN *", vec!["cron(0 0 1 1 ? *)"]),
        ("0 12 1,15 * 5", vec!["cron(0 12 1,15 * ? *)", "cron(0 12 ? * 6 *)"]),
    ] {
        assert_eq!(expressions(crontab), all, "{crontab}");
    }
}
