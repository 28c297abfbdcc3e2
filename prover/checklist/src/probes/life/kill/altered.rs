//! Whether a thing that was made is read back as it was asked for.

use std::time::{Duration, Instant};

use keel_wire::http::{Answer, Exchange};
use serde_json::Value;

use super::read_back::read;
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// How long a thing is watched without a kill.
const WATCH: Duration = Duration::from_secs(2);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(100);

/// The first member that was asked for and acknowledged with this value, and is read with another one.
///
/// What the service adds of its own (a balance, a time of change) may go on; what a client asked for is its word.
pub(super) fn since(made: &Exchange, read: &Exchange) -> Option<String> {
    let asked: Value = serde_json::from_slice(&made.request.body).ok()?;
    let (acknowledged, read) = (json(made)?, json(read)?);
    let kept = |name: &&String| acknowledged.get(name.as_str()) == asked.get(name.as_str());
    let other = |name: &&String| {
        let now = read.get(name.as_str());
        now.is_some() && now != asked.get(name.as_str())
    };
    asked.as_object()?.keys().filter(kept).find(other).cloned()
}

/// Whether this member of a fresh thing alters by itself: a state that goes on, and nothing that a kill did.
pub(super) async fn in_peace(lab: &Lab, spec: &RequestSpec, member: &str) -> bool {
    let client = lab.http();
    let made = client.send(lab.fill(spec)).await;
    let Some(request) = lab.read_back(spec, &made) else { return false };
    let begun = Instant::now();
    while begun.elapsed() < lab.pace.of(WATCH) {
        if since(&made, &read(&client, &request).await).as_deref() == Some(member) {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

fn json(exchange: &Exchange) -> Option<Value> {
    exchange.answer().and_then(Answer::json)
}
