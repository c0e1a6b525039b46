//! Chat from this machine: any endpoint that speaks OpenAI's protocol, or the database's search.

mod http;
mod openai;
mod sse;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use crate::chat::{Chat, ChatOptions};
use crate::database::{self, Database, DatabaseOptions};
use crate::{Error, Result, extractive};
use http::Endpoint;
use openai::OpenAi;

/// The schemes of the URLs of chats.
pub(crate) const SCHEMES: &[&str] = &["http", "https", database::SCHEMES[0], database::SCHEMES[1]];

/// How many connections the search takes at most: it is asked by people.
const SEARCH_CONNECTIONS: usize = 2;

/// Opens a chat by its URL.
pub(crate) fn open_chat(url: &Url, options: &ChatOptions) -> Result<Chat> {
    if database::SCHEMES.contains(&url.scheme()) {
        let own = DatabaseOptions {
            max_connections: SEARCH_CONNECTIONS,
            connect_timeout_ms: options.connect_timeout_ms,
            statement_timeout_ms: options.timeout_ms,
            ..DatabaseOptions::default()
        };
        let database = Database::open_with(&SecretString::from(url.as_str()), &own)?;
        return Ok(extractive::chat(database, options));
    }
    let endpoint = endpoint(url, options)?;
    let model = options.model.clone().or_else(|| url.fragment().map(str::to_owned));
    let model = model.filter(|model| !model.trim().is_empty()).ok_or_else(|| {
        Error::usage("chat_model", "the chat's endpoint needs the name of a model")
            .hint("give it with the options, or as the end of the URL: http://127.0.0.1/v1#NAME")
    })?;
    Ok(Chat::new(Arc::new(OpenAi::new(endpoint, model)), options))
}

/// The endpoint of a URL, which has to be on this machine: without TLS neither the key nor what
/// people ask may leave it.
fn endpoint(url: &Url, options: &ChatOptions) -> Result<Endpoint> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage("chat_url", "the chat's URL holds a name or a password")
            .hint("give the endpoint's key by itself"));
    }
    if url.scheme() == "https" {
        return Err(tls_not_yet("the URL asks for it"));
    }
    let host = url.host().ok_or_else(|| Error::usage("chat_url", "the chat's URL has no host"))?;
    let is_here = match &host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    };
    if !is_here {
        return Err(tls_not_yet(&format!("`{host}` is another machine")));
    }
    Endpoint::new(url, options, Duration::from_millis(options.connect_timeout_ms))
}

fn tls_not_yet(why: &str) -> Error {
    let message = format!("TLS to a chat's endpoint is not supported yet, and {why}");
    Error::refused("chat_tls_not_yet", message)
        .hint("use an endpoint on this machine: http://127.0.0.1, http://[::1], http://localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, options: &ChatOptions) -> Error {
        match Chat::open_with(&SecretString::from(url), options) {
            Ok(_) => panic!("{url} was opened"),
            Err(error) => error,
        }
    }

    #[test]
    fn only_this_machine_without_tls() {
        let options = ChatOptions { model: Some("m".into()), ..ChatOptions::default() };
        for url in [
            "https://api.example.com/v1",
            "https://127.0.0.1/v1",
            "http://api.example.com/v1",
            "http://10.1.2.3:8080/v1",
            "http://localhost.example.com/v1",
            "http://[2001:db8::1]/v1",
        ] {
            let error = refusal(url, &options);
            assert_eq!(error.code(), "chat_tls_not_yet", "{url}: {error}");
        }
        for url in ["http://127.0.0.1:1/v1", "http://[::1]/", "http://LOCALHOST:80"] {
            assert!(Chat::open_with(&SecretString::from(url), &options).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_or_option_is_named_and_no_secret_is() {
        let options = ChatOptions::default();
        assert_eq!(refusal("http://127.0.0.1/v1", &options).code(), "chat_model");
        assert_eq!(refusal("http://127.0.0.1/v1# ", &options).code(), "chat_model");
        assert!(Chat::open(&SecretString::from("http://127.0.0.1/v1#m")).is_ok());
        let key = Some(SecretString::from("hidden\n"));
        let with_key = ChatOptions { key, ..ChatOptions::default() };
        for (url, code) in [
            ("http://me:hidden@127.0.0.1/v1#m", "chat_url"),
            ("ftp://me:hidden@127.0.0.1/v1#m", "service_url_unknown"),
            ("postgresql://a:hidden@db.example.com/x?sslmode=disable", "database_tls_needed"),
            ("hidden", "service_url"),
        ] {
            let error = refusal(url, &options);
            assert_eq!(error.code(), code, "{url}");
            assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
        }
        let error = refusal("http://127.0.0.1/v1#m", &with_key);
        assert_eq!(error.code(), "chat_key");
        assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
    }
}
