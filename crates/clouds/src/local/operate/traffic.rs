//! Sending users' requests to environments on this machine: one edge for each state folder.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::{Local, STATUS_TIMEOUT, gone, running};
use crate::operate::control::{Control, EDGE_SOCKET};
use crate::operate::edge_protocol::{Drain, Drained, EdgeStatus, Hold, Release};
use crate::operate::files;
use crate::operate::spawn::{self, Resident};
use crate::operate::traffic::Traffic;
use crate::{Error, Result};

/// How long a hold or a release may take; a release is on the disk before it is answered.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than its deadline a drain's answer may take: what is cut must have ended.
const DRAIN_MARGIN: Duration = Duration::from_secs(10);

#[async_trait]
impl Traffic for Local {
    fn kind(&self) -> &'static str {
        "edge"
    }

    async fn open(&self, port: u16) -> Result<()> {
        if let Some(status) = self.status().await? {
            return check_port(&status, port);
        }
        let folder = self.edge_folder();
        files::private_folder(&folder)?;
        let resident = Resident {
            name: "edge",
            program: &self.program,
            arguments: vec![
                "edge".into(),
                "--folder".into(),
                folder.clone().into(),
                "--port".into(),
                port.to_string().into(),
            ],
            working_dir: &self.folder,
            log: &folder.join("edge.log"),
        };
        spawn::spawn(&resident, &self.edge()).await
    }

    async fn status(&self) -> Result<Option<EdgeStatus>> {
        running(self.edge().get("/status", STATUS_TIMEOUT).await)
    }

    async fn hold(&self, hold: &Hold) -> Result<()> {
        self.edge().post("/hold", hold, CHANGE_TIMEOUT).await
    }

    async fn drain(&self, deadline: Duration) -> Result<Drained> {
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        self.edge().post("/drain", &Drain { deadline_ms }, deadline + DRAIN_MARGIN).await
    }

    async fn release(&self, release: &Release) -> Result<()> {
        self.edge().post("/release", release, CHANGE_TIMEOUT).await
    }

    async fn close(&self) -> Result<()> {
        let told = self.edge().post::<_, ()>("/shutdown", &(), CHANGE_TIMEOUT).await;
        match running(told)? {
            Some(()) => gone(&self.edge_folder().join("edge.lock")).await,
            None => Ok(()),
        }
    }
}

impl Local {
    pub(super) fn edge_folder(&self) -> PathBuf {
        self.folder.join("edge")
    }

    fn edge(&self) -> Control {
        Control::new(&self.edge_folder(), EDGE_SOCKET)
    }
}

fn check_port(status: &EdgeStatus, port: u16) -> Result<()> {
    if status.listen.rsplit(':').next() == Some(port.to_string().as_str()) {
        return Ok(());
    }
    let message = format!("the edge listens on {}, not on port {port}", status.listen);
    Err(Error::refused("edge_port", message)
        .hint("stop it before application.port is changed: trefoil down"))
}
