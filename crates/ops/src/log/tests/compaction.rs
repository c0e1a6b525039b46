//! Old entries go into a checkpoint: nothing is lost, and no sleeper takes a cleared place for its own.

use jiff::SignedDuration;

use super::*;
use crate::log::checkpoint::COMPACT_AFTER;

/// A time at which everything that was appended until now is old.
fn much_later() -> Timestamp {
    Timestamp::now() + COMPACT_AFTER + SignedDuration::from_secs(60)
}

fn files(folder: &FilePath) -> usize {
    std::fs::read_dir(folder.join("log"))
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().is_file())
        .count()
}

#[tokio::test]
async fn the_whole_log_is_read_after_a_compaction_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 10).await;
    let (before, tail) = log.read(&Tail::default()).await.unwrap();
    assert_eq!(log.compact(Timestamp::now(), 1).await.unwrap(), 0, "nothing is old yet");
    assert_eq!(log.compact(much_later(), 64).await.unwrap(), 0, "too few to be worth it");
    assert_eq!(log.compact(much_later(), 1).await.unwrap(), 9, "the newest stays");
    assert_eq!(files(folder.path()), 1);
    assert_eq!(log.read(&Tail::default()).await.unwrap(), (before.clone(), tail.clone()));
    let log = fill_more(log, &tail, 5).await;
    assert_eq!(log.compact(much_later(), 1).await.unwrap(), 5, "a second checkpoint");
    let (after, end) = log.read(&Tail::default()).await.unwrap();
    assert_eq!((after.len(), end.n()), (15, 15));
    assert_eq!(after[..10], before[..]);
    let (news, _) = log.read(&tail).await.unwrap();
    assert_eq!(news, after[10..], "a reader goes on from a tail that is in a checkpoint now");
}

async fn fill_more(log: FencedLog, tail: &Tail, entries: u64) -> FencedLog {
    let mut tail = tail.clone();
    for n in 1..=entries {
        match log.append(&tail, &json!({ "more": n })).await.unwrap() {
            Appended::Mine { tail: next, .. } => tail = next,
            Appended::Lost => panic!("nobody else writes here"),
        }
    }
    log
}

#[tokio::test]
async fn a_sleeper_that_appends_in_a_cleared_place_has_lost() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 3).await;
    let (_, sleeper) = log.read(&Tail::default()).await.unwrap();
    let log = fill_more(log, &sleeper, 5).await;
    let (whole, _) = log.read(&Tail::default()).await.unwrap();
    assert_eq!(log.compact(much_later(), 1).await.unwrap(), 7);
    // Without the look at the checkpoint its create, which finds nothing there, would have won.
    let late = log.append(&sleeper, &json!("late")).await.unwrap();
    assert!(matches!(late, Appended::Lost), "{late:?}");
    assert!(file(folder.path(), 4).is_file(), "its file was created");
    assert_eq!(log.read(&Tail::default()).await.unwrap().0, whole, "and is read by nobody");
    let again = Timestamp::now() + COMPACT_AFTER * 2;
    fill_more(log.clone(), &log.read(&Tail::default()).await.unwrap().1, 2).await;
    assert_eq!(log.compact(again, 1).await.unwrap(), 2);
    assert!(!file(folder.path(), 4).exists(), "the next compaction removes it");
}

#[tokio::test]
async fn a_process_that_dies_between_checkpoint_and_removal_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 6).await;
    let kept: Vec<_> = (1..=6).map(|n| std::fs::read(file(folder.path(), n)).unwrap()).collect();
    assert_eq!(log.compact(much_later(), 1).await.unwrap(), 5);
    // As if it had died before it removed anything.
    for (n, bytes) in (1..=5).zip(&kept) {
        std::fs::write(file(folder.path(), n), bytes).unwrap();
    }
    let (entries, tail) = log.read(&Tail::default()).await.unwrap();
    assert_eq!((entries.len(), tail.n()), (6, 6));
    assert_eq!(log.compact(much_later(), 1).await.unwrap(), 0);
    assert_eq!(files(folder.path()), 1, "the next compaction removes what is left");
    assert_eq!(log.read(&Tail::default()).await.unwrap(), (entries, tail));
}

#[tokio::test]
async fn readers_and_writers_go_on_while_it_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 40).await;
    let (before, _) = log.read(&Tail::default()).await.unwrap();
    let compact = log.compact(much_later(), 1);
    let reads = async {
        for _ in 0..20 {
            let (read, _) = log.read(&Tail::default()).await.unwrap();
            assert_eq!(read[..40], before[..]);
        }
    };
    let appends = async {
        for n in 0..20 {
            let (_, tail) = log.read(&Tail::default()).await.unwrap();
            let appended = log.append(&tail, &json!({ "while": n })).await.unwrap();
            assert!(matches!(appended, Appended::Mine { .. }), "nobody else appends");
        }
    };
    let (compacted, (), ()) = tokio::join!(compact, reads, appends);
    assert!(compacted.unwrap() >= 39);
    assert_eq!(log.read(&Tail::default()).await.unwrap().1.n(), 60);
}

#[tokio::test]
async fn each_damage_of_a_checkpoint_is_an_error_that_names_it() {
    type Damage = fn(&FilePath);
    let cases: [(&str, &str, Damage); 5] = [
        ("empty", "checkpoint/00000000000000000002.json", |f| std::fs::write(f, "").unwrap()),
        ("torn", "checkpoint/00000000000000000002.json", |f| {
            let text = std::fs::read(f).unwrap();
            std::fs::write(f, &text[..text.len() / 2]).unwrap();
        }),
        ("another", "checkpoint/00000000000000000002.json", |f| {
            std::fs::copy(f.with_file_name("00000000000000000001.json"), f).unwrap();
        }),
        // The entry behind the changed one does not continue it.
        ("changed", "log/00000000000000000007.json", |f| {
            let text = std::fs::read_to_string(f).unwrap();
            std::fs::write(f, text.replace("\\\"more\\\":2", "\\\"more\\\":7")).unwrap();
        }),
        ("missing", "checkpoint/00000000000000000001.json", |f| {
            std::fs::remove_file(f.with_file_name("00000000000000000001.json")).unwrap();
        }),
    ];
    for (name, named, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        let log = filled(folder.path(), 4).await;
        log.compact(much_later(), 1).await.unwrap();
        let (_, tail) = log.read(&Tail::default()).await.unwrap();
        let log = fill_more(log, &tail, 4).await;
        log.compact(much_later(), 1).await.unwrap();
        damage(&folder.path().join("log/checkpoint/00000000000000000002.json"));
        let error = log.read(&Tail::default()).await.expect_err(name);
        assert_eq!(error.code(), "log_damaged", "{name}");
        assert!(error.to_string().contains(named), "{name}: {error}");
    }
}
