//! The process dies before and after each journal entry; another goes on.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use trefoil_core::journal::RunState;

use super::assert_soaks;
use super::fake::Bed;
use crate::state::{CRASH_AFTER_EVENT, CRASH_BEFORE_EVENT};

const FOLDER: &str = "TREFOIL_TEST_ENGINE_FOLDER";
/// SIGABRT, as signal(7) numbers it.
const ABORTED: i32 = 6;

#[tokio::test]
#[ignore = "the process that dies in the tests below, not a test"]
async fn executor() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let bed = Bed::at(Path::new(&folder)).await;
    let known = !bed.state.runs().await.unwrap().is_empty();
    let ended = if known { bed.engine().abort("run-1").await } else { bed.start().await };
    assert!(ended.is_ok_and(|run| run.at_rest() || run.closed.is_some()));
}

/// Starts the run, or aborts it when there is one, in another process. Whether that process died
/// at its crash point.
fn dies(folder: &Path, point: &str, n: u32) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "engine::tests::crashes::executor"])
        .env(FOLDER, folder)
        .env(point, n.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.signal() == Some(ABORTED)
}

/// Goes on where the process died: again from the start if the log holds no run yet.
async fn go_on(bed: &Bed) -> trefoil_core::journal::Run {
    if bed.state.runs().await.unwrap().is_empty() {
        bed.start().await.unwrap()
    } else {
        bed.engine().resume("run-1").await.unwrap()
    }
}

/// Whatever was begun of a window that had not switched was undone before it was begun again.
fn assert_compensated(bed: &Bed, n: u32) {
    let mut begun = Vec::new();
    for line in bed.history() {
        let step: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
        if line.starts_with("undo") {
            assert!(!begun.contains(&5), "crash {n}: undone after the switch");
            begun.retain(|other| *other != step);
        } else if begun.contains(&step) {
            assert!(!(3..5).contains(&step), "crash {n}: window step {step} begun twice");
        } else {
            begun.push(step);
        }
    }
}

#[tokio::test]
async fn a_run_that_died_at_any_entry_is_resumed_to_its_end() {
    for point in [CRASH_BEFORE_EVENT, CRASH_AFTER_EVENT] {
        let mut n = 1;
        loop {
            let bed = Bed::new().await;
            let died = dies(bed.folder(), point, n);
            if died {
                assert_soaks(&bed, &go_on(&bed).await);
                assert_compensated(&bed, n);
                let ledger = bed.state.ledger().await.unwrap();
                assert_eq!((ledger.epoch, ledger.active.as_deref()), (1, Some("west")));
            } else {
                // Opened, Adopted and two entries for each of seven steps.
                assert_eq!(n, 17, "{point}");
                break;
            }
            n += 1;
        }
    }
}

#[tokio::test]
async fn a_run_that_died_at_any_entry_is_aborted_or_has_switched() {
    let mut aborted = 0;
    for n in 2..=16 {
        let bed = Bed::new().await;
        assert!(dies(bed.folder(), CRASH_AFTER_EVENT, n));
        if bed.state.runs().await.unwrap().is_empty() {
            panic!("the run is open once its journal is adopted");
        }
        let paused = bed.state.runs().await.unwrap().remove(0).state;
        match bed.engine().abort("run-1").await {
            Ok(run) => {
                assert_eq!(run.state(), RunState::Aborted);
                assert!(bed.is_clean(), "crash {n}");
                assert_eq!(bed.state.ledger().await.unwrap().epoch, 0);
                aborted += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), "run_switched", "crash {n}");
                assert!(paused == RunState::Paused || n == 16, "crash {n}: {paused:?}");
                assert_soaks(&bed, &go_on(&bed).await);
            }
        }
    }
    // Adopted, and two entries for each of the four steps before the switch.
    assert_eq!(aborted, 9);
}

#[tokio::test]
async fn a_compensation_that_died_is_ended_by_the_next() {
    // Opened, Adopted, two entries for each of four steps, Halted; then two for each undo.
    for (point, entries) in [(CRASH_BEFORE_EVENT, 10..=14), (CRASH_AFTER_EVENT, 10..=14)] {
        for n in entries {
            let bed = Bed::new().await;
            bed.write("fail-4", "");
            assert!(dies(bed.folder(), point, n), "{point} {n}");
            assert_soaks(&bed, &go_on(&bed).await);
            assert_compensated(&bed, n);
        }
    }
}

#[tokio::test]
async fn an_abort_that_died_is_gone_on_with() {
    for point in [CRASH_BEFORE_EVENT, CRASH_AFTER_EVENT] {
        // Adopted, AbortRequested, two entries for each of two steps, Closed.
        for n in 1..=7 {
            let bed = Bed::new().await;
            bed.write("fail-3", "");
            assert!(!dies(bed.folder(), point, u32::MAX), "it pauses at step 3");
            assert!(dies(bed.folder(), point, n), "{point} {n}");
            let requested = bed.state.journal("run-1").await.unwrap().abort_requested;
            let closed = bed.state.journal("run-1").await.unwrap().closed.is_some();
            if closed {
                bed.state.settle().await.unwrap();
            } else if requested {
                bed.engine().resume("run-1").await.unwrap();
            } else {
                bed.engine().abort("run-1").await.unwrap();
            }
            assert!(bed.is_clean(), "{point} {n}");
            let ledger = bed.state.ledger().await.unwrap();
            assert_eq!(ledger.runs, [("run-1".to_owned(), Some(RunState::Aborted))]);
        }
    }
}

#[tokio::test]
async fn a_run_is_not_taken_from_a_process_that_lives() {
    let bed = Bed::new().await;
    bed.write("fail-3", "");
    bed.start().await.unwrap_err();
    let before = bed.state.journal("run-1").await.unwrap();
    // Another process tries to abort; this one, which executes the run, lives.
    assert!(!dies(bed.folder(), CRASH_BEFORE_EVENT, 1));
    assert_eq!(bed.state.journal("run-1").await.unwrap(), before);
}
