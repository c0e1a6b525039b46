//! The part that a move and a rollback share: from arming the way back to closing it.

use std::collections::BTreeMap;

use super::builder::Steps;
use super::estimate;
use crate::plan::*;
use crate::spec::AppSpec;

/// How many requests may wait at the edge while a switch is under way.
const HELD_REQUESTS_MAX: u64 = 2_000;

/// How long one request may wait at the edge, in milliseconds.
const HELD_MS_MAX: u64 = 30_000;

/// What a switch from one environment to another is made of.
pub(super) struct Switch<'a> {
    pub(super) spec: &'a AppSpec,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) epoch: u64,
    /// The stream that brings the source's changes to the target.
    pub(super) stream: &'a str,
    /// The stream that will bring the target's changes to the source.
    pub(super) return_stream: &'a str,
    /// Who may use the source's database while it is open.
    pub(super) source_access: AccessRef,
    /// Who may use the target's database from the switch on.
    pub(super) target_access: AccessRef,
    /// What the finish puts back.
    pub(super) prepared: Prepared,
    /// The step that compared the database.
    pub(super) verified: usize,
    /// What has been carried of the stores.
    pub(super) carried: Carried,
    /// Buckets that are listed while users wait, and how long that takes.
    pub(super) listed: BTreeMap<String, Interval>,
}

/// The steps that carried each store last.
pub(super) struct Carried {
    pub(super) buckets: Vec<(String, usize)>,
    pub(super) sessions: Option<usize>,
}

impl Switch<'_> {
    /// Adds everything from arming the way back to closing it.
    pub(super) fn add(&self, steps: &mut Steps) {
        self.arm(steps);
        // The first pass may take long enough for the second to have work; the second does not.
        let caught_up = self.catch_up(steps, &self.carried);
        let caught_up = self.catch_up(steps, &caught_up);
        steps.open_window();
        self.hold(steps);
        let last = self.fence_and_carry(steps, &caught_up);
        self.hand_over(steps);
        self.serve(steps);
        self.keep_the_way_back(steps, &last);
        self.close_the_way_back(steps);
    }

    fn has_database(&self) -> bool {
        self.spec.database.is_some()
    }

    /// Whether the application waits beside its closed database, so that it need not be started
    /// while users wait.
    fn stands_by(&self) -> bool {
        self.spec.application.as_ref().is_some_and(|app| !app.needs_database_to_start)
    }

    fn arm(&self, steps: &mut Steps) {
        if self.has_database() {
            let arm = ArmReturn {
                from: self.from.into(),
                to: self.to.into(),
                stream: self.return_stream.into(),
            };
            let undo = "drop the stream back on both servers";
            steps.undoable(Action::ArmReturn(arm), estimate::STATEMENTS, undo);
        }
        if self.stands_by() {
            let undo = format!("stop the application on {}", self.to);
            steps.undoable(self.start(true), estimate::START, &undo);
        }
    }

    fn start(&self, standby: bool) -> Action {
        Action::StartApplication(StartApplication { environment: self.to.into(), standby })
    }

    fn hold(&self, steps: &mut Steps) {
        let Some(application) = &self.spec.application else { return };
        let hold = HoldTraffic {
            environment: self.from.into(),
            limit_requests: HELD_REQUESTS_MAX,
            limit_ms: HELD_MS_MAX,
        };
        let undo = format!("release what was held to {}", self.from);
        steps.undoable(Action::HoldTraffic(hold), estimate::EDGE, &undo);
        let drain_ms = application.drain.as_millis();
        let drain = DrainTraffic { environment: self.from.into(), deadline_ms: drain_ms };
        steps.plain(Action::DrainTraffic(drain), Interval::new(1, drain_ms));
        let stop = StopApplication { environment: self.from.into(), drain_ms };
        let undo = format!("start the application on {} again", self.from);
        steps.undoable(Action::StopApplication(stop), estimate::STOP, &undo);
    }

    /// One more pass shortly before users wait, so that the last one has little to carry.
    fn catch_up(&self, steps: &mut Steps, carried: &Carried) -> Carried {
        let buckets = carried.buckets.iter().map(|(bucket, since)| {
            let copy = self.copy_objects(bucket, Since::Step(*since), false);
            (bucket.clone(), steps.plain(copy, estimate::CATCH_UP))
        });
        let buckets = buckets.collect();
        let sessions = carried.sessions.map(|since| {
            steps.plain(self.copy_sessions(Since::Step(since), false), estimate::CATCH_UP)
        });
        Carried { buckets, sessions }
    }

    /// Closes the source's database and carries what changed last.
    fn fence_and_carry(&self, steps: &mut Steps, caught_up: &Carried) -> Carried {
        if self.has_database() {
            let access = self.source_access.clone();
            let fence = FenceDatabase { environment: self.from.into(), access };
            let undo = format!("open the database on {} again", self.from);
            steps.undoable(Action::FenceDatabase(fence), estimate::FENCE, &undo);
        }
        let buckets = caught_up.buckets.iter().map(|(bucket, since)| {
            let copy = self.copy_objects(bucket, Since::Step(*since), true);
            let time = self.listed.get(bucket).copied().unwrap_or(estimate::LAST_PASS);
            (bucket.clone(), steps.plain(copy, time))
        });
        let buckets = buckets.collect();
        let sessions = caught_up.sessions.map(|since| {
            steps.plain(self.copy_sessions(Since::Step(since), true), estimate::LAST_PASS)
        });
        Carried { buckets, sessions }
    }

    fn copy_objects(&self, bucket: &str, since: Since, last: bool) -> Action {
        Action::CopyObjects(CopyObjects {
            from: self.from.into(),
            to: self.to.into(),
            bucket: bucket.into(),
            since,
            last,
        })
    }

    fn copy_sessions(&self, since: Since, last: bool) -> Action {
        let (from, to) = (self.from.into(), self.to.into());
        Action::CopySessions(CopySessions { from, to, since, last })
    }

    fn hand_over(&self, steps: &mut Steps) {
        if !self.has_database() {
            return;
        }
        let (from, to, stream) = (self.from.to_owned(), self.to.to_owned(), self.stream.to_owned());
        let drain = DrainDatabase { from: from.clone(), to: to.clone(), stream: stream.clone() };
        steps.plain(Action::DrainDatabase(drain), estimate::MARKER);
        let sync = SyncDatabase { from: from.clone(), to: to.clone(), verified: self.verified };
        steps.plain(Action::SyncDatabase(sync), estimate::SYNC);
        let return_stream = self.return_stream.to_owned();
        let detach = DetachDatabase { from, to, stream, return_stream };
        let undo = "let the stream flow again";
        steps.undoable(Action::DetachDatabase(detach), estimate::DETACH, undo);
        let open = OpenDatabase {
            environment: self.to.into(),
            epoch: self.epoch,
            access: self.target_access.clone(),
        };
        steps.switch(Action::OpenDatabase(open), estimate::OPEN);
    }

    fn serve(&self, steps: &mut Steps) {
        let Some(application) = &self.spec.application else { return };
        if !self.stands_by() {
            steps.plain(self.start(false), estimate::START);
        }
        if self.has_database() {
            steps.plain(
                self.await_ready(application.health.start_time.as_millis()),
                estimate::READY,
            );
        }
        let (from, to) = (self.from.into(), self.to.into());
        let switch = Action::SwitchTraffic(SwitchTraffic { from, to, epoch: self.epoch });
        if self.has_database() {
            steps.plain(switch, estimate::EDGE);
        } else {
            steps.switch(switch, estimate::EDGE);
        }
    }

    fn await_ready(&self, timeout_ms: u64) -> Action {
        Action::AwaitReady(AwaitReady { environment: self.to.into(), timeout_ms })
    }

    fn keep_the_way_back(&self, steps: &mut Steps, Carried { buckets, sessions }: &Carried) {
        let (from, to) = (self.from.to_owned(), self.to.to_owned());
        let return_stream = self.return_stream.to_owned();
        if self.has_database() {
            let start = StartReturn {
                from: from.clone(),
                to: to.clone(),
                stream: self.stream.into(),
                return_stream: return_stream.clone(),
            };
            steps.plain(Action::StartReturn(start), estimate::STATEMENTS);
        }
        let validate = Validate {
            from: from.clone(),
            to: to.clone(),
            return_stream,
            buckets: buckets.clone(),
            sessions: *sessions,
        };
        steps.plain(Action::Validate(validate), estimate::CATCH_UP);
        let (buckets, sessions) = (buckets.clone(), *sessions);
        let backflow = StartBackflow { from: to, to: from, buckets, sessions };
        steps.plain(Action::StartBackflow(backflow), estimate::STATEMENTS);
    }

    fn close_the_way_back(&self, steps: &mut Steps) {
        let (from, to) = (self.from.to_owned(), self.to.to_owned());
        let backflow = FinishBackflow { from: to.clone(), to: from.clone() };
        steps.finish(Action::FinishBackflow(backflow), estimate::STATEMENTS);
        if self.has_database() {
            let return_stream = self.return_stream.to_owned();
            let prepared = self.prepared.clone();
            let finish = FinishDatabase { from, to, return_stream, prepared };
            steps.finish(Action::FinishDatabase(finish), estimate::STATEMENTS);
        }
    }
}
