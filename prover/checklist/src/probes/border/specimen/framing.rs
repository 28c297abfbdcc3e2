//! Reads requests with limits on everything, and refuses what can be read in two ways (RFC 9112, 6.3).

use std::io::{BufRead, ErrorKind, Read};

use crate::specimen::server::Request;

const LINE: u64 = 8 << 10;
const HEAD: usize = 16 << 10;
const HEADERS: usize = 100;
/// The most of a body.
pub(super) const BODY: usize = 1 << 20;

/// Why no request could be read: the status to answer, or nothing to answer.
#[derive(Debug)]
pub(super) enum Refusal {
    Status(u16),
    Gone,
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::Status(408),
            _ => Self::Gone,
        }
    }
}

/// Reads a head; none at the end of the connection.
pub(super) fn read_head(reader: &mut impl BufRead) -> Result<Option<Request>, Refusal> {
    let Some(line) = read_line(reader, 414)? else { return Ok(None) };
    let mut words = line.split(' ');
    let (Some(method), Some(path), Some(version @ ("HTTP/1.1" | "HTTP/1.0"))) =
        (words.next(), words.next(), words.next())
    else {
        return Err(Refusal::Status(400));
    };
    let may_lack_host = version == "HTTP/1.0";
    let mut request = Request { method: method.into(), path: path.into(), ..Request::default() };
    let mut size = 0;
    loop {
        let line = read_line(reader, 431)?.ok_or(Refusal::Gone)?;
        if line.is_empty() {
            return if has_host(&request, may_lack_host) { Ok(Some(request)) } else { Err(Refusal::Status(400)) };
        }
        size += line.len();
        if size > HEAD || request.headers.len() >= HEADERS {
            return Err(Refusal::Status(431));
        }
        let (name, value) = line.split_once(':').ok_or(Refusal::Status(400))?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(Refusal::Status(400));
        }
        request.headers.push((name.into(), value.trim().into()));
    }
}

/// Returns true if the request names one host, with no character that a host cannot have (RFC 9112, 3.2).
fn has_host(request: &Request, may_lack_host: bool) -> bool {
    let hosts = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    match hosts.map(|(_, value)| value).collect::<Vec<_>>().as_slice() {
        [] => may_lack_host,
        [host] => !host.is_empty() && host.bytes().all(allowed),
        _ => false,
    }
}

/// Reads the body that the head announces, of so many bytes at most.
pub(super) fn read_body(reader: &mut impl BufRead, request: &mut Request, most: usize) -> Result<(), Refusal> {
    let values = |name: &str| -> Vec<String> {
        let named = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    };
    let lengths = values("content-length");
    let encodings = values("transfer-encoding");
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(()),
        ([length], []) => {
            let length = digits(length, 10)?;
            if length > most {
                return Err(Refusal::Status(413));
            }
            request.body = vec![0; length];
            Ok(reader.read_exact(&mut request.body)?)
        }
        ([], [encoding]) if encoding.eq_ignore_ascii_case("chunked") => read_chunks(reader, &mut request.body, most),
        _ => Err(Refusal::Status(400)),
    }
}

/// A number of digits alone: no sign, no space (RFC 9112, 6.2 and 7.1).
fn digits(text: &str, radix: u32) -> Result<usize, Refusal> {
    let are_digits = text.chars().all(|letter| letter.is_digit(radix));
    usize::from_str_radix(text, radix).ok().filter(|_| are_digits).ok_or(Refusal::Status(400))
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>, most: usize) -> Result<(), Refusal> {
    loop {
        let line = read_line(reader, 400)?.ok_or(Refusal::Gone)?;
        let size = digits(&line, 16)?;
        if size > most || body.len() + size > most {
            return Err(Refusal::Status(413));
        }
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        if !read_line(reader, 400)?.ok_or(Refusal::Gone)?.is_empty() {
            return Err(Refusal::Status(400));
        }
        if size == 0 {
            return Ok(());
        }
    }
}

/// A line without its end; `too_long` is answered when it has none within the limit.
fn read_line(reader: &mut impl BufRead, too_long: u16) -> Result<Option<String>, Refusal> {
    let mut line = Vec::new();
    reader.take(LINE).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\n") {
        Some(text) => {
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            String::from_utf8(text.to_vec()).map(Some).map_err(|_| Refusal::Status(400))
        }
        None if line.is_empty() => Ok(None),
        None if line.len() as u64 == LINE => Err(Refusal::Status(too_long)),
        None => Err(Refusal::Gone),
    }
}
