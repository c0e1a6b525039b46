//! The slots of a stream on its publisher.

use std::time::Duration;

use tokio::time::Instant;

use super::catalog;
use super::connect::{Pair, Server};
use super::sql::quote_literal;
use crate::{Error, Result};

/// How long a sender may take to end.
const END_SENDER: Duration = Duration::from_secs(10);
/// Between two looks while it ends.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Drops the stream's slot on the publisher, and those with which the subscriber copied tables:
/// they carry the subscriber's number.
pub(super) async fn drop_all(pair: &Pair, stream: &str) -> Result<()> {
    let number = catalog::system_identifier(&pair.target).await?;
    drop_like(&pair.source, stream, &number).await
}

/// Drops the stream's slot on the publisher alone, where the subscriber cannot be asked.
pub(super) async fn drop_own(publisher: &Server, stream: &str) -> Result<()> {
    drop_like(publisher, stream, "").await
}

async fn drop_like(publisher: &Server, stream: &str, number: &str) -> Result<()> {
    let sql = "SELECT slot_name::text, active_pid FROM pg_replication_slots
               WHERE slot_name = $1 OR slot_name ~ ('^pg_[0-9]+_sync_[0-9]+_' || $2 || '$')";
    let deadline = Instant::now() + END_SENDER;
    loop {
        let slots = publisher.query("list slots", sql, &[&stream, &number]).await?;
        if slots.is_empty() {
            return Ok(());
        }
        for slot in &slots {
            let name: String = slot.get(0);
            let sql = match slot.get::<_, Option<i32>>(1) {
                Some(pid) => format!("SELECT pg_terminate_backend({pid})"),
                None => format!("SELECT pg_drop_replication_slot({})", quote_literal(&name)),
            };
            let ended = publisher.batch(&format!("drop slot {name}"), &sql).await;
            if Instant::now() > deadline {
                ended?;
                let why = format!("slot {name} on {} stays in use", publisher.name);
                return Err(Error::failed("slot_in_use", why).retryable());
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
