//! One effect, asked for again and at once: replay and race on idempotency keys.

use futures_util::future::join_all;

use crate::attack::answers::{self, WireAnswer};
use crate::attack::context::{Context, fill, fresh_key, no_connection};
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::http::Request;
use keel_wire::raw::RawConnection;

/// The same request at once.
const AT_ONCE: usize = 20;
/// The most bytes of an answer that are compared.
const KEPT: usize = 64 << 10;

pub(super) const REPLAY: Attack = Attack {
    id: "key-replay",
    what: "sends a request with its idempotency key again, and then another request with the same key",
    source: "draft-ietf-httpapi-idempotency-key-header-07, 2.6 and 2.7; CWE-294",
    correct: "the same answer again (or 409 while it runs); a 4xx for another request with the key",
    memory: None,
    launch: |context| Box::pin(replay(context)),
};

pub(super) const RACE: Attack = Attack {
    id: "key-race",
    what: "sends a request with its idempotency key twenty times at once",
    source: "draft-ietf-httpapi-idempotency-key-header-07, 2.6; CWE-362",
    correct: "one effect: every answer that succeeds is the same, others are refused with 4xx or 503",
    memory: None,
    launch: |context| Box::pin(race(context)),
};

/// A fresh request with a fresh key, and the header that carries it.
fn keyed<'a>(context: &'a Context<'_>) -> Result<(Request, &'a str), Excuse> {
    let lacking = |what: &str| Excuse::NotApplicable(format!("no request with an effect and {what} is known"));
    let write = context.target.write.as_ref().ok_or_else(|| lacking("a key"))?;
    let name = write.key.as_ref().ok_or_else(|| lacking("an idempotency key"))?;
    Ok((with_key(&fill(&write.request), name), name))
}

fn with_key(request: &Request, name: &str) -> Request {
    let mut request = request.clone();
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.header(name, fresh_key())
}

async fn send(context: &Context<'_>, request: &Request) -> Result<Option<WireAnswer>, Excuse> {
    let heard = context.exchange(&context.bytes(request), context.bounds.answer).await?;
    Ok(answers::first(&heard.bytes, KEPT))
}

async fn replay(context: &Context<'_>) -> Findings {
    let (request, name) = keyed(context)?;
    let Some(first) = send(context, &request).await?.filter(succeeded) else {
        return Err(Excuse::Unknown("the request with an effect does not succeed in peace".to_owned()));
    };
    let again = match send(context, &request).await {
        Ok(Some(again)) if succeeded(&again) && same(context, &again, &first) => {
            Evidence::new(Mark::Right, format!("sent again it has the same answer ({})", again.status))
        }
        Ok(Some(again)) if succeeded(&again) => {
            let came = format!("{} then {}", answers::shown(&first.body), answers::shown(&again.body));
            Evidence::new(Mark::Wrong, "sent again it has another answer: a second effect").exchange("", came)
        }
        Ok(Some(again)) if again.status >= 500 && again.status != 503 => {
            Evidence::new(Mark::Unseen, format!("sent again it fails with {}, with or without an effect", again.status))
        }
        Ok(Some(again)) => Evidence::new(Mark::Tolerated, format!("sent again it is refused with {}", again.status)),
        Ok(None) => Evidence::new(Mark::Unseen, "sent again it is not answered"),
        Err(excuse) => excuse.evidence("sent again"),
    };
    let mut evidence = vec![again];
    match altered(&request) {
        None => evidence.push(Evidence::new(Mark::Note, "its body has no number: no other request was made of it")),
        Some(other) => evidence.push(reused(context, &other, name).await),
    }
    Ok(evidence)
}

/// Another request with a key that was used: refused, if it is taken under a key of its own.
async fn reused(context: &Context<'_>, other: &Request, key: &str) -> Evidence {
    const WHAT: &str = "another body with the same key";
    match send(context, other).await {
        Ok(Some(answer)) if succeeded(&answer) => {
            Evidence::new(Mark::Wrong, format!("{WHAT} is answered {}, not refused", answer.status))
        }
        Ok(Some(answer)) if answer.status >= 500 => {
            Evidence::new(Mark::Unseen, format!("{WHAT} fails with {}", answer.status))
        }
        Ok(Some(answer)) => match send(context, &with_key(other, key)).await {
            Ok(Some(fresh)) if succeeded(&fresh) => {
                let what = format!("{WHAT} is refused with {}, and taken with a key of its own", answer.status);
                Evidence::new(Mark::Right, what)
            }
            _ => Evidence::new(
                Mark::Unseen,
                format!("{WHAT} is refused with {}, and with a key of its own", answer.status),
            ),
        },
        Ok(None) => Evidence::new(Mark::Unseen, format!("{WHAT} is not answered")),
        Err(excuse) => excuse.evidence(WHAT),
    }
}

async fn race(context: &Context<'_>) -> Findings {
    let (request, _) = keyed(context)?;
    let bytes = context.bytes(&request);
    let mut connections = Vec::new();
    while connections.len() < AT_ONCE.min(context.bounds.connections) && context.turn().await {
        connections.push(context.open_connection().await.map_err(no_connection)?);
    }
    // All but the last byte first, so that the server has them all at once whatever it does when a connection is made.
    let (most, last) = bytes.split_at(bytes.len() - 1);
    let answer = context.bounds.answer;
    join_all(connections.iter_mut().map(|connection| connection.write(most, answer))).await;
    let finish = async |mut connection: RawConnection| {
        // A connection that was closed shows in what is heard.
        let _ = connection.write(last, answer).await;
        answers::first(&connection.listen_answer(answer).await.bytes, KEPT)
    };
    let count = connections.len();
    let answers: Vec<WireAnswer> = join_all(connections.into_iter().map(finish)).await.into_iter().flatten().collect();
    let successes: Vec<&WireAnswer> = answers.iter().filter(|answer| succeeded(answer)).collect();
    let Some(first) = successes.first() else {
        return Err(Excuse::Unknown(format!("none of {count} requests succeeded")));
    };
    let mut evidence = vec![match successes.iter().find(|answer| !same(context, answer, first)) {
        Some(other) => {
            let came = format!("{} and {}", answers::shown(&first.body), answers::shown(&other.body));
            let what = format!("of {count} at once two have different answers: more than one effect");
            Evidence::new(Mark::Wrong, what).exchange("", came)
        }
        None => {
            let others = answers.len() - successes.len();
            let what = format!("of {count} at once {} have the same answer, {others} are refused", successes.len());
            Evidence::new(Mark::Right, what)
        }
    }];
    let failed = answers.iter().filter(|answer| answer.status >= 500 && answer.status != 503).count();
    if failed > 0 {
        evidence.push(Evidence::new(Mark::Tolerated, format!("{failed} of them failed with a 5xx")));
    }
    if answers.len() < count {
        let missing = count - answers.len();
        evidence.push(Evidence::new(Mark::Unseen, format!("{missing} were not answered, with or without an effect")));
    }
    Ok(evidence)
}

/// Returns true if two answers show one effect: they are the same, or name the same created thing.
fn same(context: &Context<'_>, one: &WireAnswer, other: &WireAnswer) -> bool {
    names_the_same(&context.target.made, &one.body, &other.body)
}

fn names_the_same(made: &[String], one: &[u8], other: &[u8]) -> bool {
    let parse = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok();
    let (Some(parsed), Some(parsed_other)) = (parse(one), parse(other)) else { return one == other };
    let of_both = made.iter().map(|pointer| (parsed.pointer(pointer), parsed_other.pointer(pointer)));
    let mut named = of_both.filter(|(one, other)| one.is_some() || other.is_some()).peekable();
    if named.peek().is_none() { parsed == parsed_other } else { named.all(|(one, other)| one == other) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_ids_tell_one_effect_from_two_and_timestamps_do_not() {
        let made = ["/id".to_owned()];
        let (first, again, second) = (br#"{"id":"a","at":1}"#, br#"{"id":"a","at":2}"#, br#"{"id":"b","at":1}"#);
        assert!(names_the_same(&made, first, again));
        assert!(!names_the_same(&made, first, second));
        assert!(!names_the_same(&[], first, again), "nothing is known of what it names");
        assert!(names_the_same(&made, b"made", b"made") && !names_the_same(&made, b"made 1", b"made 2"));
    }

    #[test]
    fn another_request_is_one_number_larger() {
        let request = Request::get("/").body(r#"{"to":"x","amount":5}"#);
        let other = altered(&request).map(|request| request.body);
        assert_eq!(other.as_deref(), Some(&br#"{"amount":6,"to":"x"}"#[..]));
        assert!(altered(&Request::get("/").body("{}")).is_none());
    }
}
