//! The instances of an environment by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use trefoil_clouds::operate::agent_protocol::{InstanceStatus, StartInstance};
use trefoil_clouds::operate::files;

use super::instance::Instance;
use crate::{Error, Result};

/// The instances of an environment.
pub(super) struct Instances {
    folder: PathBuf,
    by_name: Mutex<BTreeMap<String, Arc<Instance>>>,
    /// Ends the tasks that look after them.
    watch: CancellationToken,
    /// Set when nothing is started any more.
    closed: CancellationToken,
}

impl Instances {
    /// Takes over what earlier agents have started in this folder.
    pub(super) fn take_over(folder: &Path, watch: CancellationToken) -> Result<Self> {
        files::private_folder(folder)?;
        let closed = CancellationToken::new();
        let mut by_name = BTreeMap::new();
        let entries =
            std::fs::read_dir(folder).map_err(|error| files::file_error("read", folder, error))?;
        for entry in entries.flatten() {
            let file = entry.file_name();
            if let Some(name) = file.to_str().and_then(|name| name.strip_suffix(".json")) {
                let instance = Instance::new(folder, name, watch.clone(), closed.clone());
                instance.take_over()?;
                by_name.insert(name.to_owned(), instance);
            }
        }
        let folder = folder.to_path_buf();
        Ok(Self { folder, by_name: Mutex::new(by_name), watch, closed })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Instance>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one, or runs it to its end.
    pub(super) async fn start(&self, request: StartInstance) -> Result<InstanceStatus> {
        let name = request.name.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            let message = format!("`{name}` is not a name of an instance");
            return Err(Error::usage("instance_failed", message)
                .hint("letters, digits, - and _, 64 at most"));
        }
        let instance = {
            let mut by_name = self.lock();
            let new = || {
                let (watch, closed) = (self.watch.clone(), self.closed.clone());
                Instance::new(&self.folder, name, watch, closed)
            };
            by_name.entry(name.to_owned()).or_insert_with(new).clone()
        };
        instance.start(request).await
    }

    /// Stops one; none of that name is stopped already.
    pub(super) async fn stop(&self, name: &str, drain: Duration) -> Result<()> {
        let instance = self.lock().get(name).cloned();
        match instance {
            Some(instance) => instance.stop(drain).await,
            None => Ok(()),
        }
    }

    /// Stops all, and starts none from now on.
    pub(super) async fn shut_down(&self, drain: Duration) -> Result<()> {
        // Closed first: whoever starts now either sees it, or is stopped below.
        self.closed.cancel();
        let all: Vec<_> = self.lock().values().cloned().collect();
        let stopped = join_all(all.iter().map(|instance| instance.stop(drain))).await;
        stopped.into_iter().collect()
    }

    /// How each of them is.
    pub(super) fn status(&self) -> Vec<InstanceStatus> {
        self.lock().values().filter_map(|instance| instance.status()).collect()
    }

    /// The files that they write to.
    pub(super) fn logs(&self) -> Vec<PathBuf> {
        let logs =
            |instance: &Arc<Instance>| [instance.logs.out.clone(), instance.logs.err.clone()];
        self.lock().values().flat_map(logs).collect()
    }
}
