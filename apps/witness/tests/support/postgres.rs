//! A PostgreSQL server that lives as long as a test, on a socket in a folder of its own.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::application::Note;

const PASSWORD: &str = "only-for-this-test";

pub(crate) struct Postgres {
    folder: TempDir,
    server: Child,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user = ordinary_user();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        if let Some((user, group)) = user {
            for path in [folder.path(), &password] {
                chown(path, Some(user), Some(group)).unwrap();
            }
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        }
        let data = folder.path().join("data");
        let made = command("initdb", user)
            .args(["-N", "-U", "witness", "-A", "scram-sha-256", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let server = command("postgres", user)
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { folder, server };
        let client = postgres.connect().await;
        // No unique key: some tests plant a second row.
        let table = "CREATE TABLE notes (client text, seq bigint, text text)";
        client.batch_execute(table).await.unwrap();
        postgres
    }

    pub(crate) fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://witness:{PASSWORD}@{folder}/postgres")
    }

    pub(crate) async fn fill(&self, notes: &[Note]) {
        let client = self.connect().await;
        let insert = client.prepare("INSERT INTO notes VALUES ($1, $2, $3)").await.unwrap();
        client.batch_execute("BEGIN").await.unwrap();
        for note in notes {
            client.execute(&insert, &[&note.client, &note.seq, &note.text]).await.unwrap();
        }
        client.batch_execute("COMMIT").await.unwrap();
    }

    async fn connect(&self) -> Client {
        for _ in 0..200 {
            if let Ok((client, connection)) = tokio_postgres::connect(&self.url(), NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server does not answer");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.server.wait();
    }
}

/// PostgreSQL refuses to run as root; the user to run it as then.
fn ordinary_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

fn command(name: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program(name));
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A program of PostgreSQL, also where Debian keeps it.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| Path::new(name).to_owned())
}
