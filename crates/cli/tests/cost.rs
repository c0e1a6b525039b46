//! `trefoil cost` and `trefoil prices` through the real binary, on the chapter's baseline.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop a test where it went wrong")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.stdout))
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/chapter-baseline/trefoil.yaml")
}

fn rendered(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendered");
    folder.join(format!("{name}.yaml"))
}

fn run(file: &Path, state: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trefoil"));
    command.arg("-f").arg(file).arg("--state").arg(state).args(arguments).env("NO_COLOR", "1");
    let output = command.output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn trefoil(arguments: &[&str]) -> Answer {
    let state = tempfile::tempdir().unwrap();
    run(&example(), state.path(), arguments)
}

fn cents(value: &Value) -> i64 {
    (value.as_f64().unwrap() * 100.0).round() as i64
}

#[test]
fn the_table_fits_on_one_screen() {
    let answer = trefoil(&["cost"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stdout.lines().count() <= 24, "{}", answer.stdout);
    let total = answer.stdout.lines().find(|line| line.trim().starts_with("TOTAL")).unwrap();
    for amount in ["222.47", "249.48", "293.41"] {
        assert!(total.contains(amount), "{total}");
    }
    assert!(!answer.stderr.contains("not yet used"), "{}", answer.stderr);
    assert!(answer.stderr.contains("from memory"), "{}", answer.stderr);
}

#[test]
fn the_application_alone_costs_what_the_chapter_counts() {
    let answer = trefoil(&["cost", "--setup", "bare"]);
    let total = answer.stdout.lines().find(|line| line.trim().starts_with("TOTAL")).unwrap();
    for amount in ["164.10", "186.12", "254.20"] {
        assert!(total.contains(amount), "{total}");
    }
}

#[test]
fn json_has_the_promised_shape() {
    let answer = trefoil(&["cost", "--json"]).json();
    assert_eq!(answer["schema"], "trefoil/cost/v1");
    let data = &answer["data"];
    assert_eq!(data["currency"], "USD");
    assert_eq!(data["catalogue_date"], "2026-10-02");
    assert_eq!(data["clouds"].as_array().unwrap().len(), 3);
    for cloud in data["clouds"].as_array().unwrap() {
        let lines = cloud["lines"].as_array().unwrap();
        let sum: f64 = lines.iter().map(|line| line["amount_usd"].as_f64().unwrap()).sum();
        assert!((sum - cloud["total_usd"].as_f64().unwrap()).abs() < 1e-6);
        let categories = cloud["categories"].as_object().unwrap();
        let sum: f64 = categories.values().map(|one| one.as_f64().unwrap()).sum();
        assert!((sum - cloud["total_usd"].as_f64().unwrap()).abs() < 1e-6);
        for name in ["compute", "database", "ai", "storage", "networking", "monitoring", "other"] {
            assert!(categories.contains_key(name), "{name}");
        }
        for line in lines {
            for key in [
                "category",
                "item",
                "quantity",
                "unit",
                "unit_price_usd",
                "amount_usd",
                "formula",
                "source",
                "as_of",
                "confidence",
            ] {
                assert!(line.get(key).is_some(), "{key} in {line}");
            }
        }
        assert_eq!(cloud["unknown"], Value::Array(Vec::new()));
    }
    assert_eq!(data["sensitivity"][0]["inputs"].as_array().unwrap().len(), 3);
}

#[test]
fn one_cloud_in_another_region_with_unknown_prices() {
    let answer = trefoil(&["cost", "--cloud", "aws", "--region", "us-west-2", "--json"]).json();
    let cloud = &answer["data"]["clouds"][0];
    assert_eq!(cloud["region"], "us-west-2");
    let unknown: Vec<_> = cloud["unknown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["item"].as_str().unwrap())
        .collect();
    assert!(unknown.contains(&"load balancer capacity"), "{unknown:?}");
    let text = trefoil(&["cost", "--cloud", "aws", "--region", "us-west-2"]);
    assert!(
        text.stdout.contains(">= ") && text.stdout.contains("unknown on aws"),
        "{}",
        text.stdout
    );
}

#[test]
fn lines_and_csv_agree() {
    let lines = trefoil(&["cost", "--by", "line"]).stdout;
    assert!(lines.contains("FROM MEMORY, unsourced"), "{lines}");
    let csv = trefoil(&["cost", "--csv"]).stdout;
    assert!(csv.starts_with("cloud,region,category,item,quantity,unit,unit_price_usd,amount_usd,"));
    assert!(
        csv.lines().any(|line| line
            .starts_with("aws,us-east-1,compute,Fargate x86 vCPU,1460,vCPU-hour,0.04048,59.1008,")),
        "{csv}"
    );
}

#[test]
fn the_page_opens_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cost.html");
    let answer = run(&example(), folder.path(), &["cost", "--html", file.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.contains("<svg") && page.contains("293.41") && page.contains("Fargate x86 vCPU"));
    let loads = ["src=", "href=", "@import", "url("];
    assert!(loads.iter().all(|word| !page.contains(word)), "it loads nothing");
}

#[test]
fn a_difference_is_markdown_with_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("trefoil.yaml");
    let text = std::fs::read_to_string(example()).unwrap();
    std::fs::write(&new, text.replace("egress_per_month: 200GB", "egress_per_month: 300GB"))
        .unwrap();
    let old = example();
    let answer = run(&new, folder.path(), &["cost", "--diff", old.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        answer.stdout.contains("| aws us-east-1 | 249.48 | 258.54 | +9.06 |"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("| egress | +9.00 | 300 instead of 200 GB |"),
        "{}",
        answer.stdout
    );
    // In a region where the catalogue misses prices of both the old and the new.
    let west = ["--cloud", "aws", "--region", "us-west-2"];
    let all = [&["cost", "--diff", old.to_str().unwrap()], &west[..]].concat();
    let answer = run(&new, folder.path(), &all);
    assert!(answer.stdout.contains("| aws us-west-2 | >= 164.12 | >= "), "{}", answer.stdout);
    let data = run(&new, folder.path(), &[&all[..], &["--json"]].concat()).json()["data"].clone();
    let minimums = serde_json::json!(["before_usd", "after_usd"]);
    assert_eq!(data["clouds"][0]["minimums"], minimums, "{data}");
}

#[test]
fn a_curve_has_its_break_even_and_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("curve.svg");
    let arguments = [
        "cost",
        "curve",
        "--setup",
        "bare",
        "--vary",
        "storage",
        "--from",
        "0",
        "--to",
        "20000",
        "--points",
        "50",
        "--json",
        "--svg",
        file.to_str().unwrap(),
    ];
    let answer = run(&example(), folder.path(), &arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let data = &answer.json()["data"];
    assert_eq!(data["points"].as_array().unwrap().len(), 50);
    let meeting = data["break_even"].as_array().unwrap().iter().find(|one| {
        one["cheaper_below"] == "aws us-east-1" && one["cheaper_above"] == "gcp us-central1"
    });
    let value = meeting.unwrap()["value"].as_f64().unwrap();
    assert!((7_800.0..7_900.0).contains(&value), "{value}");
    let picture = std::fs::read_to_string(file).unwrap();
    assert!(picture.starts_with("<svg") && picture.matches("<polyline").count() == 3);
}

#[test]
fn moving_resilience_and_advice_answer() {
    let moving = trefoil(&["cost", "move", "--from", "azure", "--to", "aws", "--json"]).json();
    assert_eq!(cents(&moving["data"]["once_usd"]), 135_160);
    let levels =
        trefoil(&["cost", "resilience", "--primary", "aws", "--standby", "gcp", "--json"]).json();
    assert_eq!(levels["data"]["levels"].as_array().unwrap().len(), 5);
    let advice = trefoil(&["cost", "advise", "--cloud", "aws", "--json"]).json();
    let advice = advice["data"]["advice"].as_array().unwrap();
    assert!(advice.iter().any(|one| one["change"] == "run on ARM processors"), "{advice:?}");
    for text in [
        &["cost", "move", "--from", "azure", "--to", "aws"][..],
        &["cost", "resilience"],
        &["cost", "advise"],
        &["prices", "list", "fargate"],
        &["prices", "show", "aws", "egress/out"],
        &["prices", "check"],
    ] {
        let answer = trefoil(text);
        assert!(
            answer.code == 0 && answer.stdout.lines().count() > 2,
            "{text:?} {}",
            answer.stderr
        );
    }
}

/// The baseline with something else in it.
fn changed(folder: &Path, from: &str, to: &str) -> PathBuf {
    let file = folder.join("trefoil.yaml");
    let text = std::fs::read_to_string(example()).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(&file, text.replace(from, to)).unwrap();
    file
}

#[test]
fn a_cloud_that_cannot_be_priced_leaves_the_others_their_answer() {
    let folder = tempfile::tempdir().unwrap();
    for (model, code, nearest) in [
        ("gemini-2.5-flash", "model_retired", "`gemini-3.8-flash`"),
        ("gemini-3.8-flush", "model_unknown", "first: gemini-3.8-flash"),
    ] {
        let file = changed(folder.path(), "gcp: gemini-3.8-flash", &format!("gcp: {model}"));
        for (arguments, answered) in [
            (&["cost"][..], true),
            (&["cost", "--by", "line"], true),
            (&["cost", "curve", "--vary", "egress"], false),
        ] {
            let answer = run(&file, folder.path(), arguments);
            assert_eq!(answer.code, 1, "{arguments:?} {}", answer.stderr);
            assert!(answer.stdout.contains("us-east-1"), "{arguments:?} {}", answer.stdout);
            assert_eq!(answer.stdout.contains("not priced: gcp us-central1: "), answered);
            assert!(answer.stderr.contains(model) && answer.stderr.contains(nearest));
        }
        let json = run(&file, folder.path(), &["cost", "--json"]).json();
        assert_eq!((&json["ok"], &json["errors"][0]["code"]), (&Value::Bool(false), &code.into()));
        let totals: Vec<_> = json["data"]["clouds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| cents(&one["total_usd"]))
            .collect();
        assert_eq!(totals, [24_948, 29_341]);
        assert_eq!(json["data"]["refused"][0]["site"], "gcp us-central1");
        assert_eq!(json["data"]["refused"][0]["code"], code);
        // Asked for by itself there is nothing to answer.
        let alone = run(&file, folder.path(), &["cost", "--cloud", "gcp", "--json"]);
        assert_eq!((alone.code, &alone.json()["errors"][0]["code"]), (2, &code.into()));
        for arguments in [
            &["resilience", "--primary", "aws", "--standby", "azure"][..],
            &["move", "--from", "aws", "--to", "azure"],
            &["advise"],
        ] {
            let answer = run(&file, folder.path(), &[&["cost", "--json"], arguments].concat());
            let json = answer.json();
            assert_eq!((answer.code, &json["ok"]), (1, &Value::Bool(false)), "{arguments:?}");
            assert_eq!(json["errors"][0]["code"], code, "{arguments:?}");
        }
    }
    let file = changed(folder.path(), "azure: gpt-4o", "azure: gpt-9");
    let moving = ["cost", "move", "--from", "azure", "--to", "aws", "--json"];
    let answer = run(&file, folder.path(), &moving);
    assert_eq!(answer.code, 2, "{}", answer.stdout);
    let file = changed(folder.path(), "region: eastus", "region: moon");
    let answer = run(&file, folder.path(), &["cost"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert!(answer.stdout.contains("not priced: azure: the catalogue has no prices"));
}

#[test]
fn the_examples_are_priced_on_every_cloud() {
    let state = tempfile::tempdir().unwrap();
    for name in ["everything", "medassistant", "pair", "pair-azure", "regions", "tiny"] {
        let file = rendered(name);
        let answer = run(&file, state.path(), &["cost", "--json"]);
        assert_eq!(answer.code, 0, "{name}: {}", answer.stdout);
    }
}

#[test]
fn an_environment_is_priced_with_its_overrides() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = "{ cloud: aws, region: us-east-1, overrides: { scale: { min: 4 } } }";
    let file = changed(folder.path(), "{ cloud: aws, region: us-east-1 }", overrides);
    let json = run(&file, folder.path(), &["cost", "--cloud", "aws", "--json"]).json();
    let cloud = &json["data"]["clouds"][0];
    let lines = cloud["lines"].as_array().unwrap();
    let vcpu = lines.iter().find(|line| line["item"] == "Fargate x86 vCPU").unwrap();
    // 4 tasks x 2 vCPU x 730 h
    assert_eq!(vcpu["quantity"], 5_840.0);
    assert_eq!(cloud["environment"], "aws");
}

#[test]
fn both_environments_of_a_pair_on_one_cloud_are_billed() {
    let state = tempfile::tempdir().unwrap();
    let file = rendered("regions");
    let json = run(&file, state.path(), &["cost", "--cloud", "aws", "--json"]).json();
    let clouds = json["data"]["clouds"].as_array().unwrap();
    let seen = |name: &str| {
        let cloud = clouds.iter().find(|one| one["environment"] == name).unwrap();
        let lines = cloud["lines"].as_array().unwrap();
        let check = "Route 53 health check of its own";
        (cloud["region"].clone(), lines.iter().any(|line| line["item"] == check))
    };
    // The one that serves is probed; the other one is not.
    assert_eq!(seen("primary"), ("us-east-1".into(), true));
    assert_eq!(seen("secondary"), ("us-west-2".into(), false));
    let text = run(&file, state.path(), &["cost", "--cloud", "aws"]).stdout;
    assert!(text.contains("secondary (aws us-west-2)"), "{text}");
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let cases: [(&[&str], &str); 8] = [
        (&["cost", "--cloud", "aws", "--region", "us-moon-1"], "cost_region"),
        (&["cost", "--region", "eastus"], "cost_region"),
        (&["cost", "--cloud", "heroku"], "cost_provider"),
        (&["cost", "--cloud", "local"], "cost_provider"),
        (&["cost", "move", "--from", "aws", "--to", "aws"], "cost_move"),
        (&["cost", "move", "--from", "aws", "--to", "nope"], "cost_provider"),
        (&["cost", "curve", "--vary", "egress", "--from", "9", "--to", "1"], "cost_range"),
        (&["cost", "--catalogue", "nowhere.json"], "catalogue_unreadable"),
    ];
    for (arguments, code) in cases {
        let answer = trefoil(&[arguments, &["--json"]].concat());
        assert_eq!(answer.json()["errors"][0]["code"], code, "{arguments:?}");
        assert!(matches!(answer.code, 2 | 5), "{arguments:?}");
    }
}

#[test]
fn what_misses_a_price_is_a_minimum_and_saves_nothing_that_is_known() {
    let arguments = ["cost", "move", "--from", "gcp", "--to", "aws", "--region", "aws=us-west-2"];
    let text = trefoil(&arguments).stdout;
    let once = text.lines().find(|line| line.trim().starts_with("ONCE")).unwrap();
    assert!(once.contains(">= 1,3"), "{once}");
    assert!(text.contains("a month before 222.47, after >= 164.12: what it saves"), "{text}");
    assert!(!text.contains("paid back"), "{text}");
    let data = &trefoil(&[&arguments[..], &["--json"]].concat()).json()["data"];
    assert_eq!((&data["saving_usd"], &data["payback_months"]), (&Value::Null, &Value::Null));
    assert_eq!(data["minimums"], serde_json::json!(["once_usd", "after_usd"]));

    let pair = ["cost", "resilience", "--primary", "aws", "--standby", "gcp"];
    let arguments = [&pair[..], &["--region", "aws=us-west-2"]].concat();
    let text = trefoil(&arguments).stdout;
    let none = text.lines().find(|line| line.trim().starts_with("none ")).unwrap();
    assert!(none.ends_with("0.00  >= 164.12"), "{none}");
    let levels = trefoil(&[&arguments[..], &["--json"]].concat()).json();
    assert_eq!(levels["data"]["levels"][2]["minimums"], serde_json::json!(["total_usd"]));
    let whole = trefoil(&[&pair[..], &["--json"]].concat()).json();
    assert_eq!(whole["data"]["levels"][2]["minimums"], serde_json::json!([]));
}

#[test]
fn the_standby_is_that_of_the_specification() {
    let state = tempfile::tempdir().unwrap();
    let places = |arguments: &[&str]| {
        let arguments = [&["cost", "resilience", "--json"], arguments].concat();
        let data = run(&rendered("pair"), state.path(), &arguments).json()["data"].clone();
        let name = |key: &str| data[key].as_str().unwrap().split(' ').next().unwrap().to_owned();
        (name("primary"), name("standby"))
    };
    let (primary, standby) = ("primary".to_owned(), "secondary".to_owned());
    assert_eq!(places(&[]), (primary.clone(), standby.clone()));
    assert_eq!(places(&["--primary", "secondary"]), (standby, primary.clone()));
    assert_eq!(places(&["--standby", "azure"]), (primary, "azure".to_owned()));
}

#[test]
fn a_cloud_that_is_named_twice_is_priced_once() {
    let answer = trefoil(&["cost", "--cloud", "aws", "--cloud", "aws", "--json"]).json();
    assert_eq!(answer["data"]["clouds"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_missing_for_an_answer_is_named() {
    let hint = |file: &Path, arguments: &[&str]| {
        let state = tempfile::tempdir().unwrap();
        let answer = run(file, state.path(), &[arguments, &["--json"]].concat());
        let error = answer.json()["errors"][0].clone();
        (answer.code, format!("{} {}", error["code"], error["hint"]))
    };
    let folder = tempfile::tempdir().unwrap();
    let idle = folder.path().join("trefoil.yaml");
    std::fs::write(&idle, "name: shop\napplication: {command: [shop]}\n").unwrap();
    let (code, said) = hint(&idle, &["cost", "curve", "--vary", "requests"]);
    assert!(code == 2 && said.contains("--to") && said.contains("workload"), "{said}");
    let moving = ["cost", "move", "--from", "primary", "--to", "nope"];
    let (code, said) = hint(&rendered("pair"), &moving);
    assert!(code == 2 && said.contains("secondary") && said.contains("azure"), "{said}");
    for arguments in [&["prices", "list", "zzz"][..], &["prices", "list", "--cloud", "foo"]] {
        let (code, said) = hint(&example(), arguments);
        assert!(code == 1 && said.contains("price_unknown") && said.contains("aws"), "{said}");
        assert!(trefoil(arguments).stderr.contains("no price of the catalogue fits"));
    }
}

#[test]
fn a_number_that_cannot_be_is_refused_with_what_is_allowed() {
    let moving = ["cost", "move", "--from", "aws", "--to", "gcp"];
    let curve = ["cost", "curve", "--vary", "egress"];
    for (before, flag, allowed) in [
        (&["cost", "resilience"][..], "--backup-hours=0", "from 0.1 to 8,760"),
        (&["cost", "resilience"], "--restore-mb-per-s=0", "from 1 to 1,000,000"),
        (&moving, "--object-mb=0", "from 0.001 to 5,000,000"),
        (&moving, "--hours=-1", "from 0 to 1,000,000,000,000"),
        (&curve, "--to=1e30", "from 0 to 1,000,000,000,000"),
        (&curve, "--points=1", "from 2 to 100000"),
        (&["prices", "refresh"], "--tolerance=-1", "from 0 to 1,000"),
        (&["demo"], "--writers=0", "from 1 to 256"),
        (&["migrate", "verify", "a", "b"], "--max-load=x", "from 1 to 100"),
        (&["migrate", "plan", "--from=a", "--to=b"], "--window=0s", "from 1s to 1d"),
    ] {
        let answer = trefoil(&[before, &[flag]].concat());
        assert!(answer.code == 2 && answer.stderr.contains(allowed), "{flag}: {}", answer.stderr);
    }
}

#[test]
fn an_unreachable_feed_leaves_the_catalogue() {
    let state = tempfile::tempdir().unwrap();
    // Nothing listens on this port.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let arguments =
        ["prices", "refresh", "--cloud", "azure", "--mirror", &mirror, "--write", "--json"];
    let answer = run(&example(), state.path(), &arguments);
    assert_eq!(answer.code, 5);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["code"], "feed_unreachable");
    let asked = mirror.strip_prefix("http://").unwrap();
    assert!(error["message"].as_str().unwrap().contains(asked), "{error}");
    assert!(!state.path().join("prices.json").exists());
}

#[test]
fn a_cloud_that_can_be_priced_cannot_be_brought_up_yet() {
    let answer = trefoil(&["up", "aws", "--json", "--yes"]);
    assert_eq!(answer.code, 3);
    assert_eq!(answer.json()["errors"][0]["code"], "cloud_not_yet");
}
