//! Requests whose length can be read in two ways (RFC 9112, 6.3): they must never become two requests.

use std::time::Duration;

use keel_wire::http::Request;
use keel_wire::raw::Ended;

use crate::clause::border::limits as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::probes::support::listener::{self, Listener, WireAnswer};
use crate::recipe::OnWire;
use crate::recipe::Recipe;

/// Time to wait for answers: one that comes at all comes at once.
const LISTEN: Duration = Duration::from_secs(3);
/// The most that is listened to, in bytes.
const HEARD: usize = 256 << 10;

/// One ambiguous request; `{smuggled}` in its body stands for a whole second request.
struct Shape {
    name: &'static str,
    lines: &'static str,
    body: &'static str,
    /// True if a server may answer it as usual and then close: because RFC 9112 (6.1) says so, or because an answer may be
    /// given before the body is looked at.
    may_be_served: bool,
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "Content-Length and Transfer-Encoding together",
        lines: "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        body: "0\r\n\r\n{smuggled}",
        may_be_served: true,
    },
    Shape {
        name: "two different Content-Lengths",
        lines: "Content-Length: 2\r\nContent-Length: 0\r\n",
        body: "{}{smuggled}",
        may_be_served: false,
    },
    Shape {
        name: "a space before the colon of Transfer-Encoding",
        lines: "Content-Length: 4\r\nTransfer-Encoding : chunked\r\n",
        body: "0\r\n\r\n{smuggled}",
        may_be_served: false,
    },
    Shape {
        name: "an unknown Transfer-Encoding",
        lines: "Transfer-Encoding: xchunked\r\n",
        body: "0\r\n\r\n{smuggled}",
        may_be_served: false,
    },
    Shape {
        name: "a chunk size beyond 64 bits",
        lines: "Transfer-Encoding: chunked\r\n",
        body: "10000000000000000\r\n{smuggled}",
        may_be_served: true,
    },
];

/// Tries every shape against `target`.
pub(super) async fn attempts(listener: &Listener, target: &Request, control: &Control) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for shape in &SHAPES {
        evidence.push(attempt(listener, target, shape).await.by(control));
    }
    evidence
}

async fn attempt(listener: &Listener, target: &Request, shape: &Shape) -> Evidence {
    let smuggled = format!("GET /keel-smuggled HTTP/1.1\r\nHost: {}\r\n\r\n", listener.host);
    let mut bytes = listener.head(target, shape.lines);
    bytes.extend_from_slice(shape.body.replace("{smuggled}", &smuggled).as_bytes());
    let sent = String::from_utf8_lossy(&bytes).into_owned();
    let mut connection = match listener.open().await {
        Ok(connection) => connection,
        Err(error) => {
            return clause::CLEAR_REFUSAL.contradicts("no connection could be made").exchanged(sent, error.to_string());
        }
    };
    // A server that refuses the head may close before everything is written; what it answered decides.
    let _ = connection.write(&bytes, LISTEN).await;
    let heard = connection.listen(HEARD, LISTEN).await;
    let answers = listener::answers(&heard.bytes);
    let (good, what) = judge(shape, &answers, &heard.ended);
    let piece =
        clause::CLEAR_REFUSAL.maybe(good, format!("{}: {what}", shape.name)).exchanged(sent, listener::told(&heard));
    // One answer and a closed connection look like a refusal to a script that does not know the shape.
    let shown = answers.len() > 1 || heard.ended == Ended::StillOpen;
    match shown {
        true => piece.reproduced_by(Recipe::Wire { pieces: vec![(bytes, 1)], fault: OnWire::NotClosedAfterOne }),
        false => piece,
    }
}

/// Returns true for a correct outcome; `None` if it was refused for another reason, so that its length may not have been looked at, or if it did no
/// harm and was not refused clearly.
fn judge(shape: &Shape, answers: &[WireAnswer], ended: &Ended) -> (Option<bool>, String) {
    let closed = *ended != Ended::StillOpen;
    match answers {
        [] if closed => (None, "closed without an answer: harmless, and not clear".into()),
        [] => (None, "waits for more and takes nothing as a second request: harmless, and not clear".into()),
        [one] if one.status == 400 => (Some(true), "refused with 400".into()),
        [one] if [401, 403, 404, 429].contains(&one.status) && closed => {
            (None, format!("answered {} and closed, which says nothing about its length", one.status))
        }
        // A transfer coding that it does not implement (RFC 9112, 6.1).
        [one] if (one.status < 500 || one.status == 501) && one.status >= 400 && closed => {
            (Some(true), format!("answered {} and closed", one.status))
        }
        [one] if one.status >= 400 && closed => {
            (None, format!("answered {} and closed: harmless, and no 4xx", one.status))
        }
        [one] if closed && shape.may_be_served => {
            (Some(true), format!("answered {} once and closed, as allowed", one.status))
        }
        [one] if closed => (Some(false), format!("answered {} as if nothing were wrong", one.status)),
        [one] => (Some(false), format!("answered {} and the connection stays open for more", one.status)),
        many => (Some(false), format!("{} answers where the connection must close after the first", many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(may_be_served: bool, answers: &[u16], ended: Ended) -> Option<bool> {
        let shape = Shape { name: "a shape", lines: "", body: "", may_be_served };
        let answers: Vec<WireAnswer> =
            answers.iter().map(|status| WireAnswer { status: *status, complete: true }).collect();
        judge(&shape, &answers, &ended).0
    }

    #[test]
    fn an_ambiguous_request_gets_one_refusal_and_ends_the_connection() {
        assert_eq!(good(false, &[400], Ended::StillOpen), Some(true));
        assert_eq!(good(false, &[501], Ended::Closed), Some(true));
        assert_eq!(good(false, &[501], Ended::StillOpen), Some(false), "it waits for more");
        assert_eq!(good(false, &[200], Ended::Closed), Some(false), "as if nothing were wrong");
        assert_eq!(good(true, &[200], Ended::Closed), Some(true), "as allowed");
        assert_eq!(good(true, &[200, 404], Ended::Closed), Some(false), "the second request was answered");
        assert_eq!(good(false, &[403], Ended::Closed), None, "that is about something else");
        assert_eq!(good(false, &[], Ended::StillOpen), None, "it waits for the rest");
    }

    #[test]
    fn an_end_without_a_4xx_is_harmless_and_not_clear() {
        assert_eq!(good(false, &[], Ended::Closed), None);
        assert_eq!(good(false, &[500], Ended::Closed), None);
        assert_eq!(good(false, &[502], Ended::StillOpen), Some(false), "it waits for more");
    }
}
