//! Requests that name another host, two, or none.

use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};

/// A name that does not exist (RFC 6761, 6.4).
const EVIL: &str = "keel-evil.invalid";

pub(super) const ATTACK: Attack = Attack {
    id: "host-confusion",
    what: "leaves Host out, sends two, an invalid one, one that differs from an absolute URI, and forwarding fields",
    source: "RFC 9112, 3.2 and 3.2.2; CWE-644; J. Kettle, Practical HTTP host header attacks (2013)",
    correct: "400 for none, two or an invalid Host; forwarding fields of a stranger appear in no answer",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let (path, host) = (&context.target.read.path, &context.host);
    let must_refuse = [
        ("no Host", format!("GET {path} HTTP/1.1\r\n\r\n")),
        ("two Hosts", format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: {EVIL}\r\n\r\n")),
        ("an invalid Host", format!("GET {path} HTTP/1.1\r\nHost: {host}/a b\r\n\r\n")),
    ];
    let mut evidence = Vec::new();
    for (what, request) in &must_refuse {
        evidence.push(refused(context, what, request).await);
    }
    let may_not_reflect = [
        ("X-Forwarded-Host", format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {EVIL}\r\n\r\n")),
        ("Forwarded", format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nForwarded: host={EVIL}\r\n\r\n")),
        ("Host beside an absolute URI", format!("GET http://{host}{path} HTTP/1.1\r\nHost: {EVIL}\r\n\r\n")),
    ];
    for (what, request) in &may_not_reflect {
        evidence.push(unreflected(context, what, request).await);
    }
    Ok(evidence)
}

async fn refused(context: &Context<'_>, what: &str, request: &str) -> Evidence {
    let heard = match context.exchange(request.as_bytes(), context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence(what),
    };
    let (mark, said) = match heard.status() {
        Some(400) if context.baseline == 400 => (
            Mark::Unseen,
            format!("{what} is answered 400, and so is the request in peace: name a path that is served"),
        ),
        Some(400) => (Mark::Right, format!("{what} is refused with 400")),
        Some(status @ 400..=499) if status != context.baseline => {
            (Mark::Tolerated, format!("{what} is refused with {status}, where 400 must be (RFC 9112, 3.2)"))
        }
        Some(status) => (Mark::Wrong, format!("{what} is answered {status}, where 400 must be (RFC 9112, 3.2)")),
        None => answers::unanswered(&heard, what),
    };
    Evidence::new(mark, said).exchange(answers::shown(request.as_bytes()), answers::told(&heard))
}

async fn unreflected(context: &Context<'_>, what: &str, request: &str) -> Evidence {
    let heard = match context.exchange(request.as_bytes(), context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence(what),
    };
    let (mark, said) = if heard.text().contains(EVIL) {
        (Mark::Wrong, format!("{what} of a stranger appears in the answer"))
    } else if heard.status().is_none() {
        answers::unanswered(&heard, what)
    } else {
        (Mark::Right, format!("{what} does not appear in the answer"))
    };
    Evidence::new(mark, said).exchange(answers::shown(request.as_bytes()), answers::told(&heard))
}
