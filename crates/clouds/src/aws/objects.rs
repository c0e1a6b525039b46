//! Objects in a bucket of S3, or of a store that speaks its language.
//!
//! Every key goes out byte for byte; what a store makes of it only a probe can tell. The digest of
//! an object is the checksum that the store verified and keeps, or a name in its metadata where it
//! was written in parts: an etag of parts is no digest of anything.

mod address;
mod attributes;
mod connect;
mod content;
mod failure;
mod info;
mod listing;
mod probe;
mod proof;
mod transfer;
mod unfinished;
mod upload;

use std::collections::HashSet;
use std::sync::OnceLock;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use tokio::sync::OnceCell;

pub use address::{AccessKey, Address};

use self::connect::Clients;
#[cfg(feature = "operate")]
pub(super) use self::connect::client;
use self::content::Announced;
pub(super) use self::failure::{Outcome, failure, outcome};
use self::upload::Upload;
use crate::objects::{
    Attributes, ByteStream, Call, Capabilities, Change, Condition, KeyRules, ObjectInfo,
    ObjectsDriver, Page, Version, other_etag,
};
use crate::{Error, Result};

/// A bucket.
pub struct S3Objects {
    address: Address,
    clients: OnceCell<Clients>,
    /// What a probe has found.
    probed: OnceLock<Capabilities>,
    /// Whether the store refuses bytes that do not have the digest that goes with them.
    checks_digests: OnceCell<bool>,
    /// Whether the store deletes on the condition of an etag.
    deletes_by_etag: OnceCell<bool>,
    /// The keys under which something is tried out begin so.
    trial: String,
    /// Set once the bucket is known to be there: that a key is absent says nothing about it.
    found: OnceCell<()>,
}

impl S3Objects {
    /// The bucket at an address. Asks nobody yet, and never makes a bucket.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            clients: OnceCell::new(),
            probed: OnceLock::new(),
            checks_digests: OnceCell::new(),
            deletes_by_etag: OnceCell::new(),
            trial: format!("trefoil-probe-{}/", uuid::Uuid::new_v4().simple()),
            found: OnceCell::new(),
        }
    }

    /// Where the bucket is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    async fn client(&self) -> &Client {
        &self.clients().await.quick
    }

    async fn clients(&self) -> &Clients {
        self.clients.get_or_init(|| Clients::of(&self.address)).await
    }

    /// A key to try something out under: the same one for each attempt.
    fn trial_key(&self, name: &str) -> String {
        format!("{}{name}", self.trial)
    }

    /// Tries once whether the store refuses bytes that do not have the digest that goes with them.
    async fn checks_digests(&self) -> Result<bool> {
        self.checks_digests.get_or_try_init(|| probe::checks_digests(self)).await.copied()
    }

    /// Tries once whether the store keeps what has another etag than the one that is to be deleted.
    async fn deletes_by_etag(&self) -> Result<bool> {
        self.deletes_by_etag.get_or_try_init(|| probe::deletes_by_etag(self)).await.copied()
    }

    /// Asks once whether there is a bucket at all.
    async fn check_bucket(&self) -> Result<()> {
        self.found.get_or_try_init(|| self.health()).await.copied()
    }

    /// The etag and version of the object under a key, if that write made it.
    async fn written_by(&self, key: &str, nonce: &str) -> Result<Option<(String, Option<String>)>> {
        let head = self.client().await.head_object().bucket(&self.address.bucket).key(key);
        match head.send().await {
            Ok(found) => {
                let made_by = found.metadata().and_then(|names| names.get(attributes::WRITE));
                let mine = made_by.is_some_and(|made_by| made_by == nonce);
                Ok(mine.then(|| (found.e_tag.unwrap_or_default(), found.version_id)))
            }
            Err(error) if outcome(&error) == Outcome::Absent => Ok(None),
            Err(error) => Err(failure(&self.address, error)),
        }
    }
}

/// What is true of S3 itself, as far as no probe has found otherwise.
const DECLARED: Capabilities = Capabilities {
    // The client takes a key of white space for none at all, and sends nothing.
    keys: KeyRules { blank: false, ..KeyRules::ALL },
    conditional: true,
    unique_etags: false,
    change_record: false,
    whole_record: false,
    byte_order: true,
    server_copy: true,
    tags: true,
    versions: false,
};

#[async_trait]
impl ObjectsDriver for S3Objects {
    fn capabilities(&self) -> Capabilities {
        self.probed.get().copied().unwrap_or(DECLARED)
    }

    fn requests(&self, call: Call) -> u64 {
        match call {
            Call::Write(size_bytes) => upload::requests(size_bytes),
            // What is there is asked first: the answer to a deletion does not say.
            Call::Delete => 2,
            Call::List | Call::Head | Call::Read => 1,
        }
    }

    async fn probe(&self) -> Result<Capabilities> {
        if let Some(known) = self.probed.get() {
            return Ok(*known);
        }
        let found = probe::probe(self).await?;
        Ok(*self.probed.get_or_init(|| found))
    }

    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        let clients = self.clients().await;
        let announced = digest.and_then(Announced::read);
        let upload = Upload { objects: self, clients, key, attributes, condition, announced };
        let written = upload.write(content).await?;
        Ok(ObjectInfo {
            key: key.to_owned(),
            size_bytes: written.size_bytes,
            digest: Some(written.digest),
            etag: written.etag,
            attributes: attributes.clone(),
            modified_at: jiff::Timestamp::now(),
            version: written.version,
        })
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        transfer::get(self, key, None, range).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        transfer::head(self, key).await
    }

    async fn get_announced(&self, key: &str) -> Result<Option<(ObjectInfo, ByteStream)>> {
        transfer::get_announced(self, key).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        // The store says the same whether there was something or not.
        if transfer::head(self, key).await?.is_none() {
            return Ok(false);
        }
        let delete = self.client().await.delete_object().bucket(&self.address.bucket).key(key);
        delete.send().await.map_err(|error| failure(&self.address, error))?;
        Ok(true)
    }

    async fn delete_matching(&self, key: &str, etag: &str) -> Result<bool> {
        let at_once = self.deletes_by_etag().await?;
        if !at_once {
            match transfer::head(self, key).await? {
                None => return Ok(false),
                Some(found) if found.etag != etag => return Err(other_etag(&found.etag)),
                Some(_) => {}
            }
        }
        let delete = self.client().await.delete_object().bucket(&self.address.bucket).key(key);
        match delete.set_if_match(at_once.then(|| etag.to_owned())).send().await {
            Ok(_) => Ok(true),
            Err(error) if outcome(&error) == Outcome::Absent => {
                self.check_bucket().await?;
                Ok(false)
            }
            // Some say so of what is not there, too.
            Err(error) if outcome(&error) == Outcome::Condition => {
                match transfer::head(self, key).await? {
                    Some(found) => Err(other_etag(&found.etag)),
                    None => Ok(false),
                }
            }
            Err(error) => Err(failure(&self.address, error)),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        listing::page(self, prefix, after, limit).await
    }

    async fn changes(&self, _since: u64, _limit: usize) -> Result<Vec<Change>> {
        Err(no_record())
    }

    async fn position(&self) -> Result<u64> {
        Err(no_record())
    }

    async fn health(&self) -> Result<()> {
        let head = self.client().await.head_bucket().bucket(&self.address.bucket).send().await;
        match head {
            Ok(_) => Ok(()),
            Err(error) if outcome(&error) == Outcome::Absent => {
                Err(failure::missing_bucket(&self.address))
            }
            Err(error) => Err(failure(&self.address, error)),
        }
    }

    async fn copy(
        &self,
        from: &str,
        to: &str,
        condition: &Condition,
    ) -> Result<Option<ObjectInfo>> {
        transfer::copy(self, from, to, condition).await
    }

    async fn abort_uploads(&self, keys: &HashSet<String>) -> Result<usize> {
        unfinished::abort(self, keys).await
    }

    async fn versions(&self, key: &str, limit: usize) -> Result<Vec<Version>> {
        if !self.probe().await?.versions {
            return Err(crate::objects::no_versions());
        }
        listing::versions(self, key, limit).await
    }

    async fn get_version(
        &self,
        key: &str,
        version: &str,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        transfer::get(self, key, Some(version), None).await
    }
}

fn no_record() -> Error {
    let why = "this store keeps no record of changes; what changed is found by listing it";
    Error::refused("object_changes_unsupported", why)
}
