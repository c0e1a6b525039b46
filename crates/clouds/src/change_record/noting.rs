//! Writing notes: whoever is about to change something waits until a note says so. Writers that
//! come together share a note.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::notes::{Note, Notes, PAGE};
use crate::Result;

/// How many keys a note has at most.
pub(super) const KEYS_MAX: usize = 64;

/// What one handle notes.
pub(super) struct Noting {
    notes: Arc<Notes>,
    /// Whoever holds it writes the next note; the newest number that this handle knows of.
    turn: tokio::sync::Mutex<Option<u64>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What waits to be noted, by ticket.
    waiting: BTreeMap<u64, String>,
    next_ticket: u64,
    /// The number of the note that a ticket is in.
    noted: HashMap<u64, u64>,
    /// How many changes of a note have not ended.
    open: HashMap<u64, usize>,
    /// Notes that have ended, and no later note says so yet.
    ended: Vec<u64>,
}

/// A change that has been noted. It ends when this is dropped, however it ended.
pub(super) struct Noted {
    noting: Arc<Noting>,
    number: u64,
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mut state = self.noting.state();
        let Some(open) = state.open.get_mut(&self.number) else { return };
        *open -= 1;
        if *open == 0 {
            state.open.remove(&self.number);
            state.ended.push(self.number);
        }
    }
}

impl Noting {
    pub(super) fn new(notes: Arc<Notes>) -> Self {
        Self { notes, turn: tokio::sync::Mutex::new(None), state: Mutex::default() }
    }

    /// Writes down that a key is about to change; together with whatever else waits for that.
    pub(super) async fn note(self: &Arc<Self>, key: &str) -> Result<Noted> {
        let ticket = {
            let mut state = self.state();
            state.next_ticket += 1;
            let ticket = state.next_ticket;
            state.waiting.insert(ticket, key.to_owned());
            ticket
        };
        let mut waiting = Waiting { noting: self, ticket };
        let mut last = self.turn.lock().await;
        loop {
            if let Some(number) = waiting.taken() {
                return Ok(Noted { noting: self.clone(), number });
            }
            self.write(&mut last).await?;
        }
    }

    /// Writes the next note with what waits.
    async fn write(&self, last: &mut Option<u64>) -> Result<()> {
        let (tickets, note) = {
            let state = self.state();
            let waiting = state.waiting.iter().take(KEYS_MAX);
            let (tickets, keys): (Vec<u64>, Vec<String>) =
                waiting.map(|(ticket, key)| (*ticket, key.clone())).unzip();
            (tickets, Note { keys, ended: state.ended.clone() })
        };
        let number = self.notes.append(&note, last).await?;
        self.written(number, tickets, &note);
        // A page of old notes is deleted with each page of new ones; no writer waits for that.
        if number.is_multiple_of(PAGE as u64) {
            let notes = self.notes.clone();
            tokio::spawn(async move { notes.prune().await });
        }
        Ok(())
    }

    /// Takes into account that a note was written.
    fn written(&self, number: u64, tickets: Vec<u64>, note: &Note) {
        let mut state = self.state();
        state.ended.retain(|ended| !note.ended.contains(ended));
        let mut open = 0;
        for ticket in tickets {
            // One that gave up meanwhile does not change anything.
            if state.waiting.remove(&ticket).is_some() {
                state.noted.insert(ticket, number);
                open += 1;
            }
        }
        if open > 0 {
            state.open.insert(number, open);
        } else {
            state.ended.push(number);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits to be noted, and may give up.
struct Waiting<'a> {
    noting: &'a Noting,
    ticket: u64,
}

impl Waiting<'_> {
    fn taken(&mut self) -> Option<u64> {
        self.noting.state().noted.remove(&self.ticket)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.noting.state();
        state.waiting.remove(&self.ticket);
        state.noted.remove(&self.ticket);
    }
}
