//! One effect, asked for again and at once: replay and race on idempotency keys.

use futures_util::future::join_all;

use super::Attack;
use super::answers::{self, WireAnswer};
use super::ground::{Ground, fill, fresh_key};
use super::outcome::{Evidence, Excuse, Findings, Mark};
use crate::http::Request;

/// The same request at once.
const AT_ONCE: usize = 20;
/// The most bytes of an answer that are compared.
const KEPT: usize = 64 << 10;

pub(super) const REPLAY: Attack = Attack {
    id: "key-replay",
    what: "sends a request with its idempotency key again, and then another request with the same key",
    source: "draft-ietf-httpapi-idempotency-key-header-07, 2.6 and 2.7; CWE-294",
    correct: "the same answer again (or 409 while it runs); a 4xx for another request with the key",
    launch: |ground| Box::pin(replay(ground)),
};

pub(super) const RACE: Attack = Attack {
    id: "key-race",
    what: "sends a request with its idempotency key twenty times at once",
    source: "draft-ietf-httpapi-idempotency-key-header-07, 2.6; CWE-362",
    correct: "one effect: every answer that succeeds is the same, others are refused with 4xx or 503",
    launch: |ground| Box::pin(race(ground)),
};

/// A fresh request with a fresh key.
fn keyed(ground: &Ground<'_>) -> Result<Request, Excuse> {
    let lacking = |what: &str| Excuse::NotApplicable(format!("no request with an effect and {what} is known"));
    let write = ground.target.write.as_ref().ok_or_else(|| lacking("a key"))?;
    let name = write.key.as_ref().ok_or_else(|| lacking("an idempotency key"))?;
    let mut request = fill(&write.request);
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    Ok(request.header(name.clone(), fresh_key()))
}

async fn send(ground: &Ground<'_>, request: &Request) -> Option<WireAnswer> {
    let heard = ground.exchange(&ground.bytes(request), ground.bounds.answer).await.ok()?;
    answers::first(&heard.bytes, KEPT)
}

async fn replay(ground: &Ground<'_>) -> Findings {
    let request = keyed(ground)?;
    let Some(first) = send(ground, &request).await.filter(succeeded) else {
        return Err(Excuse::Unknown("the request with an effect does not succeed in peace".to_owned()));
    };
    let mut evidence = vec![match send(ground, &request).await {
        Some(again) if succeeded(&again) && again.body == first.body => {
            Evidence::new(Mark::Right, format!("sent again it has the same answer ({})", again.status))
        }
        Some(again) if succeeded(&again) => {
            let came = format!("{} then {}", answers::shown(&first.body), answers::shown(&again.body));
            Evidence::new(Mark::Wrong, "sent again it has another answer: a second effect").exchange("", came)
        }
        Some(again) => Evidence::new(Mark::Tolerated, format!("sent again it is refused with {}", again.status)),
        None => Evidence::new(Mark::Note, "sent again it is not answered"),
    }];
    match altered(&request) {
        None => evidence.push(Evidence::new(Mark::Note, "its body has no number: no other request was made of it")),
        Some(other) => evidence.push(match send(ground, &other).await {
            Some(answer) if succeeded(&answer) => {
                let what = format!("another body with the same key is answered {}, not refused", answer.status);
                Evidence::new(Mark::Wrong, what)
            }
            Some(answer) => {
                Evidence::new(Mark::Right, format!("another body with the same key is refused with {}", answer.status))
            }
            None => Evidence::new(Mark::Note, "another body with the same key is not answered"),
        }),
    }
    Ok(evidence)
}

async fn race(ground: &Ground<'_>) -> Findings {
    let request = keyed(ground)?;
    let count = AT_ONCE.min(ground.bounds.connections);
    let answers = join_all((0..count).map(|_| send(ground, &request))).await;
    let answers: Vec<WireAnswer> = answers.into_iter().flatten().collect();
    let successes: Vec<&WireAnswer> = answers.iter().filter(|answer| succeeded(answer)).collect();
    let Some(first) = successes.first() else {
        return Err(Excuse::Unknown(format!("none of {count} requests succeeded")));
    };
    let failed = answers.iter().filter(|answer| answer.status >= 500 && answer.status != 503).count();
    let others = answers.len() - successes.len();
    let mut evidence = vec![match successes.iter().find(|answer| answer.body != first.body) {
        Some(other) => {
            let came = format!("{} and {}", answers::shown(&first.body), answers::shown(&other.body));
            let what = format!("of {count} at once two have different answers: more than one effect");
            Evidence::new(Mark::Wrong, what).exchange("", came)
        }
        None => {
            let what = format!("of {count} at once {} have the same answer, {others} are refused", successes.len());
            Evidence::new(Mark::Right, what)
        }
    }];
    if failed > 0 {
        evidence.push(Evidence::new(Mark::Tolerated, format!("{failed} of them failed with a 5xx")));
    }
    Ok(evidence)
}

fn succeeded(answer: &WireAnswer) -> bool {
    (200..300).contains(&answer.status)
}

/// The same request with one number of its body one larger.
fn altered(request: &Request) -> Option<Request> {
    let mut json: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    let number = json.as_object_mut()?.values_mut().find(|value| value.is_u64())?;
    *number = (number.as_u64()? + 1).into();
    Some(request.clone().body(json.to_string()))
}
