//! What goes on beside the requests: reconnecting to the database, and forgetting what is old.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use trefoil_clouds::Result;
use trefoil_clouds::database::Database;

use crate::app::App;
use crate::idempotency;

/// The pause between two attempts while the database refuses.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// The pause between two questions while it answers.
const WATCH_PAUSE: Duration = Duration::from_secs(1);
/// How often what is old is forgotten.
const FORGET_PAUSE: Duration = Duration::from_secs(60);
/// How much is forgotten at a time.
const FORGET_MAX: usize = 1_000;

/// Runs until the process ends.
pub(crate) async fn run(app: Arc<App>) {
    let Some(database) = app.known_database() else { return };
    let mut state = State::Unknown;
    let mut forgotten = Instant::now();
    loop {
        let answer = database.health().await;
        app.database_up.store(answer.is_ok(), Ordering::Relaxed);
        state = state.after(&answer);
        if answer.is_err() {
            tokio::time::sleep(RECONNECT_PAUSE).await;
            continue;
        }
        // Only the side that can write forgets: one that stands by is being filled.
        if forgotten.elapsed() > FORGET_PAUSE {
            forgotten = Instant::now();
            forget(&app, database).await;
        }
        tokio::time::sleep(WATCH_PAUSE).await;
    }
}

/// What is known of the database.
enum State {
    Unknown,
    Up,
    Down { since: Instant, attempts: u64 },
}

impl State {
    /// The state after an answer. Only a change is logged, however often it is asked.
    fn after(self, answer: &Result<()>) -> State {
        match (answer, self) {
            (Ok(()), State::Up) => State::Up,
            (Ok(()), State::Unknown) => {
                tracing::info!("the database answers");
                State::Up
            }
            (Ok(()), State::Down { since, attempts }) => {
                let down_ms = since.elapsed().as_millis() as u64;
                tracing::info!(down_ms, attempts, "the database answers again");
                State::Up
            }
            (Err(_), State::Down { since, attempts }) => {
                State::Down { since, attempts: attempts + 1 }
            }
            (Err(error), State::Unknown | State::Up) => {
                let pause_ms = RECONNECT_PAUSE.as_millis() as u64;
                tracing::warn!(code = error.code(), pause_ms, "{}; trying again", error.chain());
                State::Down { since: Instant::now(), attempts: 1 }
            }
        }
    }
}

async fn forget(app: &App, database: &Database) {
    let all: [Result<u64>; 2] = [
        app.sessions.sweep(Timestamp::now(), FORGET_MAX).await,
        idempotency::forget(database, FORGET_MAX).await,
    ];
    for result in all {
        match result {
            Ok(count) => tracing::debug!(count, "forgot what was old"),
            Err(error) => tracing::warn!(code = error.code(), "{}", error.chain()),
        }
    }
}
