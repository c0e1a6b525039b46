//! What only trying can tell of a store: which keys it keeps as they are, in which order it lists
//! them, whether conditions hold, whether versions are kept and whether digests are checked.

use aws_sdk_s3::primitives::ByteStream as Body;
use aws_sdk_s3::types::BucketVersioningStatus;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::content::Content;
use super::failure::{Outcome, failure, outcome};
use super::proof::{self, Signed};
use super::{DECLARED, S3Objects, transfer};
use crate::objects::{
    Attributes, Capabilities, Condition, KEY_MAX_BYTES, KeyRules, ObjectsDriver, stream_of,
};
use crate::{Error, Result};

/// How much of one object's key a probe reads back.
const CONTENT_MAX_BYTES: usize = 4096;

/// The keys that are written to see whether a rule holds, below the probe's own prefix. What a
/// store makes of one of them stays below that prefix too.
const CASES: [(Rule, &[&str]); 8] = [
    (|rules| &mut rules.backslashes, &["w/x", "w\\x"]),
    (|rules| &mut rules.empty_parts, &["e/x", "e//x"]),
    (|rules| &mut rules.leading_slash, &["s", "/s"]),
    (|rules| &mut rules.trailing_slash, &["t", "t/"]),
    (|rules| &mut rules.dot_parts, &["d/x", "d/./x", "d/y/../x"]),
    (|rules| &mut rules.below_an_object, &["b", "b/x", "b/x/y"]),
    (|rules| &mut rules.control_characters, &["c\u{1}", "c\n", "c\0"]),
    (|rules| &mut rules.unicode_forms, &["u\u{e9}", "ue\u{301}"]),
];

type Rule = fn(&mut KeyRules) -> &mut bool;

/// Keys that a store of folders lists in another order than that of their bytes.
const ORDER: [&str; 5] = ["l!", "l/x", "l/y", "l0", "l~"];

struct Probe<'a> {
    objects: &'a S3Objects,
    prefix: String,
}

/// Tries everything, and removes what it wrote also when it failed.
pub(super) async fn probe(objects: &S3Objects) -> Result<Capabilities> {
    objects.health().await?;
    let prefix = format!("trefoil-probe-{}/", uuid::Uuid::new_v4().simple());
    let probe = Probe { objects, prefix };
    let versions = probe.versions().await?;
    let found = probe.all(versions).await;
    let cleaned = probe.clean(versions).await;
    let found = found?;
    cleaned?;
    Ok(Capabilities { versions, ..found })
}

/// Whether the store refuses bytes that have another digest than the one that goes with them, in the
/// checksum and in the signature. What is not known for certain is no.
pub(super) async fn checks_digests(objects: &S3Objects) -> Result<bool> {
    let bucket = &objects.address.bucket;
    let key = objects.trial_key("digest");
    let other = Content { size_bytes: 0, sha256: Sha256::digest(b"other bytes").into() };
    let clients = objects.clients().await;
    let put = clients.once.put_object().bucket(bucket).key(&key).body(Body::from_static(b"bytes"));
    let put = put.checksum_sha256(proof::sha256(&other));
    match put.customize().interceptor(Signed::whole(&other)).send().await {
        Ok(written) => remove(objects, &key, written.version_id).await.map(|()| false),
        Err(error) => match failure(&objects.address, error) {
            refused if refused.code() == "object_digest" => Ok(true),
            error => unknown(objects, &key, error).await,
        },
    }
}

/// Whether the store keeps an object that has another etag than the one that is to be deleted.
/// What is not known for certain is no.
pub(super) async fn deletes_by_etag(objects: &S3Objects) -> Result<bool> {
    let bucket = &objects.address.bucket;
    let key = objects.trial_key("etag");
    let client = objects.client().await;
    let put = client.put_object().bucket(bucket).key(&key).body(Body::from_static(b"bytes"));
    let written = match put.send().await.map_err(|error| failure(&objects.address, error)) {
        Ok(written) => written,
        Err(error) => return unknown(objects, &key, error).await,
    };
    let delete = client.delete_object().bucket(bucket).key(&key).if_match("\"0\"");
    let (marker, kept) = match delete.send().await {
        Ok(deleted) => (deleted.version_id, false),
        Err(error) => (None, outcome(&error) == Outcome::Condition),
    };
    remove(objects, &key, written.version_id).await?;
    match marker {
        Some(marker) => remove(objects, &key, Some(marker)).await.map(|()| kept),
        None => Ok(kept),
    }
}

async fn remove(objects: &S3Objects, key: &str, version: Option<String>) -> Result<()> {
    let delete = objects.client().await.delete_object().bucket(&objects.address.bucket).key(key);
    let removed = delete.set_version_id(version).send().await;
    removed.map(drop).map_err(|error| failure(&objects.address, error))
}

/// What may pass is tried another time; else it is as if the store could not. Either way it may have
/// been written: whoever tries again does so under the same key, so that nothing stays behind.
async fn unknown(objects: &S3Objects, key: &str, error: Error) -> Result<bool> {
    let removed = remove(objects, key, None).await;
    if error.is_retryable() {
        return Err(error);
    }
    removed?;
    let error = error.chain();
    tracing::debug!(%error, "what the store can do is not known");
    Ok(false)
}

impl Probe<'_> {
    async fn all(&self, versions: bool) -> Result<Capabilities> {
        // What every store can: a failure here is none of the key's.
        self.put("plain").await?;
        let mut keys = KeyRules::default();
        for (rule, names) in CASES {
            // A store that does not list such a version right would keep it for ever.
            let listable = !names.iter().any(|name| name.contains(char::is_control));
            *rule(&mut keys) = (listable || !versions) && self.keeps(names).await?;
        }
        let room = KEY_MAX_BYTES - self.prefix.len();
        keys.long_parts = self.keeps(&["k".repeat(room).as_str()]).await?;
        let conditional = self.conditional().await?;
        let (byte_order, tags) = (self.byte_order().await?, self.tags().await?);
        Ok(Capabilities { keys, conditional, byte_order, tags, ..DECLARED })
    }

    /// A name below the prefix; one that begins with a slash keeps it in front.
    fn key(&self, name: &str) -> String {
        match name.strip_prefix('/') {
            Some(name) => format!("/{}{name}", self.prefix),
            None => format!("{}{name}", self.prefix),
        }
    }

    /// Writes a name as its own content.
    async fn put(&self, name: &str) -> Result<()> {
        self.put_as(name, &Attributes::default(), &Condition::Always).await
    }

    async fn put_as(&self, name: &str, said: &Attributes, condition: &Condition) -> Result<()> {
        let content = stream_of(Bytes::from(name.to_owned().into_bytes()));
        self.objects.put(&self.key(name), content, said, condition, None).await.map(drop)
    }

    /// Whether all these keys are kept, each for itself.
    async fn keeps(&self, names: &[&str]) -> Result<bool> {
        for name in names {
            if settle(self.put(name).await)?.is_none() {
                return Ok(false);
            }
        }
        let mut listed = settle(self.listed("").await)?.unwrap_or_default();
        listed.extend(settle(self.listed("/").await)?.unwrap_or_default());
        for name in names {
            let read = settle(self.read(name).await)?.flatten();
            if read.as_deref() != Some(name.as_bytes()) || !listed.contains(&self.key(name)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let found = transfer::get(self.objects, &self.key(name), None, None).await?;
        let Some((_, mut content)) = found else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(piece) = futures::TryStreamExt::try_next(&mut content).await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > CONTENT_MAX_BYTES {
                break;
            }
        }
        Ok(Some(bytes))
    }

    /// The keys below the prefix; with `before` in front of it.
    async fn listed(&self, before: &str) -> Result<Vec<String>> {
        let prefix = format!("{before}{}", self.prefix);
        let page = self.objects.list(&prefix, None, 1_000).await?;
        Ok(page.objects.into_iter().map(|object| object.key).collect())
    }

    /// Whether the second of two writers that want a key to be absent loses, and a stale one too.
    async fn conditional(&self) -> Result<bool> {
        let said = Attributes::default();
        self.put_as("once", &said, &Condition::Absent).await?;
        for condition in [Condition::Absent, Condition::Matches("\"0\"".to_owned())] {
            match self.put_as("once", &said, &condition).await {
                Err(error) if error.code() == "object_condition" => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn byte_order(&self) -> Result<bool> {
        for name in ORDER {
            self.put(name).await?;
        }
        let (prefix, mut after, mut found) = (self.key("l"), None::<String>, Vec::new());
        // One at a time: the order must hold from page to page.
        for _ in 0..=ORDER.len() {
            let page = self.objects.list(&prefix, after.as_deref(), 1).await?;
            found.extend(page.objects.into_iter().map(|object| object.key));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found == ORDER.map(|name| self.key(name)))
    }

    async fn tags(&self) -> Result<bool> {
        let tags = [("name".to_owned(), "value".to_owned())].into();
        let said = Attributes { tags, ..Attributes::default() };
        if settle(self.put_as("tagged", &said, &Condition::Always).await)?.is_none() {
            return Ok(false);
        }
        let found = settle(transfer::head(self.objects, &self.key("tagged")).await)?.flatten();
        Ok(found.is_some_and(|found| found.attributes.tags == said.tags))
    }

    async fn versions(&self) -> Result<bool> {
        let address = &self.objects.address;
        let ask = self.objects.client().await.get_bucket_versioning().bucket(&address.bucket);
        match ask.send().await {
            Ok(found) => Ok(found.status() == Some(&BucketVersioningStatus::Enabled)),
            Err(error) => Ok(settle(Err(failure(address, error)))?.unwrap_or(false)),
        }
    }

    /// Removes what was written, and what the store has made of it.
    async fn clean(&self, versions: bool) -> Result<()> {
        let client = self.objects.client().await;
        let bucket = &self.objects.address.bucket;
        for before in ["", "/"] {
            let prefix = format!("{before}{}", self.prefix);
            let written: Vec<(String, Option<String>)> = match versions {
                true => super::listing::all_versions(self.objects, &prefix).await?,
                false => self.listed(before).await?.into_iter().map(|key| (key, None)).collect(),
            };
            for (key, version) in written {
                let delete = client.delete_object().bucket(bucket).key(key);
                let deleted = delete.set_version_id(version).send().await;
                deleted.map_err(|error| failure(&self.objects.address, error))?;
            }
        }
        Ok(())
    }
}

/// A refusal is an answer to a probe; silence, and a store that asks for patience, are none.
fn settle<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if matches!(error.code(), "bucket_unreachable" | "bucket_access") => Err(error),
        Err(error) => {
            tracing::debug!(error = %error.chain(), "the store refuses what the probe tried");
            Ok(None)
        }
    }
}
