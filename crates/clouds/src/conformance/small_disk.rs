//! A small disk for the log of a test's server, to see what happens before it is full.

use std::path::PathBuf;
use std::process::Command;

use super::postgres::TestPostgres;

/// A disk of its own for the write-ahead log of a server; gone with this value, and the server
/// stopped.
pub struct SmallDisk<'a> {
    server: &'a TestPostgres,
}

impl<'a> SmallDisk<'a> {
    /// Moves the log of a server onto a disk of so many megabytes. `None` where mounting is
    /// refused: then the server runs as before.
    ///
    /// # Panics
    /// When the server cannot be started again.
    pub fn mount(server: &'a TestPostgres, megabytes: u32) -> Option<SmallDisk<'a>> {
        let wal = folder(server);
        let aside = wal.with_extension("aside");
        server.stop();
        std::fs::rename(&wal, &aside).expect("the log can be put aside");
        std::fs::create_dir(&wal).expect("a folder can be made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(&wal)
            .status()
            .is_ok_and(|status| status.success());
        let disk = SmallDisk { server };
        if mounted {
            run(Command::new("cp").arg("-a").arg(aside.join(".")).arg(&wal));
            run(Command::new("chown").arg("--reference").arg(&aside).arg(&wal));
            run(Command::new("chmod").arg("700").arg(&wal));
        } else {
            std::fs::remove_dir(&wal).expect("the folder is empty");
            std::fs::rename(&aside, &wal).expect("the log can be put back");
        }
        server.restart();
        mounted.then_some(disk)
    }

    /// Fills the disk up to so many megabytes.
    ///
    /// # Panics
    /// When it has fewer.
    pub fn leave(&self, megabytes: u64) {
        let wal = folder(self.server);
        let stat = nix::sys::statvfs::statvfs(&wal).expect("a disk that is mounted");
        let free = stat.blocks_available() * stat.fragment_size();
        let bytes = free.checked_sub(megabytes << 20).expect("the disk has that much");
        run(Command::new("fallocate").args(["-l", &bytes.to_string()]).arg(wal.join("ballast")));
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.server.stop();
        let _ = Command::new("umount").arg(folder(self.server)).status();
    }
}

fn folder(server: &TestPostgres) -> PathBuf {
    server.data_dir().join("pg_wal")
}

fn run(command: &mut Command) {
    assert!(command.status().is_ok_and(|status| status.success()), "{command:?}");
}
