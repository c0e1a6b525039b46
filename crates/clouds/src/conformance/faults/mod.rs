//! Drivers that do what networks and stores do on a bad day: they throttle, fail in bursts, answer
//! late or not at all, cut connections, damage bytes, do what they were asked and lose the answer,
//! and run out of space. What goes wrong when is drawn from a seed, so that a failure can be
//! repeated; how often is bounded, so that whoever tries again a bounded number of times succeeds.

mod network;
mod objects;
mod stores;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{Error, Result};

pub use network::{Passed, Proxy};
pub use objects::faulty_objects;
pub use stores::{faulty_secrets, faulty_sessions};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Too many requests; come back after this time.
    Throttled(Duration),
    /// The store fails. Bursts come from several in a row.
    Unavailable,
    /// The answer comes late.
    Slow(Duration),
    /// The connection is cut in the middle of a content.
    Cut,
    /// One byte of a content is another one.
    WrongBytes,
    /// The call is done, and its answer is lost.
    Ambiguous,
    /// There is no space left, for a while.
    DiskFull,
}

/// The kinds, for counting what happened.
const NAMES: [&str; 7] =
    ["throttled", "unavailable", "slow", "cut", "wrong bytes", "ambiguous", "disk full"];
/// One call of so many meets a fault.
const ONE_IN: u32 = 5;
/// No more faults in all, over all calls that name the same thing: whoever tries once more often
/// than this succeeds.
const FAULTS_EACH_MAX: u32 = 6;
/// How many calls a burst of failures takes.
const BURST: u32 = 3;

/// What goes wrong, shared by the drivers of one test. Cheap to clone.
#[derive(Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

struct State {
    random: StdRng,
    burst: u32,
    met: HashMap<String, u32>,
    happened: HashMap<&'static str, u64>,
    stopped: bool,
}

impl Faults {
    /// Faults that are drawn from a seed.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed),
            burst: 0,
            met: HashMap::new(),
            happened: HashMap::new(),
            stopped: false,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// From now on nothing goes wrong, so that a test can look at what there is.
    pub fn stop(&self) {
        self.state().stopped = true;
    }

    /// How often each kind of fault has happened.
    pub fn happened(&self) -> HashMap<&'static str, u64> {
        self.state().happened.clone()
    }

    /// The kinds of fault that have not happened yet.
    pub fn missing(&self) -> Vec<&'static str> {
        let happened = self.happened();
        NAMES.into_iter().filter(|name| !happened.contains_key(name)).collect()
    }

    /// What goes wrong with a call that names `what`, if anything. `able` says what is done instead
    /// of a fault that such a call cannot meet, so that only what was done is counted.
    fn draw(&self, what: &str, able: impl Fn(Fault) -> Fault) -> Option<Fault> {
        let mut state = self.state();
        if state.stopped {
            return None;
        }
        let met = state.met.get(what).copied().unwrap_or(0);
        let bursting = state.burst > 0;
        state.burst = state.burst.saturating_sub(1);
        if met >= FAULTS_EACH_MAX || !(bursting || state.random.random_ratio(1, ONE_IN)) {
            return None;
        }
        let fault = if bursting { Fault::Unavailable } else { able(state.choose()) };
        state.met.insert(what.to_owned(), met + 1);
        *state.happened.entry(name(fault)).or_default() += 1;
        Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose(&mut self) -> Fault {
        let brief = Duration::from_millis(self.random.random_range(1..30));
        match self.random.random_range(0..7) {
            0 => Fault::Throttled(brief),
            1 => {
                self.burst = BURST;
                Fault::Unavailable
            }
            2 => Fault::Slow(brief),
            3 => Fault::Cut,
            4 => Fault::WrongBytes,
            5 => Fault::Ambiguous,
            _ => Fault::DiskFull,
        }
    }
}

fn name(fault: Fault) -> &'static str {
    NAMES[match fault {
        Fault::Throttled(_) => 0,
        Fault::Unavailable => 1,
        Fault::Slow(_) => 2,
        Fault::Cut => 3,
        Fault::WrongBytes => 4,
        Fault::Ambiguous => 5,
        Fault::DiskFull => 6,
    }]
}

/// The error of a fault, as a driver would say it.
fn error(fault: Fault) -> Error {
    match fault {
        Fault::Throttled(after) => {
            Error::missing("store_throttled", "too many requests").throttled(Some(after))
        }
        Fault::DiskFull => Error::failed("store_full", "no space is left").retryable(),
        Fault::Ambiguous => Error::failed("store_cut", "the answer was lost").retryable(),
        _ => Error::missing("store_unavailable", "the store fails").retryable(),
    }
}

/// Without a content nothing of it can be cut or damaged: then the store fails.
fn without_content(fault: Fault) -> Fault {
    match fault {
        Fault::Cut | Fault::WrongBytes => Fault::Unavailable,
        other => other,
    }
}

/// A call without content under a fault.
async fn call<T>(
    faults: &Faults,
    what: &str,
    call: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    match faults.draw(what, without_content) {
        None => call.await,
        Some(Fault::Slow(late)) => {
            tokio::time::sleep(late).await;
            call.await
        }
        Some(Fault::Ambiguous) => {
            call.await?;
            Err(error(Fault::Ambiguous))
        }
        Some(fault) => Err(error(fault)),
    }
}

/// A seed for a test: the one in `TREFOIL_SEED`, to repeat a failure, or the day's own. Whoever
/// calls it prints it.
pub fn seed() -> u64 {
    let given = std::env::var("TREFOIL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| rand::rng().random())
}
