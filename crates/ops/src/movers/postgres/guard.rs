//! Guards against what a stream can do to the servers: a slot keeps the log that the other side
//! has not confirmed, and a disk that is full of it stops the application.
//!
//! A stream is ended when its slot keeps more than is free: then the application still has as much
//! room as the slot took. Where the administrator may, the server itself gets a limit
//! (`max_slot_wal_keep_size`) for the time of the move, which holds also while nobody watches.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bookkeeping;
use super::connect::{Pair, Server};
use super::sql::quote_literal;
use super::stream;
use crate::{Error, Result};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// A slot that keeps less than this is no danger to any disk.
const HARMLESS_BYTES: u64 = 64 << 20;
/// A side that receives needs this much free, or it stops itself and its slot grows elsewhere.
const TARGET_FREE_BYTES: u64 = 128 << 20;
/// The part of the free disk that slots may take, when the limit is ours.
const CAP_SHARE: u64 = 2;
/// What [`bookkeeping`] calls the limit that was there before.
const CAP: &str = "max_slot_wal_keep_size";

/// What a slot keeps, and what room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Bytes of write-ahead log that the slot keeps.
    pub retained_bytes: u64,
    /// Bytes free on the disk that holds the log; `None` when the server's disk is not this
    /// machine's.
    pub free_bytes: Option<u64>,
}

impl Room {
    /// Whether the slot has to go.
    pub fn is_short(self) -> bool {
        self.retained_bytes >= HARMLESS_BYTES
            && self.free_bytes.is_some_and(|free| self.retained_bytes > free)
    }
}

/// What the slot of a stream keeps. `None` when there is no such slot.
///
/// # Errors
/// `slot_lost` when the server has given it up.
pub async fn room(publisher: &Server, stream: &str) -> Result<Option<Room>> {
    let sql = "SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::int8,
                      wal_status = 'lost'
               FROM pg_replication_slots WHERE slot_name = $1";
    let rows = publisher.query("look at the slot", sql, &[&stream]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.get::<_, Option<bool>>(1).unwrap_or(false) {
        let name = &publisher.name;
        let why = format!("{name} has given up the slot of stream {stream}: it kept too much log");
        return Err(Error::failed("slot_lost", why)
            .hint("the rows must be copied again: abort the run and begin a new one"));
    }
    let retained_bytes = u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
    Ok(Some(Room { retained_bytes, free_bytes: free(publisher).await? }))
}

/// What is free on the disk that holds a server's log, when that disk is this machine's.
pub async fn free(server: &Server) -> Result<Option<u64>> {
    // Not shown to roles without rights on settings, and a path of another machine says nothing.
    let sql = "SELECT setting FROM pg_settings WHERE name = 'data_directory'
                 AND (inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr())";
    let folders = server.texts("find the data folder", sql, &[]).await?;
    let disk = folders.first().map(|folder| Path::new(folder).join("pg_wal"));
    let stat = disk.and_then(|disk| nix::sys::statvfs::statvfs(&disk).ok());
    Ok(stat.map(|stat| stat.blocks_available() * stat.fragment_size()))
}

/// Does something while the slot of its stream and both disks are watched. When there is no room
/// any more the stream is ended, and this fails with `disk_guard`.
pub async fn during<T>(
    pair: &Pair,
    stream: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let own = Pair {
        source: Server::connect(&pair.source.name, &pair.source.admin).await?,
        target: Server::connect(&pair.target.name, &pair.target.admin).await?,
    };
    let mut ticks = tokio::time::interval(LOOK);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => {
                if ended.is_err() {
                    // A lost slot is told for what it is.
                    room(&own.source, stream).await?;
                }
                return ended;
            }
            _ = ticks.tick() => look(&own, stream).await?,
        }
    }
}

async fn look(pair: &Pair, stream: &str) -> Result<()> {
    require_room(pair, stream).await?;
    let target = &pair.target;
    match free(target).await? {
        Some(free) if free < TARGET_FREE_BYTES => {
            let why = format!("the disk of {} has {} left", target.name, mib(free));
            end(pair, stream, why).await
        }
        _ => Ok(()),
    }
}

/// Ends the stream when its slot leaves too little room on the publisher's disk.
async fn require_room(pair: &Pair, stream: &str) -> Result<()> {
    match room(&pair.source, stream).await? {
        Some(room) if room.is_short() => {
            end(pair, stream, too_short(&pair.source, stream, room)).await
        }
        _ => Ok(()),
    }
}

/// Ends a stream for ever because its slot leaves too little room. Of a subscriber that does not
/// answer the slot is taken all the same: the rest of the stream stays there until the end of the
/// run.
///
/// # Errors
/// `disk_guard`, when it was ended.
pub async fn end_for_room(
    publisher: Server,
    subscriber: Result<Server>,
    stream: &str,
    room: Room,
) -> Result<()> {
    let why = too_short(&publisher, stream, room);
    let Ok(subscriber) = subscriber else {
        stream::drop_slot(&publisher, stream).await?;
        return Err(ended(why));
    };
    end(&Pair { source: publisher, target: subscriber }, stream, why).await
}

fn too_short(publisher: &Server, stream: &str, room: Room) -> String {
    format!(
        "{} keeps {} of its log for stream {stream}, and its disk has {} left",
        publisher.name,
        mib(room.retained_bytes),
        mib(room.free_bytes.unwrap_or(0))
    )
}

/// Ends a stream for ever: its slot goes, and with it what was kept.
async fn end(pair: &Pair, stream: &str, why: String) -> Result<()> {
    stream::unsubscribe(pair, stream).await?;
    Err(ended(why))
}

fn ended(why: String) -> Error {
    let why = format!("{why}: the stream was ended so that the application does not suffer");
    Error::failed("disk_guard", why).hint(
        "the application goes on as before; abort the run, make room or find out why the other \
         side is slow, and begin a new one",
    )
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Limits what slots of a server may keep to a part of its free disk, when nothing limits them yet,
/// nobody else's slot is there, and we may. What was before is remembered. Says what was done.
pub async fn limit_slots(server: &Server) -> Result<Option<String>> {
    let sql = "SELECT setting = '-1', coalesce(sourcefile ~ 'postgresql\\.auto\\.conf$', false),
                      (SELECT rolsuper FROM pg_roles WHERE rolname = session_user),
                      EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name !~ '^(tfr?_|pg_[0-9]+_sync_)')
               FROM pg_settings WHERE name = 'max_slot_wal_keep_size'";
    let row = server.one("read the limit of slots", sql, &[]).await?;
    let (unlimited, by_hand, superuser, others): (bool, bool, bool, bool) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let Some(free) = free(server).await?.filter(|_| unlimited && superuser && !others) else {
        return Ok(None);
    };
    let megabytes = (free / CAP_SHARE) >> 20;
    bookkeeping::note(server, CAP, &by_hand).await?;
    set(
        server,
        &format!("SET max_slot_wal_keep_size = {}", quote_literal(&format!("{megabytes}MB"))),
    )
    .await?;
    Ok(Some(format!("slots of {} may keep {megabytes} MB of its log until the end", server.name)))
}

/// Puts the limit back as it was before [`limit_slots`], if that changed it.
pub async fn restore_limit(server: &Server) -> Result<()> {
    match bookkeeping::recall::<bool>(server, CAP).await? {
        None => Ok(()),
        Some(true) => set(server, "SET max_slot_wal_keep_size = '-1'").await,
        Some(false) => set(server, "RESET max_slot_wal_keep_size").await,
    }
}

async fn set(server: &Server, what: &str) -> Result<()> {
    server.batch("limit what slots keep", &format!("ALTER SYSTEM {what}")).await?;
    server.batch("read the settings again", "SELECT pg_reload_conf()").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_goes_when_it_keeps_more_than_is_free() {
        let room =
            |retained: u64, free| Room { retained_bytes: retained << 20_u32, free_bytes: free };
        assert!(!room(10, Some(0)).is_short(), "10 MiB fill no disk");
        assert!(!room(100, Some(200 << 20)).is_short());
        assert!(room(201, Some(200 << 20)).is_short());
        assert!(!room(9_999, None).is_short(), "an unknown disk is the server's own limit's");
    }
}
