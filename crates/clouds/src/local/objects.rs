//! Objects as files that are named by their keys' hash, with an index in SQLite.
//!
//! A write streams into a file of its own, and one transaction makes the index point to it; the
//! file before is removed afterwards. So whoever reads the old file keeps it, and whoever finds a
//! file gone that the index named a moment ago reads the index again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::object_files::{self, Opened, Received, file_error};
use super::sqlite::{Rows, Sqlite, private_folder};
use super::unsynced::Unsynced;
use crate::objects::{
    Attributes, ByteStream, Call, Capabilities, Change, Condition, KeyRules, ListedObject,
    ObjectInfo, ObjectsDriver, Page, other_etag,
};
use crate::{Error, Result};

/// How often a reader looks again when the file that it was about to open has been replaced.
const READ_ATTEMPTS: u32 = 50;
/// A file that no row names is a write under way, unless it is older than this.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);
/// The index's name in the bucket's folder.
const INDEX: &str = "index.sqlite";

const SCHEMA: &str = "
CREATE TABLE objects (
    key BLOB PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE,
    deleted INTEGER NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    etag TEXT NOT NULL,
    attributes TEXT NOT NULL,
    modified_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX objects_etag ON objects (etag) WHERE NOT deleted;
CREATE TABLE counter (position INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
";
const COLUMNS: &str = "key, position, deleted, size, digest, etag, attributes, modified_at";

/// A bucket in a folder.
pub struct LocalObjects {
    folder: PathBuf,
    index: Sqlite,
    /// The same index, for writes that are made durable later.
    hasty: Sqlite,
    unsynced: Unsynced,
    tidied: OnceCell<()>,
}

impl LocalObjects {
    /// The bucket in `folder`. Makes nothing: what is not there is empty to readers, and made by
    /// the first write.
    pub fn new(folder: &Path) -> Self {
        let index = Sqlite::new(folder.join(INDEX), SCHEMA);
        let hasty = index.hasty();
        let (unsynced, tidied) = (Unsynced::default(), OnceCell::new());
        Self { folder: folder.to_owned(), index, hasty, unsynced, tidied }
    }

    /// Makes the bucket, empty, when it is not there. Blocks.
    pub fn create(&self) -> Result<()> {
        self.index.create()
    }

    /// Where the bytes of a key with that etag are: each write has a file of its own.
    fn file(&self, key: &str, etag: &str) -> PathBuf {
        self.folder.join(file_name(key, etag))
    }

    /// The etag of a write to come, and where its bytes are to be.
    fn new_file(&self, key: &str) -> (String, PathBuf) {
        let etag = uuid::Uuid::new_v4().simple().to_string();
        let path = self.file(key, &etag);
        (etag, path)
    }

    async fn row(&self, key: &str) -> Result<Option<ObjectInfo>> {
        let key = key.as_bytes().to_owned();
        let found = self.index.read(move |index| live(index, &key)).await?;
        Ok(found.flatten())
    }

    /// The row of a key, and its file, opened in the same breath.
    async fn opened(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, PathBuf, std::io::Result<Opened>)>> {
        let (folder, key) = (self.folder.clone(), key.to_owned());
        let open = move |index: &Connection| {
            let Some(info) = live(index, key.as_bytes())? else { return Ok(None) };
            let path = folder.join(file_name(&key, &info.etag));
            let opened = object_files::open(&path, info.size_bytes, range);
            Ok(Some((info, path, opened)))
        };
        Ok(self.index.read(open).await?.flatten())
    }

    /// Removes files that a killed writer left, once per handle.
    async fn tidy(&self) -> Result<()> {
        let tidy = || async {
            let folder = self.folder.clone();
            let orphans = self.index.read(move |index| orphans(index, &folder)).await?;
            for path in orphans.unwrap_or_default() {
                tracing::info!(path = %path.display(), "removing a file that no object names");
                remove(&path).await;
            }
            Ok(())
        };
        self.tidied.get_or_try_init(tidy).await.copied()
    }

    /// Streams a content into its file, and holds it against what was announced.
    async fn receive_as(
        &self,
        path: PathBuf,
        content: ByteStream,
        digest: Option<&str>,
        durable: bool,
    ) -> Result<Received> {
        private_folder(&self.folder)?;
        self.tidy().await?;
        let received = object_files::receive(path, content, durable).await?;
        if digest.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&received.digest)) {
            let why = "the object's bytes do not have the digest that was announced";
            return Err(Error::refused("object_digest", why));
        }
        Ok(received)
    }

    /// Deletes an object, if it has the etag; whether there was one.
    async fn buried(&self, key: &str, etag: Option<String>) -> Result<bool> {
        if self.row(key).await?.is_none() {
            return Ok(false);
        }
        let bytes = key.as_bytes().to_owned();
        let bury = move |index: &Transaction<'_>| bury(index, &bytes, etag.as_deref());
        let before = self.index.write(bury).await?;
        if let Some(before) = &before {
            remove(&self.file(key, before)).await;
        }
        Ok(before.is_some())
    }

    /// Lets the index point to a content that was received.
    async fn publish(
        &self,
        index: &Sqlite,
        (key, etag): (&str, String),
        received: Received,
        attributes: &Attributes,
        condition: &Condition,
    ) -> Result<ObjectInfo> {
        let Received { size_bytes, digest, mut draft } = received;
        let info = ObjectInfo {
            key: key.to_owned(),
            size_bytes,
            digest: Some(digest),
            etag,
            attributes: attributes.clone(),
            modified_at: Timestamp::now(),
            version: None,
        };
        let (row, condition) = (info.clone(), condition.clone());
        // The file goes along with the transaction, which goes on when nobody waits any more.
        let publish = move |index: &Transaction<'_>| {
            let published = publish(index, &row, &condition)?;
            draft.keep = published.is_ok();
            Ok(published.map(|before| (before, draft)))
        };
        let (before, _kept) = index.write(publish).await?;
        if let Some(before) = before {
            remove(&self.file(key, &before)).await;
        }
        Ok(info)
    }
}

#[async_trait]
impl ObjectsDriver for LocalObjects {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            keys: KeyRules::ALL,
            conditional: true,
            unique_etags: true,
            change_record: true,
            whole_record: true,
            byte_order: true,
            tags: true,
            ..Capabilities::default()
        }
    }

    fn requests(&self, _call: Call) -> u64 {
        0
    }

    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        let (etag, path) = self.new_file(key);
        let received = self.receive_as(path, content, digest, true).await?;
        self.publish(&self.index, (key, etag), received, attributes, condition).await
    }

    async fn put_soon(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        let (etag, path) = self.new_file(key);
        let received = self.receive_as(path.clone(), content, digest, false).await?;
        let key = (key, etag);
        let written = self.publish(&self.hasty, key, received, attributes, condition).await?;
        self.unsynced.add(path);
        Ok(written)
    }

    async fn sync(&self) -> Result<()> {
        let Some(batch) = self.unsynced.take() else { return Ok(()) };
        batch.flush(&self.folder).await?;
        self.index.write(touch).await?;
        batch.settle();
        Ok(())
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        let mut missed = None;
        for _ in 0..READ_ATTEMPTS {
            let Some((info, path, opened)) = self.opened(key, range).await? else {
                return Ok(None);
            };
            match opened {
                Ok(opened) => return Ok(Some((info, opened.content(path)))),
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(file_error(&path, error));
                }
                // The same row twice: nobody has replaced the file, it is lost.
                Err(error) if missed.as_ref() == Some(&info.etag) => {
                    return Err(file_error(&path, error));
                }
                Err(_) => missed = Some(info.etag),
            }
        }
        let why = "the object was replaced each time that it was about to be read";
        Err(Error::failed("object_changing", why).retryable())
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        self.row(key).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.buried(key, None).await
    }

    async fn delete_matching(&self, key: &str, etag: &str) -> Result<bool> {
        self.buried(key, Some(etag.to_owned())).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        let (prefix, after) =
            (prefix.as_bytes().to_owned(), after.map(|key| key.as_bytes().to_owned()));
        let found = self.index.read(move |index| page(index, &prefix, after, limit)).await?;
        let mut objects = found.unwrap_or_default();
        let more = objects.len() > limit;
        objects.truncate(limit);
        let last = objects.last().filter(|_| more);
        let next = last.map(|object| object.key.clone());
        Ok(Page { next, objects: objects.into_iter().map(ListedObject::from).collect() })
    }

    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>> {
        Ok(self.index.read(move |index| changes(index, since, limit)).await?.unwrap_or_default())
    }

    async fn position(&self) -> Result<u64> {
        let ask = |index: &Connection| {
            index.query_row("SELECT position FROM counter", [], |row| row.get(0))
        };
        Ok(self.index.read(ask).await?.unwrap_or_default())
    }

    async fn health(&self) -> Result<()> {
        let ask = |index: &Connection| {
            index.query_row("SELECT count(*) FROM counter", [], |row| row.get::<_, u64>(0))
        };
        match self.index.read(ask).await? {
            Some(1) => Ok(()),
            Some(_) => Err(Error::failed("objects_damaged", "the index of the bucket is damaged")),
            None => {
                let path = self.index.path().display();
                Err(Error::missing("objects_missing", format!("there is no bucket: {path}")))
            }
        }
    }
}

/// Lets the index point to a new file if the condition holds. The etag of the file before.
fn publish(
    index: &Transaction<'_>,
    object: &ObjectInfo,
    condition: &Condition,
) -> Rows<Result<Option<String>>> {
    let before = live(index, object.key.as_bytes())?.map(|object| object.etag);
    let holds = match condition {
        Condition::Always => true,
        Condition::Absent => before.is_none(),
        Condition::Matches(etag) => before.as_ref() == Some(etag),
    };
    if !holds {
        let why = match before {
            Some(etag) => format!("the object exists with etag {etag}"),
            None => "the object does not exist".to_owned(),
        };
        return Ok(Err(Error::refused("object_condition", why)));
    }
    let attributes = serde_json::to_string(&object.attributes).map_err(to_sql_error)?;
    let replace = format!("INSERT OR REPLACE INTO objects ({COLUMNS}) VALUES (?,?,0,?,?,?,?,?)");
    index.prepare_cached(&replace)?.execute(params![
        object.key.as_bytes(),
        next_position(index)?,
        object.size_bytes,
        object.digest,
        object.etag,
        attributes,
        object.modified_at.to_string(),
    ])?;
    Ok(Ok(before))
}

/// Leaves a row that says that the object is gone, if it has the etag. The etag of the file before.
fn bury(index: &Transaction<'_>, key: &[u8], etag: Option<&str>) -> Rows<Result<Option<String>>> {
    let Some(object) = live(index, key)? else { return Ok(Ok(None)) };
    if etag.is_some_and(|etag| etag != object.etag) {
        return Ok(Err(other_etag(&object.etag)));
    }
    let position = next_position(index)?;
    let bury = "UPDATE objects SET deleted = 1, position = ?2, size = 0, attributes = '{}' \
                WHERE key = ?1";
    index.prepare_cached(bury)?.execute(params![key, position])?;
    Ok(Ok(Some(object.etag)))
}

/// A durable transaction, and with it those before it in the same write-ahead log. It has to change
/// something: SQLite writes nothing, and flushes nothing, for a row that is as it was.
fn touch(index: &Transaction<'_>) -> Rows<Result<()>> {
    let before: i32 = index.pragma_query_value(None, "application_id", |row| row.get(0))?;
    index.pragma_update(None, "application_id", before.wrapping_add(1))?;
    Ok(Ok(()))
}

fn next_position(index: &Transaction<'_>) -> Rows<u64> {
    let next = "UPDATE counter SET position = position + 1 RETURNING position";
    index.query_row(next, [], |row| row.get(0))
}

fn live(index: &Connection, key: &[u8]) -> Rows<Option<ObjectInfo>> {
    let ask = format!("SELECT {COLUMNS} FROM objects WHERE key = ?1 AND NOT deleted");
    index.prepare_cached(&ask)?.query_row([key], object).optional()
}

/// One object more than `limit`, if there is one.
fn page(
    index: &Connection,
    prefix: &[u8],
    after: Option<Vec<u8>>,
    limit: usize,
) -> Rows<Vec<ObjectInfo>> {
    let ask = format!(
        "SELECT {COLUMNS} FROM objects WHERE NOT deleted AND key >= ?1 AND key < ?2 \
         AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4"
    );
    // No byte of UTF-8 is 0xFF, so every key with the prefix is before this one.
    let mut end = prefix.to_owned();
    end.push(0xFF);
    let start = after.clone().filter(|after| after.as_slice() > prefix);
    let start = start.unwrap_or_else(|| prefix.to_owned());
    let mut statement = index.prepare_cached(&ask)?;
    statement.query_map(params![start, end, after, limit + 1], object)?.collect()
}

fn changes(index: &Connection, since: u64, limit: usize) -> Rows<Vec<Change>> {
    let ask =
        format!("SELECT {COLUMNS} FROM objects WHERE position > ?1 ORDER BY position LIMIT ?2");
    let change = |row: &Row<'_>| {
        let deleted: bool = row.get(2)?;
        Ok(Change {
            position: row.get(1)?,
            key: text(row.get(0)?)?,
            object: if deleted { None } else { Some(object(row)?) },
        })
    };
    index.prepare_cached(&ask)?.query_map(params![since, limit], change)?.collect()
}

fn object(row: &Row<'_>) -> Rows<ObjectInfo> {
    let (attributes, modified_at): (String, String) = (row.get(6)?, row.get(7)?);
    Ok(ObjectInfo {
        key: text(row.get(0)?)?,
        size_bytes: row.get(3)?,
        digest: Some(row.get(4)?),
        etag: row.get(5)?,
        attributes: serde_json::from_str(&attributes).map_err(to_sql_error)?,
        modified_at: modified_at.parse().map_err(to_sql_error)?,
        version: None,
    })
}

fn text(bytes: Vec<u8>) -> Rows<String> {
    String::from_utf8(bytes).map_err(to_sql_error)
}

fn to_sql_error(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn file_name(key: &str, etag: &str) -> String {
    format!("{}-{etag}", hex::encode(Sha256::digest(key)))
}

/// The content files that no object names and nobody has written to for a long time.
fn orphans(index: &Connection, folder: &Path) -> Rows<Vec<PathBuf>> {
    let mut named =
        index.prepare_cached("SELECT 1 FROM objects WHERE etag = ?1 AND NOT deleted")?;
    let mut orphans = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(etag) = etag_in(&name).filter(|_| is_old(&entry)) else { continue };
        if !named.exists([etag])? {
            orphans.push(entry.path());
        }
    }
    Ok(orphans)
}

fn is_old(entry: &std::fs::DirEntry) -> bool {
    let written = entry.metadata().and_then(|file| file.modified());
    let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_some_and(|age| age > ORPHAN_AGE)
}

/// The etag in the name of a content file; `None` for other files, which are left alone.
fn etag_in(name: &str) -> Option<&str> {
    let (key, etag) = name.split_once('-')?;
    let hexadecimal = |part: &str| part.bytes().all(|digit| digit.is_ascii_hexdigit());
    let ours = key.len() == 64 && etag.len() == 32 && hexadecimal(key) && hexadecimal(etag);
    ours.then_some(etag)
}

/// Removes a file that nothing names any more. If that fails it is an orphan, removed later.
async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a replaced file cannot be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::objects::Objects;

    fn bucket(folder: &Path) -> Objects {
        Objects::new(Arc::new(LocalObjects::new(folder)))
    }

    #[tokio::test]
    async fn only_old_files_that_no_object_names_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let objects = bucket(folder.path());
        objects.put_bytes("kept", Bytes::from_static(b"old but named")).await.unwrap();
        let long_ago = SystemTime::now() - 2 * ORPHAN_AGE;
        for entry in fs::read_dir(folder.path()).unwrap().flatten() {
            fs::File::open(entry.path()).unwrap().set_modified(long_ago).unwrap();
        }
        let orphan = folder.path().join(file_name("a", &"0".repeat(32)));
        let fresh = folder.path().join(file_name("b", &"1".repeat(32)));
        let foreign = folder.path().join("notes.txt");
        for path in [&orphan, &fresh, &foreign] {
            fs::write(path, "x").unwrap();
        }
        for path in [&orphan, &foreign] {
            fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let again = bucket(folder.path());
        again.put_bytes("other", Bytes::new()).await.unwrap();
        assert!(!orphan.exists() && fresh.exists() && foreign.exists());
        assert!(again.get_bytes("kept", 100).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_lost_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let objects = bucket(folder.path());
        let info = objects.put_bytes("a", Bytes::from_static(b"x")).await.unwrap();
        let path = folder.path().join(file_name("a", &info.etag));
        fs::remove_file(&path).unwrap();
        let error = objects.get("a", None).await.err().unwrap();
        assert_eq!(error.code(), "object_file");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }

    #[tokio::test]
    async fn what_was_written_soon_is_followed_by_a_durable_transaction_once() {
        let folder = tempfile::tempdir().unwrap();
        let objects = bucket(folder.path());
        let logged = || fs::metadata(folder.path().join("index.sqlite-wal")).unwrap().len();
        let (said, always) = (Attributes::default(), Condition::Always);
        for key in ["a", "b"] {
            let content = crate::objects::stream_of(Bytes::from_static(b"x"));
            objects.put_soon(key, content, &said, &always, None).await.unwrap();
        }
        let before = logged();
        objects.sync().await.unwrap();
        let after = logged();
        assert!(after > before, "nothing was written, so nothing was flushed");
        objects.sync().await.unwrap();
        assert_eq!(logged(), after, "there was nothing to flush");
    }

    #[tokio::test]
    async fn what_could_not_be_made_durable_is_tried_again_by_the_next_sync() {
        let folder = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(folder.path());
        let (said, always) = (Attributes::default(), Condition::Always);
        let content = crate::objects::stream_of(Bytes::from_static(b"x"));
        objects.put_soon("a", content, &said, &always, None).await.unwrap();
        let batch = objects.unsynced.take().unwrap();
        batch.flush(folder.path()).await.unwrap();
        drop(batch);
        assert!(objects.unsynced.take().is_some(), "the index was not flushed yet");
    }

    #[tokio::test]
    async fn reading_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bucket");
        let objects = bucket(&path);
        assert!(objects.get("a", None).await.unwrap().is_none());
        assert!(!objects.delete("a").await.unwrap());
        assert_eq!(objects.position().await.unwrap(), 0);
        assert_eq!(objects.health().await.unwrap_err().code(), "objects_missing");
        assert!(!path.exists());
    }
}
