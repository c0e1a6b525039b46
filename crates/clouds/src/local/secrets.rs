//! Secrets in one encrypted file; its key stands beside it. Both are readable by their owner only,
//! so the encryption protects copies of the file (backups, images), not the running machine.

mod versions;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use age::x25519::Identity;
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::sqlite::private_folder;
use crate::secrets::{
    SecretVersion, SecretsDriver, Selector, Stage, StoredVersion, version_missing,
};
use crate::{Error, Result};
use versions::Versions;

/// How long a write waits for another process's write.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The form of what is encrypted. Before it had a number, it was names and values alone.
const FORMAT: u64 = 2;

/// The names and versions as they are in memory for the length of one call.
type Values = BTreeMap<String, Versions>;

#[derive(Serialize, Deserialize)]
struct Content {
    format: u64,
    secrets: Values,
}

/// A store of secrets in an encrypted file.
#[derive(Clone)]
pub struct LocalSecrets {
    files: Arc<Files>,
}

struct Files {
    folder: PathBuf,
    store: PathBuf,
    key: PathBuf,
    lock: PathBuf,
}

impl LocalSecrets {
    /// The store in the file at `path`, with key and lock beside it (`.key`, `.lock`). Makes
    /// nothing: what is not there is empty to readers, and made by the first write.
    pub fn new(path: &Path) -> Self {
        let files = Files {
            folder: path.parent().unwrap_or(Path::new("/")).to_owned(),
            store: path.to_owned(),
            key: path.with_extension("key"),
            lock: path.with_extension("lock"),
        };
        Self { files: Arc::new(files) }
    }

    /// A secret's value, for those who cannot wait; `None` when there is none of that name. Blocks.
    #[cfg(feature = "operate")]
    pub(crate) fn get_blocking(&self, name: &str) -> Result<Option<SecretString>> {
        self.files.value(name, &Stage::Current.into())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || work(&files)).await.map_err(|error| {
            Error::failed("secrets_failed", "the work on secrets ended early").because(error)
        })?
    }
}

#[async_trait]
impl SecretsDriver for LocalSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretString>> {
        self.get_version(name, &Stage::Current.into()).await
    }

    async fn set(&self, name: &str, value: &SecretString) -> Result<()> {
        let (name, value) = (name.to_owned(), value.clone());
        self.blocking(move |files| {
            files.update(|values| {
                values.entry(name).or_default().set(&value, Timestamp::now());
                Ok(())
            })
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        self.blocking(move |files| {
            if !files.read()?.contains_key(&name) {
                return Ok(false);
            }
            files.update(|values| Ok(values.remove(&name).is_some()))
        })
        .await
    }

    async fn names(&self) -> Result<Vec<String>> {
        self.blocking(|files| Ok(files.read()?.into_keys().collect())).await
    }

    async fn health(&self) -> Result<()> {
        self.blocking(|files| files.read().map(drop)).await
    }

    async fn get_version(&self, name: &str, which: &Selector) -> Result<Option<SecretString>> {
        let (name, which) = (name.to_owned(), which.clone());
        self.blocking(move |files| files.value(&name, &which)).await
    }

    async fn versions(&self, name: &str) -> Result<Vec<SecretVersion>> {
        let name = name.to_owned();
        self.blocking(move |files| {
            Ok(files.read()?.get(&name).map(Versions::shown).unwrap_or_default())
        })
        .await
    }

    async fn put_version(&self, name: &str, value: &SecretString) -> Result<SecretVersion> {
        let (name, value) = (name.to_owned(), value.clone());
        self.blocking(move |files| {
            files.update(|values| Ok(values.entry(name).or_default().put(&value, Timestamp::now())))
        })
        .await
    }

    async fn promote(&self, name: &str, id: &str) -> Result<()> {
        let (name, id) = (name.to_owned(), id.to_owned());
        self.blocking(move |files| {
            files.update(|values| match values.get_mut(&name) {
                Some(versions) => versions.promote(&name, &id),
                None => Err(version_missing(&name, &id)),
            })
        })
        .await
    }

    async fn replace(&self, name: &str, versions: &[StoredVersion]) -> Result<()> {
        let (name, versions) = (name.to_owned(), Versions::carried(versions));
        self.blocking(move |files| {
            files.update(|values| {
                values.insert(name, versions);
                Ok(())
            })
        })
        .await
    }
}

impl Files {
    fn read(&self) -> Result<Values> {
        let encrypted = match fs::read(&self.store) {
            Ok(encrypted) => encrypted,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Values::new()),
            Err(error) => return Err(failed(&self.store, error)),
        };
        let key = self.key()?.ok_or_else(|| {
            let (store, key) = (self.store.display(), self.key.display());
            Error::missing("secrets_key_missing", format!("{store} is there without {key}"))
                .hint("put the key back; without it the secrets are lost")
        })?;
        let unreadable = || {
            let why =
                format!("{} is torn, or not for {}", self.store.display(), self.key.display());
            Error::failed("secrets_unreadable", why)
        };
        let plain = age::decrypt(&key, &encrypted).map_err(|error| unreadable().because(error))?;
        // No cause: it would quote what is inside.
        let content: Value = serde_json::from_slice(&plain).map_err(|_| unreadable())?;
        match content.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => serde_json::from_value(content)
                .map(|content: Content| content.secrets)
                .map_err(|_| unreadable()),
            Some(other) => Err(self.newer(other)),
            // Values were texts, so one whose name is `format` is no number.
            None => serde_json::from_value(content)
                .map(|values: BTreeMap<String, String>| unversioned(values))
                .map_err(|_| unreadable()),
        }
    }

    fn newer(&self, format: u64) -> Error {
        let why =
            format!("{} has format {format}; this build reads {FORMAT}", self.store.display());
        Error::refused("secrets_newer", why).hint("use the newer build")
    }

    fn value(&self, name: &str, which: &Selector) -> Result<Option<SecretString>> {
        Ok(self.read()?.get(name).and_then(|versions| versions.value(which)))
    }

    /// Changes the values under a lock and replaces the file as a whole; not when nothing changed,
    /// or when the change failed.
    fn update<T>(&self, change: impl FnOnce(&mut Values) -> Result<T>) -> Result<T> {
        private_folder(&self.folder)?;
        let _lock = self.lock()?;
        let before = self.read()?;
        let mut values = before.clone();
        let result = change(&mut values)?;
        if values == before {
            return Ok(result);
        }
        let key = match self.key()? {
            Some(key) => key,
            None => self.make_key()?,
        };
        let content = Content { format: FORMAT, secrets: values };
        let plain = serde_json::to_vec(&content).map_err(|error| {
            Error::failed("secrets_failed", "the secrets cannot be written").because(error)
        })?;
        let encrypted = age::encrypt(&key.to_public(), &plain).map_err(|error| {
            Error::failed("secrets_failed", "the secrets cannot be encrypted").because(error)
        })?;
        let file = self.draft(&encrypted)?;
        file.persist(&self.store).map_err(|error| failed(&self.store, error.error))?;
        self.sync_folder()?;
        Ok(result)
    }

    fn key(&self) -> Result<Option<Identity>> {
        let text = match fs::read_to_string(&self.key) {
            Ok(text) => SecretString::from(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&self.key, error)),
        };
        text.expose_secret().trim().parse().map(Some).map_err(|_: &str| {
            let why = format!("{} is torn, or not a key", self.key.display());
            Error::failed("secrets_unreadable", why)
        })
    }

    /// Makes the key, complete or not at all, and never over another.
    fn make_key(&self) -> Result<Identity> {
        let key = Identity::generate();
        let file = self.draft(key.to_string().expose_secret().as_bytes())?;
        file.persist_noclobber(&self.key).map_err(|error| failed(&self.key, error.error))?;
        self.sync_folder()?;
        Ok(key)
    }

    /// A new file (O_EXCL, 0600) in the folder, on the disk, without its name yet.
    fn draft(&self, content: &[u8]) -> Result<NamedTempFile> {
        let write = || {
            let mut file = NamedTempFile::new_in(&self.folder)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(|error| failed(&self.folder, error))
    }

    fn sync_folder(&self) -> Result<()> {
        let sync = || File::open(&self.folder)?.sync_all();
        sync().map_err(|error| failed(&self.folder, error))
    }

    /// The lock, held until the file is dropped. The lock file stays: a lock on a name that comes
    /// and goes would be two locks.
    fn lock(&self) -> Result<File> {
        let mut options = File::options();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(&self.lock);
        let file = file.map_err(|error| failed(&self.lock, error))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let why = format!("{} stayed locked", self.lock.display());
                    return Err(Error::missing("secrets_busy", why).retryable());
                }
                Err(TryLockError::Error(error)) => return Err(failed(&self.lock, error)),
            }
        }
    }
}

fn unversioned(values: BTreeMap<String, String>) -> Values {
    values.into_iter().map(|(name, value)| (name, Versions::unversioned(value))).collect()
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::failed("secrets_file", format!("{} cannot be used", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    async fn filled(folder: &Path) -> (LocalSecrets, PathBuf) {
        let path = folder.join("own/secrets.age");
        let secrets = LocalSecrets::new(&path);
        secrets.set("token", &SecretString::from("correct horse")).await.unwrap();
        (secrets, path)
    }

    #[tokio::test]
    async fn only_the_owner_can_read_and_the_file_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (_, path) = filled(folder.path()).await;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!((mode(&path), mode(&path.with_extension("key"))), (0o600, 0o600));
        let encrypted = fs::read(&path).unwrap();
        let holds = |word: &[u8]| encrypted.windows(word.len()).any(|window| window == word);
        assert!(!holds(b"horse") && !holds(b"token"));
    }

    #[tokio::test]
    async fn torn_foreign_and_keyless_files_are_errors_that_name_them() {
        let folder = tempfile::tempdir().unwrap();
        let (secrets, path) = filled(folder.path()).await;
        let whole = fs::read(&path).unwrap();
        for content in [&whole[..whole.len() / 2], &[], b"something else"] {
            fs::write(&path, content).unwrap();
            let error = secrets.get("token").await.unwrap_err();
            assert_eq!(error.code(), "secrets_unreadable");
            assert!(error.to_string().contains(path.to_str().unwrap()));
            let error = secrets.set("other", &SecretString::from("x")).await.unwrap_err();
            assert_eq!(error.code(), "secrets_unreadable", "a write does not hide the damage");
        }
        fs::write(&path, whole).unwrap();
        fs::remove_file(path.with_extension("key")).unwrap();
        assert_eq!(secrets.get("token").await.unwrap_err().code(), "secrets_key_missing");
        let set = secrets.set("other", &SecretString::from("x")).await;
        assert_eq!(set.unwrap_err().code(), "secrets_key_missing");
    }

    #[tokio::test]
    async fn reading_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = LocalSecrets::new(&folder.path().join("own/secrets.age"));
        assert!(secrets.names().await.unwrap().is_empty());
        assert!(!secrets.delete("a").await.unwrap());
        assert!(secrets.health().await.is_ok());
        assert!(!folder.path().join("own").exists());
    }

    /// Encrypts `content` as the store at `path`, with the key that is there.
    fn rewrite(path: &Path, content: &Value) {
        let key: Identity =
            fs::read_to_string(path.with_extension("key")).unwrap().trim().parse().unwrap();
        let plain = serde_json::to_vec(content).unwrap();
        fs::write(path, age::encrypt(&key.to_public(), &plain).unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_file_from_before_versions_is_read_and_goes_on_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let (secrets, path) = filled(folder.path()).await;
        rewrite(&path, &json!({"format": "one", "secrets": "two", "token": "three"}));
        let value = async |name: &str, which: Selector| {
            let value = secrets.get_version(name, &which).await.unwrap();
            value.map(|value| value.expose_secret().to_owned())
        };
        assert_eq!(secrets.names().await.unwrap(), ["format", "secrets", "token"]);
        assert_eq!(value("format", Stage::Current.into()).await.as_deref(), Some("one"));
        let old = secrets.versions("token").await.unwrap();
        assert_eq!((old.len(), old[0].created_at), (1, None));
        assert_eq!(value("token", old[0].id.as_str().into()).await.as_deref(), Some("three"));
        secrets.set("token", &SecretString::from("four")).await.unwrap();
        assert_eq!(value("token", Stage::Previous.into()).await.as_deref(), Some("three"));
        assert_eq!(value("secrets", Stage::Current.into()).await.as_deref(), Some("two"));
        let again = secrets.versions("token").await.unwrap();
        assert_eq!(again[0].id, old[0].id, "it keeps its identifier");
        assert!(again[1].created_at.is_some());
    }

    #[tokio::test]
    async fn a_file_of_a_later_form_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (secrets, path) = filled(folder.path()).await;
        rewrite(&path, &json!({"format": 3, "secrets": []}));
        let before = fs::read(&path).unwrap();
        assert_eq!(secrets.get("token").await.unwrap_err().code(), "secrets_newer");
        let set = secrets.set("token", &SecretString::from("x")).await;
        assert_eq!(set.unwrap_err().code(), "secrets_newer");
        assert_eq!(fs::read(&path).unwrap(), before);
        rewrite(&path, &json!({"format": 2, "secrets": {"token": "hidden"}}));
        let error = secrets.get("token").await.unwrap_err();
        assert_eq!(error.code(), "secrets_unreadable");
        assert!(!format!("{error:?}").contains("hidden"));
    }

    #[tokio::test]
    async fn what_changes_nothing_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (secrets, path) = filled(folder.path()).await;
        let before = fs::read(&path).unwrap();
        secrets.set("token", &SecretString::from("correct horse")).await.unwrap();
        assert!(secrets.promote("token", "unknown").await.is_err());
        assert!(secrets.promote("unknown", "unknown").await.is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
