//! One HTTP/1.1 answer of a server under load: its status, its end, and little else.
//!
//! A parser of its own, and not that of `keel_wire::http1`: that one keeps head, body and order of bytes as evidence, and
//! allocates for each; here an answer costs no allocation, so that the generator stays faster than the servers that it measures.

use crate::headers;

/// The most bytes of a head, and of a line in a chunked body.
const MAX_HEAD: usize = 1 << 20;
const LONG_HEAD: &str = "its head is longer than 1 MiB, the most that keel load reads";
/// The most headers.
const MAX_HEADERS: usize = 2048;
const MANY_HEADERS: &str = "it has more than 2048 headers, the most that keel load reads";
/// The headers that are read without allocating.
const USUAL_HEADERS: usize = 96;

/// State of the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkSize,
    /// Its data and the line's end behind it.
    ChunkData(u64),
    Trailer,
    UntilClose,
    Done,
}

/// Part of an answer's head that is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// True if the answer has `Retry-After`.
    pub retry_after: bool,
}

/// One answer while it comes in.
#[derive(Debug)]
pub(super) struct Answer {
    state: State,
    bodiless: bool,
    pub(super) head: Head,
    /// True if the server closes the connection after this answer.
    pub(super) closes: bool,
    keep: usize,
}

/// The fault of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

impl Answer {
    /// To a HEAD request (`bodiless`) or another; so many bytes of its body are kept.
    pub(super) fn new(bodiless: bool, keep: usize) -> Self {
        Self { state: State::Head, bodiless, head: Head::default(), closes: false, keep }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what it understands from the front of `bytes`, and copies of the body what is to be kept; how many it took. Fewer
    /// than there are means that more must come, or that it is done.
    pub(super) fn take(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Broken> {
        let mut used = 0;
        while !self.is_done() {
            let step = self.step(&bytes[used..], kept)?;
            used += step;
            if step == 0 {
                break;
            }
        }
        Ok(used)
    }

    /// The server has closed the connection.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        if matches!(self.state, State::UntilClose | State::Done) {
            (self.state, self.closes) = (State::Done, true);
            return Ok(());
        }
        Err(Broken("the connection ended before the end of the answer"))
    }

    fn step(&mut self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<usize, Broken> {
        let keep = self.keep;
        let mut body = |bytes: &[u8], at_most: u64| {
            let length = bytes.len().min(usize::try_from(at_most).unwrap_or(usize::MAX));
            kept.extend_from_slice(&bytes[..length.min(keep.saturating_sub(kept.len()))]);
            length
        };
        match self.state {
            State::Head => self.take_head(bytes),
            State::Length(missing) => {
                let length = body(bytes, missing);
                let missing = missing - length as u64;
                self.state = if missing == 0 { State::Done } else { State::Length(missing) };
                Ok(length)
            }
            State::UntilClose => Ok(body(bytes, u64::MAX)),
            State::ChunkSize => match httparse::parse_chunk_size(bytes) {
                Ok(httparse::Status::Complete((used, 0))) => {
                    self.state = State::Trailer;
                    Ok(used)
                }
                Ok(httparse::Status::Complete((used, size))) => {
                    self.state = State::ChunkData(size.checked_add(2).ok_or(Broken("a chunk's size is no number"))?);
                    Ok(used)
                }
                Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Ok(0),
                _ => Err(Broken("a chunk's size is no number")),
            },
            State::ChunkData(missing) => {
                // The last two bytes end the line and are not the body's.
                let length = bytes.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
                body(&bytes[..length], missing.saturating_sub(2));
                let missing = missing - length as u64;
                self.state = if missing == 0 { State::ChunkSize } else { State::ChunkData(missing) };
                Ok(length)
            }
            State::Trailer => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    if bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]).is_empty() {
                        self.state = State::Done;
                    }
                    Ok(end + 1)
                }
                None if bytes.len() < MAX_HEAD => Ok(0),
                None => Err(Broken("a trailer is longer than 1 MiB, the most that keel load reads")),
            },
            State::Done => Ok(0),
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        let mut slots = [httparse::EMPTY_HEADER; USUAL_HEADERS];
        match self.parse_head(bytes, &mut slots) {
            Err(httparse::Error::TooManyHeaders) => {
                let mut slots = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
                self.parse_head(bytes, &mut slots)
            }
            parsed => parsed,
        }
        .map_err(|error| match error {
            httparse::Error::TooManyHeaders => Broken(MANY_HEADERS),
            _ => Broken("its head is not HTTP/1"),
        })?
    }

    /// Takes the head, when it is whole.
    fn parse_head<'b>(
        &mut self,
        bytes: &'b [u8],
        slots: &mut [httparse::Header<'b>],
    ) -> Result<Result<usize, Broken>, httparse::Error> {
        let mut answer = httparse::Response::new(slots);
        // A client may unfold a line that goes on in the next one (RFC 9112, section 5.2).
        let parser = {
            let mut parser = httparse::ParserConfig::default();
            parser.allow_obsolete_multiline_headers_in_responses(true);
            parser
        };
        let used = match parser.parse_response(&mut answer, bytes)? {
            httparse::Status::Complete(used) => used,
            httparse::Status::Partial if bytes.len() < MAX_HEAD => return Ok(Ok(0)),
            httparse::Status::Partial => return Ok(Err(Broken(LONG_HEAD))),
        };
        Ok(self.understand(&answer).map(|()| used))
    }

    /// Decides from a whole head how the answer goes on (RFC 9112, section 6.3).
    fn understand(&mut self, answer: &httparse::Response<'_, '_>) -> Result<(), Broken> {
        let status = answer.code.ok_or(Broken("its head has no status"))?;
        if (100..200).contains(&status) && status != 101 {
            return Ok(());
        }
        self.closes = answer.version == Some(0);
        let (mut length, mut chunked, mut retry_after) = (None, false, false);
        for header in answer.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let value = std::str::from_utf8(header.value).ok().and_then(|value| value.trim().parse::<u64>().ok());
                length = Some(value.ok_or(Broken("its Content-Length is no number"))?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = header.value.to_ascii_lowercase().ends_with(b"chunked");
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.closes = (self.closes && !headers::keeps(header.value)) || headers::closes(header.value);
            } else if header.name.eq_ignore_ascii_case("retry-after") {
                retry_after = true;
            }
        }
        self.head = Head { status, retry_after };
        self.state = match length {
            _ if self.bodiless || matches!(status, 101 | 204 | 304) => State::Done,
            _ if chunked => State::ChunkSize,
            Some(0) => State::Done,
            Some(length) => State::Length(length),
            None => State::UntilClose,
        };
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    /// Status, body and whether the connection closes, of an answer that comes in pieces of every size.
    fn read(bytes: &[u8]) -> Vec<Option<(u16, Vec<u8>, bool)>> {
        let with_piece = |size: usize| {
            let (mut answer, mut kept, mut buffer) = (Answer::new(false, usize::MAX), Vec::new(), Vec::new());
            for piece in bytes.chunks(size) {
                buffer.extend_from_slice(piece);
                let used = answer.take(&buffer, &mut kept).ok()?;
                buffer.drain(..used);
            }
            if !answer.is_done() {
                answer.end().ok()?;
            }
            Some((answer.head.status, kept, answer.closes))
        };
        (1..=bytes.len()).map(with_piece).collect()
    }

    #[test]
    fn an_answer_is_the_same_in_pieces_of_every_size() {
        let long = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".as_slice();
        let chunked =
            b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nt: 1\r\n\r\n";
        let interim =
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let until_close = b"HTTP/1.0 200 OK\r\n\r\nhello";
        let folded = b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\nConnection: Upgrade, Close\r\ncontent-length: 5\r\n\r\nhello";
        let many = "x: y\r\n".repeat(120);
        let many = format!("HTTP/1.1 200 OK\r\n{many}content-length: 5\r\n\r\nhello");
        for (bytes, expected) in [
            (long, (200, b"hello".to_vec(), false)),
            (chunked, (201, b"hello".to_vec(), false)),
            (interim, (500, Vec::new(), true)),
            (until_close, (200, b"hello".to_vec(), true)),
            (folded, (200, b"hello".to_vec(), true)),
            (many.as_bytes(), (200, b"hello".to_vec(), false)),
        ] {
            assert!(read(bytes).iter().all(|read| read.as_ref() == Some(&expected)), "{:?}", read(bytes)[0]);
        }
    }

    #[test]
    fn retry_after_is_found_under_its_own_name_only() {
        for (line, says) in [("Retry-after: 1", true), ("X-Retry-After: 1", false)] {
            let mut answer = Answer::new(false, 0);
            let bytes = format!("HTTP/1.1 503 Full\r\n{line}\r\ncontent-length: 0\r\n\r\n");
            answer.take(bytes.as_bytes(), &mut Vec::new()).unwrap();
            assert_eq!(answer.head, Head { status: 503, retry_after: says });
        }
    }

    #[test]
    fn an_answer_beyond_our_own_limits_names_the_limit() {
        let told = |bytes: String| Answer::new(false, 0).take(bytes.as_bytes(), &mut Vec::new()).unwrap_err().0;
        assert_eq!(told(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MAX_HEADERS + 1))), MANY_HEADERS);
        assert_eq!(told(format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(MAX_HEAD))), LONG_HEAD);
        assert!(LONG_HEAD.contains("1 MiB") && MAX_HEAD == 1 << 20 && MANY_HEADERS.contains(&MAX_HEADERS.to_string()));
    }

    #[test]
    fn an_incomplete_answer_is_broken() {
        for bytes in [
            b"SSH-2.0-x\r\n\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200",
        ] {
            assert!(read(bytes).iter().all(Option::is_none), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
