//! The store that holds the logs, and what is written to them.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use trefoil_clouds::operate::log_store::{Created, LogStore};
use trefoil_clouds::registry::open_log_store;
use trefoil_core::journal::{Event, Run, RunState};
use trefoil_core::ledger::{Ledger, LedgerEntry, LedgerEvent};
use trefoil_core::plan::Plan;

use super::summary::{RunSummary, state_of};
use super::{Executor, Journal, journal};
use crate::log::checkpoint::COMPACT_MIN;
use crate::log::files::FileStore;
use crate::log::{Appended, FencedLog, Tail};
use crate::{Error, Result};

/// How often an append is tried again after another writer was faster.
pub(super) const RACES: u32 = 64;
/// How long the probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// All durable state of one application: `log/` and `runs/<run_id>/` in one object store.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) store: Arc<dyn LogStore>,
}

impl State {
    /// The state in a folder, which is made if there is none. Refuses, with code `state_folder`,
    /// a folder on which an entry could be created twice or lost by a crash.
    pub async fn open(folder: &FilePath) -> Result<State> {
        let place = folder.display().to_string();
        let store = FileStore::create(folder).map_err(|error| unusable(&place).because(error))?;
        Self::on(Arc::new(store)).await
    }

    /// The state in a folder for a command that only looks: works on a disk that is full or was
    /// made read-only. A folder that is not there holds no run yet.
    pub fn open_to_read(folder: &FilePath) -> Result<State> {
        let place = folder.display().to_string();
        let store = FileStore::open(folder).map_err(|error| unusable(&place).because(error))?;
        Ok(State { store: Arc::new(store) })
    }

    /// The state at a URL such as `s3://bucket/folder`. Refuses, with code `state_folder`, a store
    /// in which an entry could be created twice.
    pub async fn open_url(url: &str) -> Result<State> {
        Self::on(open_log_store(url)?).await
    }

    /// The state at a URL for a command that only looks.
    pub fn open_url_to_read(url: &str) -> Result<State> {
        Ok(State { store: open_log_store(url)? })
    }

    /// The state in a store that has been tried out.
    pub(crate) async fn on(store: Arc<dyn LogStore>) -> Result<State> {
        let state = State { store };
        match timeout(PROBE_TIMEOUT, state.probe()).await {
            Ok(Ok(())) => Ok(state),
            Ok(Err(error)) if ["state_folder", "log_expires"].contains(&error.code()) => Err(error),
            Ok(Err(error)) => Err(unusable(&state.store.place()).because(error)),
            Err(late) => Err(unusable(&state.store.place()).because(late)),
        }
    }

    /// Entries must stay, and the second of two creates must lose and change nothing; otherwise two
    /// writers could both win.
    async fn probe(&self) -> Result<()> {
        self.store.check().await?;
        let name = format!("probe/{}", super::new_id());
        let create =
            |text: &'static str| self.store.create(&name, Bytes::from_static(text.as_ref()));
        let first = create("first").await?;
        let second = create("second").await;
        let there = self.store.get(&name).await;
        self.store.delete(&name).await?;
        let kept = there?.is_some_and(|there| there == "first");
        match (first, second?) {
            (Created::New, Created::Exists) if kept => Ok(()),
            _ => Err(unusable(&self.store.place())
                .because("what is created only if there is nothing was created a second time")),
        }
    }

    fn ledger_log(&self) -> FencedLog {
        FencedLog::new(self.store.clone(), "log").compacted()
    }

    fn journal_log(&self, run_id: &str) -> FencedLog {
        FencedLog::new(self.store.clone(), format!("runs/{run_id}"))
    }

    /// Every entry of the application's log, oldest first.
    pub async fn ledger_entries(&self) -> Result<Vec<LedgerEntry>> {
        Ok(self.read_ledger().await?.0)
    }

    /// The fold of the application's log.
    pub async fn ledger(&self) -> Result<Ledger> {
        Ledger::fold(&self.read_ledger().await?.0)
    }

    async fn read_ledger(&self) -> Result<(Vec<LedgerEntry>, Tail)> {
        let log = self.ledger_log();
        let (entries, tail) = log.read(&Tail::default()).await?;
        let entries = entries.into_iter().map(|entry| {
            let event = serde_json::from_value(entry.body)
                .map_err(|e| log.damaged(entry.n, "holds no event that is known").because(e))?;
            Ok(LedgerEntry { at: entry.at, event })
        });
        Ok((entries.collect::<Result<_>>()?, tail))
    }

    /// Appends what `decide` wants after looking at all entries; nothing when it wants nothing.
    /// Looks again when another writer was faster.
    async fn append_ledger(
        &self,
        decide: impl Fn(&[LedgerEntry], &Ledger) -> Result<Option<LedgerEvent>>,
    ) -> Result<()> {
        let log = self.ledger_log();
        for _ in 0..RACES {
            let (entries, tail) = self.read_ledger().await?;
            let mut ledger = Ledger::fold(&entries)?;
            let Some(event) = decide(&entries, &ledger)? else { return Ok(()) };
            let body = serde_json::to_value(&event).map_err(|e| {
                Error::failed("log_entry", "the event cannot be written").because(e)
            })?;
            ledger.apply(&LedgerEntry { at: jiff::Timestamp::now(), event })?;
            if let Appended::Mine { .. } = log.append(&tail, &body).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    /// Puts a plan's digest into the log: from then on it can be run. Idempotent.
    pub async fn record_plan(&self, plan: &Plan) -> Result<()> {
        let id = &plan.plan_id;
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            let why = format!("`{id}` cannot name a plan: letters, digits and hyphens can");
            return Err(Error::usage("plan_id", why));
        }
        self.append_ledger(|_, ledger| match ledger.plans.get(id) {
            Some(known) if known.digest == plan.digest() => Ok(None),
            Some(_) => Err(plan_changed(id)),
            None => Ok(Some(LedgerEvent::PlanMade {
                plan_id: id.clone(),
                kind: plan.kind,
                digest: plan.digest(),
                from: plan.from.clone(),
                to: plan.to.clone(),
                parent: plan.parent.clone(),
            })),
        })
        .await
    }

    /// Whether the log holds exactly this plan.
    ///
    /// # Errors
    /// `plan_unknown`; `plan_changed` when the plan was edited after it was made.
    pub async fn known(&self, plan: &Plan) -> Result<()> {
        let run_id = &plan.plan_id;
        match self.ledger().await?.plans.get(run_id) {
            None => Err(Error::refused("plan_unknown", format!("the log holds no plan {run_id}"))
                .hint("make it again: the log keeps the digest of every plan that it knows")),
            Some(known) if known.digest != plan.digest() => Err(self.edited(plan).await),
            Some(_) => Ok(()),
        }
    }

    /// Begins the run of a recorded plan and takes it over. Fails with `plan_changed` when the
    /// plan is not the one that was recorded, and with `run_open` while another run is open.
    pub async fn open_run(&self, plan: &Plan) -> Result<Journal> {
        self.settle().await?;
        let run_id = &plan.plan_id;
        let opened = LedgerEvent::RunOpened { run_id: run_id.clone() };
        let mut ledger = self.ledger().await?;
        if ledger.plans.get(run_id).is_some_and(|known| known.digest != plan.digest()) {
            return Err(self.edited(plan).await);
        }
        ledger.apply(&LedgerEntry { at: plan.made_at, event: opened.clone() })?;
        // The journal first: a run that the ledger calls open can always be read and gone on with.
        self.write_opened(plan).await?;
        self.append_ledger(|_, _| Ok(Some(opened.clone()))).await?;
        self.adopt(run_id).await
    }

    async fn write_opened(&self, plan: &Plan) -> Result<()> {
        let log = self.journal_log(&plan.plan_id);
        let event = Event::Opened { plan: Box::new(plan.clone()) };
        if log.read(&Tail::default()).await?.1 == Tail::default() {
            // Lost means that somebody begins the same plan; the ledger lets one of them go on.
            journal::append(&log, &Tail::default(), &event).await?;
        }
        let begun = self.journal(&plan.plan_id).await?;
        if begun.plan.digest() == plan.digest() { Ok(()) } else { Err(self.edited(plan).await) }
    }

    pub(super) async fn read_journal(&self, run_id: &str) -> Result<(FencedLog, Tail, Run)> {
        let log = self.journal_log(run_id);
        let (entries, tail) = log.read(&Tail::default()).await?;
        if entries.is_empty() {
            return Err(unknown_run(run_id));
        }
        let entries = entries.into_iter().map(|entry| journal::decode(&log, entry));
        let run = Run::fold(entries.collect::<Result<_>>()?)?;
        Ok((log, tail, run))
    }

    /// A run, read only.
    pub async fn journal(&self, run_id: &str) -> Result<Run> {
        Ok(self.read_journal(run_id).await?.2)
    }

    /// Takes a run over: the process that had it fails at its next append.
    pub async fn adopt(&self, run_id: &str) -> Result<Journal> {
        for _ in 0..RACES {
            let (log, tail, run) = self.read_journal(run_id).await?;
            let mut journal = Journal::new(log, tail, run);
            if let Some(state) = journal.run().closed {
                return Err(run_closed(run_id, state));
            }
            let adopted = Event::Adopted { executor: Executor::current().to_string() };
            match journal.append(adopted).await {
                Err(error) if error.code() == "executor_superseded" => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(journal.taken_over(self.number_of(run_id).await?)),
            }
        }
        Err(contended())
    }

    /// The place of the run among all that were ever opened, from one.
    async fn number_of(&self, run_id: &str) -> Result<u64> {
        let runs = self.ledger().await?.runs;
        let place = runs.iter().position(|(run, _)| run == run_id);
        Ok(place.map_or(0, |place| place as u64 + 1))
    }

    /// Makes `environment` the one that may write, under `epoch`. Nothing happens when this run
    /// has done so already. Fails with `epoch_stale` when something else switched meanwhile.
    pub async fn open_epoch(&self, epoch: u64, environment: &str, run_id: &str) -> Result<()> {
        let event = LedgerEvent::EpochOpened {
            epoch,
            environment: environment.to_owned(),
            run_id: run_id.to_owned(),
        };
        self.append_once(event).await
    }

    /// Notes that an environment's data was deleted by this run. Idempotent.
    pub async fn note_destroyed(&self, environment: &str, run_id: &str) -> Result<()> {
        let (environment, run_id) = (environment.to_owned(), run_id.to_owned());
        self.append_once(LedgerEvent::EnvironmentDestroyed { environment, run_id }).await
    }

    async fn append_once(&self, event: LedgerEvent) -> Result<()> {
        self.append_ledger(|entries, _| {
            let there = entries.iter().any(|entry| entry.event == event);
            Ok((!there).then(|| event.clone()))
        })
        .await
    }

    /// Ends a run, in its journal and in the log.
    pub async fn close_run(&self, journal: &mut Journal, state: RunState) -> Result<()> {
        journal.append(Event::Closed { state }).await?;
        self.note_closed(journal.run_id(), state).await?;
        // What is left undone here is done when the next run ends.
        if let Err(error) = self.compact(jiff::Timestamp::now()).await {
            tracing::warn!(error = %error.chain(), "old entries of the log stay as they are");
        }
        Ok(())
    }

    /// Puts old entries of the application's log together; how many. Journals stay as they are,
    /// so that the `closed` entry of a run is there for ever.
    pub async fn compact(&self, now: jiff::Timestamp) -> Result<u64> {
        self.ledger_log().compact(now, COMPACT_MIN).await
    }

    async fn note_closed(&self, run_id: &str, state: RunState) -> Result<()> {
        self.append_ledger(|_, ledger| {
            let event = LedgerEvent::RunClosed { run_id: run_id.to_owned(), state };
            Ok(ledger.is_open(run_id).then_some(event))
        })
        .await
    }

    /// Closes in the log what is closed in its journal, because a process died between the two;
    /// the runs that this has closed.
    pub async fn settle(&self) -> Result<Vec<String>> {
        let mut settled = Vec::new();
        for (run_id, ended) in self.ledger().await?.runs {
            if ended.is_none()
                && let Some(state) = self.journal(&run_id).await?.closed
            {
                self.note_closed(&run_id, state).await?;
                settled.push(run_id);
            }
        }
        Ok(settled)
    }

    /// Every run, oldest first. Reads only the journals of runs that are open.
    pub async fn runs(&self) -> Result<Vec<RunSummary>> {
        let ledger = self.ledger().await?;
        let mut runs = Vec::with_capacity(ledger.runs.len());
        for (run_id, ended) in &ledger.runs {
            let Some(plan) = ledger.plans.get(run_id) else { continue };
            let (state, executor) = match ended {
                Some(state) => (*state, None),
                None => {
                    let run = self.journal(run_id).await?;
                    (state_of(&run), run.executor().map(str::to_owned))
                }
            };
            runs.push(RunSummary {
                run_id: run_id.clone(),
                kind: plan.kind,
                from: plan.from.clone(),
                to: plan.to.clone(),
                made_at: plan.made_at,
                state,
                executor,
            });
        }
        Ok(runs)
    }

    /// The identifier of the run that `wanted` means: its whole identifier, the beginning of
    /// exactly one, or `last`.
    pub async fn resolve(&self, wanted: &str) -> Result<String> {
        let runs = self.ledger().await?.runs;
        if wanted == "last" {
            let last = runs.last().map(|(run, _)| run.clone());
            return last.ok_or_else(|| Error::usage("run_unknown", "there is no run yet"));
        }
        let fits: Vec<_> =
            runs.iter().map(|(run, _)| run).filter(|r| r.starts_with(wanted)).collect();
        match fits.as_slice() {
            [run] => Ok((*run).clone()),
            [] => Err(unknown_run(wanted)),
            many if many.iter().any(|run| *run == wanted) => Ok(wanted.to_owned()),
            many => {
                let list = many.iter().map(|run| run.as_str()).collect::<Vec<_>>().join(", ");
                Err(Error::usage("run_ambiguous", format!("`{wanted}` begins several runs"))
                    .hint(format!("one of: {list}")))
            }
        }
    }
}

/// The state as it is written in JSON.
fn word(state: RunState) -> String {
    serde_json::to_value(state).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn unusable(place: &str) -> Error {
    Error::missing("state_folder", format!("the folder `{place}` cannot hold Trefoil's state"))
        .hint(
            "a folder needs a file system with hard links and fsync, free space, and the right to \
             write; a bucket needs writes on the condition that there is nothing yet",
        )
}

pub(super) fn plan_changed(plan_id: &str) -> Error {
    let why = format!("plan {plan_id} is not the plan that the log holds under this name");
    Error::refused("plan_changed", why).hint("a plan is never edited: make a new one")
}

fn unknown_run(run_id: &str) -> Error {
    Error::usage("run_unknown", format!("there is no run `{run_id}`"))
        .hint("`trefoil runs` lists them; `last` is the newest")
}

/// The run has ended.
pub(super) fn run_closed(run_id: &str, state: RunState) -> Error {
    Error::refused("run_closed", format!("run {run_id} has ended as {}", word(state)))
}

pub(super) fn contended() -> Error {
    Error::failed("log_contended", "other processes write to the log all the time")
        .hint("give the same command again")
        .retryable()
}
