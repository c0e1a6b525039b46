//! The program itself against a small application in memory: one that keeps everything, and some
//! that lose or double what they have acknowledged.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use support::{Application, Fault, Postgres, Witness};

/// How long the writers write in each test.
const WRITING: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_keeps_everything_is_clean() {
    let application = Application::start(Fault::None).await;
    let witness = Witness::new(&application);
    let summary = witness.write(WRITING).await;
    let (code, report) = witness.check(&application, &Postgres::start().await).await;
    assert_eq!(code, 0, "{report:#}");
    assert_eq!((&report["lost"], &report["doubled"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!(report["acknowledged"], summary["acknowledged"]);
    for kind in ["notes", "documents", "deletes", "sessions", "session_deletes"] {
        assert!(report["acknowledged"][kind].as_u64().unwrap() > 0, "no {kind}: {report:#}");
    }
    for kind in ["rows", "objects", "sessions"] {
        let counted = &report["kinds"][kind];
        assert!(counted["written"].as_u64().unwrap() > 0, "{kind}: {report:#}");
        assert_eq!((&counted["lost"], &counted["doubled"]), (&0.into(), &0.into()), "{kind}");
    }
    assert!(report["kinds"]["sessions"]["overwritten"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["requests"]["failed"], 0, "{report:#}");
    assert_eq!(report["requests"]["sent"], report["acknowledged"]["total"]);
    assert!(report["latency_ms"]["max"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_fail_are_counted_and_repeated_with_the_same_key() {
    let application = Application::start(Fault::EveryTenthAnswerIs503).await;
    let witness = Witness::new(&application);
    witness.write(WRITING).await;
    let (code, report) = witness.check(&application, &Postgres::start().await).await;
    assert_eq!(code, 0, "{report:#}");
    assert!(report["requests"]["failed"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(application.keys_with_two_operations(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_conflicts_with_its_own_first_attempt_is_acknowledged() {
    let application = Application::start(Fault::UpdatesAreForgotten).await;
    let witness = Witness::new(&application);
    let summary = witness.write(WRITING).await;
    assert_eq!(summary["unknown"], 0, "{summary:#}");
    assert!(summary["requests"]["failed"].as_u64().unwrap() > 0, "{summary:#}");
    let (code, report) = witness.check(&application, &Postgres::start().await).await;
    assert_eq!(code, 0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_and_lost_is_found_and_named() {
    let application = Application::start(Fault::None).await;
    let witness = Witness::new(&application);
    witness.write(WRITING).await;
    let planted = application.lose_one_of_each();
    let (code, report) = witness.check(&application, &Postgres::start().await).await;
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(report["lost"], planted.len(), "{report:#}");
    assert_eq!(report["doubled"], 0, "{report:#}");
    let named: BTreeSet<_> =
        report["details"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in planted {
        assert!(named.iter().any(|line| line.contains(&name)), "{name} in {named:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_is_there_twice_is_found_and_named() {
    let application = Application::start(Fault::None).await;
    let witness = Witness::new(&application);
    witness.write(WRITING).await;
    let (client, seq) = application.double_a_note();
    let (code, report) = witness.check(&application, &Postgres::start().await).await;
    assert_eq!((code, &report["lost"], &report["doubled"]), (1, &0.into(), &1.into()));
    assert_eq!(report["details"][0], format!("note {client} {seq}: there 2 times"));
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_and_timeline_show_a_pause() {
    let application = Application::start(Fault::None).await;
    let witness = Witness::new(&application);
    let writing = witness.write(Duration::from_secs(2));
    let pause = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        application.pause(Duration::from_millis(500)).await
    };
    let (_, paused_at_ms) = tokio::join!(writing, pause);
    let gaps = witness.run(&["gaps", "--at", &paused_at_ms.to_string()]).await;
    let gap = &gaps["gaps"][0];
    assert_eq!(gap["all"].as_array().unwrap().len(), 4, "{gaps:#}");
    assert!(gap["max"].as_i64().unwrap() >= 450, "{gaps:#}");
    let timeline = witness.run(&["timeline"]).await;
    let buckets = timeline["buckets"].as_array().unwrap();
    assert!(buckets.iter().any(|bucket| bucket["count"] == 0), "{timeline:#}");
    assert!(buckets.iter().any(|bucket| bucket["max_us"].as_u64() > Some(400_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_flight_at_the_end_is_unknown_and_no_loss() {
    let application = Application::start(Fault::AnswersAreLostAtTheEnd).await;
    let witness = Witness::new(&application);
    let summary = witness.write(WRITING).await;
    assert_eq!(summary["unknown"], 4, "{summary:#}");
    let (code, report) = witness.check(&application, &Postgres::start().await).await;
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["unknown"]["total"], 4, "{report:#}");
}
