//! The HTTP/1 answers that stand in a stream of bytes.

use ::http::{HeaderMap, Method};

use crate::http1::AnswerReader;

/// The bytes that are parsed at a time: a head in a long stream must not cost a copy of the stream.
const PIECE: usize = 4 << 10;

/// One answer, interim ones (1xx) passed over.
#[derive(Clone, Debug)]
pub struct WireAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// Names and values as they were written, in order.
    pub written: Vec<(String, Vec<u8>)>,
    /// The first bytes of the body, as many as were to be kept.
    pub body: Vec<u8>,
    /// The bytes of the body, kept or not.
    pub body_length: u64,
    /// True if the answer is complete, as far as that shows without the end of the connection.
    pub whole: bool,
}

/// Returns the first answer in these bytes whose head is whole, with at most `keep` bytes of its body.
pub fn first(bytes: &[u8], keep: usize) -> Option<WireAnswer> {
    next(bytes, &Method::GET, keep).map(|(answer, _)| answer)
}

/// Returns every answer in these bytes whose head is whole, with at most `keep` bytes of each body; `method` is that of the
/// first request.
///
/// ```
/// let bytes = b"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut";
/// let answers: Vec<_> = keel_wire::answers::all(bytes, &http::Method::GET, 0).map(|it| (it.status, it.whole)).collect();
/// assert_eq!(answers, [(400, true), (200, false)]);
/// ```
pub fn all<'a>(mut bytes: &'a [u8], method: &Method, keep: usize) -> impl Iterator<Item = WireAnswer> + use<'a> {
    let mut method = method.clone();
    std::iter::from_fn(move || {
        let (answer, end) = next(bytes, &method, keep)?;
        bytes = &bytes[end.unwrap_or(bytes.len())..];
        method = Method::GET;
        Some(answer)
    })
}

/// Returns true if the bytes end between two answers; else the connection was cut in the middle of one.
pub fn end_between_answers(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match next(bytes, &Method::GET, 0) {
            Some((_, Some(end))) if end > 0 => bytes = &bytes[end..],
            _ => return false,
        }
    }
    true
}

/// Returns the next answer and where it ends; no end when its body did not come to one.
fn next(bytes: &[u8], method: &Method, keep: usize) -> Option<(WireAnswer, Option<usize>)> {
    let mut reader = AnswerReader::new(method, keep);
    let mut taken = 0;
    for piece in bytes.chunks(PIECE) {
        // An error after the head does not matter here: the answer began.
        let Ok(length) = reader.take(piece) else { break };
        taken += length;
        if reader.is_done() {
            break;
        }
    }
    let end = reader.is_done().then_some(taken);
    let head = reader.head?;
    let answer = WireAnswer {
        status: head.status.as_u16(),
        headers: head.headers,
        written: head.written,
        body: reader.body,
        body_length: reader.body_length,
        whole: end.is_some(),
    };
    Some((answer, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(bytes: &[u8]) -> Vec<u16> {
        all(bytes, &Method::POST, 0).map(|answer| answer.status).collect()
    }

    #[test]
    fn every_answer_of_a_stream_is_seen() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno\
                      HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 404 No\r\n\r\nx";
        assert_eq!(statuses(bytes), [400, 200, 404]);
    }

    #[test]
    fn answers_longer_than_a_piece_are_seen() {
        let one = [b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n".to_vec(), vec![b'a'; 10_000]].concat();
        let answers: Vec<WireAnswer> = all(&one.repeat(3), &Method::GET, 5).collect();
        assert_eq!(answers.iter().filter(|answer| answer.whole && answer.body == b"aaaaa").count(), 3);
    }

    #[test]
    fn a_cut_answer_is_distinguished_from_a_complete_one() {
        let two = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(end_between_answers(two) && end_between_answers(b""));
        assert!(!end_between_answers(&two[..two.len() - 1]));
        assert!(!end_between_answers(&two[..50]));
    }

    #[test]
    fn half_a_head_is_no_answer() {
        assert!(statuses(b"HTTP/1.1 200 OK\r\nContent-Le").is_empty());
    }
}
