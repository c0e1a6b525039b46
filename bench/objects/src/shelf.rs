//! What the store remembers: what is known of each object, but not its bytes. Every object is
//! served from one buffer of zeroes, so only the objects that were there from the beginning are
//! served with the bytes that their digests promise.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use sha2::Sha256;

/// The longest piece that is served at once.
const PIECE_BYTES: usize = 256 * 1024;

/// What is known of an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) size_bytes: u64,
    /// MD5, hexadecimal, as S3's etags are.
    pub(crate) etag: String,
    /// Headers that come back as they were sent: type, metadata, checksum.
    pub(crate) headers: Vec<(String, String)>,
}

/// All buckets.
pub(crate) struct Shelf {
    zeroes: Bytes,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// By bucket and key.
    pub(crate) objects: BTreeMap<(String, String), Known>,
    /// Uploads in parts: how many bytes, and what was said of them.
    pub(crate) uploads: HashMap<String, Known>,
    pub(crate) uploads_made: u64,
}

/// The bucket of the objects that are there from the beginning.
const SEEDED: &str = "source";

impl Shelf {
    pub(crate) fn new(seed: Option<&str>) -> Result<Self, String> {
        let shelf = Self { zeroes: Bytes::from(vec![0; PIECE_BYTES]), state: Mutex::default() };
        if let Some(seed) = seed {
            let wrong = || format!("`{seed}` is not COUNTxBYTES");
            let (count, size) = seed.split_once('x').ok_or_else(wrong)?;
            let count: u64 = count.parse().map_err(|_| wrong())?;
            shelf.fill(count, size.parse().map_err(|_| wrong())?);
        }
        Ok(shelf)
    }

    fn fill(&self, count: u64, size_bytes: u64) {
        let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
        let mut left = size_bytes;
        while left > 0 {
            let piece = self.piece(left);
            md5.update(&piece);
            sha256.update(&piece);
            left -= piece.len() as u64;
        }
        let checksum = STANDARD.encode(sha256.finalize());
        let known = Known {
            size_bytes,
            etag: hex::encode(md5.finalize()),
            headers: vec![
                ("content-type".into(), "application/octet-stream".into()),
                ("x-amz-checksum-sha256".into(), checksum),
                ("x-amz-checksum-type".into(), "FULL_OBJECT".into()),
            ],
        };
        let mut state = self.state();
        for n in 0..count {
            state.objects.insert((SEEDED.into(), format!("d/{n:07}")), known.clone());
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece of an object of which so many bytes are left.
    pub(crate) fn piece(&self, left: u64) -> Bytes {
        let size = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        self.zeroes.slice(..size)
    }
}

impl State {
    /// Objects of a bucket after a key, in byte order.
    pub(crate) fn after<'a>(
        &'a self,
        bucket: &'a str,
        prefix: &'a str,
        after: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Known)> {
        let from = if after < prefix { prefix } else { after };
        let from = match after >= prefix && !after.is_empty() {
            true => Bound::Excluded((bucket.to_owned(), from.to_owned())),
            false => Bound::Included((bucket.to_owned(), from.to_owned())),
        };
        self.objects
            .range((from, Bound::Unbounded))
            .take_while(move |((of, key), _)| of == bucket && key.starts_with(prefix))
            .map(|((_, key), known)| (key.as_str(), known))
    }
}
