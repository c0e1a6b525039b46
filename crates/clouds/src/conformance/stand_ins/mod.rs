//! Real servers and clients that stand in for the clouds in tests: where they are installed, and
//! how one is started and ended. They panic where they cannot go on, for only tests use them.
//!
//! `scripts/setup --tests` installs what `scripts/stand-ins.txt` lists. A test that needs one of
//! these fails when it is not there: a suite that skips silently proves nothing.

pub mod ministack;
mod postgres;
pub mod seaweedfs;
mod server;

use std::env;
use std::path::{Path, PathBuf};

pub use ministack::Ministack;
pub use postgres::postgres_binaries;
pub use seaweedfs::SeaweedFs;

/// What to run when a stand-in is missing.
const INSTALL: &str = "run `scripts/setup --tests`";

/// The folder that holds the stand-ins: `$TREFOIL_STAND_INS`, else a folder of the user's cache.
///
/// # Panics
/// When neither that variable, nor `XDG_CACHE_HOME`, nor `HOME` is set.
pub fn folder() -> PathBuf {
    if let Some(folder) = env::var_os("TREFOIL_STAND_INS") {
        return folder.into();
    }
    let of_home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(of_home);
    cache.expect("XDG_CACHE_HOME or HOME is set").join("trefoil/stand-ins")
}

/// The program of that name, such as `rclone` or `s5cmd`.
///
/// # Panics
/// When it is not installed.
pub fn program(name: &str) -> PathBuf {
    let program = folder().join("venv/bin").join(name);
    assert!(program.is_file(), "{} is not there: {INSTALL}", program.display());
    program
}
