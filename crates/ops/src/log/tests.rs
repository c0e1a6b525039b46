//! Races between processes, kills while appending, and every kind of damage.

mod bucket;
mod compaction;
mod full_disk;
mod proxy;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path as FilePath, PathBuf};
use std::process::{Child, Command, Stdio};

use async_trait::async_trait;
use serde_json::json;
use trefoil_clouds::registry::open_log_store;

use super::files::FileStore;
use super::*;

/// A folder, or the URL of a bucket.
const PLACE: &str = "TREFOIL_TEST_LOG_PLACE";
const ENTRIES: &str = "TREFOIL_TEST_LOG_ENTRIES";
/// What a racer prints when it waits for the start: the end of its input.
const READY: &str = "ready";
/// More entries than a racer writes before it is killed.
const NO_END: u64 = u64::MAX;

fn log(folder: &FilePath) -> FencedLog {
    FencedLog::new(Arc::new(FileStore::create(folder).unwrap()), "log").compacted()
}

fn log_at(place: &str) -> FencedLog {
    match place.contains("://") {
        true => FencedLog::new(open_log_store(place).unwrap(), "log").compacted(),
        false => log(FilePath::new(place)),
    }
}

async fn filled(folder: &FilePath, entries: u64) -> FencedLog {
    fill(log(folder), entries).await
}

async fn fill(log: FencedLog, entries: u64) -> FencedLog {
    let mut tail = Tail::default();
    for n in 1..=entries {
        let Appended::Mine { tail: next, .. } =
            log.append(&tail, &json!({ "n": n })).await.unwrap()
        else {
            panic!("nobody else writes here")
        };
        tail = next;
    }
    log
}

fn file(folder: &FilePath, n: u64) -> PathBuf {
    folder.join("log").join(format!("{n:020}.json"))
}

/// Another process that races to append; kills itself with its parent's guard.
struct Racer(Child);

impl Racer {
    fn start(folder: &FilePath, entries: u64) -> Racer {
        Self::start_at(&folder.display().to_string(), entries, &[])
    }

    fn start_at(place: &str, entries: u64, variables: &[(&str, String)]) -> Racer {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "log::tests::racer"])
            .env(PLACE, place)
            .env(ENTRIES, entries.to_string())
            .envs(variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Racer(child)
    }

    /// Lets all of them begin together, however long each took to start.
    fn go(racers: &mut [Racer]) {
        for racer in racers.iter_mut() {
            let mut said = BufReader::new(racer.0.stdout.as_mut().unwrap());
            let mut line = String::new();
            while line.trim() != READY {
                line.clear();
                assert!(said.read_line(&mut line).unwrap() > 0, "a racer ended before the race");
            }
        }
        racers.iter_mut().for_each(|racer| drop(racer.0.stdin.take()));
    }

    fn won(mut self) -> Vec<u64> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let won = lines
            .map_while(|line| line.ok())
            .filter_map(|line| line.strip_prefix("won ")?.parse().ok())
            .collect();
        assert!(self.0.wait().unwrap().success());
        won
    }
}

impl Drop for Racer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "a process of the races below, not a test"]
async fn racer() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let log = log_at(&place);
    let entries: u64 = std::env::var(ENTRIES).unwrap().parse().unwrap();
    writeln!(std::io::stdout(), "\n{READY}").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let mut tail = Tail::default();
    while tail.n() < entries {
        match log.append(&tail, &json!({ "pid": std::process::id() })).await.unwrap() {
            Appended::Mine { tail: next, .. } => {
                writeln!(std::io::stdout(), "\nwon {}", next.n()).unwrap();
                tail = next;
                if tail.n() < entries && entries < NO_END {
                    tail = let_another_win(&log, tail).await;
                }
            }
            Appended::Lost => tail = log.read(&tail).await.unwrap().1,
        }
    }
}

/// A winner knows the end of the log and the others have yet to read it: on a slow machine it would
/// win until the end. It sits one entry out, and the others race for that one.
async fn let_another_win(log: &FencedLog, mine: Tail) -> Tail {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let tail = log.read(&mine).await.unwrap().1;
        if tail.n() > mine.n() {
            return tail;
        }
        assert!(std::time::Instant::now() < deadline, "nobody else races");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn eight_processes_race_and_each_entry_has_one_winner() {
    let folder = tempfile::tempdir().unwrap();
    let entries = sampled(1_000, 200);
    let racers: Vec<_> = (0..8).map(|_| Racer::start(folder.path(), entries)).collect();
    assert_one_winner_each(racers, entries, &log(folder.path())).await;
}

/// The whole number with `--full`, else a sample.
fn sampled(whole: u64, sample: u64) -> u64 {
    if std::env::var_os("TREFOIL_TEST_FULL").is_some() { whole } else { sample }
}

async fn assert_one_winner_each(mut racers: Vec<Racer>, entries: u64, log: &FencedLog) {
    let mut winners: BTreeMap<u64, u32> = BTreeMap::new();
    let mut racing = 0;
    Racer::go(&mut racers);
    for racer in racers {
        let pid = racer.0.id();
        let won = racer.won();
        racing += usize::from(!won.is_empty());
        for n in won {
            assert_eq!(winners.insert(n, pid), None, "entry {n} has two winners");
        }
    }
    assert!(racing > 1, "it was no race");
    assert_eq!(winners.keys().copied().collect::<Vec<_>>(), (1..=entries).collect::<Vec<_>>());
    let (read, _) = log.read(&Tail::default()).await.unwrap();
    for entry in read {
        assert_eq!(entry.body, json!({ "pid": winners[&entry.n] }), "entry {}", entry.n);
    }
}

#[tokio::test]
async fn a_kill_while_appending_leaves_nothing_torn() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path());
    let mut before = 0;
    for round in 0..5 {
        let mut racer = [Racer::start(folder.path(), NO_END)];
        Racer::go(&mut racer);
        let mut tail = Tail::default();
        while tail.n() < before + 5 + round {
            tail = log.read(&tail).await.unwrap().1;
        }
        drop(racer);
        let (entries, tail) = log.read(&Tail::default()).await.unwrap();
        assert_eq!(entries.len() as u64, tail.n());
        before = tail.n();
    }
    let tail = log.read(&Tail::default()).await.unwrap().1;
    assert!(matches!(log.append(&tail, &json!(1)).await.unwrap(), Appended::Mine { .. }));
}

#[tokio::test]
async fn a_stale_writer_loses_and_a_reader_goes_on_from_its_tail() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 3).await;
    let (_, tail) = log.read(&Tail::default()).await.unwrap();
    assert!(matches!(log.append(&tail, &json!("a")).await.unwrap(), Appended::Mine { .. }));
    assert!(matches!(log.append(&tail, &json!("b")).await.unwrap(), Appended::Lost));
    let (news, _) = log.read(&tail).await.unwrap();
    assert_eq!(news.iter().map(|e| (e.n, &e.body)).collect::<Vec<_>>(), [(4, &json!("a"))]);
}

#[tokio::test]
async fn each_damage_is_an_error_that_names_the_file() {
    type Damage = fn(&FilePath);
    let cases: [(&str, u64, Damage); 9] = [
        ("empty", 2, |f| std::fs::write(file(f, 2), "").unwrap()),
        ("torn", 3, |f| {
            let text = std::fs::read(file(f, 3)).unwrap();
            std::fs::write(file(f, 3), &text[..text.len() / 2]).unwrap();
        }),
        ("changed", 3, |f| {
            let text = std::fs::read_to_string(file(f, 2)).unwrap();
            std::fs::write(file(f, 2), text.replace("{\"n\":2}", "{\"n\":7}")).unwrap();
        }),
        ("missing", 2, |f| std::fs::remove_file(file(f, 2)).unwrap()),
        ("first missing", 1, |f| std::fs::remove_file(file(f, 1)).unwrap()),
        ("copied", 5, |f| {
            std::fs::copy(file(f, 3), file(f, 5)).unwrap();
        }),
        ("other version", 4, |f| {
            let text = std::fs::read_to_string(file(f, 4)).unwrap();
            std::fs::write(file(f, 4), text.replace("\"v\":1", "\"v\":2")).unwrap();
        }),
        ("unknown field", 4, |f| {
            let text = std::fs::read_to_string(file(f, 4)).unwrap();
            std::fs::write(file(f, 4), text.replace("{\"v\":1", "{\"w\":0,\"v\":1")).unwrap();
        }),
        ("chain", 4, |f| {
            let text = std::fs::read_to_string(file(f, 4)).unwrap();
            let prev = text.split("\"prev\":\"").nth(1).unwrap()[..64].to_owned();
            std::fs::write(file(f, 4), text.replace(&prev, &"0".repeat(64))).unwrap();
        }),
    ];
    for (name, n, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        let log = filled(folder.path(), 4).await;
        damage(folder.path());
        let error = log.read(&Tail::default()).await.expect_err(name);
        assert_eq!(error.code(), "log_damaged", "{name}");
        assert!(error.to_string().contains(&format!("log/{n:020}.json")), "{name}: {error}");
    }
}

#[tokio::test]
async fn files_that_are_no_entries_are_errors_but_staged_ones_are_not() {
    for name in
        ["5.json", "00000000000000000005.json.bak", "notes", "sub/00000000000000000001.json"]
    {
        let folder = tempfile::tempdir().unwrap();
        let log = filled(folder.path(), 2).await;
        let path = folder.path().join("log").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "{}").unwrap();
        let error = log.read(&Tail::default()).await.expect_err(name);
        assert_eq!(error.code(), "log_damaged", "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 2).await;
    std::fs::write(file(folder.path(), 3).with_extension("json#1"), "{\"v\"").unwrap();
    let (entries, tail) = log.read(&Tail::default()).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert!(matches!(log.append(&tail, &json!(3)).await.unwrap(), Appended::Mine { .. }));
}

#[tokio::test]
async fn an_append_over_a_torn_entry_is_damage_not_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 1).await;
    let (_, tail) = log.read(&Tail::default()).await.unwrap();
    std::fs::write(file(folder.path(), 2), "{").unwrap();
    assert_eq!(log.append(&tail, &json!(2)).await.unwrap_err().code(), "log_damaged");
}

/// What a store may do to a create.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It happens, and the answer is lost.
    AnswerLost,
    /// It does not happen.
    Refused,
}

/// A store whose first creates have a fault each.
#[derive(Debug)]
struct Faulty {
    inner: FileStore,
    faults: std::sync::Mutex<Vec<Fault>>,
}

#[async_trait]
impl LogStore for Faulty {
    fn place(&self) -> String {
        self.inner.place()
    }

    async fn create(&self, name: &str, content: Bytes) -> Result<Created> {
        let fault = self.faults.lock().unwrap().pop();
        if let Some(Fault::AnswerLost) | None = fault {
            let result = self.inner.create(name, content).await;
            if fault.is_none() {
                return result;
            }
        }
        Err(Error::missing("faulty", "no answer"))
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        self.inner.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.inner.delete(name).await
    }
}

fn faulty(folder: &FilePath, faults: Vec<Fault>) -> FencedLog {
    let inner = FileStore::create(folder).unwrap();
    let store = Faulty { inner, faults: std::sync::Mutex::new(faults) };
    FencedLog::new(Arc::new(store), "log")
}

#[tokio::test]
async fn a_lost_answer_is_recognised_as_mine_and_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = faulty(folder.path(), vec![Fault::AnswerLost, Fault::Refused, Fault::Refused]);
    let ended = log.append(&Tail::default(), &json!("x")).await.unwrap();
    assert!(matches!(ended, Appended::Mine { .. }), "{ended:?}");
    let (entries, _) = log.read(&Tail::default()).await.unwrap();
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn a_store_that_never_answers_is_an_error_after_bounded_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let log = faulty(folder.path(), vec![Fault::Refused; 100]);
    let error = log.append(&Tail::default(), &json!("x")).await.unwrap_err();
    assert_eq!(error.code(), "log_unreachable");
    assert!(error.is_retryable());
}
