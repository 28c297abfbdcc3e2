//! Answers read from a stream of raw bytes.

use http::{HeaderMap, Method};

use super::evidence::Mark;
use keel_wire::http1::AnswerReader;
use keel_wire::raw::{Ended, Heard};

/// The most answers that are looked for in one stream.
const MAX_ANSWERS: usize = 64;
/// The most bytes shown of what came back.
const SHOWN: usize = 300;

/// One answer, interim ones (1xx) passed over.
#[derive(Clone, Debug)]
pub struct WireAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// As much of the body as was to be kept.
    pub body: Vec<u8>,
    /// The bytes of the body that came, kept or not.
    pub body_length: u64,
    /// Whether it came to its end, as far as that shows without the end of the connection.
    pub whole: bool,
}

/// The first answer in these bytes whose head is whole, with at most `keep` bytes of its body.
pub fn first(bytes: &[u8], keep: usize) -> Option<WireAnswer> {
    next(bytes, &Method::GET, keep).map(|(answer, _)| answer)
}

/// Every answer in these bytes whose head is whole; `method` is that of the first request.
pub fn all(mut bytes: &[u8], method: &Method) -> Vec<WireAnswer> {
    let mut answers = Vec::new();
    let mut method = method;
    while answers.len() < MAX_ANSWERS
        && let Some((answer, end)) = next(bytes, method, SHOWN)
    {
        answers.push(answer);
        bytes = &bytes[end.unwrap_or(bytes.len())..];
        method = &Method::GET;
    }
    answers
}

/// Whether these bytes end where an answer does: in the middle of one the connection was cut.
pub fn end_between_answers(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match next(bytes, &Method::GET, 0) {
            Some((_, Some(end))) if end > 0 => bytes = &bytes[end..],
            _ => return false,
        }
    }
    true
}

/// The next answer and where it ends; no end when its body did not come to one.
fn next(bytes: &[u8], method: &Method, keep: usize) -> Option<(WireAnswer, Option<usize>)> {
    let mut reader = AnswerReader::new(method, keep);
    // What is wrong after the head does not matter here: the answer began.
    let taken = reader.take(bytes).ok();
    let end = taken.filter(|_| reader.is_done());
    let head = reader.head?;
    let answer = WireAnswer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: reader.body,
        body_length: reader.body_length,
        whole: end.is_some(),
    };
    Some((answer, end))
}

/// Judges that a request which is to be refused has no answer. A connection that is closed instead is what a refusal
/// looks like, and what it looks like when whatever read the request has ended.
pub(super) fn unanswered(heard: &Heard, what: &str) -> (Mark, String) {
    match heard.ended {
        Ended::StillOpen => (Mark::Unseen, format!("{what} is neither answered nor refused within {:.1?}", heard.took)),
        Ended::Closed | Ended::Reset => (Mark::Tolerated, format!("{what} is not answered, the connection is closed")),
    }
}

/// Describes the answer, as a line that a person can check.
pub(super) fn told(heard: &Heard) -> String {
    let end = match heard.ended {
        Ended::Closed => "closed",
        Ended::Reset => "reset",
        Ended::StillOpen => "still open",
    };
    if heard.bytes.is_empty() {
        return format!("nothing; {end} after {:.2?}", heard.took);
    }
    format!("{} [{} bytes, {end} after {:.2?}]", shown(&heard.bytes), heard.bytes.len(), heard.took)
}

/// The beginning of what was sent or came, with line ends and other controls escaped.
pub(super) fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let rest = if bytes.len() > SHOWN { format!("… ({} bytes)", bytes.len()) } else { String::new() };
    format!("{}{rest}", cut.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(bytes: &[u8]) -> Vec<u16> {
        all(bytes, &Method::POST).iter().map(|answer| answer.status).collect()
    }

    #[test]
    fn every_answer_of_a_stream_is_seen() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno\
                      HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 404 No\r\n\r\nx";
        assert_eq!(statuses(bytes), [400, 200, 404]);
    }

    #[test]
    fn a_cut_answer_is_told_from_a_whole_one() {
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
