//! Decoded body of a request: its size and its ratio are bounded while it is decoded.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http_body::{Frame, SizeHint};

use crate::body::{Depth, Reason, Refusal};
use crate::content_coding::ContentCoding;

/// A decoded body is at most so many times as long as what was sent. JSON and text stay well below, bombs do not.
const MOST_TIMES: u64 = 100;
/// Decoded bytes that are taken at any ratio: short bodies of one repeated letter are harmless.
const AT_ANY_RATIO: u64 = 64 * 1024;
/// Buffer of the decoder of Brotli.
const BUFFER: usize = 4096;

/// The decoded body. It holds at most as many bytes as the route takes, and mostly far fewer.
pub(crate) struct Decoded {
    body: Body,
    decoder: Option<Decoder>,
    refusal: Refusal,
    depth: Option<Depth>,
    received: u64,
    has_trailers: Option<Frame<Bytes>>,
}

impl Decoded {
    /// Decodes a body into at most `most` bytes. `depth` bounds the nesting of JSON.
    pub(crate) fn new(coding: ContentCoding, body: Body, most: u64, depth: Option<Depth>, refusal: Refusal) -> Self {
        Self { body, decoder: Some(Decoder::new(coding, most)), refusal, depth, received: 0, has_trailers: None }
    }

    fn refuse(&mut self, reason: Reason) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.decoder = None;
        self.refusal.set(reason);
        Poll::Ready(Some(Err(axum::Error::new(format!("the body was refused: {reason:?}")))))
    }

    /// Gives out what was decoded; none where that is nothing.
    fn take(&mut self) -> Result<Option<Bytes>, Reason> {
        let decoded = self.decoder.as_mut().map(Decoder::take).unwrap_or_default();
        if decoded.is_empty() {
            return Ok(None);
        }
        if let Some(depth) = &mut self.depth {
            depth.check(&decoded)?;
        }
        Ok(Some(decoded.into()))
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if self.decoder.is_none() {
                return Poll::Ready(self.has_trailers.take().map(Ok));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame.into_data(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => Err(Frame::trailers(HeaderMap::new())),
            };
            let written = match frame {
                Ok(data) => {
                    self.received += data.len() as u64;
                    let received = self.received;
                    self.decoder.as_mut().map_or(Ok(()), |decoder| decoder.write(&data, received))
                }
                Err(trailers) => {
                    self.has_trailers = trailers.trailers_ref().is_some_and(|map| !map.is_empty()).then_some(trailers);
                    let ended = self.decoder.as_mut().map_or(Ok(()), Decoder::finish);
                    match ended.and_then(|()| self.take()) {
                        Ok(last) => {
                            self.decoder = None;
                            match last {
                                Some(last) => return Poll::Ready(Some(Ok(Frame::data(last)))),
                                None => continue,
                            }
                        }
                        Err(reason) => Err(reason),
                    }
                }
            };
            match written.and_then(|()| self.take()) {
                Ok(Some(decoded)) => return Poll::Ready(Some(Ok(Frame::data(decoded)))),
                Ok(None) => {}
                Err(reason) => return self.refuse(reason),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A decoder that writes into a bounded buffer.
enum Decoder {
    Gzip(MultiGzDecoder<Bounded>),
    Deflate(ZlibDecoder<Bounded>),
    Brotli(Box<DecompressorWriter<Bounded>>),
}

impl Decoder {
    fn new(coding: ContentCoding, most: u64) -> Self {
        let sink = Bounded { bytes: Vec::new(), left: most, decoded: 0, received: 0, over: None };
        match coding {
            ContentCoding::Gzip => Self::Gzip(MultiGzDecoder::new(sink)),
            ContentCoding::Deflate => Self::Deflate(ZlibDecoder::new(sink)),
            ContentCoding::Brotli => Self::Brotli(Box::new(DecompressorWriter::new(sink, BUFFER))),
        }
    }

    fn sink(&mut self) -> &mut Bounded {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
        }
    }

    fn write(&mut self, data: &[u8], received: u64) -> Result<(), Reason> {
        self.sink().received = received;
        let written = match self {
            Self::Gzip(decoder) => decoder.write_all(data).and_then(|()| decoder.flush()),
            Self::Deflate(decoder) => decoder.write_all(data).and_then(|()| decoder.flush()),
            Self::Brotli(decoder) => decoder.write_all(data),
        };
        self.outcome(written)
    }

    fn finish(&mut self) -> Result<(), Reason> {
        let ended = match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
        };
        self.outcome(ended)
    }

    fn outcome(&mut self, written: io::Result<()>) -> Result<(), Reason> {
        match (self.sink().over, written) {
            (Some(reason), _) => Err(reason),
            (None, Ok(())) => Ok(()),
            (None, Err(_)) => Err(Reason::Undecodable),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sink().bytes)
    }
}

/// Decoded bytes that were not read yet. A decoder that would write more fails.
struct Bounded {
    bytes: Vec<u8>,
    left: u64,
    decoded: u64,
    received: u64,
    over: Option<Reason>,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = data.len() as u64;
        self.decoded += length;
        let over = |reason| io::Error::other(format!("{reason:?}"));
        if self.decoded > AT_ANY_RATIO && self.decoded > self.received.saturating_mul(MOST_TIMES) {
            self.over = Some(Reason::Bomb);
            return Err(over(Reason::Bomb));
        }
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                self.over = Some(Reason::Large);
                return Err(over(Reason::Large));
            }
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http_body_util::BodyExt;

    use super::*;
    use crate::Limits;

    /// "hello" as one uncompressed metablock of Brotli, and the empty last one.
    const BROTLI_HELLO: &[u8] = &[0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

    fn coded(coding: ContentCoding, text: &[u8]) -> Vec<u8> {
        match coding {
            ContentCoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            _ => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    /// The decoded bytes, or the status of the refusal. The body comes in pieces of this size.
    async fn decode(coding: ContentCoding, sent: &[u8], most: u64, piece: usize) -> Result<Vec<u8>, u16> {
        let pieces: Vec<Result<Vec<u8>, io::Error>> = sent.chunks(piece).map(|piece| Ok(piece.to_vec())).collect();
        let (body, refusal) = (Body::from_stream(futures_util::stream::iter(pieces)), Refusal::default());
        let decoded = Body::new(Decoded::new(coding, body, most, Some(Depth::new(3)), refusal.clone()));
        let limits = Limits::default();
        let read = decoded.collect().await.map(|read| read.to_bytes().to_vec());
        read.map_err(|_| refusal.problem(&limits).map_or(0, |problem| problem.status().as_u16()))
    }

    #[tokio::test]
    async fn a_coded_body_is_decoded_in_pieces_of_any_size() {
        let text = "a line of the body\n".repeat(500).into_bytes();
        for coding in [ContentCoding::Gzip, ContentCoding::Deflate] {
            for piece in [1, 7, 4096] {
                let sent = coded(coding, &text);
                assert_eq!(decode(coding, &sent, 1 << 20, piece).await, Ok(text.clone()), "{coding:?} {piece}");
            }
        }
        for piece in [1, 64] {
            assert_eq!(decode(ContentCoding::Brotli, BROTLI_HELLO, 100, piece).await, Ok(b"hello".to_vec()));
        }
    }

    #[tokio::test]
    async fn a_body_that_decodes_to_too_much_is_refused_before_it_is_there() {
        let bomb = coded(ContentCoding::Gzip, &vec![b'0'; 10 << 20]);
        assert_eq!(decode(ContentCoding::Gzip, &bomb, u64::MAX, 1024).await, Err(413), "by its ratio");
        let mild: Vec<u8> = (0..100_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let sent = coded(ContentCoding::Gzip, &mild);
        assert_eq!(decode(ContentCoding::Gzip, &sent, 1000, 1024).await, Err(413), "by its size");
        assert_eq!(decode(ContentCoding::Gzip, &sent, 1 << 20, 1024).await, Ok(mild));
        assert_eq!(decode(ContentCoding::Gzip, &coded(ContentCoding::Gzip, b"[[[["), 100, 100).await, Err(400));
    }

    #[tokio::test]
    async fn a_body_that_is_not_in_its_coding_or_ends_early_is_refused() {
        for coding in [ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Brotli] {
            assert_eq!(decode(coding, b"plain text, and not coded", 100, 100).await, Err(400), "{coding:?}");
        }
        let sent = coded(ContentCoding::Gzip, b"hello");
        assert_eq!(decode(ContentCoding::Gzip, &sent[..sent.len() - 9], 100, 100).await, Err(400));
        assert_eq!(decode(ContentCoding::Brotli, &BROTLI_HELLO[..6], 100, 100).await, Err(400));
    }
}
