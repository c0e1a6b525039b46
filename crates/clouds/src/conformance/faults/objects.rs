//! A bucket on a bad day.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};

use super::{Fault, Faults, call, error};
use crate::Result;
use crate::objects::{
    Attributes, ByteStream, Capabilities, Change, Condition, ObjectInfo, Objects, ObjectsDriver,
    Page,
};

/// A bucket under faults.
pub fn faulty_objects(inner: &Objects, faults: &Faults) -> Objects {
    Objects::new(Arc::new(Faulty { inner: inner.clone(), faults: faults.clone() }))
}

struct Faulty {
    inner: Objects,
    faults: Faults,
}

#[async_trait]
impl ObjectsDriver for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(
        &self,
        key: &str,
        content: ByteStream,
        attributes: &Attributes,
        condition: &Condition,
        digest: Option<&str>,
    ) -> Result<ObjectInfo> {
        // Without a digest nobody could tell of a wrong byte.
        let fault = self.faults.draw(key, |fault| match fault {
            Fault::WrongBytes if digest.is_none() => Fault::Cut,
            other => other,
        });
        let content = match fault {
            Some(fault @ (Fault::Throttled(_) | Fault::Unavailable | Fault::DiskFull)) => {
                return Err(error(fault));
            }
            Some(fault @ Fault::Cut) => cut(content, fault),
            // What arrives at the store is not what was sent: it must notice.
            Some(Fault::WrongBytes) => damaged(content),
            Some(Fault::Slow(late)) => {
                tokio::time::sleep(late).await;
                content
            }
            _ => content,
        };
        let written = self.inner.put(key, content, attributes, condition, digest).await?;
        match fault {
            Some(Fault::Ambiguous) => Err(error(Fault::Ambiguous)),
            _ => Ok(written),
        }
    }

    async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<(ObjectInfo, ByteStream)>> {
        let fault = self.faults.draw(key, |fault| match fault {
            Fault::Ambiguous | Fault::DiskFull => Fault::Unavailable,
            other => other,
        });
        let found = match fault {
            Some(fault @ (Fault::Throttled(_) | Fault::Unavailable)) => return Err(error(fault)),
            Some(Fault::Slow(late)) => {
                tokio::time::sleep(late).await;
                self.inner.get(key, range).await?
            }
            _ => self.inner.get(key, range).await?,
        };
        Ok(found.map(|(info, content)| match fault {
            Some(fault @ Fault::Cut) => (info, cut(content, fault)),
            Some(Fault::WrongBytes) => (info, damaged(content)),
            _ => (info, content),
        }))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectInfo>> {
        call(&self.faults, key, self.inner.head(key)).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        call(&self.faults, key, self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page> {
        call(&self.faults, "a listing", self.inner.list(prefix, after, limit)).await
    }

    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>> {
        call(&self.faults, "the record", self.inner.changes(since, limit)).await
    }

    async fn position(&self) -> Result<u64> {
        call(&self.faults, "the position", self.inner.position()).await
    }

    async fn sync(&self) -> Result<()> {
        call(&self.faults, "durability", self.inner.sync()).await
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }
}

/// The first half of a content's first piece, and then the end of the connection.
fn cut(content: ByteStream, fault: Fault) -> ByteStream {
    let half = content.take(1).map_ok(|piece| piece.slice(..piece.len() / 2));
    half.chain(futures::stream::iter([Err(error(fault))])).boxed()
}

/// A content with one byte that is another one; an empty one stays as it is.
fn damaged(content: ByteStream) -> ByteStream {
    let damage = |(n, piece): (usize, Result<Bytes>)| {
        let mut piece = piece?.to_vec();
        if let Some(byte) = piece.first_mut().filter(|_| n == 0) {
            *byte ^= 1;
        }
        Ok(Bytes::from(piece))
    };
    content.enumerate().map(damage).boxed()
}
