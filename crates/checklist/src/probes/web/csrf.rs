//! `web.csrf`: a foreign page cannot make a browser change anything.
//!
//! - **Hypothesis**: each write of the mix, sent as a foreign page can make a browser send it, is refused; the same write sent
//!   as declared succeeds.
//! - **Sent**: at most ten writes of the mix, each once as declared, then once as a form of a foreign page would send it: with the
//!   cookies and credentials that a browser attaches by itself and without every other header that makes it ask first (a custom
//!   header, a JSON content type), with a foreign `Origin` and `Sec-Fetch-Site: cross-site`.
//! - **Decides**: a foreign write that is taken although it carries a cookie or HTTP credentials, or is a form: falls short. A write that
//!   is not taken as declared says nothing. A foreign write that is taken without any of these is told: whether browsers attach
//!   credentials was not declared, so it is unknown. Tokens of other sessions are not tried.
//! - **Blast radius**: what the writes do, twice at most.
//! - **Bound in time**: twenty exchanges, each bounded by [`EACH`].

use std::time::Duration;

use drill::http::{Exchange, Request};

use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::subject::{RequestSpec, State};

const ID: &str = "web.csrf";
/// The most writes that are tried.
const MAX: usize = 10;
/// The bound of one exchange: twenty of them stay below the bound of a probe.
const EACH: Duration = Duration::from_secs(5);
/// Where the foreign page is; the name can belong to nobody (RFC 2606).
const FOREIGN: &str = "https://foreign.invalid";
/// What a browser attaches by itself.
const ATTACHED: [&str; 2] = ["cookie", "authorization"];
/// What a form may be sent as (Fetch standard, CORS-safelisted content types).
const FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    if lab.subject.state == State::None {
        return Finding::not_applicable(ID, "state = \"none\" is declared: no request changes anything", Vec::new());
    }
    let writes = lab.mix().into_iter().filter(|spec| changes(spec)).take(MAX);
    let client = lab.http().with_timeout(EACH);
    let mut evidence = Vec::new();
    for spec in writes {
        let own = client.send(lab.fill(&spec)).await;
        if !own.status().is_some_and(|status| spec.expects(status.as_u16())) {
            let what = format!("{} is not taken as declared, so its foreign form says nothing", spec.name);
            evidence.push(Evidence { good: None, ..Evidence::exchange(true, what, &own) });
            continue;
        }
        let declared = lab.fill(&spec);
        let credentials = attached(&declared);
        evidence.push(judge(&spec, credentials, &client.send(foreign(declared)).await));
    }
    if evidence.iter().any(|piece| piece.good.is_some()) {
        return Finding::judge(ID, "writes that a foreign page can make a browser send are refused", evidence);
    }
    let reason = "no write was seen that a foreign page could misuse, nor one that is refused to it: declare the writes of forms in \
                  [[requests]], with the Cookie of a session in `headers`";
    Finding::unknown(ID, reason, evidence)
}

fn changes(spec: &RequestSpec) -> bool {
    !["", "GET", "HEAD", "OPTIONS"].contains(&spec.method.to_ascii_uppercase().as_str())
}

/// Whether a browser would attach something by itself, or send it as a form without asking.
fn attached(request: &Request) -> bool {
    request.headers.iter().any(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "cookie" => true,
        // A bearer token is attached by a script, which a foreign page does not have.
        "authorization" => !value.to_ascii_lowercase().starts_with("bearer"),
        "content-type" => is_form(value),
        _ => false,
    })
}

fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    FORMS.contains(&kind.as_str())
}

/// The request as a form of a foreign page makes a browser send it.
fn foreign(mut request: Request) -> Request {
    request.headers.retain(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let by_browser = ATTACHED.contains(&name.as_str()) && !value.to_ascii_lowercase().starts_with("bearer");
        by_browser || name == "content-type" && is_form(value)
    });
    if !request.body.is_empty() && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("Content-Type", "text/plain");
    }
    request.header("Origin", FOREIGN).header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Mode", "navigate")
}

fn judge(spec: &RequestSpec, credentials: bool, exchange: &Exchange) -> Evidence {
    let name = &spec.name;
    match exchange.status().map(|status| status.as_u16()) {
        Some(status @ 400..500) if status != 429 => {
            Evidence::exchange(true, format!("{name}, sent by a foreign page, is refused with {status}"), exchange)
        }
        Some(status) if status < 400 && credentials => {
            Evidence::exchange(false, format!("{name}, sent by a foreign page, is taken: {status}"), exchange)
        }
        status => {
            let told = status.map_or_else(|| "not answered".to_owned(), |status| format!("answered {status}"));
            let what = format!("{name}, sent by a foreign page, is {told}; nothing a browser attaches decides it");
            Evidence { good: None, ..Evidence::exchange(true, what, exchange) }
        }
    }
}
