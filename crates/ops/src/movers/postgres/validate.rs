//! The comparison after the switch, over the stream back.

use serde::{Deserialize, Serialize};
use trefoil_core::plan::VerifyOutput;

use super::connect::Pair;
use super::lag::{self, Lag};
use super::verify;
use crate::Result;
use crate::engine::Progress;

/// What was seen after the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseProof {
    /// How far the side that served is behind.
    pub lag: Lag,
    /// The comparison of all tables; ranges that users change all the time are listed.
    pub compared: VerifyOutput,
}

/// Compares the side that serves (`pair.source`) with the one that follows it, while users write.
/// Fails with `rows_differ`.
pub async fn after_switch(
    pair: &Pair,
    return_stream: &str,
    progress: &dyn Progress,
) -> Result<DatabaseProof> {
    lag::catch_up(pair, return_stream, &|_| {}).await?;
    let compared = verify::streaming(pair, return_stream, progress).await?;
    Ok(DatabaseProof { lag: lag::lag(&pair.source, return_stream).await?, compared })
}
