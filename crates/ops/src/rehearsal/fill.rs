//! Fills the scratch source: with the actions that a move copies with, and a dump of the database.

use jiff::Timestamp;
use trefoil_core::plan::{
    Action, Bytes, CopyObjects, CopySecrets, CopySessions, Interval, Plan, PlanKind,
    ProvisionEnvironment, Since, Step,
};
use trefoil_core::planner::environment::inputs;

use super::{Rehearsal, database};
use crate::Result;
use crate::engine::World;
use crate::state::{State, new_id};

/// What the environment that serves is called while the copy has its name. No environment of a
/// specification can be called so.
const REAL: &str = "(the real one)";

/// Makes the scratch source and brings into it what the real one holds.
pub(super) async fn fill(rehearsal: &Rehearsal<'_>, state: &State) -> Result<()> {
    let from = rehearsal.plan.from.as_str();
    let scratch = (rehearsal.open)()?;
    scratch.site(from)?.provision.provision().await?;
    // Opened anew: what was made just now can be opened only now.
    let mut world = (rehearsal.open)()?;
    let real = rehearsal.real.site(from)?.clone();
    world.sites.insert(REAL.to_owned(), real);
    let plan = plan(&world, from);
    state.record_plan(&plan).await?;
    rehearsal.engine(state, &world).start(&plan, &plan.inputs).await?;
    match world.spec.database {
        Some(_) => database::copy(world.site(REAL)?, world.site(from)?).await,
        None => Ok(()),
    }
}

/// Everything but the database.
fn plan(world: &World, environment: &str) -> Plan {
    let (from, to) = (REAL.to_owned(), environment.to_owned());
    let provision = ProvisionEnvironment { environment: to.clone() };
    let secrets = CopySecrets { from: from.clone(), to: to.clone() };
    let mut actions = vec![Action::ProvisionEnvironment(provision), Action::CopySecrets(secrets)];
    for bucket in world.spec.buckets.keys() {
        actions.push(Action::CopyObjects(CopyObjects {
            from: from.clone(),
            to: to.clone(),
            bucket: bucket.clone(),
            since: Since::Beginning,
            last: false,
        }));
    }
    if world.spec.sessions.is_some() {
        let since = Since::Beginning;
        actions.push(Action::CopySessions(CopySessions { from, to, since, last: false }));
    }
    of_actions(world, environment, actions)
}

fn of_actions(world: &World, environment: &str, actions: Vec<Action>) -> Plan {
    let step = |(n, action)| Step {
        n,
        action,
        undo: None,
        estimate_ms: Interval::default(),
        window: false,
        switch: false,
        finish: false,
    };
    let nothing = String::new;
    Plan {
        plan_id: new_id(),
        kind: PlanKind::Up,
        made_at: Timestamp::now(),
        application: world.spec.name.clone(),
        from: environment.to_owned(),
        to: environment.to_owned(),
        epoch: 1,
        parent: None,
        inputs: inputs(&world.spec),
        steps: (1..).zip(actions).map(step).collect(),
        mapping: Vec::new(),
        blockers: Vec::new(),
        bytes: Bytes::default(),
        downtime_ms: Interval::default(),
        traffic: nothing(),
        window_deadline_ms: 0,
        soak_ms: 0,
        required_approvals: 0,
        rehearsed_at: None,
        checklist: Vec::new(),
    }
}
