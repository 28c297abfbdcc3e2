//! JSON that is deep or wide.

use super::fate::{Fate, fate};
use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};

/// Levels of nesting: any parser that recurses without a limit has overflowed its stack before.
const LEVELS: usize = 100_000;
/// Members of one object: small enough for usual limits on bodies.
const MEMBERS: usize = 50_000;

pub(crate) const DEPTH: Attack = Attack {
    id: "json-depth",
    what: "sends JSON of 100,000 levels, arrays and objects",
    source: "RFC 8259, 9; CWE-674",
    correct: "a 4xx; no crash, and no delay for other clients",
    memory: None,
    launch: |context| Box::pin(depth(context)),
};

pub(crate) const WIDTH: Attack = Attack {
    id: "json-width",
    what: "sends a JSON object of 50,000 members, and a number of 100,000 digits",
    source: "RFC 8259, 9; CVE-2011-4815 and its kin (hash collisions), CVE-2020-10735 (long numbers)",
    correct: "a 4xx, or an answer as usual at once; no crash, and no delay for other clients",
    memory: None,
    launch: |context| Box::pin(width(context)),
};

async fn depth(context: &Context<'_>) -> Findings {
    let arrays = format!("{}{}", "[".repeat(LEVELS), "]".repeat(LEVELS));
    let objects = format!("{}1{}", "{\"a\":".repeat(LEVELS), "}".repeat(LEVELS));
    let mut evidence = Vec::new();
    for (name, text) in [("arrays", arrays), ("objects", objects)] {
        evidence.push(send(context, &format!("{LEVELS} levels of {name}"), text).await);
    }
    Ok(evidence)
}

async fn width(context: &Context<'_>) -> Findings {
    let members: Vec<String> = (0..MEMBERS).map(|number| format!("\"k{number}\":{number}")).collect();
    let wide = format!("{{{}}}", members.join(","));
    let long = format!("{{\"amount\":{}}}", "9".repeat(LEVELS));
    Ok(vec![
        send(context, &format!("{MEMBERS} members"), wide).await,
        send(context, &format!("a number of {LEVELS} digits"), long).await,
    ])
}

async fn send(context: &Context<'_>, what: &str, text: String) -> Evidence {
    attempt(context, what, text).await.unwrap_or_else(|excuse| excuse.evidence(what))
}

async fn attempt(context: &Context<'_>, what: &str, text: String) -> Result<Evidence, Excuse> {
    let (request, known) = context.body_route();
    let bytes = context.bytes(&request.body(text));
    let heard = context.exchange(&bytes, context.bounds.answer).await?;
    let (mark, said) = match fate(&heard, 0) {
        Fate::Refused(status) => (Mark::Right, format!("refused with {status}")),
        Fate::Served(405) if known => (Mark::Right, "refused with 405".to_owned()),
        Fate::Served(_) if !known => {
            return Err(Excuse::Unknown("no path that takes JSON is known: name one".to_owned()));
        }
        Fate::Served(status) => (Mark::Tolerated, format!("answered {status}")),
        Fate::Failed(status) => (Mark::Wrong, format!("it fails with {status}")),
        // A refusal of so large a body looks like this, and so does the death of whatever read it.
        Fate::Closed => {
            let closed = "the connection is closed without an answer, by a refusal or by a crash";
            return Err(Excuse::Unknown(closed.to_owned()));
        }
        Fate::Silent => (Mark::Wrong, format!("neither answered nor closed within {:?}", context.bounds.answer)),
    };
    Ok(Evidence::new(mark, format!("{what}: {said}")).exchange(answers::shown(&bytes), answers::told(&heard)))
}
