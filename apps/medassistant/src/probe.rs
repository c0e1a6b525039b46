//! `medassistant health`: for a container's health check.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use trefoil_clouds::{Error, Result};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the service on this machine whether it lives.
pub(crate) async fn ask(port: u16) -> Result<()> {
    let dead = || Error::failed("not_healthy", format!("no service lives on port {port}"));
    let url = Uri::builder().scheme("http").authority(format!("127.0.0.1:{port}"));
    let url = url.path_and_query("/health").build().map_err(|error| dead().because(error))?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = tokio::time::timeout(TIMEOUT, client.get(url)).await;
    let answer = answer.map_err(|error| dead().because(error))?;
    match answer.map_err(|error| dead().because(error))?.status() {
        StatusCode::OK => Ok(()),
        status => {
            let why = format!("the service on port {port} answers {status}");
            Err(Error::failed("not_healthy", why))
        }
    }
}
