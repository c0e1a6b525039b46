//! Ministack: many services of AWS in one process, in memory. Its S3 keeps every key byte for byte,
//! but accepts any credentials: what it proves about signatures is nothing.

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use super::server::{Server, request, send};

/// A server of ministack that ends with this value.
pub struct Ministack {
    server: Server,
}

impl Ministack {
    /// Starts a server and waits until it answers. Blocks for a second or two.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start() -> Self {
        let ministack = super::program("ministack");
        let command = |_: &TempDir, ports: &[u16]| {
            let mut command = Command::new(&ministack);
            // It listens on every interface otherwise.
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", ports[0].to_string());
            command
        };
        let answers = |ports: &[u16]| request(ports[0], "GET", "/_localstack/health") == Some(200);
        Self { server: Server::start(1, command, answers) }
    }

    /// A server that the tests of one process share, as long as one of them holds it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Ministack>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *shared = Arc::downgrade(&server);
        server
    }

    /// Where its services answer.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.ports[0])
    }

    /// The variables by which AWS clients find their credentials; it accepts any.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Makes a bucket with a name of its own that begins with `prefix`; its name. Blocks.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_bucket(&self, prefix: &str) -> String {
        let name = format!("{prefix}-{}", uuid::Uuid::new_v4().simple());
        let status = request(self.server.ports[0], "PUT", &format!("/{name}"));
        assert_eq!(status, Some(200), "the bucket is made:\n{}", self.server.log());
        name
    }

    /// Gives a bucket the rules by which it deletes objects by itself, as S3 takes them. Blocks.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn set_lifecycle(&self, bucket: &str, rules: &str) {
        let rules = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        let path = format!("/{bucket}?lifecycle");
        let status = send(self.server.ports[0], "PUT", &path, &rules);
        assert_eq!(status, Some(200), "the rules are taken:\n{}", self.server.log());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_makes_buckets() {
        let server = Ministack::start();
        assert_ne!(server.create_bucket("b"), server.create_bucket("b"));
    }
}
