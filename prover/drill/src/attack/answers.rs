//! The answers to an attack, and how they are shown as evidence.

use http::Method;
use keel_wire::answers;
pub(super) use keel_wire::answers::{WireAnswer, end_between_answers, first};
use keel_wire::raw::{Ended, Heard};

use super::evidence::Mark;

/// The most answers that are looked for in one stream.
const MAX_ANSWERS: usize = 64;
/// The most bytes shown of what came back.
const SHOWN: usize = 300;

/// Every answer in these bytes whose head is whole; `method` is that of the first request.
pub(super) fn all(bytes: &[u8], method: &Method) -> Vec<WireAnswer> {
    answers::all(bytes, method, SHOWN).take(MAX_ANSWERS).collect()
}

/// Judges that a request which is to be refused has no answer. A connection that is closed instead is what a refusal
/// looks like, and also the sign that the reader of the request has ended.
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
