//! Bringing one key up to date, whatever comes in between.

use futures::StreamExt;
use futures::stream::TryStreamExt;
use sha2::{Digest, Sha256};
use trefoil_clouds::objects::{ByteStream, Condition, ObjectInfo};

use super::feed::Unit;
use super::manifest::{Known, Seen, Settled, State};
use super::{Route, foreign};
use crate::movers::retry::retrying;
use crate::movers::{Tally, pace};
use crate::{Error, Result};

/// What carries.
pub(super) struct Worker {
    pub(super) route: Route,
    pub(super) tally: Tally,
}

/// Brings one key up to date: what has become of it, if anything has.
pub(super) async fn carry(worker: &Worker, unit: &Unit) -> Result<Option<Settled>> {
    let attempt = |number| async move {
        let result = worker.attempt(unit, number).await;
        match &result {
            Ok(_) => worker.route.pace.succeeded(),
            Err(error) if error.is_throttled() => worker.route.pace.throttled(error.retry_after()),
            Err(_) => {}
        }
        result
    };
    let settled = retrying("an object", attempt).await.map_err(|error| of_key(&unit.key, error))?;
    worker.tally.saw();
    Ok(settled)
}

/// Deletes at the target what the move wrote, a few at a time, and leaves what is another's by now.
pub(super) async fn delete_all(route: &Route, all: Vec<Known>) -> Result<()> {
    let delete = |known: Known| async move {
        let attempt = |_| delete(route, &known.key, Some(&known));
        match retrying("a deletion", attempt).await {
            Err(error) if error.code() == "object_condition" => Ok(()),
            result => result.map_err(|error| of_key(&known.key, error)).map(drop),
        }
    };
    let deletes = futures::stream::iter(all).map(delete);
    deletes.buffer_unordered(pace::IN_FLIGHT_MAX).try_collect::<()>().await
}

/// Deletes a key at the target. Where the manifest knows what the move wrote there, only that.
async fn delete(route: &Route, key: &str, known: Option<&Known>) -> Result<bool> {
    route.pace.request().await;
    let target = route.target.unrecorded();
    // On the way back whatever is there is the application's.
    let known = known.filter(|known| known.state == State::Carried && !route.own_target);
    let written = known.and_then(|known| known.target.as_ref());
    match written {
        Some(written) => target.delete_matching(key, &written.etag).await,
        None => target.delete(key).await,
    }
}

impl Worker {
    async fn attempt(&self, unit: &Unit, number: u32) -> Result<Option<Settled>> {
        self.route.pace.request().await;
        // What is read now may be newer than what was seen; it is noted as it is.
        // Where the source says its digest, the target holds the bytes against it.
        let Some((info, content)) = self.route.source.get_announced(&unit.key).await? else {
            return self.gone(unit, number).await;
        };
        if let Some(known) = unit.known.as_ref().filter(|known| known.holds(&Seen::of(&info))) {
            // It was about to be written, and is not.
            return Ok(Some(Settled::Same(known.clone())));
        }
        match &unit.known {
            Some(known) if known.state == State::Foreign && known.target.is_some() => {
                self.beside_foreign(known, &info, content).await.map(Some)
            }
            _ => self.write(unit, &info, content, number).await.map(Some),
        }
    }

    /// A key that is taken at the target: only what is the same already is no error.
    async fn beside_foreign(
        &self,
        known: &Known,
        info: &ObjectInfo,
        content: ByteStream,
    ) -> Result<Settled> {
        let there = self.head(&info.key).await?;
        let digest = self.digest_of(info, content).await?;
        let held = there.filter(|there| is_content(there, info, &digest));
        let held = held.ok_or_else(|| foreign(&info.key))?;
        let target = known.target.clone().or_else(|| Some(Seen::of(&held)));
        let (key, size_bytes) = (info.key.clone(), info.size_bytes);
        let (source, digest) = (Some(Seen::of(info)), Some(digest));
        let state = State::Foreign;
        Ok(Settled::Same(Known { key, state, source, target, digest, size_bytes }))
    }

    /// The digest of a content: what its store says, or else what its bytes have.
    async fn digest_of(&self, info: &ObjectInfo, mut content: ByteStream) -> Result<String> {
        if let Some(digest) = &info.digest {
            return Ok(digest.clone());
        }
        let mut hash = Sha256::new();
        while let Some(piece) = content.try_next().await? {
            self.route.pace.bytes(piece.len()).await;
            hash.update(&piece);
        }
        Ok(hex::encode(hash.finalize()))
    }

    async fn write(
        &self,
        unit: &Unit,
        info: &ObjectInfo,
        content: ByteStream,
        number: u32,
    ) -> Result<Settled> {
        let first = unit.known.is_none() && number == 1 && !self.route.own_target;
        let conditional = first && self.route.target.capabilities().conditional;
        let condition = if conditional { Condition::Absent } else { Condition::Always };
        let announced = info.digest.as_deref();
        let seen = Passing::default();
        let content = self.passing(content, &seen, announced.is_none());
        self.route.pace.request().await;
        // The manifest is the record of what the move writes.
        let target = self.route.target.unrecorded();
        let put = target.put_soon(&info.key, content, &info.attributes, &condition, announced);
        let written = match put.await {
            Err(error) if conditional && error.code() == "object_condition" => {
                return self.appeared(info).await;
            }
            result => result?,
        };
        let digest = info.digest.clone().or_else(|| seen.digest()).unwrap_or_default();
        if !is_content(&written, info, &digest) {
            let why = "the target does not hold what was written to it";
            return Err(Error::failed("object_digest", why));
        }
        self.tally.wrote(info.size_bytes);
        Ok(carried(info, &written, digest))
    }

    /// A key that was free when the move looked, and is not now. It is this move's when it holds
    /// the same: the answer to an earlier write may have been lost.
    async fn appeared(&self, info: &ObjectInfo) -> Result<Settled> {
        let there = self.head(&info.key).await?;
        let digest = match &info.digest {
            Some(digest) => digest.clone(),
            None => {
                let read = self.route.source.get(&info.key, None).await?;
                let Some((info, content)) = read else {
                    return Ok(Settled::Gone(info.key.clone()));
                };
                self.digest_of(&info, content).await?
            }
        };
        let held = there.filter(|there| is_content(there, info, &digest));
        let held = held.ok_or_else(|| foreign(&info.key))?;
        self.tally.wrote(info.size_bytes);
        Ok(carried(info, &held, digest))
    }

    /// A key that the source no longer has goes from the target too, if the move wrote it.
    async fn gone(&self, unit: &Unit, number: u32) -> Result<Option<Settled>> {
        let key = unit.key.clone();
        match &unit.known {
            Some(Known { state: State::Foreign, .. }) => return Ok(None),
            None if !self.route.own_target => return Ok(Some(Settled::Gone(key))),
            _ => {}
        }
        // An attempt before this one may have written what the manifest does not know.
        let known = unit.known.as_ref().filter(|_| number == 1);
        match delete(&self.route, &key, known).await {
            Err(error) if error.code() == "object_condition" => return self.taken(key).await,
            Err(error) => return Err(error),
            Ok(true) => self.tally.deleted(),
            Ok(false) => {}
        }
        Ok(Some(Settled::Gone(key)))
    }

    /// A key that somebody else has written to at the target since: it is theirs from now on.
    async fn taken(&self, key: String) -> Result<Option<Settled>> {
        let Some(there) = self.head(&key).await? else { return Ok(Some(Settled::Gone(key))) };
        let (target, size_bytes) = (Some(Seen::of(&there)), there.size_bytes);
        let (state, source, digest) = (State::Foreign, None, None);
        Ok(Some(Settled::Same(Known { key, state, source, target, digest, size_bytes })))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        self.route.pace.request().await;
        self.route.target.head(key).await
    }

    /// A content that is counted, slowed down, and hashed where nobody announced its digest.
    fn passing(&self, content: ByteStream, seen: &Passing, hashed: bool) -> ByteStream {
        if hashed {
            seen.begin();
        }
        let (tally, pace, seen) = (self.tally.clone(), self.route.pace.clone(), seen.clone());
        let pass = move |piece: bytes::Bytes| {
            let (tally, pace, seen) = (tally.clone(), pace.clone(), seen.clone());
            async move {
                pace.bytes(piece.len()).await;
                tally.saw_bytes(piece.len() as u64);
                seen.update(&piece);
                Ok(piece)
            }
        };
        content.and_then(pass).boxed()
    }
}

/// The digest of a content while it passes.
#[derive(Clone, Default)]
struct Passing {
    hash: std::sync::Arc<std::sync::Mutex<Option<Sha256>>>,
}

impl Passing {
    fn begin(&self) {
        *self.lock() = Some(Sha256::new());
    }

    fn update(&self, piece: &[u8]) {
        if let Some(hash) = self.lock().as_mut() {
            hash.update(piece);
        }
    }

    fn digest(&self) -> Option<String> {
        self.lock().take().map(|hash| hex::encode(hash.finalize()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Sha256>> {
        self.hash.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether an object has this content, and the attributes of `info`. A store that does not know
/// the digest of what it holds is believed nothing.
fn is_content(there: &ObjectInfo, info: &ObjectInfo, digest: &str) -> bool {
    there.digest.as_deref() == Some(digest)
        && there.size_bytes == info.size_bytes
        && there.attributes == info.attributes
}

fn carried(info: &ObjectInfo, written: &ObjectInfo, digest: String) -> Settled {
    Settled::Same(Known {
        key: info.key.clone(),
        state: State::Carried,
        source: Some(Seen::of(info)),
        target: Some(Seen::written(written)),
        digest: Some(digest),
        size_bytes: info.size_bytes,
    })
}

fn of_key(key: &str, error: Error) -> Error {
    if error.code() == "object_foreign" {
        return error;
    }
    let why = format!("the object `{}` could not be carried", key.escape_debug());
    Error::failed("object_copy", why).because(error)
}
