//! Where a bucket is, and who asks: `s3://BUCKET/PREFIX?endpoint=...&region=...`.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{Error, Result};

/// What may follow the `?`.
const FORM: &str = "s3://BUCKET?endpoint=https://HOST&region=NAME&path_style=true&profile=NAME";

/// Where a bucket is, and who asks.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// The bucket's name.
    pub bucket: String,
    /// The store's address when it is not the cloud's own, such as `https://minio.example.com`.
    pub endpoint: Option<String>,
    /// The region; else the environment's or the profile's.
    pub region: Option<String>,
    /// Whether the bucket stands in the path rather than in the host's name: as most stores other
    /// than the cloud's own want it, and so the default where there is an endpoint.
    pub path_style: bool,
    /// The profile of the user's configuration files that has the credentials.
    pub profile: Option<String>,
    /// Who asks, when it is not found as every client finds it: variables, files, the machine.
    pub credentials: Option<AccessKey>,
}

/// A key that does not change.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its public part.
    pub id: String,
    /// Its secret part.
    pub secret: SecretString,
}

impl Address {
    /// Reads a URL without a path.
    ///
    /// # Errors
    /// Code `service_url` for one of another form.
    pub fn parse(url: &Url) -> Result<Self> {
        let (address, path) = Self::parse_with_path(url)?;
        if path.is_empty() {
            return Ok(address);
        }
        Err(wrong(&format!("the URL of a bucket has the path `{path}`, and there can be none")))
    }

    /// Reads a URL with what follows the bucket's name, without the slashes around it.
    ///
    /// # Errors
    /// Code `service_url` for one of another form.
    pub fn parse_with_path(url: &Url) -> Result<(Self, String)> {
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() || !url.username().is_empty() || url.password().is_some() {
            let why = "the URL of a bucket has no bucket, or a user in it: credentials come from \
                       variables, files or the machine, as every client finds them";
            return Err(wrong(why));
        }
        let mut address = Self { bucket, ..Self::default() };
        let mut path_style = None;
        for (name, value) in url.query_pairs() {
            let value = value.into_owned();
            match name.as_ref() {
                "endpoint" => address.endpoint = Some(checked_endpoint(value)?),
                "region" => address.region = Some(value),
                "profile" => address.profile = Some(value),
                "path_style" => path_style = Some(flag(&value)?),
                _ => return Err(wrong(&format!("the URL of a bucket has an unknown `{name}`"))),
            }
        }
        address.path_style = path_style.unwrap_or(address.endpoint.is_some());
        Ok((address, url.path().trim_matches('/').to_owned()))
    }

    /// The URL that means the same. Credentials are not in it.
    ///
    /// # Errors
    /// Code `service_url` when the bucket's name cannot stand in a URL.
    pub fn to_url(&self) -> Result<Url> {
        let mut url = Url::parse(&format!("s3://{}", self.bucket))
            .map_err(|error| wrong("the bucket's name cannot stand in a URL").because(error))?;
        let optional = [
            ("endpoint", self.endpoint.as_deref()),
            ("region", self.region.as_deref()),
            ("profile", self.profile.as_deref()),
        ];
        let path_style = if self.path_style { "true" } else { "false" };
        let given = optional.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        url.query_pairs_mut().extend_pairs(given).append_pair("path_style", path_style);
        Ok(url)
    }

    /// In words: what an error names.
    pub(super) fn words(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("the bucket `{}` at {endpoint}", self.bucket),
            None => format!("the bucket `{}`", self.bucket),
        }
    }
}

impl AccessKey {
    /// As the client takes it.
    pub(super) fn credentials(&self) -> aws_sdk_s3::config::Credentials {
        let secret = self.secret.expose_secret();
        aws_sdk_s3::config::Credentials::new(&self.id, secret, None, None, "given")
    }
}

/// An endpoint is a scheme and a host; a password has no place in it.
fn checked_endpoint(text: String) -> Result<String> {
    let known = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    };
    if Url::parse(&text).is_ok_and(|url| known(&url)) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(wrong("the endpoint of a bucket is not an `http://` or `https://` address"))
}

fn flag(value: &str) -> Result<bool> {
    value.parse().map_err(|_| wrong("`path_style` of a bucket is neither `true` nor `false`"))
}

fn wrong(why: &str) -> Error {
    Error::usage("service_url", why).hint(format!("its form: {FORM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address> {
        Address::parse(&Url::parse(text).unwrap())
    }

    #[test]
    fn a_url_says_everything_and_comes_back() {
        let text = "s3://a-bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000&region=eu-west-1\
                    &profile=west&path_style=true";
        let address = parse(text).unwrap();
        assert_eq!(address.bucket, "a-bucket");
        assert_eq!(address.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(address.region.as_deref(), Some("eu-west-1"));
        assert_eq!(address.profile.as_deref(), Some("west"));
        assert!(address.path_style);
        assert_eq!(address.to_url().unwrap().as_str(), text);
    }

    #[test]
    fn the_path_style_follows_the_endpoint() {
        assert!(!parse("s3://b").unwrap().path_style);
        assert!(parse("s3://b?endpoint=https://minio.example.com").unwrap().path_style);
        assert!(!parse("s3://b?endpoint=https://x.example&path_style=false").unwrap().path_style);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_its_secrets() {
        let wrong = [
            "s3://?region=x",
            "s3://id:secret@bucket",
            "s3://b/folder",
            "s3://b?endpoint=ftp://x",
            "s3://b?endpoint=https://id:secret@x.example",
            "s3://b?path_style=maybe",
            "s3://b?endpont=https://x.example",
        ];
        for text in wrong {
            let error = parse(text).unwrap_err();
            assert_eq!(error.code(), "service_url", "{text}");
            assert!(!error.chain().contains("secret"), "{text}: {}", error.chain());
        }
    }
}
