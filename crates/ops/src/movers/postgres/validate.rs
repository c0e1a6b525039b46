//! The proof after the switch that the stream back flows.

use serde::{Deserialize, Serialize};
use trefoil_core::plan::{TableProof, VerifyOutput};

use super::connect::Pair;
use super::lag::{self, Lag};
use super::verify::{self, Pace};
use crate::Result;

/// What was seen after the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseProof {
    /// How far the side that served is behind.
    pub lag: Lag,
    /// The ranges that users change all the time, compared over the stream back.
    pub compared: Vec<TableProof>,
}

/// Waits until the stream back has brought what users wrote on the side that serves
/// (`pair.source`), and compares the ranges that they change most. All other rows were proven
/// equal before the switch, by the stream there, and nothing but that stream wrote on this side.
/// Fails with `rows_differ`.
pub async fn after_switch(
    pair: &Pair,
    return_stream: &str,
    verified: &VerifyOutput,
) -> Result<DatabaseProof> {
    lag::catch_up(pair, return_stream, &|_| {}).await?;
    let compared = verify::hot(pair, return_stream, &verified.hot, &Pace::full()).await?;
    Ok(DatabaseProof { lag: lag::lag(&pair.source, return_stream).await?, compared })
}
