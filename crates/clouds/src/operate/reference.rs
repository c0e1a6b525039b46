//! Following a reference of the specification to the URL that it stands for.

use secrecy::SecretString;
use trefoil_core::spec::Reference;

use crate::secrets::Secrets;
use crate::{Error, Result};

/// Where a reference leads to.
pub(crate) enum Followed {
    /// The URL.
    Url(SecretString),
    /// What it names is not there.
    Missing {
        /// In words.
        what: String,
        /// What helps.
        hint: String,
    },
}

impl Followed {
    /// The URL, or the error that is made of what is missing.
    pub(crate) fn or(self, error: impl FnOnce(String) -> Error) -> Result<SecretString> {
        match self {
            Followed::Url(url) => Ok(url),
            Followed::Missing { what, hint } => Err(error(what).hint(hint)),
        }
    }
}

/// Follows a reference of an environment.
pub(crate) async fn follow(
    reference: &Reference,
    environment: &str,
    secrets: &Secrets,
) -> Result<Followed> {
    let missing = |what: String, hint: String| Followed::Missing {
        what: format!("environment `{environment}`: {what}"),
        hint,
    };
    Ok(match reference {
        Reference::Url(url) => Followed::Url(SecretString::from(url.as_str())),
        Reference::Variable(name) => match std::env::var(name) {
            Ok(url) => Followed::Url(SecretString::from(url)),
            Err(_) => missing(
                format!("the environment variable {name} is not set"),
                "it holds a postgresql:// URL".to_owned(),
            ),
        },
        Reference::Secret(name) => match secrets.get(name).await? {
            Some(url) => Followed::Url(url),
            None => missing(
                format!("there is no secret `{name}`"),
                format!("trefoil secrets set {environment} {name}"),
            ),
        },
    })
}
