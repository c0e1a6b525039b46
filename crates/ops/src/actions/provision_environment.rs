//! See [`ProvisionEnvironment`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trefoil_clouds::operate::provision::Provisioned;
use trefoil_core::plan::ProvisionEnvironment;

use crate::Result;
use crate::engine::{Check, Context, Perform};

/// What undoing needs to know.
#[derive(Serialize, Deserialize)]
struct Output {
    /// Whether nothing was there before, so that undoing may delete what is there now.
    created: bool,
}

#[async_trait]
impl Perform for ProvisionEnvironment {
    async fn check(&self, cx: &Context<'_>) -> Result<Check> {
        let site = cx.site(&self.environment)?;
        Ok(match site.provision.state().await? {
            Provisioned::Running => Check::Done(json!(Output { created: false })),
            Provisioned::Absent | Provisioned::Stopped => Check::Ready,
        })
    }

    /// A process that dies in here leaves an environment that the next one finds and takes for
    /// somebody else's: undoing then keeps it, which is the safe mistake.
    async fn perform(&self, cx: &Context<'_>) -> Result<Value> {
        let site = cx.site(&self.environment)?;
        let created = site.provision.state().await? == Provisioned::Absent;
        site.provision.provision().await?;
        Ok(json!(Output { created }))
    }

    async fn undo(&self, cx: &Context<'_>) -> Result<()> {
        let site = cx.site(&self.environment)?;
        let ours = cx.output::<Output>(cx.step.n).is_ok_and(|output| output.created);
        if ours {
            return site.provision.destroy().await;
        }
        if site.provision.state().await? != Provisioned::Absent {
            let name = &self.environment;
            cx.progress.note(&format!(
                "`{name}` is kept: this run is not known to have made it; \
                 `trefoil down {name}` stops it"
            ));
        }
        Ok(())
    }
}
