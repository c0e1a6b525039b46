//! Services on this machine, without any account.

mod chat;
pub mod layout;
mod object_files;
mod objects;
#[cfg(feature = "operate")]
pub mod operate;
mod secrets;
mod sessions;
mod sqlite;
mod unsynced;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use trefoil_core::spec::AppSpec;
use url::Url;

use crate::database::Database;
use crate::objects::Objects;
use crate::services::{ExistingBuckets, Services};
use crate::{Error, Result};

pub(crate) use chat::{SCHEMES as CHAT_SCHEMES, open_chat};
pub use layout::Layout;
pub use objects::LocalObjects;
pub use secrets::LocalSecrets;
pub use sessions::LocalSessions;

/// The schemes of the URLs of services on this machine.
pub(crate) const SCHEMES: &[&str] = &["file"];

/// Opens the bucket in a folder (`file:///folder`), which is made when it is not there.
pub(crate) fn open_objects(url: &Url) -> Result<Objects> {
    let driver = LocalObjects::new(&path_of(url)?);
    driver.create()?;
    Ok(Objects::new(Arc::new(driver)))
}

/// Opens the sessions in a file (`file:///folder/sessions.sqlite`), which is made when it is not
/// there; of a folder, `sessions.sqlite` in it.
pub(crate) fn open_sessions(url: &Url) -> Result<crate::sessions::Sessions> {
    let driver = LocalSessions::new(&file_in(url, "sessions.sqlite")?);
    driver.create()?;
    Ok(crate::sessions::Sessions::new(Arc::new(driver)))
}

/// Opens the secrets in a file (`file:///folder/secrets.age`); of a folder, `secrets.age` in it.
pub(crate) fn open_secrets(url: &Url) -> Result<crate::secrets::Secrets> {
    let driver = LocalSecrets::new(&file_in(url, "secrets.age")?);
    Ok(crate::secrets::Secrets::new(Arc::new(driver)))
}

/// Opens the services of an environment where [`Layout`] says. Makes nothing.
pub(crate) fn open_services(
    spec: &AppSpec,
    environment: &str,
    folder: &Path,
    database_url: Option<&SecretString>,
    existing: &ExistingBuckets,
) -> Result<Services> {
    let layout = Layout::new(folder, environment);
    let bucket = |name: &String| {
        let opened = match existing.get(name) {
            Some(there) => there.objects.clone(),
            None => Objects::new(Arc::new(LocalObjects::new(&layout.bucket(name)))),
        };
        (name.clone(), opened)
    };
    let sessions = spec.sessions.as_ref().map(|_| {
        let driver = LocalSessions::new(&layout.sessions());
        crate::sessions::Sessions::new(Arc::new(driver))
    });
    let database = spec.database.as_ref().and(database_url);
    Ok(Services {
        objects: spec.buckets.keys().map(bucket).collect(),
        database: database.map(Database::open).transpose()?,
        sessions,
        secrets: crate::secrets::Secrets::new(Arc::new(LocalSecrets::new(&layout.secrets()))),
    })
}

/// Makes the stores that an environment needs, empty, where they are not there yet; not those that
/// it has elsewhere. Blocks.
pub fn create_stores(spec: &AppSpec, environment: &str, layout: &Layout) -> Result<()> {
    sqlite::private_folder(layout.root())?;
    for name in own_buckets(spec, environment) {
        LocalObjects::new(&layout.bucket(name)).create()?;
    }
    match spec.sessions {
        Some(_) => LocalSessions::new(&layout.sessions()).create(),
        None => Ok(()),
    }
}

/// The buckets that an environment has on this machine.
fn own_buckets<'a>(spec: &'a AppSpec, environment: &str) -> impl Iterator<Item = &'a String> {
    let place = spec.environments.get(environment);
    spec.buckets.keys().filter(move |name| !place.is_some_and(|it| it.buckets.contains_key(*name)))
}

fn path_of(url: &Url) -> Result<PathBuf> {
    url.to_file_path().map_err(|()| {
        Error::usage("service_url", format!("`{url}` names no file of this machine"))
            .hint("write three slashes and the whole path: file:///var/lib/app/documents")
    })
}

/// The file that a URL names, or the file `name` in the folder that it names.
fn file_in(url: &Url, name: &str) -> Result<PathBuf> {
    let path = path_of(url)?;
    let folder = url.path().ends_with('/') || path.is_dir();
    Ok(if folder { path.join(name) } else { path })
}
