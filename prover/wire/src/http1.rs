//! HTTP/1.1 response parser that works on pieces of any size (RFC 9112).
//!
//! Written here because a prover must see more than an answer that came out well: what came before the connection broke,
//! an answer that comes while the request is still being written, and the bytes as they were.

use std::borrow::Cow;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// The most bytes of one answer's head.
const MAX_HEAD: usize = 1 << 20;
/// The most headers of one answer.
const MAX_HEADERS: usize = 2048;
/// The most bytes of one chunk's size line or of one trailer line.
const MAX_LINE: usize = 16 << 10;

/// One answer while it comes in.
#[derive(Debug)]
pub struct AnswerReader {
    state: State,
    /// Of a HEAD request: the answer's head speaks of a body that does not come.
    bodiless: bool,
    /// Bytes that are not parsed yet: an unfinished head or line.
    partial: Vec<u8>,
    /// The head, once it is whole.
    pub head: Option<Head>,
    /// The first `keep` bytes of the body.
    pub body: Vec<u8>,
    keep: usize,
    /// The bytes of the body so far, kept or not.
    pub body_length: u64,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Names and values as they were written: `headers` knows no capitals.
    pub written: Vec<(String, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of a body with a declared length are missing.
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

impl AnswerReader {
    /// A reader for the answer to a request of this method, which keeps `keep` bytes of the body.
    pub fn new(method: &Method, keep: usize) -> Self {
        Self {
            state: State::Head,
            bodiless: method == Method::HEAD,
            partial: Vec::new(),
            head: None,
            body: Vec::new(),
            keep,
            body_length: 0,
        }
    }

    /// Returns true once the answer is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next bytes; returns how many of them belong to this answer.
    ///
    /// # Errors
    /// A description of the mistake, if the bytes are not HTTP.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut used = 0;
        while used < bytes.len() && !self.is_done() {
            used += self.step(&bytes[used..])?;
        }
        Ok(used)
    }

    /// The connection has ended in order.
    ///
    /// # Errors
    /// When the answer is not whole then.
    pub fn end(&mut self) -> Result<(), String> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Head if self.partial.is_empty() => Err("the connection ended before an answer".to_owned()),
            State::Head => Err(format!("the connection ended in the head, after {:?}", shown(&self.partial))),
            State::Length(missing) => {
                let whole = self.body_length + missing;
                Err(format!("the connection ended after {} of {whole} bytes of body", self.body_length))
            }
            State::ChunkSize | State::ChunkData(_) | State::ChunkEnd | State::Trailer => {
                Err(format!("the connection ended before the last chunk, after {} bytes of body", self.body_length))
            }
        }
    }

    fn step(&mut self, bytes: &[u8]) -> Result<usize, String> {
        match self.state {
            State::Head => self.take_head(bytes),
            State::Length(missing) => {
                let taken = self.take_body(bytes, missing);
                let missing = missing - taken as u64;
                self.state = if missing == 0 { State::Done } else { State::Length(missing) };
                Ok(taken)
            }
            State::UntilClose => Ok(self.take_body(bytes, u64::MAX)),
            State::ChunkData(missing) => {
                let taken = self.take_body(bytes, missing);
                let missing = missing - taken as u64;
                self.state = if missing == 0 { State::ChunkEnd } else { State::ChunkData(missing) };
                Ok(taken)
            }
            State::ChunkSize | State::ChunkEnd | State::Trailer => self.take_line(bytes),
            State::Done => Ok(0),
        }
    }

    fn take_body(&mut self, bytes: &[u8], at_most: u64) -> usize {
        let taken = bytes.len().min(usize::try_from(at_most).unwrap_or(usize::MAX));
        let kept = taken.min(self.keep.saturating_sub(self.body.len()));
        self.body.extend_from_slice(&bytes[..kept]);
        self.body_length += taken as u64;
        taken
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let before = self.partial.len();
        let room = (MAX_HEAD - before).min(bytes.len());
        // The end of the head is looked for here first, so that a head in many pieces is parsed once.
        self.partial.extend_from_slice(&bytes[..room]);
        if !self.partial.starts_with(&b"HTTP/1."[..self.partial.len().min(7)]) {
            return Err(format!("the answer is not HTTP/1: {:?}", shown(&self.partial)));
        }
        let Some(end) = end_of_head(&self.partial, before.saturating_sub(3)) else {
            if self.partial.len() >= MAX_HEAD {
                return Err(format!("the head is longer than {MAX_HEAD} bytes, the most that keel reads"));
            }
            return Ok(room);
        };
        let whole = std::mem::take(&mut self.partial);
        let head = parse_head(&whole[..end])?;
        // Interim answers (100 Continue, 103 Early Hints) are not the answer; 101 is the last thing that is HTTP.
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(end - before);
        }
        self.state = self.framing(&head)?;
        self.head = Some(head);
        Ok(end - before)
    }

    /// RFC 9112, section 6.3.
    fn framing(&self, head: &Head) -> Result<State, String> {
        let status = head.status;
        if self.bodiless
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
        {
            return Ok(State::Done);
        }
        if let Some(coding) = head.headers.get_all("transfer-encoding").iter().next_back() {
            let chunked = coding.to_str().is_ok_and(|coding| coding.trim().to_ascii_lowercase().ends_with("chunked"));
            return Ok(if chunked { State::ChunkSize } else { State::UntilClose });
        }
        let Some(length) = head.headers.get("content-length") else { return Ok(State::UntilClose) };
        let length = length.to_str().ok().and_then(|length| length.trim().parse::<u64>().ok());
        let length = length.ok_or_else(|| "Content-Length is not a number".to_owned())?;
        Ok(if length == 0 { State::Done } else { State::Length(length) })
    }

    fn take_line(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.partial.extend_from_slice(bytes);
            if self.partial.len() > MAX_LINE {
                return Err(format!(
                    "a line of the chunked body is longer than {MAX_LINE} bytes, the most that keel reads"
                ));
            }
            return Ok(bytes.len());
        };
        self.partial.extend_from_slice(&bytes[..end]);
        let line = std::mem::take(&mut self.partial);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        self.state = match self.state {
            State::ChunkSize => match chunk_size(line)? {
                0 => State::Trailer,
                size => State::ChunkData(size),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err(format!("a chunk is longer than its size says: {:?}", shown(line))),
            State::Trailer if line.is_empty() => State::Done,
            other => other,
        };
        Ok(end + 1)
    }
}

/// The index after the empty line, searched from `from`.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let after = |index: usize| match &bytes[index..] {
        [b'\n', b'\n', ..] => Some(index + 2),
        [b'\n', b'\r', b'\n', ..] => Some(index + 3),
        _ => None,
    };
    (from..bytes.len()).find_map(after)
}

fn parse_head(bytes: &[u8]) -> Result<Head, String> {
    let mut slots = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut slots);
    let mut parser = httparse::ParserConfig::default();
    // A client may unfold a line that goes on in the next one (RFC 9112, section 5.2).
    parser.allow_obsolete_multiline_headers_in_responses(true);
    parser.parse_response(&mut answer, bytes).map_err(|error| match error {
        httparse::Error::TooManyHeaders => {
            format!("the head has more than {MAX_HEADERS} headers, the most that keel reads")
        }
        error => format!("the head is not HTTP ({error}): {:?}", shown(bytes)),
    })?;
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| format!("the head has no status: {:?}", shown(bytes)))?;
    let mut headers = HeaderMap::new();
    for header in answer.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(&unfolded(header.value));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let written = answer.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect();
    Ok(Head { status, headers, written })
}

/// The value on one line: line breaks and the blanks around them are one blank.
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Cow::Borrowed(value);
    }
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    Cow::Owned(lines.collect::<Vec<_>>().join(&b' '))
}

fn chunk_size(line: &[u8]) -> Result<u64, String> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).unwrap_or_default().trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = if plain { u64::from_str_radix(digits, 16).ok() } else { None };
    size.ok_or_else(|| format!("a chunk's size is not a number: {:?}", shown(line)))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    /// Feeds `text` in pieces of `size` bytes; gives the reader and what it did not use.
    fn read(text: &[u8], size: usize) -> Result<(AnswerReader, usize), String> {
        let mut reader = AnswerReader::new(&Method::GET, 1 << 20);
        let mut used = 0;
        for piece in text.chunks(size) {
            used += reader.take(piece)?;
        }
        Ok((reader, text.len() - used))
    }

    #[test]
    fn an_answer_is_the_same_for_every_split_of_its_bytes() {
        let text = b"HTTP/1.1 200 OK\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\nWiki\r\n0a\r\n0123456789\r\n0\r\nT: r\r\n\r\nHTTP";
        for size in 1..text.len() {
            let (reader, unused) = read(text, size).unwrap();
            assert!(reader.is_done(), "in pieces of {size}");
            assert_eq!(reader.body, b"Wiki0123456789");
            assert_eq!(unused, 4);
        }
    }

    #[test]
    fn a_folded_header_is_read_as_one_line() {
        let text = b"HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\n c\r\ncontent-length: 0\r\n\r\n";
        for size in [1, 7, text.len()] {
            let (reader, _) = read(text, size).unwrap();
            assert_eq!(reader.head.unwrap().headers["x"], "a b c");
        }
    }

    #[test]
    fn a_head_beyond_our_own_limits_names_the_limit() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MAX_HEADERS + 1));
        assert!(read(many.as_bytes(), many.len()).unwrap_err().contains("2048 headers, the most that keel reads"));
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(MAX_HEAD));
        assert!(read(long.as_bytes(), 64 << 10).unwrap_err().contains("1048576 bytes, the most that keel reads"));
    }

    #[test]
    fn an_interim_answer_is_not_the_answer() {
        let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nokmore";
        for size in 1..text.len() {
            let (reader, unused) = read(text, size).unwrap();
            assert_eq!(reader.head.as_ref().unwrap().status, StatusCode::CREATED);
            assert_eq!((reader.body.as_slice(), unused), (&b"ok"[..], 4));
        }
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let (mut reader, _) = read(b"HTTP/1.0 200 OK\r\n\r\nall of it", 5).unwrap();
        assert!(!reader.is_done());
        reader.end().unwrap();
        assert_eq!(reader.body, b"all of it");
    }

    #[test]
    fn a_truncated_body_says_how_much_is_missing() {
        let (mut reader, _) = read(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1234", 7).unwrap();
        assert_eq!(reader.end().unwrap_err(), "the connection ended after 4 of 10 bytes of body");
    }

    #[test]
    fn bytes_that_are_not_http_are_an_error_at_once() {
        assert!(read(b"SSH-2.0-OpenSSH", 3).unwrap_err().contains("not HTTP/1"));
        assert!(
            read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 9)
                .unwrap_err()
                .contains("chunk's size")
        );
    }

    #[test]
    fn the_answer_to_head_has_no_body() {
        let mut reader = AnswerReader::new(&Method::HEAD, 10);
        reader.take(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").unwrap();
        assert!(reader.is_done());
    }

    #[test]
    fn a_long_body_is_counted_beyond_what_is_kept() {
        let mut reader = AnswerReader::new(&Method::GET, 3);
        reader.take(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").unwrap();
        assert_eq!((reader.body.as_slice(), reader.body_length, reader.is_done()), (&b"012"[..], 10, true));
    }
}
