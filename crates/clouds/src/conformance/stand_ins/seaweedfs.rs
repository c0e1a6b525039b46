//! SeaweedFS: a store that speaks S3, checks signatures and digests, and keeps files on the disk.
//! It stores keys as paths, so that some keys come back as others.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::server::{Server, request};

/// The places of the ports in [`Server::ports`].
const S3: usize = 0;
const FILER: usize = 1;
/// The switches that name a port, in the order of [`Server::ports`].
const PORTS: [&str; 8] = [
    "s3.port",
    "filer.port",
    "s3.port.grpc",
    "filer.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
];

/// A server of SeaweedFS that ends with this value.
pub struct SeaweedFs {
    server: Server,
    secret_key: String,
}

impl SeaweedFs {
    /// The access key of its only user.
    pub const ACCESS_KEY: &'static str = "trefoil-tests";

    /// Starts a server and waits until it stores objects. Blocks for some seconds.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start() -> Self {
        let weed = super::program("weed");
        let secret_key = uuid::Uuid::new_v4().simple().to_string();
        let command = |folder: &TempDir, ports: &[u16]| {
            fs::write(folder.path().join("users.json"), users(&secret_key)).expect("users.json");
            fs::create_dir(folder.path().join("data")).expect("data folder");
            let mut command = Command::new(&weed);
            // A bucket would take seven volumes at once otherwise.
            command.env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1");
            command.args(["server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
            command.args(["-filer", "-s3", "-s3.config=users.json", "-master.telemetry=false"]);
            // Otherwise a second server on the same machine dies of these two fixed ports.
            command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
            command.args(["-volume.max=5000", "-master.volumeSizeLimitMB=1024"]);
            command.args(PORTS.iter().zip(ports).map(|(name, port)| format!("-{name}={port}")));
            command
        };
        let stores = |ports: &[u16]| {
            request(ports[S3], "GET", "/status").is_some()
                && request(ports[FILER], "POST", "/ready/").is_some_and(|status| status < 300)
        };
        Self { server: Server::start(PORTS.len(), command, stores), secret_key }
    }

    /// A server that the tests of one process share, as long as one of them holds it. Each must
    /// use a bucket of its own ([`SeaweedFs::create_bucket`]).
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<SeaweedFs>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *shared = Arc::downgrade(&server);
        server
    }

    /// Where it answers as an S3 store.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.ports[S3])
    }

    /// The secret key of its only user.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The variables by which S3 clients find their credentials.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Makes a bucket with a name of its own that begins with `prefix`; its name. Blocks.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_bucket(&self, prefix: &str) -> String {
        let name = format!("{prefix}-{}", uuid::Uuid::new_v4().simple());
        let status = request(self.server.ports[FILER], "POST", &format!("/buckets/{name}/"));
        assert_eq!(status, Some(201), "the bucket is made:\n{}", self.server.log());
        name
    }

    /// Stops the server where it is (SIGSTOP), until [`SeaweedFs::resume`].
    pub fn pause(&self) {
        self.server.signal(Signal::SIGSTOP);
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.server.signal(Signal::SIGCONT);
    }
}

/// The file of users: one, who may do everything.
fn users(secret_key: &str) -> String {
    let credentials = serde_json::json!([
        { "accessKey": SeaweedFs::ACCESS_KEY, "secretKey": secret_key }
    ]);
    let user = serde_json::json!({
        "name": SeaweedFs::ACCESS_KEY, "credentials": credentials, "actions": ["Admin"]
    });
    serde_json::json!({ "identities": [user] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_twice_at_once_and_ends_with_its_value() {
        let (first, second) = (SeaweedFs::start(), SeaweedFs::start());
        assert_ne!(first.create_bucket("b"), second.create_bucket("b"));
        let (port, folder) = (first.server.ports[S3], first.endpoint());
        drop(first);
        assert!(request(port, "GET", "/status").is_none(), "{folder} still answers");
        assert!(request(second.server.ports[S3], "GET", "/status").is_some());
    }
}
