//! Opening the portable handles by their URLs: the one place where they meet the clouds.

use secrecy::SecretString;

use crate::chat::{Chat, ChatOptions};
use crate::database::Database;
use crate::objects::Objects;
use crate::secrets::Secrets;
use crate::services::{ServiceUrls, Services};
use crate::sessions::Sessions;
use crate::{Result, registry};

impl Objects {
    /// The bucket at a URL, such as `file:///var/lib/app/documents`; made when it is not there.
    pub fn open(url: &str) -> Result<Self> {
        registry::open_objects(url)
    }
}

impl Sessions {
    /// The store at a URL, such as `file:///var/lib/app/sessions.sqlite`; made when it is not
    /// there.
    pub fn open(url: &str) -> Result<Self> {
        registry::open_sessions(url)
    }
}

impl Secrets {
    /// The store at a URL, such as `file:///var/lib/app/secrets.age`.
    pub fn open(url: &str) -> Result<Self> {
        registry::open_secrets(url)
    }
}

impl Chat {
    /// The chat at a URL: an endpoint of OpenAI's protocol with its model as the fragment
    /// (`http://127.0.0.1:11434/v1#llama3`), or a database whose search finds the answer in the
    /// sources (`postgresql://…`). Connects only when it is used.
    pub fn open(url: &SecretString) -> Result<Self> {
        Self::open_with(url, &ChatOptions::default())
    }

    /// The chat at a URL, used in a way of the caller's own.
    pub fn open_with(url: &SecretString, options: &ChatOptions) -> Result<Self> {
        registry::open_chat(url, options)
    }
}

impl Services {
    /// Opens every service by its URL. The database is not connected yet.
    pub fn open(urls: &ServiceUrls) -> Result<Self> {
        let open = |(name, url): (&String, &String)| Ok((name.clone(), Objects::open(url)?));
        Ok(Self {
            objects: urls.objects.iter().map(open).collect::<Result<_>>()?,
            database: urls.database.as_ref().map(Database::open).transpose()?,
            sessions: urls.sessions.as_deref().map(Sessions::open).transpose()?,
            secrets: Secrets::open(&urls.secrets)?,
        })
    }
}
