//! gRPC over a Unix socket, as far as Terraform speaks it to a provider: one message each way.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;

use crate::provider::Stub;

/// gRPC's codes for "no such method" and "broken".
const UNIMPLEMENTED: &str = "12";
const INTERNAL: &str = "13";

/// Serves until Terraform says that it is done.
pub(crate) async fn serve(stub: Stub) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("provider.sock");
    let listener = UnixListener::bind(&socket)?;
    // The handshake of go-plugin: its version, the protocol, where it listens, and how.
    let mut out = std::io::stdout();
    writeln!(out, "1|5|unix|{}|grpc", socket.display())?;
    out.flush()?;
    let stub = Arc::new(stub);
    let (done, mut is_done) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = is_done.recv() => return Ok(()),
        };
        let (stub, done) = (Arc::clone(&stub), done.clone());
        let service = service_fn(move |request| {
            let (stub, done) = (Arc::clone(&stub), done.clone());
            async move { Ok::<_, Infallible>(respond(&stub, request, &done).await) }
        });
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            // A connection that breaks is Terraform's end.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Answer = Response<http_body_util::combinators::BoxBody<Bytes, Infallible>>;

async fn respond(
    stub: &Stub,
    request: Request<Incoming>,
    done: &tokio::sync::mpsc::Sender<()>,
) -> Answer {
    let path = request.uri().path().to_owned();
    if path == "/plugin.GRPCController/Shutdown" {
        let _ = done.try_send(());
        return message(&Bytes::new());
    }
    let Ok(body) = request.into_body().collect().await else { return failed(INTERNAL) };
    // One byte whether it is compressed (never here), four for the length.
    let body = body.to_bytes();
    let body = body.slice(body.len().min(5)..);
    match stub.call(&path, &body) {
        Some(Ok(answer)) => message(&answer),
        Some(Err(_)) => failed(INTERNAL),
        None => failed(UNIMPLEMENTED),
    }
}

fn message(answer: &Bytes) -> Answer {
    let mut framed = BytesMut::with_capacity(answer.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(answer.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(answer);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn failed(code: &'static str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()).boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(code));
    response
}
