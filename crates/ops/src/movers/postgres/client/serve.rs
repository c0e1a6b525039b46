//! The loop that carries a stream: copy, then change after change, again after whatever broke.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, interval_at};
use tokio_postgres::types::PgLsn;

use super::apply::Applier;
use super::feed::{Feed, News};
use super::{copy, progress};
use crate::movers::postgres::bulk;
use crate::movers::postgres::connect::{Pair, Server};
use crate::{Error, Result};

/// How long is waited for news before it is looked whether the stream may still write.
const QUIET: Duration = Duration::from_secs(1);
/// How long a transaction waits for company.
const COMPANY: Duration = Duration::from_millis(1);
/// How often the publisher hears of us while changes are written: it ends a connection on which it
/// hears nothing for `wal_sender_timeout`, and one change may take longer.
const ALIVE: Duration = Duration::from_secs(1);
/// The pause after a failure: at first, and when it goes on.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// Carries a stream from `source` to `target` until it is put to sleep or forgotten. Failures do
/// not end it: they are noted where whoever waits for the stream sees them.
///
/// # Errors
/// None: it goes on.
pub async fn serve(source: &Server, target: &Server, stream: &str) -> Result<()> {
    let mut pause = PAUSE;
    loop {
        let begun = tokio::time::Instant::now();
        match attempt(source, target, stream).await {
            Ok(()) => return Ok(()),
            Err(_) if is_asleep(target, stream).await => return Ok(()),
            Err(error) => {
                tracing::warn!(stream, error = error.chain(), "the stream stopped");
                note(target, stream, &error).await;
            }
        }
        // One that has worked for a while was not kept from it by what keeps it now.
        pause = if begun.elapsed() > PAUSE_MAX { PAUSE } else { (pause * 2).min(PAUSE_MAX) };
        tokio::time::sleep(pause).await;
    }
}

/// Whether the stream may write no longer, as far as that can be found out.
async fn is_asleep(target: &Server, stream: &str) -> bool {
    let looked = async { may_write(&target.again().await?, stream).await };
    looked.await.is_ok_and(|may| !may)
}

/// Best effort: a subscriber that does not answer is what the failure says, mostly.
async fn note(target: &Server, stream: &str, error: &Error) {
    let noted = async {
        let session = target.again().await?;
        progress::note_failure(&session, stream, &error.chain()).await
    };
    if let Err(error) = noted.await {
        tracing::warn!(stream, error = error.chain(), "the failure could not be noted");
    }
}

/// Sessions of its own, for those of an earlier attempt may be lost.
async fn attempt(source: &Server, target: &Server, stream: &str) -> Result<()> {
    let pair = Pair { source: session(source).await?, target: session(target).await? };
    let Some(before) = progress::read(&pair.target, stream).await?.filter(|one| one.enabled) else {
        return Ok(());
    };
    if !before.copied {
        copy::copy(&pair, stream).await?;
    }
    let Some(begin) = progress::read(&pair.target, stream).await? else { return Ok(()) };
    bulk::write_as_replica(&pair.target).await?;
    let mut feed = Feed::open(&pair.source, stream, begin.position)?;
    let mut applier = Applier::new(&pair.target, stream, &begin);
    while follow(&mut feed, &mut applier).await? || may_write(&pair.target, stream).await? {}
    Ok(())
}

/// Takes what comes until it is quiet; whether anything came.
async fn follow(feed: &mut Feed, applier: &mut Applier<'_>) -> Result<bool> {
    let mut came = false;
    loop {
        let wait = if applier.is_between() && applier.is_open() { COMPANY } else { QUIET };
        let news = feed.next(wait).await?;
        came |= news.is_some();
        match news {
            Some(News::Change(message)) => {
                let committed = applier.committed();
                heard(feed, committed, applier.take(*message)).await?;
            }
            Some(News::Sent(position)) if applier.is_between() => {
                // All before it was for us and is written, or was not for us.
                let written = commit(feed, applier).await?;
                feed.confirm(written.max(position)).await?;
            }
            Some(News::Sent(_)) => feed.confirm(applier.committed()).await?,
            None if applier.is_between() && applier.is_open() => {
                let written = commit(feed, applier).await?;
                feed.confirm(written).await?;
            }
            None => return Ok(came),
        }
        if applier.is_full() && applier.is_between() {
            let written = commit(feed, applier).await?;
            feed.confirm(written).await?;
        }
    }
}

async fn commit(feed: &mut Feed, applier: &mut Applier<'_>) -> Result<PgLsn> {
    let committed = applier.committed();
    heard(feed, committed, applier.commit()).await
}

/// Works, and lets the publisher hear meanwhile that nothing after `committed` is written yet.
async fn heard<T>(
    feed: &mut Feed,
    committed: PgLsn,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = pin!(work);
    let mut ticks = interval_at(Instant::now() + ALIVE, ALIVE);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => feed.confirm(committed).await?,
        }
    }
}

async fn may_write(target: &Server, stream: &str) -> Result<bool> {
    Ok(progress::read(target, stream).await?.is_some_and(|progress| progress.enabled))
}

async fn session(server: &Server) -> Result<Server> {
    let session = server.again().await?;
    let patience = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
                    SET row_security = off";
    session.batch("change a setting", patience).await?;
    Ok(session)
}
