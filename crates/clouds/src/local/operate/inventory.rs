//! Observing what exists in an environment on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use trefoil_core::inventory::{Inventory, Resource, ResourceKind, Unseen};

use super::{CLOUD, Local};
use crate::Result;
use crate::database::Database;
use crate::local::{LocalObjects, LocalSessions, own_buckets};
use crate::objects::Objects;
use crate::operate::agent_protocol::AgentStatus;
use crate::operate::compute::Compute;
use crate::operate::inventory::{DATABASE_SIZE, Observe};
use crate::operate::provision::Provision;
use crate::operate::traffic::Traffic;
use crate::sessions::SessionsDriver;

/// How many objects are listed at a time.
const PAGE: usize = 1_000;
/// How many objects of a bucket that is there already are counted.
const COUNT_MAX: usize = 100_000;

/// What was seen so far.
#[derive(Default)]
struct Seen {
    resources: Vec<Resource>,
    unseen: Vec<Unseen>,
}

#[async_trait]
impl Observe for Local {
    async fn observe(&self) -> Result<Inventory> {
        let mut seen = Seen::default();
        if self.layout.root().is_dir() {
            let status = self.agent_status().await?;
            if status.is_none() && self.layout.root().join("agent.lock").exists() {
                self.not_seen(&mut seen, "what the agent looks after", "the agent does not run");
            }
            self.see_application(&mut seen).await?;
            self.see_database(&mut seen, status.as_ref()).await?;
            self.see_stores(&mut seen).await?;
        }
        self.see_traffic(&mut seen).await?;
        seen.resources.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        Ok(Inventory {
            environment: self.environment.clone(),
            cloud: CLOUD.to_owned(),
            observed_at: Timestamp::now(),
            resources: seen.resources,
            unseen: seen.unseen,
        })
    }
}

impl Local {
    fn not_seen(&self, seen: &mut Seen, what: &str, why: &str) {
        seen.unseen.push(Unseen {
            what: format!("{what} in `{}`", self.environment),
            why: why.to_owned(),
            fix: format!("trefoil up {}", self.environment),
        });
    }

    async fn see_application(&self, seen: &mut Seen) -> Result<()> {
        if self.spec.application.is_none() || self.running().await?.is_none() {
            return Ok(());
        }
        let mut needs: Vec<String> = self.spec.database_name().into_iter().collect();
        needs.extend(self.spec.buckets.keys().cloned());
        needs.extend(self.spec.sessions.as_ref().map(|_| "sessions".to_owned()));
        let id = self.layout.root().join("instances").join(super::compute::APPLICATION);
        let application = resource(ResourceKind::Application, "process", &self.spec.name, &id);
        seen.resources.push(Resource { depends_on: needs, ..application });
        Ok(())
    }

    async fn see_database(&self, seen: &mut Seen, status: Option<&AgentStatus>) -> Result<()> {
        let (Some(name), Some(record)) = (self.spec.database_name(), self.database_record()?)
        else {
            return Ok(());
        };
        let data = record.folder.join("data");
        let mut database = resource(ResourceKind::Database, "postgresql", &name, &data);
        let status = status.and_then(|status| status.database.as_ref());
        database.version = status.map(|status| status.version.clone());
        match self.database_size().await {
            Ok(size) => database.size = size,
            Err(error) => {
                self.not_seen(seen, "the database's size", &error.chain());
            }
        }
        seen.resources.push(database);
        Ok(())
    }

    async fn database_size(&self) -> Result<BTreeMap<String, u64>> {
        let Some(admin) = self.database_admin().await? else { return Ok(BTreeMap::new()) };
        let row = Database::open(&admin.url)?.query_opt(DATABASE_SIZE, &[]).await?;
        let units = ["bytes", "tables", "rows"];
        let size = |(column, unit): (usize, &str)| {
            let amount: i64 = row.as_ref().map_or(0, |row| row.get(column));
            (unit.to_owned(), amount.unsigned_abs())
        };
        Ok(units.into_iter().enumerate().map(size).collect())
    }

    /// Buckets, sessions and secrets: files that are there whether the agent runs or not.
    async fn see_stores(&self, seen: &mut Seen) -> Result<()> {
        for name in own_buckets(&self.spec, &self.environment) {
            let folder = self.layout.bucket(name);
            if folder.is_dir() {
                let mut bucket = resource(ResourceKind::Bucket, "directory", name, &folder);
                let objects = Objects::new(Arc::new(LocalObjects::new(&folder)));
                bucket.size = bucket_size(&objects, usize::MAX).await?.unwrap_or_default();
                seen.resources.push(bucket);
            }
        }
        self.see_existing_buckets(seen).await?;
        let file = self.layout.sessions();
        if self.spec.sessions.is_some() && file.is_file() {
            let mut sessions = resource(ResourceKind::Sessions, "sqlite", "sessions", &file);
            let count = LocalSessions::new(&file).count(Timestamp::now()).await?;
            sessions.size.insert("sessions".to_owned(), count);
            seen.resources.push(sessions);
        }
        let file = self.layout.secrets();
        if file.is_file() {
            let mut secrets = resource(ResourceKind::Secrets, "age-file", "secrets", &file);
            let count = self.secrets.names().await?.len() as u64;
            secrets.size.insert("secrets".to_owned(), count);
            seen.resources.push(secrets);
        }
        Ok(())
    }

    /// Buckets that are there already: an inventory shows them, and says what it cannot see.
    async fn see_existing_buckets(&self, seen: &mut Seen) -> Result<()> {
        for (name, there) in &self.existing {
            let mut bucket = resource(ResourceKind::Bucket, "bucket", name, Path::new(&there.url));
            match bucket_size(&there.objects, COUNT_MAX).await {
                Ok(Some(size)) => bucket.size = size,
                Ok(None) => seen.unseen.push(Unseen {
                    what: format!("the size of `{name}` in `{}`", self.environment),
                    why: format!("it has more than {COUNT_MAX} objects"),
                    fix: "count them with a client of the store".to_owned(),
                }),
                Err(error) => {
                    seen.unseen.push(Unseen {
                        what: format!("the bucket `{name}` in `{}`", self.environment),
                        why: error.chain(),
                        fix: error.hint_text().unwrap_or("look at the store").to_owned(),
                    });
                    continue;
                }
            }
            seen.resources.push(bucket);
        }
        Ok(())
    }

    /// The edge belongs to the environment that it sends requests to.
    async fn see_traffic(&self, seen: &mut Seen) -> Result<()> {
        let upstream = self.status().await?.and_then(|status| status.upstream);
        if upstream.is_some_and(|upstream| upstream.environment == self.environment) {
            let name = &self.spec.name;
            let edge = resource(ResourceKind::Traffic, "edge", name, &self.edge_folder());
            seen.resources.push(Resource { depends_on: vec![name.clone()], ..edge });
        }
        Ok(())
    }
}

/// How much a bucket holds; `None` when it has more objects than `count_max`.
async fn bucket_size(objects: &Objects, count_max: usize) -> Result<Option<BTreeMap<String, u64>>> {
    let (mut count, mut bytes, mut after) = (0, 0, None);
    loop {
        let page = objects.list("", after.as_deref(), PAGE).await?;
        count += page.objects.len();
        bytes += page.objects.iter().map(|object| object.size_bytes).sum::<u64>();
        match page.next {
            Some(_) if count > count_max => return Ok(None),
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(Some(BTreeMap::from([("objects".to_owned(), count as u64), ("bytes".to_owned(), bytes)])))
}

fn resource(kind: ResourceKind, native_type: &str, name: &str, id: &Path) -> Resource {
    Resource {
        kind,
        native_type: native_type.to_owned(),
        name: name.to_owned(),
        id: id.display().to_string(),
        region: None,
        size: BTreeMap::new(),
        version: None,
        depends_on: Vec::new(),
        tags: BTreeMap::new(),
    }
}
