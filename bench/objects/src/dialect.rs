//! S3's language, as much of it as the clients that are measured speak.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use futures::stream::{StreamExt, TryStreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use md5::{Digest, Md5};
use sha2::Sha256;

use crate::shelf::{Known, Shelf};

type Body = BoxBody<Bytes, Infallible>;

/// Every object is as old as this.
const MODIFIED: &str = "2026-01-01T00:00:00.000Z";
const MODIFIED_HTTP: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
/// Headers of a write that come back with a read.
const KEPT: [&str; 5] = [
    "content-type",
    "cache-control",
    "content-encoding",
    "x-amz-checksum-sha256",
    "x-amz-checksum-crc32",
];

/// Answers one request.
pub(crate) async fn answer(
    shelf: Arc<Shelf>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let (bucket, key) = (decoded(bucket), decoded(key));
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let at = Place { shelf, bucket, key, query };
    let method = request.method().clone();
    Ok(match (method, at.key.is_empty()) {
        (Method::GET, true) if at.query.contains_key("list-type") => at.list(),
        (Method::GET, true) if at.query.contains_key("location") => {
            xml("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>".into())
        }
        (Method::GET, true) => at.list(),
        (Method::PUT | Method::HEAD, true) => empty(StatusCode::OK),
        (Method::HEAD, false) => at.read(request.headers(), true),
        (Method::GET, false) => at.read(request.headers(), false),
        (Method::PUT, false) => at.write(request).await,
        (Method::POST, _) => at.post(request).await,
        (Method::DELETE, _) => {
            at.shelf.state().objects.remove(&(at.bucket.clone(), at.key.clone()));
            empty(StatusCode::NO_CONTENT)
        }
        _ => empty(StatusCode::METHOD_NOT_ALLOWED),
    })
}

/// What a request is about.
struct Place {
    shelf: Arc<Shelf>,
    bucket: String,
    key: String,
    query: HashMap<String, String>,
}

impl Place {
    fn list(&self) -> Response<Body> {
        let asked = |name: &str| self.query.get(name).map_or("", String::as_str);
        let limit: usize = asked("max-keys").parse().unwrap_or(1_000).min(1_000);
        let after = match asked("continuation-token") {
            "" => asked("start-after"),
            token => token,
        };
        let after = if after.is_empty() { asked("marker") } else { after };
        let encoded = asked("encoding-type") == "url";
        let state = self.shelf.state();
        let mut found = state.after(&self.bucket, asked("prefix"), after);
        let (mut text, mut last, mut count) = (String::with_capacity(limit * 220), "", 0);
        for (key, known) in found.by_ref().take(limit) {
            text.push_str("<Contents><Key>");
            match encoded {
                true => text.extend(url::form_urlencoded::byte_serialize(key.as_bytes())),
                // The keys of these measurements have nothing that XML would escape.
                false => text.push_str(key),
            }
            text.push_str(&format!(
                "</Key><LastModified>{MODIFIED}</LastModified><ETag>&quot;{}&quot;</ETag>\
                 <Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                known.etag, known.size_bytes
            ));
            (last, count) = (key, count + 1);
        }
        let more = found.next().is_some();
        let next = match more {
            true => format!("<NextContinuationToken>{last}</NextContinuationToken>"),
            false => String::new(),
        };
        let encoding = if encoded { "<EncodingType>url</EncodingType>" } else { "" };
        xml(format!(
            "<ListBucketResult><Name>{}</Name><KeyCount>{count}</KeyCount><MaxKeys>{limit}</MaxKeys>\
             {encoding}<IsTruncated>{more}</IsTruncated>{next}{text}</ListBucketResult>",
            self.bucket
        ))
    }

    fn read(&self, headers: &HeaderMap, head: bool) -> Response<Body> {
        let found =
            self.shelf.state().objects.get(&(self.bucket.clone(), self.key.clone())).cloned();
        let Some(known) = found else {
            return match head {
                true => empty(StatusCode::NOT_FOUND),
                false => failed(StatusCode::NOT_FOUND, "NoSuchKey"),
            };
        };
        let range =
            headers.get("range").and_then(|range| span(range.to_str().ok()?, known.size_bytes));
        let (first, end) = range.unwrap_or((0, known.size_bytes));
        let mut answer = Response::builder()
            .status(if range.is_some() { 206 } else { 200 })
            .header("etag", format!("\"{}\"", known.etag))
            .header("last-modified", MODIFIED_HTTP)
            .header("accept-ranges", "bytes")
            .header("content-length", end - first);
        if range.is_some() {
            let whole = known.size_bytes;
            answer = answer.header("content-range", format!("bytes {first}-{}/{whole}", end - 1));
        }
        let whole = range.is_none();
        for (name, value) in
            known.headers.iter().filter(|(name, _)| whole || !name.contains("checksum"))
        {
            answer = answer.header(name, value);
        }
        let body = if head { Full::default().boxed() } else { self.content(end - first) };
        built(answer.body(body))
    }

    fn content(&self, size_bytes: u64) -> Body {
        let shelf = self.shelf.clone();
        let pieces = futures::stream::unfold(size_bytes, move |left| {
            let piece = (left > 0).then(|| shelf.piece(left));
            futures::future::ready(piece.map(|piece| {
                let rest = left - piece.len() as u64;
                (Ok(Frame::data(piece)), rest)
            }))
        });
        BodyExt::boxed(StreamBody::new(pieces))
    }

    async fn write(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let absent = parts.headers.get("if-none-match").is_some();
        let place = (self.bucket.clone(), self.key.clone());
        if absent && self.shelf.state().objects.contains_key(&place) {
            return failed(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let chunked = parts.headers.get("x-amz-decoded-content-length").is_some();
        let announced =
            parts.headers.get("x-amz-checksum-sha256").and_then(|text| text.to_str().ok());
        let Ok(Swallowed { size_bytes, etag, sha256 }) =
            swallow(body, chunked, announced.is_some()).await
        else {
            return failed(StatusCode::BAD_REQUEST, "IncompleteBody");
        };
        if announced != sha256.as_deref() {
            return failed(StatusCode::BAD_REQUEST, "BadDigest");
        }
        let answer = Response::builder().header("etag", format!("\"{etag}\""));
        if let Some(upload) = self.query.get("uploadId") {
            if let Some(known) = self.shelf.state().uploads.get_mut(upload) {
                known.size_bytes += size_bytes;
            }
            return built(answer.body(Full::default().boxed()));
        }
        let known = Known { size_bytes, etag, headers: kept(&parts.headers) };
        self.shelf.state().objects.insert(place, known);
        built(answer.body(Full::default().boxed()))
    }

    /// The beginning and the end of an upload in parts, and deletions of many.
    async fn post(&self, request: Request<Incoming>) -> Response<Body> {
        let headers = kept(request.headers());
        // What it lists is what was sent.
        let _ = request.into_body().collect().await;
        let mut state = self.shelf.state();
        if self.query.contains_key("uploads") {
            state.uploads_made += 1;
            let id = format!("upload-{}", state.uploads_made);
            state.uploads.insert(id.clone(), Known { headers, ..Known::default() });
            let (bucket, key) = (&self.bucket, &self.key);
            return xml(format!(
                "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ));
        }
        let upload = self.query.get("uploadId").and_then(|id| state.uploads.remove(id));
        let Some(mut known) = upload else { return failed(StatusCode::NOT_FOUND, "NoSuchUpload") };
        known.etag = format!("{}-1", hex::encode(Md5::digest(known.size_bytes.to_be_bytes())));
        let etag = known.etag.clone();
        state.objects.insert((self.bucket.clone(), self.key.clone()), known);
        xml(format!(
            "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key>\
             <ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>",
            self.bucket, self.key
        ))
    }
}

/// What is known of a content that was read to its end.
struct Swallowed {
    size_bytes: u64,
    /// MD5.
    etag: String,
    /// As it is in headers; only where one came along that it must be.
    sha256: Option<String>,
}

async fn swallow(body: Incoming, chunked: bool, hashed: bool) -> Result<Swallowed, String> {
    let (mut md5, mut size_bytes) = (Md5::new(), 0);
    let mut sha256 = hashed.then(Sha256::new);
    let mut pieces = body.into_data_stream().map_err(|error| error.to_string());
    let mut frames = Frames::default();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let data = if chunked { frames.data(&piece)? } else { piece };
        md5.update(&data);
        if let Some(sha256) = &mut sha256 {
            sha256.update(&data);
        }
        size_bytes += data.len() as u64;
    }
    let sha256 = sha256.map(|hash| STANDARD.encode(hash.finalize()));
    Ok(Swallowed { size_bytes, etag: hex::encode(md5.finalize()), sha256 })
}

/// The chunked encoding of uploads: each chunk has its length before it, and checksums follow the last.
#[derive(Default)]
struct Frames {
    buffer: BytesMut,
    left: usize,
    /// The line that ends a chunk's data.
    line_end: bool,
    ended: bool,
}

impl Frames {
    fn data(&mut self, piece: &[u8]) -> Result<Bytes, String> {
        self.buffer.extend_from_slice(piece);
        let mut data = BytesMut::new();
        while !self.ended {
            if self.left > 0 {
                let size = self.left.min(self.buffer.len());
                data.extend_from_slice(&self.buffer.split_to(size));
                self.left -= size;
                self.line_end = self.left == 0;
                if self.left > 0 {
                    break;
                }
            }
            if self.line_end {
                if self.buffer.len() < 2 {
                    break;
                }
                self.buffer.advance(2);
                self.line_end = false;
            }
            let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") else { break };
            let line = self.buffer.split_to(end + 2);
            let text = std::str::from_utf8(&line).map_err(|error| error.to_string())?;
            let size = text.split([';', '\r']).next().unwrap_or_default();
            self.left = usize::from_str_radix(size, 16).map_err(|error| error.to_string())?;
            self.ended = self.left == 0;
        }
        Ok(data.freeze())
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let wanted = |name: &str| KEPT.contains(&name) || name.starts_with("x-amz-meta-");
    let pairs = headers.iter().filter(|(name, _)| wanted(name.as_str()));
    let pair = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        // What says how it was sent says nothing of the object.
        let value = value.to_str().ok().filter(|value| !value.ends_with("-chunked"))?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    pairs.filter_map(pair).collect()
}

/// `bytes=FIRST-LAST` as first byte and one after the last.
fn span(text: &str, size_bytes: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    let end = last.parse::<u64>().map_or(size_bytes, |last| last + 1).min(size_bytes);
    (first < end).then_some((first, end))
}

fn decoded(text: &str) -> String {
    let encoded = text.replace('+', "%2B");
    let pair = format!("k={encoded}");
    let found = url::form_urlencoded::parse(pair.as_bytes()).next();
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn xml(text: String) -> Response<Body> {
    let whole = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}");
    let body = Full::from(whole).boxed();
    built(Response::builder().header("content-type", "application/xml").body(body))
}

fn failed(status: StatusCode, code: &str) -> Response<Body> {
    let mut answer = xml(format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"));
    *answer.status_mut() = status;
    answer
}

fn empty(status: StatusCode) -> Response<Body> {
    built(Response::builder().status(status).body(Full::default().boxed()))
}

/// The only way for an answer to fail is a header that is none.
fn built(answer: hyper::http::Result<Response<Body>>) -> Response<Body> {
    answer.unwrap_or_else(|_| {
        let mut wrong = Response::new(Full::default().boxed());
        *wrong.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        wrong
    })
}
