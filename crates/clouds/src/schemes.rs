//! Which cloud a URL of a service belongs to.

use url::Url;

use crate::{Error, Result};

/// Which of several openers knows the scheme of a URL. The URL itself is in no error: it may hold
/// a password.
pub(crate) fn by_url<T>(
    text: &str,
    openers: impl Iterator<Item = (&'static [&'static str], T)>,
) -> Result<(T, Url)> {
    let openers: Vec<_> = openers.collect();
    let schemes: Vec<&str> =
        openers.iter().flat_map(|(schemes, _)| schemes.iter()).copied().collect();
    let Ok(url) = Url::parse(text) else {
        let error = Error::usage("service_url", "the URL of a service cannot be read");
        return Err(error.hint(format!("it begins with: {}", begins(&schemes))));
    };
    match openers.into_iter().find(|(schemes, _)| schemes.contains(&url.scheme())) {
        Some((_, opener)) => Ok((opener, url)),
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
