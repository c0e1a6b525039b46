//! A content on its way out: cut into parts that hold its pieces as they came, without copying
//! them together, and read once for its digest.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream as Body, SdkBody};
use bytes::{Bytes, BytesMut};
use futures::stream::TryStreamExt;
use http_body::{Frame, SizeHint};
use sha2::{Digest, Sha256};

use crate::objects::ByteStream;
use crate::{Error, Result};

/// Pieces shorter than this are copied together: a part of a million pieces would take far more
/// memory than its bytes.
const PIECE_MIN_BYTES: usize = 16 * 1024;

/// The content as it comes in.
pub(super) struct Source {
    content: ByteStream,
    rest: Bytes,
    /// What came, hashed; `None` while it may be left to the store.
    hash: Option<Sha256>,
    size_bytes: u64,
}

/// What a content was, which is known at its end.
pub(super) struct Content {
    pub(super) size_bytes: u64,
    /// SHA-256, as it is in headers and as it is shown.
    pub(super) sha256: [u8; 32],
}

/// The digest that a writer announced.
pub(super) struct Announced(pub(super) [u8; 32]);

impl Announced {
    /// The digest in hexadecimal digits; `None` when it is none.
    pub(super) fn read(digits: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn digest(&self) -> String {
        hex::encode(self.0)
    }
}

impl Content {
    pub(super) fn digest(&self) -> String {
        hex::encode(self.sha256)
    }
}

impl Source {
    /// A content that nobody hashes until [`Source::hash`] says so.
    pub(super) fn unhashed(content: ByteStream) -> Self {
        Self { content, rest: Bytes::new(), hash: None, size_bytes: 0 }
    }

    /// Hashes the parts so far, which are all there were, and from now on whatever comes.
    pub(super) fn hash(&mut self, so_far: &[&Part]) {
        let mut hash = Sha256::new();
        let pieces = so_far.iter().flat_map(|part| part.pieces()).chain([&self.rest]);
        pieces.for_each(|piece| hash.update(piece));
        self.hash = Some(hash);
    }

    /// The next `size` bytes, fewer at the end.
    pub(super) async fn part(&mut self, size: usize) -> Result<Part> {
        let mut part = Gathering::default();
        while part.size_bytes < size {
            if self.rest.is_empty() {
                let Some(piece) = self.content.try_next().await? else { break };
                if let Some(hash) = &mut self.hash {
                    hash.update(&piece);
                }
                self.size_bytes += piece.len() as u64;
                self.rest = piece;
                continue;
            }
            let room = self.rest.len().min(size - part.size_bytes);
            part.add(self.rest.split_to(room));
        }
        Ok(part.end())
    }

    /// What all bytes were; where they were not hashed, what the store is to hold them against.
    ///
    /// # Errors
    /// Code `object_digest` when another digest was announced than the one that was found.
    pub(super) fn end(self, announced: Option<&Announced>) -> Result<Content> {
        let found = self.hash.map(|hash| hash.finalize().into());
        let sha256 = match (found, announced) {
            (Some(found), Some(announced)) if found != announced.0 => {
                let why = "the object's bytes do not have the digest that was announced";
                return Err(Error::refused("object_digest", why));
            }
            (Some(found), _) => found,
            (None, Some(announced)) => announced.0,
            (None, None) => {
                let why = "nobody has hashed the object's bytes";
                return Err(Error::failed("object_digest", why));
            }
        };
        Ok(Content { size_bytes: self.size_bytes, sha256 })
    }
}

/// A part while it fills.
#[derive(Default)]
struct Gathering {
    pieces: VecDeque<Bytes>,
    /// Short pieces in a row.
    short: BytesMut,
    size_bytes: usize,
}

impl Gathering {
    fn add(&mut self, piece: Bytes) {
        self.size_bytes += piece.len();
        if piece.len() < PIECE_MIN_BYTES {
            self.short.extend_from_slice(&piece);
            return;
        }
        self.end_short();
        self.pieces.push_back(piece);
    }

    fn end_short(&mut self) {
        if !self.short.is_empty() {
            self.pieces.push_back(self.short.split().freeze());
        }
    }

    fn end(mut self) -> Part {
        self.end_short();
        Part { pieces: self.pieces, size_bytes: self.size_bytes }
    }
}

/// Some of a content's bytes.
#[derive(Clone)]
pub(super) struct Part {
    pieces: VecDeque<Bytes>,
    size_bytes: usize,
}

impl Part {
    pub(super) fn empty() -> Self {
        Gathering::default().end()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size_bytes == 0
    }

    pub(super) fn len(&self) -> usize {
        self.size_bytes
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// The body of a request, which can be sent again.
    pub(super) fn body(self) -> Body {
        match self.pieces.len() {
            0 => Body::from_static(&[]),
            1 => Body::from(self.pieces[0].clone()),
            _ => Body::new(SdkBody::retryable(move || SdkBody::from_body_1_x(self.clone()))),
        }
    }
}

impl std::fmt::Debug for Part {
    /// Its bytes are none of a log's business.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Part").field("size_bytes", &self.size_bytes).finish()
    }
}

impl http_body::Body for Part {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.size_bytes -= piece.as_ref().map_or(0, Bytes::len);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size_bytes as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    fn source(pieces: &[usize]) -> Source {
        let pieces: Vec<_> = pieces.iter().map(|size| Ok(Bytes::from(vec![7; *size]))).collect();
        Source::unhashed(futures::stream::iter(pieces).boxed())
    }

    async fn sizes(mut source: Source, size: usize) -> Vec<Vec<usize>> {
        let mut parts = Vec::new();
        loop {
            let part = source.part(size).await.unwrap();
            if part.is_empty() {
                return parts;
            }
            parts.push(part.pieces().map(Bytes::len).collect());
        }
    }

    #[tokio::test]
    async fn a_part_holds_long_pieces_as_they_came_and_short_ones_together() {
        let found = sizes(source(&[20_000, 30_000, 10, 20, 40_000, 5, 6]), 60_000).await;
        assert_eq!(found, [vec![20_000, 30_000, 30 + 9_970], vec![30_030, 11]]);
    }

    #[tokio::test]
    async fn a_body_knows_its_length_and_can_be_sent_again() {
        let part = source(&[20_000, 30_000]).part(50_000).await.unwrap();
        let body = part.body().into_inner();
        assert_eq!((body.content_length(), body.bytes()), (Some(50_000), None));
        let again = Body::new(body.try_clone().unwrap()).collect().await.unwrap();
        assert_eq!(again.into_bytes(), vec![7; 50_000]);
    }

    #[tokio::test]
    async fn another_digest_than_the_announced_one_is_an_error_once_it_is_hashed() {
        let announced = Announced([0; 32]);
        let mut unhashed = source(&[3]);
        unhashed.part(10).await.unwrap();
        assert_eq!(unhashed.end(Some(&announced)).ok().unwrap().sha256, [0; 32]);
        let mut hashed = source(&[3]);
        let part = hashed.part(10).await.unwrap();
        hashed.hash(&[&part]);
        let error = hashed.end(Some(&announced)).err().unwrap();
        assert_eq!(error.code(), "object_digest");
    }

    #[tokio::test]
    async fn a_content_has_one_digest_wherever_its_hashing_begins() {
        for begin in 0..3 {
            let mut source = source(&[20_000, 30_000, 10, 20_000]);
            let mut parts = Vec::new();
            for number in 0..3 {
                if number == begin {
                    source.hash(&parts.iter().collect::<Vec<_>>());
                }
                parts.push(source.part(25_000).await.unwrap());
            }
            let content = source.end(None).ok().unwrap();
            assert_eq!(content.sha256, <[u8; 32]>::from(Sha256::digest(vec![7; 70_010])));
            assert_eq!(content.size_bytes, 70_010);
        }
    }
}
