//! Comparing objects, sessions and secrets of both sides after a switch.

use jiff::Timestamp;
use trefoil_core::plan::{CopyOutput, StoreProof, Validate, ValidateOutput};

use super::copies::{Sides, route};
use crate::Result;
use crate::engine::Context;
use crate::movers::{objects, secrets, sessions};

/// Compares every store. What users changed on the new side since the switch is left out: that is
/// what the target's change record holds after the position at the switch.
pub(super) async fn prove(step: &Validate, cx: &Context<'_>) -> Result<ValidateOutput> {
    let (source, target) = (&cx.site(&step.from)?.services, &cx.site(&step.to)?.services);
    let mut all_objects = StoreProof::begin();
    let sides = Sides { from: &step.from, to: &step.to };
    for (bucket, copied) in &step.buckets {
        let route = route(cx, &sides, bucket).await?;
        let since = cx.output::<CopyOutput>(*copied)?.target_position;
        let changed = objects::changed_since(&route.target, since).await?;
        let differences = objects::differences(&route, &changed).await?;
        let changed = objects::changed_since(&route.target, since).await?;
        all_objects = all_objects.and(differences.settle(&changed));
    }
    let mut all_sessions = StoreProof::begin();
    if let (Some(copied), Some(source), Some(target)) =
        (step.sessions, &source.sessions, &target.sessions)
    {
        let since = cx.output::<CopyOutput>(copied)?.target_position;
        let changed = sessions::changed_since(target, since).await?;
        let now = Timestamp::now();
        let differences = sessions::differences(source, target, now, &changed).await?;
        all_sessions = differences.settle(&sessions::changed_since(target, since).await?);
    }
    let secrets = secrets::compare(&source.secrets, &target.secrets).await?;
    Ok(ValidateOutput { objects: all_objects, sessions: all_sessions, secrets })
}
