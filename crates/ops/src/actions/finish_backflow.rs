//! See [`FinishBackflow`].

use async_trait::async_trait;
use serde_json::Value;
use trefoil_core::plan::FinishBackflow;

use crate::engine::{Check, Context, Perform};
use crate::{Error, Result};

#[async_trait]
impl Perform for FinishBackflow {
    async fn check(&self, _cx: &Context<'_>) -> Result<Check> {
        Err(Error::refused("not_yet", "PLACEHOLDER"))
    }

    async fn perform(&self, _cx: &Context<'_>) -> Result<Value> {
        Err(Error::refused("not_yet", "PLACEHOLDER"))
    }

    async fn undo(&self, _cx: &Context<'_>) -> Result<()> {
        Err(Error::refused("not_yet", "PLACEHOLDER"))
    }
}
