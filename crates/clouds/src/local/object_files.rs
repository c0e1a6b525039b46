//! The contents of a local bucket, each in a file of its own. What is small is read and written in
//! one go: each step of a file takes a change of threads, which costs more than its bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures::stream::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::objects::{ByteStream, stream_of};
use crate::{Error, Result};

/// How much of a file is in memory at a time, and how long a small content is at most.
const PIECE_BYTES: usize = 128 * 1024;

/// A content that is in its file, under a name that nothing points to yet.
pub(super) struct Received {
    pub(super) size_bytes: u64,
    pub(super) digest: String,
    pub(super) draft: Draft,
}

/// A file that goes away with this value unless it is kept.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    pub(super) keep: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What comes in, measured.
struct Incoming {
    content: ByteStream,
    hash: Sha256,
    size_bytes: u64,
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.content.try_next().await?;
        if let Some(piece) = &piece {
            self.hash.update(piece);
            self.size_bytes += piece.len() as u64;
        }
        Ok(piece)
    }

    /// The first bytes, and whether they are all.
    async fn beginning(&mut self) -> Result<(Bytes, bool)> {
        let mut begun = BytesMut::new();
        while begun.len() <= PIECE_BYTES {
            let Some(piece) = self.next().await? else { return Ok((begun.freeze(), true)) };
            begun.extend_from_slice(&piece);
        }
        Ok((begun.freeze(), false))
    }
}

/// Writes a content into a new file. A durable one survives the loss of power from then on.
pub(super) async fn receive(path: PathBuf, content: ByteStream, durable: bool) -> Result<Received> {
    let mut incoming = Incoming { content, hash: Sha256::new(), size_bytes: 0 };
    let (begun, whole) = incoming.beginning().await?;
    let create = move || create(path, &begun, durable && whole);
    let (file, draft) = tokio::task::spawn_blocking(create).await.map_err(ended)??;
    if !whole {
        append(tokio::fs::File::from_std(file), &draft.path, &mut incoming, durable).await?;
    }
    let Incoming { hash, size_bytes, .. } = incoming;
    Ok(Received { size_bytes, digest: hex::encode(hash.finalize()), draft })
}

/// Makes a file with its first bytes. It goes away again if nobody waits for it any more.
fn create(path: PathBuf, begun: &[u8], durable: bool) -> Result<(File, Draft)> {
    let failed = |error| file_error(&path, error);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.map_err(failed)?;
    let draft = Draft { path: path.clone(), keep: false };
    file.write_all(begun).map_err(failed)?;
    if durable {
        file.sync_all().and_then(|()| sync_folder(&path)).map_err(failed)?;
    }
    Ok((file, draft))
}

async fn append(
    mut file: tokio::fs::File,
    path: &Path,
    incoming: &mut Incoming,
    durable: bool,
) -> Result<()> {
    let failed = |error| file_error(path, error);
    while let Some(piece) = incoming.next().await? {
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    if durable {
        file.sync_all().await.map_err(failed)?;
        let path = path.to_owned();
        let sync = tokio::task::spawn_blocking(move || sync_folder(&path));
        sync.await.map_err(ended)?.map_err(failed)?;
    }
    Ok(())
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// A content that is about to be read: its bytes already, or the file where they begin.
pub(super) enum Opened {
    Small(Bytes),
    Large(File, u64),
}

/// Opens a content at the beginning of a range, clamped to what there is; the error of a file that
/// is not there, or not as long as it must be, is left to the caller. Blocks.
pub(super) fn open(
    path: &Path,
    size_bytes: u64,
    range: Option<(u64, u64)>,
) -> std::io::Result<Opened> {
    let mut file = File::open(path)?;
    let found = file.metadata()?.len();
    if found != size_bytes {
        let why = format!("it has {found} bytes instead of {size_bytes}");
        return Err(std::io::Error::other(why));
    }
    let (first, end) = range.unwrap_or((0, size_bytes));
    let (first, end) = (first.min(size_bytes), end.min(size_bytes));
    file.seek(SeekFrom::Start(first))?;
    let length = end - first;
    match usize::try_from(length) {
        Ok(length) if length <= PIECE_BYTES => {
            let mut bytes = vec![0; length];
            file.read_exact(&mut bytes)?;
            Ok(Opened::Small(bytes.into()))
        }
        _ => Ok(Opened::Large(file, length)),
    }
}

impl Opened {
    /// Its bytes; errors name the file.
    pub(super) fn content(self, path: PathBuf) -> ByteStream {
        match self {
            Self::Small(bytes) if bytes.is_empty() => futures::stream::empty().boxed(),
            Self::Small(bytes) => stream_of(bytes),
            Self::Large(file, length) => {
                let file = tokio::fs::File::from_std(file).take(length);
                let pieces = ReaderStream::with_capacity(file, PIECE_BYTES);
                pieces.map_err(move |error| file_error(&path, error)).boxed()
            }
        }
    }
}

pub(super) fn file_error(path: &Path, error: std::io::Error) -> Error {
    Error::failed("object_file", format!("{} cannot be used", path.display())).because(error)
}

fn ended(error: tokio::task::JoinError) -> Error {
    Error::failed("store_failed", "the work in a store ended early").because(error)
}
