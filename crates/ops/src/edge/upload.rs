//! What a client sends: streamed through, and kept as long as it may have to be sent again.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::stall::Progress;

/// How much of one body is kept for another try, in bytes; a request with more is tried once.
const KEPT_MAX: usize = 1024 * 1024;
/// How much of all bodies together, in bytes, so that many uploads at once cannot fill the memory;
/// a request that finds no room is tried once.
const KEPT_TOTAL_MAX: usize = 64 * 1024 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How many bytes of all bodies are kept.
#[derive(Default)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        let room = |kept: usize| Some(kept + bytes).filter(|sum| *sum <= KEPT_TOTAL_MAX);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The body of one request, for all its tries.
pub(super) struct Uploads {
    source: Mutex<Source>,
    progress: Arc<Progress>,
}

struct Source {
    body: Incoming,
    ended: bool,
    /// The try that may read; an older one is dead and gets an error.
    attempt: u32,
    /// What was read so far; `None` when the body cannot be sent again.
    kept: Option<Kept>,
}

struct Kept {
    frames: Vec<Bytes>,
    bytes: usize,
    budget: Arc<Budget>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

impl Kept {
    /// Whether there was room for it.
    fn add(&mut self, data: &Bytes) -> bool {
        let fits = self.bytes + data.len() <= KEPT_MAX && self.budget.take(data.len());
        if fits {
            self.bytes += data.len();
            self.frames.push(data.clone());
        }
        fits
    }
}

impl Uploads {
    /// A body that is kept for another try when `keep` is the budget to use.
    pub(super) fn new(
        body: Incoming,
        progress: Arc<Progress>,
        keep: Option<Arc<Budget>>,
    ) -> Arc<Self> {
        let kept = keep.map(|budget| Kept { frames: Vec::new(), bytes: 0, budget });
        let source = Source { body, ended: false, attempt: 0, kept };
        Arc::new(Self { source: Mutex::new(source), progress })
    }

    /// The body for the first try.
    pub(super) fn first(self: &Arc<Self>) -> Upload {
        Upload { uploads: self.clone(), attempt: 0, replayed: 0 }
    }

    /// The whole body once more, or `None` when it is not there any more. Earlier tries read
    /// nothing from now on.
    pub(super) fn again(self: &Arc<Self>) -> Option<Upload> {
        let mut source = self.lock();
        source.kept.as_ref()?;
        source.attempt += 1;
        self.progress.touch();
        Some(Upload { uploads: self.clone(), attempt: source.attempt, replayed: 0 })
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body as one try sends it, read only as fast as the upstream takes it.
pub(super) struct Upload {
    uploads: Arc<Uploads>,
    attempt: u32,
    /// How many of the kept frames this try has sent.
    replayed: usize,
}

impl Source {
    fn to_replay(&self, replayed: usize) -> &[Bytes] {
        self.kept.as_ref().and_then(|kept| kept.frames.get(replayed..)).unwrap_or_default()
    }

    /// Keeps what was read, if there is room, and gives up keeping if there is not.
    fn keep(&mut self, read: Option<&Result<Frame<Bytes>, hyper::Error>>) {
        let whole = match (read, &mut self.kept) {
            (Some(Ok(frame)), Some(kept)) => frame.data_ref().is_some_and(|data| kept.add(data)),
            // A client that broke off will not send the rest to another try either.
            (Some(Err(_)), _) => false,
            _ => true,
        };
        if !whole {
            self.kept = None;
        }
        self.ended |= read.is_none();
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let uploads = self.uploads.clone();
        let mut source = uploads.lock();
        if source.attempt != self.attempt {
            // An end without an error could pass for the end of the whole body.
            return Poll::Ready(Some(Err("another try has taken over".into())));
        }
        if let Some(data) = source.to_replay(self.replayed).first() {
            self.replayed += 1;
            uploads.progress.touch();
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if source.ended {
            return Poll::Ready(None);
        }
        let read = ready!(Pin::new(&mut source.body).poll_frame(cx));
        source.keep(read.as_ref());
        self.replayed += 1;
        uploads.progress.touch();
        Poll::Ready(read.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        let source = self.uploads.lock();
        source.to_replay(self.replayed).is_empty() && (source.ended || source.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let source = self.uploads.lock();
        let replay: u64 = source.to_replay(self.replayed).iter().map(|one| one.len() as u64).sum();
        let rest = source.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + replay);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + replay);
        }
        hint
    }
}
