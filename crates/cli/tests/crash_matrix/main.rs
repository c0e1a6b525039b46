//! A complete migration, killed everywhere: the tool before and after every event of its journal,
//! with and without a supervisor, there, back and at the finish; and every process that serves, at
//! every step. Afterwards one side serves, everything acknowledged is there once, and nothing of
//! the move is left.
//!
//! Without TREFOIL_TEST_FULL=1 a sample is drawn from a printed seed. TREFOIL_TEST_SHARD=2/4 takes
//! the second quarter of the whole, TREFOIL_TEST_ROUND only rounds whose name holds a text, and
//! TREFOIL_TEST_KEEP leaves the town of a failed round as it is.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "../common/mod.rs"]
mod common;
mod round;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use common::{Town, seed};
use round::{Crash, Moment, Round, Victim};

/// How long a sample may take; what was begun is ended.
const SAMPLE: Duration = Duration::from_secs(45);

/// How many rounds a town lives: what the writers of each leave makes every later one longer.
const ROUNDS_OF_A_TOWN: usize = 5;

/// A generator of numbers that a seed repeats (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

/// Every crash of a run with so many events.
fn crashes(events: usize) -> Vec<Crash> {
    let mut all = Vec::new();
    for event in 1..=events {
        for moment in [Moment::Before, Moment::After] {
            for supervised in [false, true] {
                all.push(Crash { moment, event, supervised });
            }
        }
    }
    all
}

/// Plays rounds, all of them or a sample; a failed one is told with its name, and the next begins
/// in a new town.
fn play(rounds: Vec<Round>, seed: u64) {
    let full = std::env::var_os("TREFOIL_TEST_FULL").is_some();
    let wanted = std::env::var("TREFOIL_TEST_ROUND").unwrap_or_default();
    let rounds = rounds.into_iter().filter(|round| round.to_string().contains(&wanted)).collect();
    let rounds = if full { shard(rounds) } else { sample(rounds, seed) };
    let (began, count) = (Instant::now(), rounds.len());
    let (mut town, mut failed, mut played) = (None, Vec::new(), 0);
    for round in rounds {
        if !full && played > 0 && began.elapsed() > SAMPLE {
            break;
        }
        if played % ROUNDS_OF_A_TOWN == 0 {
            drop(town.take());
        }
        let here = town.take().unwrap_or_else(round::town);
        let started = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| round.play(&here))) {
            Ok(()) => town = Some(here),
            Err(_) => {
                failed.push(round.to_string());
                if std::env::var_os("TREFOIL_TEST_KEEP").is_some() {
                    println!("kept: {}", here.path().display());
                    std::mem::forget(here);
                }
            }
        }
        played += 1;
        let how = if town.is_some() { "passed" } else { "FAILED" };
        println!("{how} {round} in {:.1} s", started.elapsed().as_secs_f64());
    }
    println!("{played} of {count} rounds played, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}

/// All of them in an order that the seed draws.
fn sample(mut rounds: Vec<Round>, seed: u64) -> Vec<Round> {
    let mut draw = Draw(seed);
    for last in (1..rounds.len()).rev() {
        rounds.swap(last, draw.below(last + 1));
    }
    rounds
}

fn shard(rounds: Vec<Round>) -> Vec<Round> {
    let given = std::env::var("TREFOIL_TEST_SHARD").unwrap_or_else(|_| "1/1".into());
    let (this, of) = given.split_once('/').expect("TREFOIL_TEST_SHARD is K/N");
    let (this, of): (usize, usize) = (this.parse().unwrap(), of.parse().unwrap());
    rounds.into_iter().enumerate().filter(|(n, _)| n % of == this - 1).map(|(_, one)| one).collect()
}

/// A move, its rollback and the finish, each killed once: there, back and finishing at the same
/// time, so that all three are through when the longest is.
#[test]
fn the_tool_is_killed_at_every_event() {
    let seed = seed();
    let town: Town = round::town();
    let length = round::lengths(&town);
    drop(town);
    let (there, back) = (crashes(length.there), crashes(length.back));
    let finish = crashes(length.finish);
    let rounds = there.iter().enumerate().map(|(n, there)| Round::Crashes {
        there: *there,
        back: back[n * 7 % back.len()],
        finish: finish[n % finish.len()],
    });
    play(rounds.collect(), seed);
}

/// The same before the switch, and then taken back by a person.
#[test]
fn a_killed_run_is_aborted_without_a_trace() {
    let seed = seed();
    let town: Town = round::town();
    let length = round::lengths(&town);
    drop(town);
    let before = crashes(length.switch).into_iter().filter(|crash| !crash.supervised);
    play(before.map(Round::Abort).collect(), seed);
}

/// Agents, edge, backflow, application and both servers die at each step, on both ways.
#[test]
fn whoever_serves_is_killed_at_every_step() {
    let seed = seed();
    let town = round::town();
    let steps = round::steps(&town);
    drop(town);
    let mut rounds = Vec::new();
    for victim in Victim::ALL {
        for (there, back) in steps.iter().filter(|(there, back)| victim.lives_at(there, back)) {
            rounds.push(Round::Kills { victim, there: there.clone(), back: back.clone() });
        }
    }
    play(rounds, seed);
}
