//! The proof that everything written on one side has arrived on the other.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::connect::{Pair, Server};
use super::lag;
use crate::{Error, Result};

/// How long a marker may take; users wait meanwhile.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Writes a marker on the closed source and waits until it is on the target. Changes are applied
/// in the order of their commits, so everything before it is there too. Then asks the source's
/// slot, which is told from the other side, whether that is so.
pub async fn drain(pair: &Pair, stream: &str, run: &str) -> Result<()> {
    let id = Uuid::new_v4().to_string();
    let deadline = Instant::now() + DRAIN_LIMIT;
    let sql = "INSERT INTO trefoil.marker VALUES ($1, $2::text::uuid)";
    pair.source.query("write a marker", sql, &[&run, &id]).await?;
    let written = lag::insert_position(&pair.source).await?;
    while !arrived(&pair.target, &id).await? {
        if Instant::now() > deadline {
            return Err(late(stream, "the marker has not arrived"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    while !lag::confirmed(pair, stream, written).await? {
        if Instant::now() > deadline {
            return Err(late(stream, "the slot does not confirm what has arrived"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn arrived(server: &Server, id: &String) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM trefoil.marker WHERE id = $1::text::uuid)";
    Ok(server.one("look for the marker", sql, &[id]).await?.get(0))
}

fn late(stream: &str, what: &str) -> Error {
    let why = format!("stream {stream}: {what} within {} s", DRAIN_LIMIT.as_secs());
    Error::failed("drain_late", why)
}
