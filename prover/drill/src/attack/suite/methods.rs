//! Methods that say one thing to one reader and another to the next.

use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};

/// A value that must not come back: it stands for a cookie that a page may not read.
const SECRET: &str = "keel-secret-7f3a";

pub(super) const ATTACK: Attack = Attack {
    id: "method-confusion",
    what: "sends TRACE, an unknown method, a method in lower case, and fields that override the method of a GET",
    source: "RFC 9110, 9.1 and 9.3.8; CWE-693 (cross-site tracing, J. Grossman, 2003)",
    correct: "405 or 501; TRACE never echoes Cookie; no header field turns a GET into another method",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let mut evidence = vec![trace(context).await];
    evidence.push(method(context, "KEEL", "an unknown method").await);
    evidence.push(method(context, &context.target.read.method.as_str().to_ascii_lowercase(), "lower case").await);
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        evidence.push(overridden(context, name).await);
    }
    Ok(evidence)
}

async fn trace(context: &Context<'_>) -> Evidence {
    let request =
        format!("TRACE {} HTTP/1.1\r\nHost: {}\r\nCookie: a={SECRET}\r\n\r\n", context.target.read.path, context.host);
    let heard = match context.exchange(request.as_bytes(), context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence("TRACE"),
    };
    let answer = answers::first(&heard.bytes, 64 << 10);
    let (mark, what) = match answer {
        Some(answer) if String::from_utf8_lossy(&answer.body).contains(SECRET) => {
            (Mark::Wrong, format!("TRACE is answered {} and echoes Cookie", answer.status))
        }
        Some(answer) if answer.status >= 400 => (Mark::Right, format!("TRACE is refused with {}", answer.status)),
        Some(answer) => (Mark::Tolerated, format!("TRACE is answered {}, without Cookie", answer.status)),
        None => answers::unanswered(&heard, "TRACE"),
    };
    Evidence::new(mark, what).exchange(answers::shown(request.as_bytes()), answers::told(&heard))
}

async fn method(context: &Context<'_>, method: &str, what: &str) -> Evidence {
    let request = format!("{method} {} HTTP/1.1\r\nHost: {}\r\n\r\n", context.target.read.path, context.host);
    let heard = match context.exchange(request.as_bytes(), context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence(what),
    };
    let (mark, what) = match heard.status() {
        Some(status @ (501 | 400..=499)) => (Mark::Right, format!("{what} is refused with {status}")),
        Some(status @ 500..) => (Mark::Wrong, format!("{what} makes it fail with {status}")),
        Some(status) => (Mark::Tolerated, format!("{what} is answered {status}")),
        None => answers::unanswered(&heard, what),
    };
    Evidence::new(mark, what).exchange(answers::shown(request.as_bytes()), answers::told(&heard))
}

/// Sends an unknown method, so that nothing happens if it is accepted.
async fn overridden(context: &Context<'_>, name: &str) -> Evidence {
    let bytes = context.head(&context.read(), &format!("{name}: KEEL\r\n"));
    let heard = match context.exchange(&bytes, context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence(name),
    };
    let (mark, what) = match heard.status() {
        Some(status) if status == context.baseline => (Mark::Right, format!("{name} on a GET is ignored")),
        Some(status @ (405 | 501)) => (Mark::Wrong, format!("{name} on a GET is obeyed: answered {status}")),
        Some(status) => (Mark::Tolerated, format!("{name} on a GET is answered {status}")),
        None => answers::unanswered(&heard, &format!("{name} on a GET")),
    };
    Evidence::new(mark, what).exchange(answers::shown(&bytes), answers::told(&heard))
}
