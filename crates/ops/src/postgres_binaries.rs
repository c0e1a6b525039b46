//! Finding the programs of PostgreSQL on this machine, and the user that runs them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::{Error, Result};

/// Names the folder of the programs, or several with a colon between them, when they are neither
/// Debian's nor on the PATH.
pub const FOLDER_VARIABLE: &str = "TREFOIL_POSTGRES_BIN";

/// The programs that Trefoil runs.
const PROGRAMS: [&str; 5] = ["initdb", "postgres", "pg_ctl", "pg_dump", "pg_restore"];

/// Where Debian keeps them, one folder for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The users that run a server when we are root, which PostgreSQL refuses to run as.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The programs of one version of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresBinaries {
    folder: PathBuf,
    version: String,
}

impl PostgresBinaries {
    /// The newest version on this machine: of the folders of `TREFOIL_POSTGRES_BIN` when that is
    /// set, otherwise in Debian's folders, otherwise on the PATH.
    ///
    /// # Errors
    /// `postgres_missing`, with the command that installs it.
    pub fn find() -> Result<Self> {
        Self::find_where(|_| true)?.ok_or_else(|| missing("PostgreSQL is not on this machine"))
    }

    /// The programs of one major version, such as 15: those that can open its data.
    ///
    /// # Errors
    /// `postgres_missing` when that version is not on this machine.
    pub fn find_major(major: u32) -> Result<Self> {
        Self::find_where(|found| found.major() == Some(major))?
            .ok_or_else(|| missing(&format!("PostgreSQL {major} is not on this machine")))
    }

    /// The programs that read a schema from a server of version `source` and write it to one of
    /// version `target`: those of the target's version, for newer ones write what an older server
    /// does not understand.
    ///
    /// # Errors
    /// `postgres_missing` when there are none on this machine.
    pub fn find_between(source: u32, target: u32) -> Result<Self> {
        let exact = Self::find_where(|found| source <= target && found.major() == Some(target))?;
        // From version 17 on a script sets `transaction_timeout`, which older servers refuse.
        let newer = |found: &Self| {
            found
                .major()
                .is_some_and(|major| major >= source.max(target) && (target >= 17 || major < 17))
        };
        let found = match exact {
            Some(found) => Some(found),
            None => Self::find_where(newer)?,
        };
        found.ok_or_else(|| {
            missing(&format!(
                "pg_dump and pg_restore of PostgreSQL {target} are not on this machine; they carry \
                 the schema from version {source}"
            ))
        })
    }

    /// The first that fits; with several versions, the newest comes first.
    fn find_where(fits: impl Fn(&Self) -> bool) -> Result<Option<Self>> {
        if let Some(named) = std::env::var_os(FOLDER_VARIABLE) {
            let found: Result<Vec<_>> =
                std::env::split_paths(&named).map(|folder| Self::in_folder(&folder)).collect();
            let mut found = found?;
            found.sort_by_key(|one| std::cmp::Reverse(one.major()));
            return Ok(found.into_iter().find(fits));
        }
        let folders = folders(Path::new(DEBIAN), std::env::var_os("PATH"));
        Ok(folders.iter().filter_map(|folder| Self::in_folder(folder).ok()).find(fits))
    }

    fn in_folder(folder: &Path) -> Result<Self> {
        if let Some(absent) = PROGRAMS.iter().find(|name| !folder.join(name).is_file()) {
            return Err(missing(&format!("there is no {absent} in {}", folder.display())));
        }
        let silent = || missing(&format!("{}/postgres does not run", folder.display()));
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .map_err(|error| silent().because(error))?;
        let words = String::from_utf8_lossy(&output.stdout);
        let version = version_in(&words).ok_or_else(silent)?;
        Ok(Self { folder: folder.to_path_buf(), version: version.to_owned() })
    }

    /// The path of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The version, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as 15.
    pub fn major(&self) -> Option<u32> {
        let digits = self.version.find(|c: char| !c.is_ascii_digit());
        self.version[..digits.unwrap_or(self.version.len())].parse().ok()
    }
}

/// The version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version_in(words: &str) -> Option<&str> {
    words.split_once("(PostgreSQL) ")?.1.split_ascii_whitespace().next()
}

/// Debian's folders, newest version first, then those of the PATH.
fn folders(debian: &Path, path: Option<OsString>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(debian).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    let path = path.unwrap_or_default();
    let path = std::env::split_paths(&path);
    versions.into_iter().map(|(_, folder)| folder).chain(path).collect()
}

fn missing(what: &str) -> Error {
    Error::missing("postgres_missing", what).hint(
        "install it: sudo apt-get install --no-install-recommends postgresql postgresql-client \
         (Trefoil starts servers of its own; it never starts or changes the machine's cluster); \
         or name the folder of its programs in TREFOIL_POSTGRES_BIN (several with `:` between them)",
    )
}

/// An ordinary user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// The user's name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
}

/// The user that server programs run as when we are root: `postgres`, else `nobody`. `None` when
/// we are not root: they run as ourselves.
///
/// # Errors
/// `user_missing` when we are root and the machine has neither.
pub fn run_as() -> Result<Option<RunAs>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
    let user = user.ok_or_else(|| {
        Error::missing("user_missing", "PostgreSQL does not run as root")
            .hint("run as an ordinary user, or make one named `postgres`")
    })?;
    Ok(Some(RunAs { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_program_says() {
        let words = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(version_in(words), Some("15.18"));
        assert_eq!(version_in("something else"), None);
        let beta = PostgresBinaries { folder: "/x".into(), version: "18beta1".into() };
        assert_eq!(beta.major(), Some(18));
    }

    #[test]
    fn newer_versions_come_first_and_the_path_last() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17", "common"] {
            std::fs::create_dir(root.path().join(version)).unwrap();
        }
        let found = folders(root.path(), Some("/a:/b".into()));
        let expected = ["17/bin", "15/bin", "9/bin"].map(|version| root.path().join(version));
        assert_eq!(found[..3], expected);
        assert_eq!(found[3..], [PathBuf::from("/a"), PathBuf::from("/b")]);
    }

    #[test]
    fn a_folder_without_the_programs_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let error = PostgresBinaries::in_folder(root.path()).unwrap_err();
        assert_eq!(error.code(), "postgres_missing");
        assert!(error.to_string().contains("no initdb in"), "{error}");
        assert!(error.hint_text().unwrap().contains("apt-get install"));
    }

    #[test]
    fn this_machine_has_them() {
        let found = PostgresBinaries::find().unwrap();
        assert!(found.program("pg_dump").is_file());
        let major = found.major().unwrap();
        assert_eq!(PostgresBinaries::find_major(major).unwrap().major(), Some(major));
        assert_eq!(PostgresBinaries::find_major(7).unwrap_err().code(), "postgres_missing");
    }
}
