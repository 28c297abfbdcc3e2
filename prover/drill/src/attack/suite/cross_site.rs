//! Requests that a page of another site can make a browser send.

use http::header::LOCATION;

use crate::attack::answers::{self, WireAnswer};
use crate::attack::context::{Context, fill};
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::http::Request;

/// The other site, under a name that does not exist (RFC 6761, 6.4).
const EVIL: &str = "https://keel-evil.invalid";
/// The media types that a page may send to another site without asking first (Fetch, CORS-safelisted).
const SIMPLE: [&str; 3] = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=keel"];

pub(super) const ATTACK: Attack = Attack {
    id: "cross-site",
    what: "sends a request with an effect as a page of another site could, and asks leave to send it whole",
    source: "CWE-352; Fetch (CORS protocol); RFC 6454; OWASP CSRF prevention (Sec-Fetch-Site)",
    correct: "a request of another site without a preflight has no effect (4xx); no preflight of a stranger is granted with \
              credentials",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

async fn launch(context: &Context<'_>) -> Findings {
    let write = context.target.write.as_ref();
    let write = write.ok_or_else(|| Excuse::NotApplicable("no request with an effect is known".to_owned()))?;
    let heard = context.exchange(&context.bytes(&fill(&write.request)), context.bounds.answer).await?;
    let Some(baseline) = answers::first(&heard.bytes, 0).filter(|answer| (200..400).contains(&answer.status)) else {
        let said = answers::told(&heard);
        return Err(Excuse::Unknown(format!("the request with an effect does not succeed in peace: {said}")));
    };
    let mut evidence = Vec::new();
    for media_type in SIMPLE {
        evidence.push(simple(context, &fill(&write.request), media_type, &baseline).await);
    }
    let accused = evidence.iter().any(|piece| piece.mark == Mark::Wrong);
    if accused && !write.request.headers.iter().any(is_ambient) {
        // Then the other site does no more than anybody can, who needs no browser of somebody else for it.
        let reason = "a request of another site has its effect, but so has anybody's: no cookie or Basic login is known that a \
                      browser would add to it";
        return Err(Excuse::NotApplicable(reason.to_owned()));
    }
    evidence.push(preflight(context, &write.request).await);
    Ok(evidence)
}

/// Returns true if a browser adds this field by itself, for every origin of the request.
fn is_ambient((name, value): &(String, String)) -> bool {
    let basic = value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
    name.eq_ignore_ascii_case("cookie") || (name.eq_ignore_ascii_case("authorization") && basic)
}

/// Reduces a request to what a page can send without asking: fields that a browser adds stay, other fields do not.
///
/// The answer in peace tells an effect: many answer a form with a redirection when it had one, and with 200, or a redirection to
/// somewhere else, when it had none.
async fn simple(context: &Context<'_>, request: &Request, media_type: &str, baseline: &WireAnswer) -> Evidence {
    let mut request = request.clone();
    request.headers.retain(is_ambient);
    let request = request
        .header("Content-Type", media_type)
        .header("Origin", EVIL)
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", "no-cors");
    let bytes = context.bytes(&request);
    let heard = match context.exchange(&bytes, context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence(media_type),
    };
    let answer = answers::first(&heard.bytes, 0);
    let leads = |answer: &WireAnswer| answer.headers.get(LOCATION).cloned();
    let (mark, what) = match answer.as_ref().map(|answer| answer.status) {
        // A redirection must lead to the same place; what was made may have a place of its own.
        Some(status)
            if status == baseline.status && (status < 300 || answer.as_ref().map(leads) == Some(leads(baseline))) =>
        {
            (Mark::Wrong, format!("{media_type} from another site has its effect: {status}"))
        }
        Some(status @ 200..=399) => {
            let what =
                format!("{media_type} from another site is answered {status}, not as in peace ({})", baseline.status);
            (Mark::Unseen, format!("{what}: its effect is not known"))
        }
        Some(status @ 500..) if status != 503 => (Mark::Tolerated, format!("{media_type} makes it fail: {status}")),
        Some(status) => (Mark::Right, format!("{media_type} from another site is refused with {status}")),
        None => answers::unanswered(&heard, &format!("{media_type} from another site")),
    };
    Evidence::new(mark, what).exchange(answers::shown(&bytes), answers::told(&heard))
}

async fn preflight(context: &Context<'_>, request: &Request) -> Evidence {
    let names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let mut ask = Request::new(http::Method::OPTIONS, fill(request).path)
        .header("Origin", EVIL)
        .header("Access-Control-Request-Method", request.method.as_str());
    if !names.is_empty() {
        ask = ask.header("Access-Control-Request-Headers", names.join(","));
    }
    let bytes = context.head(&ask, "");
    let heard = match context.exchange(&bytes, context.bounds.answer).await {
        Ok(heard) => heard,
        Err(excuse) => return excuse.evidence("a stranger's preflight"),
    };
    let answer = answers::first(&heard.bytes, 0);
    let header = |name: &str| -> String {
        let value = answer.as_ref().and_then(|answer| answer.headers.get(name));
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    };
    let (origin, credentials) = (header("access-control-allow-origin"), header("access-control-allow-credentials"));
    let (mark, what) = match origin.as_str() {
        _ if answer.is_none() => (Mark::Unseen, "a stranger's preflight is not answered"),
        EVIL if credentials == "true" => (Mark::Wrong, "a stranger's preflight is granted, with credentials"),
        EVIL | "*" => (Mark::Tolerated, "a stranger's preflight is granted, without credentials"),
        _ => (Mark::Right, "a stranger's preflight is not granted"),
    };
    Evidence::new(mark, what).exchange(answers::shown(&bytes), answers::told(&heard))
}
