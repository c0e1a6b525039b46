//! Bringing one key up to date, whatever comes in between.

use futures::StreamExt;
use futures::stream::TryStreamExt;
use sha2::{Digest, Sha256};
use trefoil_clouds::objects::{ByteStream, Call, Condition, ObjectInfo};

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
    let tried = &Tried::default();
    let attempt = |_| async move {
        let result = worker.attempt(unit, tried).await;
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
    route.asks(&route.target, Call::Delete).await;
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
    async fn attempt(&self, unit: &Unit, tried: &Tried) -> Result<Option<Settled>> {
        self.route.asks(&self.route.source, Call::Read).await;
        // Before the content is open: one that waits for long breaks off.
        if !unit.gone {
            self.route.asks(&self.route.target, Call::Write(unit.size_bytes)).await;
        }
        // What is read now may be newer than what was seen; it is noted as it is.
        // Where the source says its digest, the target holds the bytes against it.
        let Some((info, content)) = self.route.source.get_announced(&unit.key).await? else {
            return self.gone(unit, tried).await;
        };
        if let Some(known) = unit.known.as_ref().filter(|known| known.holds(&Seen::of(&info))) {
            // It was about to be written, and is not.
            return Ok(Some(Settled::Same(known.clone())));
        }
        match &unit.known {
            Some(known) if known.is_foreign() && !self.route.own_target => {
                self.beside_foreign(unit, known, &info, content, tried).await.map(Some)
            }
            _ => self.write(unit, &info, content, tried).await.map(Some),
        }
    }

    /// A key that was taken at the target: only what is the same already is no error.
    async fn beside_foreign(
        &self,
        unit: &Unit,
        known: &Known,
        info: &ObjectInfo,
        content: ByteStream,
        tried: &Tried,
    ) -> Result<Settled> {
        let Some(there) = self.head(&info.key).await? else {
            // Its owner has moved it away.
            return self.write(unit, info, content, tried).await;
        };
        let digest = self.digest_of(info, content).await?;
        if !is_content(&there, info, &digest) {
            return Err(foreign(&info.key));
        }
        let target = known.target.clone().or_else(|| Some(Seen::of(&there)));
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
        tried: &Tried,
    ) -> Result<Settled> {
        let condition = self.condition(unit, tried);
        let conditional = self.route.target.capabilities().conditional;
        if !conditional && self.is_other_than(&info.key, &condition).await? {
            return self.occupied(info, tried).await;
        }
        let condition = if conditional { condition } else { Condition::Always };
        let announced = info.digest.as_deref();
        let seen = Passing::default();
        let content = self.passing(content, &seen, announced.is_none());
        // The manifest is the record of what the move writes.
        let target = self.route.target.unrecorded();
        let put = target.put_soon(&info.key, content, &info.attributes, &condition, announced);
        let put = put.await;
        let digest = info.digest.clone().or_else(|| seen.digest()).unwrap_or_default();
        match put {
            Ok(written) if is_content(&written, info, &digest) => {
                self.tally.wrote(info.size_bytes);
                Ok(carried(info, &written, digest))
            }
            Ok(written) => {
                tried.found(Condition::Matches(written.etag));
                let why = "the target does not hold what was written to it";
                Err(Error::failed("object_digest", why))
            }
            Err(error) if error.code() == "object_condition" => self.occupied(info, tried).await,
            Err(error) => {
                tried.may_have_written(digest);
                Err(error)
            }
        }
    }

    /// What must be true of the target's key when it is written. Of what was about to be written
    /// when a copy before this one ended, nobody can tell whose it is.
    fn condition(&self, unit: &Unit, tried: &Tried) -> Condition {
        let expected = match &unit.known {
            None => Condition::Absent,
            Some(known) if known.is_foreign() => Condition::Absent,
            Some(Known { state: State::Carried, target: Some(written), .. }) => {
                Condition::Matches(written.etag.clone())
            }
            Some(_) => Condition::Always,
        };
        match self.route.own_target {
            true => Condition::Always,
            false => tried.condition().unwrap_or(expected),
        }
    }

    /// Whether a key has another etag than the one that it must have: for stores that cannot write
    /// on a condition, where a writer may come between this look and the write.
    async fn is_other_than(&self, key: &str, condition: &Condition) -> Result<bool> {
        let Condition::Matches(etag) = condition else { return Ok(false) };
        Ok(self.head(key).await?.is_none_or(|there| there.etag != *etag))
    }

    /// A key that is not as it was left. It is this move's when it holds the same, or what an
    /// earlier attempt wrote whose answer was lost; then it is replaced by the next attempt.
    async fn occupied(&self, info: &ObjectInfo, tried: &Tried) -> Result<Settled> {
        let Some(there) = self.head(&info.key).await? else {
            tried.found(Condition::Absent);
            return Err(meanwhile(&info.key));
        };
        let Some(digest) = self.digest_anew(info).await? else { return Err(meanwhile(&info.key)) };
        if is_content(&there, info, &digest) {
            self.tally.wrote(info.size_bytes);
            return Ok(carried(info, &there, digest));
        }
        if tried.wrote(&there) {
            tried.found(Condition::Matches(there.etag));
            return Err(meanwhile(&info.key));
        }
        // Noted before the copy ends with the error: whoever goes on must not overwrite it.
        self.route.manifest.settle(vec![theirs(&info.key, &there)]).await?;
        Err(foreign(&info.key))
    }

    /// The digest of the source's object; `None` when it is gone, or is another by now.
    async fn digest_anew(&self, info: &ObjectInfo) -> Result<Option<String>> {
        if info.digest.is_some() {
            return Ok(info.digest.clone());
        }
        self.route.asks(&self.route.source, Call::Read).await;
        match self.route.source.get(&info.key, None).await? {
            Some((now, content)) if now.etag == info.etag => {
                self.digest_of(&now, content).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A key that the source no longer has goes from the target too, if the move wrote it.
    async fn gone(&self, unit: &Unit, tried: &Tried) -> Result<Option<Settled>> {
        let (key, own) = (unit.key.clone(), self.route.own_target);
        match &unit.known {
            Some(known) if known.state == State::Foreign && !(own && known.is_foreign()) => {
                return Ok(None);
            }
            None if !own && tried.is_nothing() => return Ok(Some(Settled::Gone(key))),
            _ => {}
        }
        match self.remove(unit, tried).await {
            Err(error) if error.code() == "object_condition" => return self.taken(key).await,
            Err(error) => return Err(error),
            Ok(true) => self.tally.deleted(),
            Ok(false) => {}
        }
        Ok(Some(Settled::Gone(key)))
    }

    /// Deletes a key at the target, also what an attempt wrote that the manifest does not know of.
    async fn remove(&self, unit: &Unit, tried: &Tried) -> Result<bool> {
        if !self.route.own_target && !tried.is_nothing() {
            let Some(there) = self.head(&unit.key).await? else { return Ok(false) };
            if tried.wrote(&there) {
                self.route.asks(&self.route.target, Call::Delete).await;
                let target = self.route.target.unrecorded();
                return target.delete_matching(&unit.key, &there.etag).await;
            }
            if unit.known.is_none() {
                return Ok(false);
            }
        }
        delete(&self.route, &unit.key, unit.known.as_ref()).await
    }

    /// A key that somebody else has written to at the target since: it is theirs from now on.
    async fn taken(&self, key: String) -> Result<Option<Settled>> {
        let Some(there) = self.head(&key).await? else { return Ok(Some(Settled::Gone(key))) };
        Ok(Some(theirs(&key, &there)))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        self.route.asks(&self.route.target, Call::Head).await;
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

/// What the attempts at one key have left open.
#[derive(Default)]
struct Tried {
    known: std::sync::Mutex<Attempts>,
}

#[derive(Default)]
struct Attempts {
    /// Digests of what they may have written.
    digests: Vec<String>,
    /// What must be true of the target's key next time, where one has found out.
    condition: Option<Condition>,
}

impl Tried {
    fn may_have_written(&self, digest: String) {
        self.lock().digests.push(digest);
    }

    fn found(&self, condition: Condition) {
        self.lock().condition = Some(condition);
    }

    fn condition(&self) -> Option<Condition> {
        self.lock().condition.clone()
    }

    /// Whether no attempt can have written anything.
    fn is_nothing(&self) -> bool {
        let known = self.lock();
        known.digests.is_empty() && known.condition.is_none()
    }

    /// Whether an attempt has written this.
    fn wrote(&self, there: &ObjectInfo) -> bool {
        let known = self.lock();
        let etag = Condition::Matches(there.etag.clone());
        known.condition.as_ref() == Some(&etag)
            || there.digest.as_ref().is_some_and(|digest| known.digests.contains(digest))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

fn theirs(key: &str, there: &ObjectInfo) -> Settled {
    let (target, size_bytes) = (Some(Seen::of(there)), there.size_bytes);
    let (key, state, source, digest) = (key.to_owned(), State::Foreign, None, None);
    Settled::Same(Known { key, state, source, target, digest, size_bytes })
}

/// The error of a key that is not as it was a moment ago; the next attempt knows how it is.
fn meanwhile(key: &str) -> Error {
    let why = format!("the object `{}` has changed meanwhile", key.escape_debug());
    Error::failed("object_changed", why).retryable()
}

fn of_key(key: &str, error: Error) -> Error {
    if error.code() == "object_foreign" {
        return error;
    }
    let why = format!("the object `{}` could not be carried", key.escape_debug());
    Error::failed("object_copy", why).because(error)
}
