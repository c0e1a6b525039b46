//! The run loop: forwards, step after step, each begun and ended in the journal.

use std::future::Future;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use trefoil_core::journal::{Event, Run, RunState};
use trefoil_core::plan::{Action, Inputs, Plan, PlanKind, Step};

use super::{Check, Context, Perform, Progress, Stop, Wish, World, words};
use crate::state::{Journal, State, executed_by};
use crate::supervisor::{self, Beat, Tool};
use crate::{Result, actions};

/// Performs plans. Everything it does is in the journal before it is done.
pub struct Engine<'a> {
    pub(super) state: &'a State,
    pub(super) world: &'a World,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: Stop,
    pub(super) actions: fn(&Action) -> &dyn Perform,
    pub(super) supervised: bool,
    pub(super) abort: Wish,
}

/// What may cut a step.
struct Limits {
    stop: Option<Stop>,
    abort: Option<Wish>,
    deadline: Option<Instant>,
}

impl<'a> Engine<'a> {
    /// An engine on this state and world.
    pub fn new(
        state: &'a State,
        world: &'a World,
        progress: &'a dyn Progress,
        stop: Stop,
    ) -> Engine<'a> {
        Engine {
            state,
            world,
            progress,
            stop,
            actions: actions::of,
            supervised: false,
            abort: Wish::default(),
        }
    }

    /// Has every move that this engine performs watched over by a process of its own, which goes
    /// on with it when this process dies or freezes.
    #[must_use]
    pub fn supervised(self, supervised: bool) -> Engine<'a> {
        Engine { supervised, ..self }
    }

    /// Whether the run of a plan may begin; nothing is changed. `observed` is what the plan's
    /// inputs are now.
    ///
    /// # Errors
    /// `plan_blocked`, `inventory_changed`, `epoch_stale`.
    pub async fn admit(&self, plan: &Plan, observed: &Inputs) -> Result<()> {
        if !plan.blockers.is_empty() {
            return Err(words::blocked(plan));
        }
        unchanged(&plan.inputs, observed)?;
        if plan.switch_step().is_some() {
            let ledger = self.state.ledger().await?;
            if ledger.epoch + 1 != plan.epoch {
                return Err(words::epoch_stale(plan, &ledger));
            }
        }
        Ok(())
    }

    /// Begins the run of a recorded plan and performs it until its end or, where the plan marks a
    /// finish, until the soak. When a step fails before the switch, the source serves again before
    /// this returns with code `run_paused`; a plan that asks for approvals is opened and waits for
    /// them with code `approval_missing`. Fails like [`Engine::admit`] before anything is done.
    pub async fn start(&self, plan: &Plan, observed: &Inputs) -> Result<Run> {
        self.admit(plan, observed).await?;
        if !plan.kind.is_move() {
            self.state.supersede().await?;
        }
        let mut journal = self.state.open_run(plan).await?;
        if let Err(refused) = self.alone(&plan.plan_id).await {
            self.state.close_run(&mut journal, RunState::Failed).await?;
            return Err(refused);
        }
        if journal.run().approvals_missing() > 0 {
            return Err(words::approval_missing(journal.run()));
        }
        let _watched = match self.watched(journal.run()).await {
            Ok(beat) => beat,
            Err(refused) => {
                self.state.close_run(&mut journal, RunState::Failed).await?;
                return Err(refused);
            }
        };
        let _listening = self.abort.listen(self.state, &plan.plan_id);
        self.forward(&mut journal).await
    }

    /// Goes on with a run whose process died or stopped: first what was begun of the window is
    /// undone, unless the switch was begun; then forwards. An abort that was begun is gone on with.
    pub async fn resume(&self, run_id: &str) -> Result<Run> {
        if let Some(ended) = self.settled(run_id).await? {
            return Ok(ended);
        }
        let (mut journal, _watched) = self.take_over(run_id).await?;
        self.start_again(journal.run()).await?;
        if journal.run().abort_requested || self.state.abort_is_due(journal.run()).await? {
            return self.take_back(&mut journal).await;
        }
        self.compensate(&mut journal).await?;
        let _listening = self.abort.listen(self.state, run_id);
        self.forward(&mut journal).await
    }

    /// Only undoes what was begun of the window of a run whose process died or stopped, so that
    /// the source serves again. Nothing is done from the switch on.
    pub async fn compensate_only(&self, run_id: &str) -> Result<Run> {
        if let Some(ended) = self.settled(run_id).await? {
            return Ok(ended);
        }
        let (mut journal, _watched) = self.take_over(run_id).await?;
        let why = "the source was to serve again, and no more".to_owned();
        journal.append(Event::Halted { why }).await?;
        self.start_again(journal.run()).await?;
        self.compensate(&mut journal).await?;
        Ok(journal.run().clone())
    }

    /// Undoes every step of a run, last first, and closes it. Refused from the switch on. A process
    /// that executes the run is asked to do so itself, and waited for.
    pub async fn abort(&self, run_id: &str) -> Result<Run> {
        if let Some(ended) = self.settled(run_id).await? {
            return Ok(ended);
        }
        if let Some(ended) = self.abort_by_executor(run_id).await? {
            return Ok(ended);
        }
        let (mut journal, _watched) = self.take_over(run_id).await?;
        self.start_again(journal.run()).await?;
        self.take_back(&mut journal).await
    }

    /// Closes the way back of a run that soaks, and ends it.
    pub async fn finish(&self, run_id: &str) -> Result<Run> {
        let run = self.state.journal(run_id).await?;
        // A rollback that is open beside the run needs the way back.
        let alone = self.state.ledger().await?.open_run() == Some(run_id);
        let begun = run.finish_requested && run.closed.is_none();
        let may_begin = run.soaking() && alone;
        if !begun && !may_begin {
            return Err(words::not_soaking(run_id));
        }
        let (mut journal, _watched) = self.take_over(run_id).await?;
        if !journal.run().finish_requested {
            journal.append(Event::FinishRequested).await?;
        }
        self.forward(&mut journal).await
    }

    /// The run, when all that was left of it was to be noted as ended in the log.
    async fn settled(&self, run_id: &str) -> Result<Option<Run>> {
        match self.state.settle().await?.iter().any(|settled| settled == run_id) {
            true => self.state.journal(run_id).await.map(Some),
            false => Ok(None),
        }
    }

    /// Adopts a run, unless another process that lives is executing it. A supervisor that cannot
    /// be started does not keep a person from ending what was begun.
    async fn take_over(&self, run_id: &str) -> Result<(Journal, Option<Beat>)> {
        self.state.settle().await?;
        let run = self.state.journal(run_id).await?;
        if let Some(other) = executed_by(&run) {
            return Err(words::running(run_id, &other.to_string()));
        }
        let journal = self.state.adopt(run_id).await?;
        self.alone(run_id).await?;
        let watched = self.watched(journal.run()).await.unwrap_or_else(|error| {
            self.progress.note(&format!("nobody watches over this process: {}", error.chain()));
            None
        });
        Ok((journal, watched))
    }

    /// Has this process watched over from now on, which gives a sign of life for as long as the
    /// value is kept. What only brings an environment up or down is not worth it: it is given again.
    async fn watched(&self, run: &Run) -> Result<Option<Beat>> {
        // A run that waits for approvals does nothing, and is gone on with by a person only.
        let waits = run.approvals_missing() > 0 && !run.abort_requested;
        if !self.supervised || !run.plan.kind.is_move() || waits {
            return Ok(None);
        }
        let run_id = &run.plan.plan_id;
        let World { program, spec_file, folder, log_url, .. } = self.world;
        let log_url = log_url.as_deref();
        supervisor::start(&Tool { program, spec_file, folder, log_url }, run_id).await?;
        Beat::begin(&self.world.folder, run_id).map(Some)
    }

    /// Refuses to go on beside another run that a living process executes. Asked after this
    /// process has written that it executes: of two at once, at least one sees the other.
    async fn alone(&self, run_id: &str) -> Result<()> {
        for other in self.state.open_runs().await? {
            let other_id = &other.run.plan.plan_id;
            if let Some(executor) = executed_by(&other.run).filter(|_| other_id != run_id) {
                return Err(words::running(other_id, &executor.to_string()));
            }
        }
        Ok(())
    }

    async fn forward(&self, journal: &mut Journal) -> Result<Run> {
        if journal.run().approvals_missing() > 0 {
            return Err(words::approval_missing(journal.run()));
        }
        let mut deadline = None;
        while let Some(step) = next(journal.run()) {
            if step.window && deadline.is_none() {
                let window = Duration::from_millis(journal.run().plan.window_deadline_ms);
                deadline = Some(Instant::now() + window);
            }
            self.progress.step_began(&step);
            let ended = self.take(journal, &step, deadline).await?;
            self.progress.step_ended(&step, ended.as_ref().err());
            if let Err(cause) = ended {
                if self.abort.is_felt() && !journal.run().switched() {
                    self.take_back(journal).await?;
                    return Err(words::aborted(journal.run()));
                }
                journal.append(Event::Halted { why: cause.chain() }).await?;
                self.compensate(journal).await?;
                let active = self.state.ledger().await?.active;
                return Err(words::paused(journal.run(), &step, active.as_deref(), cause));
            }
        }
        self.conclude(journal).await
    }

    /// One step. The outer error is the log's: without it nothing may be done, not even an undo.
    async fn take(
        &self,
        journal: &mut Journal,
        step: &Step,
        deadline: Option<Instant>,
    ) -> Result<Result<()>> {
        let limits = self.limits(journal.run(), step, deadline);
        let context = self.acting(journal, step);
        let check = self.action(step).check(&context);
        let done = match self.within(&limits, journal.run(), check).await {
            Ok(Check::Done(output)) => Some(output),
            Ok(Check::Ready | Check::After { .. }) => None,
            Ok(Check::Blocked(error)) | Err(error) => return Ok(Err(error)),
        };
        let n = step.n;
        let found = match self.within(&limits, journal.run(), self.find(journal, step)).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        journal.append(Event::Started { step: n, found }).await?;
        match self.performed(journal, step, deadline, done).await {
            Ok(output) => journal.append(Event::Succeeded { step: n, output }).await.map(Ok),
            Err(cause) => {
                journal.append(Event::Failed { step: n, error: cause.chain() }).await?;
                Ok(Err(cause))
            }
        }
    }

    /// Looks once only: what a step that is begun again would find, it has made itself.
    async fn find(&self, journal: &Journal, step: &Step) -> Result<Option<Value>> {
        match journal.run().found.contains_key(&step.n) {
            true => Ok(None),
            false => self.action(step).find(&self.acting(journal, step)).await,
        }
    }

    async fn performed(
        &self,
        journal: &Journal,
        step: &Step,
        deadline: Option<Instant>,
        done: Option<Value>,
    ) -> Result<Value> {
        let run = journal.run();
        if step.switch {
            journal.require_ours().await?;
            self.state.open_epoch(run.plan.epoch, &run.plan.to, &run.plan.plan_id).await?;
        }
        if let Some(output) = done {
            return Ok(output);
        }
        let limits = self.limits(run, step, deadline);
        let context = self.acting(journal, step);
        self.within(&limits, run, self.action(step).perform(&context)).await
    }

    /// Before the switch a window ends at its deadline. From the switch until users are served
    /// again nothing cuts a step: the only way is forward.
    fn limits(&self, run: &Run, step: &Step, deadline: Option<Instant>) -> Limits {
        let serving = run.plan.find(|action| matches!(action, Action::SwitchTraffic(_)));
        let users_wait = step.switch || serving.is_some_and(|serving| step.n <= serving);
        let forward_only = run.switched() && users_wait;
        Limits {
            stop: (!forward_only).then(|| self.stop.clone()),
            abort: (!run.switched()).then(|| self.abort.clone()),
            deadline: deadline.filter(|_| !run.switched()),
        }
    }

    async fn within<T>(
        &self,
        limits: &Limits,
        run: &Run,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let stopped = async {
            match &limits.stop {
                Some(stop) => stop.asked().await,
                None => std::future::pending().await,
            }
        };
        let taken_back = async {
            match &limits.abort {
                Some(abort) => abort.felt().await,
                None => std::future::pending().await,
            }
        };
        let late = async {
            match limits.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(words::interrupted()),
            () = taken_back => Err(words::abort_asked()),
            () = late => Err(words::window_deadline(&run.plan)),
            ended = work => ended,
        }
    }

    /// What follows from the steps that are done: a destroyed environment is not active any more,
    /// a run that was taken back is closed, and so is a run without further steps.
    async fn conclude(&self, journal: &mut Journal) -> Result<Run> {
        let plan = journal.run().plan.clone();
        for step in plan.steps.iter().filter(|step| journal.run().is_done(step.n)) {
            if let Action::TearDownEnvironment(done) = &step.action
                && done.destroy
            {
                self.state.note_destroyed(&done.environment, &plan.plan_id).await?;
            }
        }
        if let Some(parent) = plan.parent.as_ref().filter(|_| plan.kind == PlanKind::Rollback)
            && self.state.ledger().await?.is_open(parent)
        {
            let mut taken_back = self.state.adopt(parent).await?;
            self.state.close_run(&mut taken_back, RunState::RolledBack).await?;
        }
        if journal.run().next_step().is_none() {
            self.state.close_run(journal, RunState::Succeeded).await?;
        }
        Ok(journal.run().clone())
    }

    pub(super) fn action<'s>(&self, step: &'s Step) -> &'s dyn Perform {
        (self.actions)(&step.action)
    }

    /// What an action sees that may change something.
    pub(super) fn acting<'c>(&'c self, journal: &'c Journal, step: &'c Step) -> Context<'c> {
        Context { journal: Some(journal), ..self.context(journal.run(), step) }
    }

    /// What an action sees that only looks.
    pub(super) fn context<'c>(&'c self, run: &'c Run, step: &'c Step) -> Context<'c> {
        Context { world: self.world, run, step, progress: self.progress, journal: None }
    }
}

/// The next step to perform; `None` at the end, and at the soak until a person ends it.
fn next(run: &Run) -> Option<Step> {
    if run.at_rest() { None } else { run.next_step().cloned() }
}

fn unchanged(planned: &Inputs, observed: &Inputs) -> Result<()> {
    let inputs = [
        ("the specification", &planned.specification, &observed.specification),
        ("what exists at the source", &planned.source, &observed.source),
        ("what exists at the target", &planned.target, &observed.target),
    ];
    match inputs.iter().find(|(_, planned, observed)| planned != observed) {
        Some((what, ..)) => Err(words::inventory_changed(what, &planned.differences(observed))),
        None => Ok(()),
    }
}
