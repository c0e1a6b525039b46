//! The clouds that this build knows. A further cloud is a folder, a line here and a feature.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use trefoil_core::spec::AppSpec;
use url::Url;

use crate::chat::{Chat, ChatOptions};
use crate::objects::Objects;
use crate::secrets::Secrets;
use crate::services::Services;
use crate::sessions::Sessions;
use crate::{Error, Result};

/// What a cloud gives to this crate.
struct Cloud {
    name: &'static str,
    /// The schemes of the URLs of its services.
    schemes: &'static [&'static str],
    objects: fn(&Url) -> Result<Objects>,
    sessions: fn(&Url) -> Result<Sessions>,
    secrets: fn(&Url) -> Result<Secrets>,
    /// The schemes of the URLs of its chats.
    chat_schemes: &'static [&'static str],
    chat: fn(&Url, &ChatOptions) -> Result<Chat>,
    services: fn(&AppSpec, &str, &Path, Option<&SecretString>) -> Result<Services>,
    #[cfg(feature = "operate")]
    open: fn(&crate::operate::OpenSite<'_>) -> Result<crate::operate::Site>,
}

const CLOUDS: &[Cloud] = &[
    #[cfg(feature = "local")]
    Cloud {
        name: "local",
        schemes: crate::local::SCHEMES,
        objects: crate::local::open_objects,
        sessions: crate::local::open_sessions,
        secrets: crate::local::open_secrets,
        chat_schemes: crate::local::CHAT_SCHEMES,
        chat: crate::local::open_chat,
        services: crate::local::open_services,
        #[cfg(feature = "operate")]
        open: crate::local::operate::open,
    },
];

/// The names of the clouds that this build knows.
pub fn known() -> Vec<&'static str> {
    CLOUDS.iter().map(|cloud| cloud.name).collect()
}

/// The cloud of that name, or an error that lists those known.
fn find(name: &str) -> Result<&'static Cloud> {
    CLOUDS.iter().find(|cloud| cloud.name == name).ok_or_else(|| {
        Error::usage("cloud_unknown", format!("`{name}` is not a cloud that this build knows"))
            .hint(format!("it knows: {}", known().join(", ")))
    })
}

/// The cloud of an environment of the specification.
fn cloud_of(spec: &AppSpec, environment: &str) -> Result<&'static Cloud> {
    let found = spec.environments.get(environment).ok_or_else(|| {
        let names: Vec<_> = spec.environments.keys().map(String::as_str).collect();
        Error::usage("environment_unknown", format!("there is no environment `{environment}`"))
            .hint(format!("the specification has: {}", names.join(", ")))
    })?;
    find(&found.cloud)
}

/// Opens an environment to be operated. Starts nothing.
#[cfg(feature = "operate")]
pub fn open_site(open: &crate::operate::OpenSite<'_>) -> Result<crate::operate::Site> {
    (cloud_of(open.spec, open.environment)?.open)(open)
}

/// Opens the services of an environment. Starts and makes nothing: what is not there yet is
/// empty to readers, and made by the first write. The database is there when its URL is given.
pub fn open_services(
    spec: &AppSpec,
    environment: &str,
    folder: &Path,
    database_url: Option<&SecretString>,
) -> Result<Services> {
    (cloud_of(spec, environment)?.services)(spec, environment, folder, database_url)
}

/// Opens a bucket by its URL.
pub(crate) fn open_objects(url: &str) -> Result<Objects> {
    let (cloud, url) = by_url(url, |cloud| cloud.schemes)?;
    (cloud.objects)(&url)
}

/// Opens a store of sessions by its URL.
pub(crate) fn open_sessions(url: &str) -> Result<Sessions> {
    let (cloud, url) = by_url(url, |cloud| cloud.schemes)?;
    (cloud.sessions)(&url)
}

/// Opens a store of secrets by its URL.
pub(crate) fn open_secrets(url: &str) -> Result<Secrets> {
    let (cloud, url) = by_url(url, |cloud| cloud.schemes)?;
    (cloud.secrets)(&url)
}

/// Opens a chat by its URL.
pub(crate) fn open_chat(url: &SecretString, options: &ChatOptions) -> Result<Chat> {
    let (cloud, url) = by_url(url.expose_secret(), |cloud| cloud.chat_schemes)?;
    (cloud.chat)(&url, options)
}

/// The cloud whose scheme a URL has. The URL itself is in no error: it may hold a password.
fn by_url(
    text: &str,
    schemes_of: fn(&Cloud) -> &'static [&'static str],
) -> Result<(&'static Cloud, Url)> {
    let schemes: Vec<&str> = CLOUDS.iter().flat_map(schemes_of).copied().collect();
    let Ok(url) = Url::parse(text) else {
        let error = Error::usage("service_url", "the URL of a service cannot be read");
        return Err(error.hint(format!("it begins with: {}", begins(&schemes))));
    };
    let found = CLOUDS.iter().find(|cloud| schemes_of(cloud).contains(&url.scheme()));
    match found {
        Some(cloud) => Ok((cloud, url)),
        None => Err(unknown_scheme(url.scheme(), &schemes)),
    }
}

/// The error of a URL whose scheme is none of `known`.
pub(crate) fn unknown_scheme(scheme: &str, known: &[&str]) -> Error {
    let why = format!("`{scheme}:` is not a scheme that this build knows for such a service");
    Error::usage("service_url_unknown", why).hint(format!("it knows: {}", begins(known)))
}

fn begins(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ")
}
