//! The same log in a bucket: races, kills, and answers that are lost, late or wrong.

use tokio::sync::Notify;
use trefoil_clouds::aws::operate::S3Log;
use trefoil_clouds::aws::{AccessKey, Address};
use trefoil_clouds::conformance::stand_ins::{Ministack, SeaweedFs};

use super::proxy::{Proxy, Rule};
use super::*;
use crate::state::State;

/// A bucket of SeaweedFS, and a way to it that a test can spoil.
struct Bed {
    server: Arc<SeaweedFs>,
    bucket: String,
    proxy: Proxy,
}

impl Bed {
    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(SeaweedFs::shared).await.unwrap();
        let bucket = server.create_bucket("log");
        let proxy = Proxy::before(&server.endpoint()).await;
        Self { server, bucket, proxy }
    }

    fn store(&self, endpoint: &str) -> Arc<dyn LogStore> {
        let key =
            AccessKey { id: SeaweedFs::ACCESS_KEY.into(), secret: self.server.secret_key().into() };
        Arc::new(S3Log::new(address(endpoint, &self.bucket, key), "of/an-app"))
    }

    /// The log, without anything in between.
    fn log(&self) -> FencedLog {
        FencedLog::new(self.store(&self.server.endpoint()), "log").compacted()
    }

    /// The same log through the proxy.
    fn spoiled(&self) -> FencedLog {
        FencedLog::new(self.store(&self.proxy.endpoint), "log").compacted()
    }

    /// What another process is told.
    fn place(&self) -> String {
        format!("s3://{}/of/an-app?endpoint={}", self.bucket, self.server.endpoint())
    }

    async fn bodies(&self) -> Vec<Value> {
        let (entries, _) = self.log().read(&Tail::default()).await.unwrap();
        entries.into_iter().map(|entry| entry.body).collect()
    }
}

fn address(endpoint: &str, bucket: &str, key: AccessKey) -> Address {
    Address {
        bucket: bucket.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        path_style: true,
        credentials: Some(key),
        ..Address::default()
    }
}

async fn append(log: &FencedLog, tail: &Tail, body: &str) -> Tail {
    match log.append(tail, &json!(body)).await.unwrap() {
        Appended::Mine { tail, .. } => tail,
        Appended::Lost => panic!("nobody else has written {body}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_race_in_a_bucket_and_each_entry_has_one_winner() {
    let bed = Bed::new().await;
    let entries = sampled(1_000, 60);
    let variables = bed.server.variables();
    let racer = |_| Racer::start_at(&bed.place(), entries, &variables);
    let racers: Vec<_> = (0..8).map(racer).collect();
    assert_one_winner_each(racers, entries, &bed.log()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_appending_to_a_bucket_leaves_nothing_torn() {
    let bed = Bed::new().await;
    let (log, variables) = (bed.log(), bed.server.variables());
    let mut tail = Tail::default();
    for _ in 0..3 {
        let mut racer = [Racer::start_at(&bed.place(), NO_END, &variables)];
        Racer::go(&mut racer);
        let wanted = tail.n() + 4;
        while tail.n() < wanted {
            tail = log.read(&tail).await.unwrap().1;
        }
        drop(racer);
        let (entries, now) = log.read(&Tail::default()).await.unwrap();
        assert_eq!(entries.len() as u64, now.n());
        tail = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_bucket_is_recognised_as_mine() {
    let bed = Bed::new().await;
    bed.proxy.next([Rule::AnswerLost]);
    let tail = append(&bed.spoiled(), &Tail::default(), "one").await;
    assert_eq!((tail.n(), bed.bodies().await), (1, vec![json!("one")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_or_a_busy_bucket_is_no_verdict() {
    let bed = Bed::new().await;
    let conflict = Rule::Refused(409, "ConditionalRequestConflict");
    bed.proxy.next([conflict, Rule::Refused(503, "SlowDown"), Rule::Refused(500, "InternalError")]);
    append(&bed.spoiled(), &Tail::default(), "one").await;
    assert_eq!(bed.bodies().await, [json!("one")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_copy_of_my_own_entry_changes_nothing() {
    let bed = Bed::new().await;
    let when = Arc::new(Notify::new());
    bed.proxy.next([Rule::Late(when.clone())]);
    let tail = append(&bed.spoiled(), &Tail::default(), "one").await;
    append(&bed.spoiled(), &tail, "two").await;
    let before = bed.log().read(&Tail::default()).await.unwrap();
    assert_eq!(arrival(&bed, &when).await, 412);
    assert_eq!(bed.log().read(&Tail::default()).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_copy_does_not_replace_what_another_wrote_meanwhile() {
    let bed = Bed::new().await;
    let when = Arc::new(Notify::new());
    let refused = std::iter::repeat_n(Rule::Refused(503, "SlowDown"), 5);
    bed.proxy.next(std::iter::once(Rule::Late(when.clone())).chain(refused));
    let error = bed.spoiled().append(&Tail::default(), &json!("late")).await.unwrap_err();
    assert_eq!(error.code(), "log_unreachable", "it is not known whether it will be there");
    let tail = append(&bed.log(), &Tail::default(), "another").await;
    append(&bed.log(), &tail, "and one more").await;
    assert_eq!(arrival(&bed, &when).await, 412);
    assert_eq!(bed.bodies().await, [json!("another"), json!("and one more")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_ended_in_doubt_may_still_arrive_and_is_then_read() {
    let bed = Bed::new().await;
    let when = Arc::new(Notify::new());
    let refused = std::iter::repeat_n(Rule::Refused(503, "SlowDown"), 5);
    bed.proxy.next(std::iter::once(Rule::Late(when.clone())).chain(refused));
    let error = bed.spoiled().append(&Tail::default(), &json!("late")).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(bed.bodies().await.is_empty());
    assert_eq!(arrival(&bed, &when).await, 200);
    let lost = bed.log().append(&Tail::default(), &json!("next")).await.unwrap();
    assert!(matches!(lost, Appended::Lost), "who believed it had failed learns that it had not");
    assert_eq!(bed.bodies().await, [json!("late")]);
}

/// Lets the late copy go, and waits for what the store says to it.
async fn arrival(bed: &Bed, when: &Notify) -> u16 {
    when.notify_one();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = bed.proxy.arrived.lock().unwrap().pop() {
            return status;
        }
        assert!(std::time::Instant::now() < deadline, "the late copy never arrives");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn torn_empty_and_foreign_objects_are_errors_that_name_them() {
    for (name, content) in [
        ("log/00000000000000000003.json", ""),
        ("log/00000000000000000003.json", "{\"v\":1"),
        ("log/notes.txt", "none of ours"),
    ] {
        let bed = Bed::new().await;
        let log = fill(bed.log(), 2).await;
        log.store.create(name, Bytes::from_static(content.as_bytes())).await.unwrap();
        let error = log.read(&Tail::default()).await.unwrap_err();
        assert_eq!(error.code(), "log_damaged", "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_compacted_as_a_folder_is() {
    let bed = Bed::new().await;
    let log = fill(bed.log(), 6).await;
    let (before, sleeper) = log.read(&Tail::default()).await.unwrap();
    let tail = append(&log, &sleeper, "seven").await;
    append(&log, &tail, "eight").await;
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(25);
    assert_eq!(log.compact(later, 1).await.unwrap(), 7);
    let late = log.append(&sleeper, &json!("late")).await.unwrap();
    assert!(matches!(late, Appended::Lost), "{late:?}");
    let (after, tail) = log.read(&Tail::default()).await.unwrap();
    assert_eq!((&after[..6], tail.n()), (&before[..], 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_conditions_is_refused_at_the_start() {
    let server = tokio::task::spawn_blocking(Ministack::shared).await.unwrap();
    let (bucket, proxy) = (server.create_bucket("log"), Proxy::before(&server.endpoint()).await);
    let store = |endpoint: &str| {
        let key = AccessKey { id: "test".into(), secret: "test".into() };
        Arc::new(S3Log::new(address(endpoint, &bucket, key), ""))
    };
    assert!(State::on(store(&proxy.endpoint)).await.is_ok(), "as it is, it can be used");
    proxy.next([Rule::Unconditional]);
    let error = State::on(store(&proxy.endpoint)).await.unwrap_err();
    assert_eq!(error.code(), "state_folder");
    assert!(error.chain().contains("a second time"), "{}", error.chain());
    let missing = address(
        &server.endpoint(),
        "no-such-bucket",
        AccessKey { id: "test".into(), secret: "test".into() },
    );
    let error = State::on(Arc::new(S3Log::new(missing, ""))).await.unwrap_err();
    assert!(error.chain().contains("does not exist"), "{}", error.chain());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_deletes_entries_by_itself_is_refused_and_one_that_deletes_others_is_not() {
    let server = tokio::task::spawn_blocking(Ministack::shared).await.unwrap();
    let bucket = server.create_bucket("log");
    let rule = |of: &str| {
        format!(
            "<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix>{of}</Prefix></Filter>\
             <Expiration><Days>30</Days></Expiration></Rule>"
        )
    };
    let state = || {
        let key = AccessKey { id: "test".into(), secret: "test".into() };
        let log = S3Log::new(address(&server.endpoint(), &bucket, key), "of/an-app");
        State::on(Arc::new(log))
    };
    server.set_lifecycle(&bucket, &rule("uploads/"));
    assert!(state().await.is_ok());
    server.set_lifecycle(&bucket, &(rule("uploads/") + &rule("of/")));
    let error = state().await.unwrap_err();
    assert_eq!((error.code(), error.kind().exit_code()), ("log_expires", 3));
    assert!(error.to_string().contains("`tidy`"), "{error}");
}
