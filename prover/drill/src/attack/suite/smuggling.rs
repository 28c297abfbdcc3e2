//! Messages whose length or lines can be read in two ways (RFC 9112): they must never become two requests.
//!
//! Each shape hides a whole second request, the harmless one, where one reading sees body and another the next request. Wrong is
//! only what is shown: that the hidden request was answered as in peace although the message must be refused or be the last of its
//! connection. One answer is tolerated, a refusal or a closed connection is right.

mod shape;
mod shapes;

use std::time::Duration;

use http::Method;

use self::shape::{Second, Shape};
use crate::attack::answers;
use crate::attack::context::{Context, no_connection};
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::http::Request;
use keel_wire::raw::Ended;

/// The time limit for answers: one that comes at all comes at once.
const LISTEN: Duration = Duration::from_secs(2);
/// The most that is listened to, in bytes.
const HEARD: usize = 1 << 20;

macro_rules! attack {
    ($name:ident, $shapes:expr, $id:literal, $what:literal, $source:literal, $correct:literal) => {
        pub(super) const $name: Attack = Attack {
            id: $id,
            what: $what,
            source: $source,
            correct: $correct,
            memory: None,
            launch: |context| Box::pin(try_all(context, &$shapes)),
        };
    };
}

attack!(
    CL_TE,
    shapes::CL_TE,
    "smuggle-cl-te",
    "sends Content-Length and Transfer-Encoding together, a second request behind the last chunk",
    "RFC 9112, 6.1 and 11.2",
    "400; or the body is read as chunked and the connection closed after the answer"
);
attack!(
    TE_CL,
    shapes::TE_CL,
    "smuggle-te-cl",
    "sends Transfer-Encoding and a short Content-Length, a second request within a chunk",
    "RFC 9112, 6.1 and 6.3",
    "400; or the body is read as chunked and the connection closed after the answer"
);
attack!(
    TE_TE,
    shapes::TE_TE,
    "smuggle-te-te",
    "obscures Transfer-Encoding, so that one reader takes it and another does not",
    "RFC 9112, 5.1, 6.1 and 6.3; J. Kettle, HTTP desync attacks (2019)",
    "400 or 501 and a closed connection"
);
attack!(
    CL_CL,
    shapes::CL_CL,
    "smuggle-cl-cl",
    "sends Content-Lengths that differ, or are no numbers",
    "RFC 9112, 6.3 (5); RFC 9110, 8.6",
    "400 and a closed connection; one answer and a closed connection when the values are all the same"
);
attack!(
    CHUNKS,
    shapes::CHUNKS,
    "smuggle-chunks",
    "distorts chunk sizes and chunk extensions",
    "RFC 9112, 7.1; CVE-2025-22871",
    "400 and a closed connection; extensions without fault are ignored"
);
attack!(
    FOLD,
    shapes::FOLD,
    "smuggle-obs-fold",
    "folds framing fields over two lines",
    "RFC 9112, 5.2",
    "400; or each fold is replaced by spaces before the field is read"
);
attack!(
    BARE_CR,
    shapes::BARE_CR,
    "smuggle-bare-cr",
    "ends or splits lines with a bare CR",
    "RFC 9112, 2.2",
    "400; or the CR is read as a space, never as the end of a line"
);
attack!(
    BARE_LF,
    shapes::BARE_LF,
    "smuggle-bare-lf",
    "ends lines with a bare LF, in heads and in chunks",
    "RFC 9112, 2.2 and 7.1",
    "400; or the LF is taken as the end of a line of the head, which 2.2 allows"
);

async fn try_all(context: &Context<'_>, shapes: &[Shape]) -> Findings {
    if !(200..400).contains(&context.baseline) {
        // Whatever cannot be read as a request is refused with a 4xx as well: an answered one could not be told from it.
        let baseline = context.baseline;
        return Err(Excuse::Unknown(format!(
            "the harmless request is answered {baseline}: name a path that is served"
        )));
    }
    let mut evidence = Vec::new();
    for shape in shapes {
        evidence.push(attempt(context, shape).await.unwrap_or_else(|excuse| excuse.evidence(shape.name)));
    }
    Ok(evidence)
}

async fn attempt(context: &Context<'_>, shape: &Shape) -> Result<Evidence, Excuse> {
    let (request, known) = context.body_route();
    let sent = send(context, shape, &request).await?;
    if sent.answered || !known {
        return Ok(sent.evidence);
    }
    // Whoever waits for a body hides how its length was read. The harmless path takes none: a POST of it is answered at once.
    Ok(send(context, shape, &Request::new(Method::POST, context.read().path)).await?.evidence)
}

struct Sent {
    evidence: Evidence,
    answered: bool,
}

async fn send(context: &Context<'_>, shape: &Shape, request: &Request) -> Result<Sent, Excuse> {
    let hidden = String::from_utf8_lossy(&context.bytes(&context.read())).into_owned();
    let (lines, body) = shape.filled(&hidden);
    if !context.turn().await {
        return Err(Excuse::Unknown("the bounds were used up before it could be sent: allow more".to_owned()));
    }
    let mut bytes = context.head(request, &lines);
    bytes.extend_from_slice(body.as_bytes());
    let mut connection = context.open_connection().await.map_err(no_connection)?;
    // A server that refuses the head may close before everything is written; what it answered decides.
    let _ = connection.write(&bytes, LISTEN).await;
    let heard = connection.listen(HEARD, LISTEN).await;
    let answers = answers::all(&heard.bytes, &request.method);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let (mark, what) = judge(shape.second, &statuses, heard.ended != Ended::StillOpen, context.baseline);
    let evidence = Evidence::new(mark, format!("{}: {what}", shape.name));
    let evidence = evidence.exchange(answers::shown(&bytes), answers::told(&heard));
    Ok(Sent { evidence, answered: !statuses.is_empty() || heard.ended != Ended::StillOpen })
}

fn judge(second: Second, statuses: &[u16], closed: bool, baseline: u16) -> (Mark, String) {
    match statuses {
        [] if closed => (Mark::Right, "closed without an answer".into()),
        [] => (Mark::Tolerated, "nothing is answered: it waits for more".into()),
        [status] if *status >= 500 && *status != 501 => {
            (Mark::Tolerated, format!("answered {status}, nothing was smuggled"))
        }
        [status] if *status >= 400 && closed => (Mark::Right, format!("refused with {status} and closed")),
        [400 | 501] => (Mark::Right, format!("refused with {}", statuses[0])),
        [status] if closed => (Mark::Right, format!("answered {status} once and closed")),
        [status] => {
            (Mark::Tolerated, format!("answered {status} once, the connection stays open; nothing was smuggled"))
        }
        [first, rest @ ..] if second == Second::Smuggled && rest.contains(&baseline) => (
            Mark::Wrong,
            format!(
                "answered {first}, and the request hidden in it {baseline}: smuggled, as it neither refused the message nor ended the connection"
            ),
        ),
        [first, rest @ ..] => (Mark::Tolerated, format!("answered {first}, then {rest:?} for what follows")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn every_reading_of_a_shape_ends_at_a_border_of_the_hidden_request_of_any_length() {
        for length in [40, 300, 5_000] {
            let hidden = "h".repeat(length);
            let (lines, body) = shapes::TE_CL[0].filled(&hidden);
            let line = body.find('\n').unwrap() + 1;
            assert!(lines.contains(&format!("Content-Length: {line}\r\n")), "{lines:?}");
            assert!(body[line..].starts_with(&hidden));
            let (lines, body) = shapes::CL_CL[0].filled(&hidden);
            assert!(lines.ends_with(&format!("Content-Length: {}\r\n", body.len())) && body.ends_with(&hidden));
            let (_, body) = shapes::CHUNKS.last().unwrap().filled(&hidden);
            let lines: Vec<&str> = body.split("\r\n").collect();
            let size = usize::from_str_radix(lines[1], 16).unwrap();
            assert_eq!(size, "0\r\n\r\n".len() + length, "the reading in which the line end ends the extension");
            assert_eq!(lines[0], format!("{};\n{}", lines[1].len(), "x".repeat(lines[1].len())), "and the other");
        }
    }

    #[test]
    fn only_an_answered_hidden_request_is_smuggling() {
        let mark = |statuses: &[u16], closed| judge(Second::Smuggled, statuses, closed, 200).0;
        assert_eq!(mark(&[400], true), Mark::Right);
        assert_eq!(mark(&[200], true), Mark::Right);
        assert_eq!(mark(&[200], false), Mark::Tolerated);
        assert_eq!(mark(&[405, 400], true), Mark::Tolerated);
        assert_eq!(mark(&[405, 200], false), Mark::Wrong);
        assert_eq!(judge(Second::Pipelined, &[405, 200], false, 200).0, Mark::Tolerated);
    }
}
