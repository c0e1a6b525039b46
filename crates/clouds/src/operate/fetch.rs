//! Opening the addresses of price feeds over HTTP.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use ureq::Agent;
use ureq::tls::TlsConfig;
use url::{Position, Url};

use super::feed::Fetch;
use crate::{Error, Result};

/// How often an address is tried.
const ATTEMPTS: u32 = 4;
/// How long a server may take to be reached and to begin its answer.
const CONNECT: Duration = Duration::from_secs(15);
const BEGIN: Duration = Duration::from_secs(60);
/// How long one file may take: half a gigabyte on a slow line.
const WHOLE: Duration = Duration::from_secs(1_800);
/// How long the first pause between attempts is; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Opens addresses over HTTP, with a bound on every wait.
pub struct Http {
    agent: Agent,
    mirror: Option<Url>,
}

impl Http {
    /// Reads the feeds themselves, or with `mirror` their copies there: below
    /// `MIRROR/HOST/PATH`, where host and path are those of the feed.
    pub fn new(mirror: Option<Url>) -> Self {
        // Named here: with two providers in one program nobody knows which one is the default.
        let provider = Arc::new(default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(BEGIN))
            .timeout_global(Some(WHOLE))
            .http_status_as_error(false)
            .build();
        Self { agent: config.into(), mirror }
    }

    fn address(&self, url: &str) -> String {
        match &self.mirror {
            None => url.to_owned(),
            Some(mirror) => {
                let path = url.strip_prefix("https://").unwrap_or(url);
                format!("{}/{path}", mirror.as_str().trim_end_matches('/'))
            }
        }
    }

    /// The address, and the mirror that was really asked, without the password that it may have.
    fn shown(&self, url: &str) -> String {
        let host = self.mirror.as_ref().map(|mirror| mirror[Position::BeforeHost..].to_owned());
        host.map_or_else(|| url.to_owned(), |host| format!("{url} (its copy at {host})"))
    }

    /// The answer, or why there is none and whether another attempt may help.
    fn attempt(&self, url: &str, headers: &[(&str, &str)]) -> Result<Box<dyn Read>, (Error, bool)> {
        let mut request = self.agent.get(self.address(url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.call().map_err(|error| {
            let message = format!("the price feed {} cannot be reached", self.shown(url));
            (Error::missing("feed_unreachable", message).retryable().because(error), true)
        })?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(Box::new(answer.into_body().into_reader()));
        }
        let message = format!("the price feed {} answers {status}", self.shown(url));
        let error = Error::missing("feed_unreachable", message)
            .hint("the catalogue stays as it is; a refused key answers 400 or 403");
        Err((error, status == 429 || status >= 500))
    }
}

impl Fetch for Http {
    fn open(&self, url: &str, headers: &[(&str, &str)]) -> Result<Box<dyn Read>> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt(url, headers) {
                Ok(reader) => return Ok(reader),
                Err((error, false)) => return Err(error),
                Err((_, true)) => std::thread::sleep(pause),
            }
            pause *= 2;
        }
        self.attempt(url, headers).map_err(|(error, _)| error)
    }
}
