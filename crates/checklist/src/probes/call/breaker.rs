//! `call.breaker`: a circuit breaker opens on failures, fails fast, and closes again by itself.
//!
//! - **Hypothesis**: while the dependency fails, calls to it drop to a few, requests are answered fast, and calls come back when
//!   it is mended.
//! - **Sent**: a request that causes one call, 20 a second: 200 while the dependency answers 503 for the breaker to see, then
//!   100 that are counted; after it is mended one every half second.
//! - **Decides**: of the counted hundred, calls for more than 80 % (no breaker); for at most 20 %, answered within 250 ms at
//!   the 90th percentile, and answered as declared again afterwards (holds). Anything between, and a breaker that is still open
//!   50 s after the mending, is unknown. A dependency that is only slow is not tried.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 15 s of load and at most 50 s of recovery.

use std::time::{Duration, Instant};

use drill::double::Behaviour;

use super::watched::{self, percentile};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;

const ID: &str = "call.breaker";
/// Between two requests.
const EVERY: Duration = Duration::from_millis(50);
/// Failures that a breaker may want to see: libraries' defaults go up to 100.
const WARM_UP: u32 = 200;
/// Requests that are counted.
const COUNTED: u32 = 100;
/// Calls in a hundred requests: at most so many are probes, more than so many are no breaker's.
const PROBES: usize = 20;
const UNBROKEN: usize = 80;
/// A refusal without a call takes no longer.
const FAST: Duration = Duration::from_millis(250);
/// The longest that an open breaker is waited for.
const RECOVERY: Duration = Duration::from_secs(50);
const LOOK: Duration = Duration::from_millis(500);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let watched = match watched::take_place(ID, lab).await {
        Ok(watched) => watched,
        Err(finding) => return finding,
    };
    let finding = judge(lab, &watched).await;
    lab.stop().await;
    finding
}

async fn judge(lab: &Lab, watched: &watched::Watched) -> Finding {
    let name = &watched.name;
    watched.set(Behaviour::Unavailable(None));
    watched.load(lab, EVERY, WARM_UP).await;
    watched.double.take_calls();
    let sent = watched.load(lab, EVERY, COUNTED).await;
    let calls = watched.double.take_calls().len();
    let slow = percentile(sent.iter().map(|exchange| exchange.took).collect(), 90);
    let counted = format!("while {name} answered 503, {} requests caused {calls} calls", sent.len());
    watched.set(Behaviour::Pass);
    if calls > UNBROKEN {
        return Finding::judge(ID, "", vec![Evidence::saw(false, format!("{counted}: none was spared"))]);
    }
    let mut evidence = vec![Evidence { good: (calls <= PROBES).then_some(true), ..Evidence::note(counted) }];
    let told = format!("requests were then answered within {slow:.0?} at the 90th percentile");
    evidence.push(Evidence { good: (slow <= FAST).then_some(true), ..Evidence::note(told) });
    let since = Instant::now();
    while !watched.is_well(lab).await || watched.double.calls().is_empty() {
        if since.elapsed() > RECOVERY {
            return Finding::unknown(
                ID,
                format!("{name} was not called again {RECOVERY:?} after it was mended"),
                evidence,
            );
        }
        tokio::time::sleep(LOOK).await;
    }
    evidence.push(Evidence::saw(true, format!("{name} was called again {:.1?} after it was mended", since.elapsed())));
    if calls > PROBES || slow > FAST {
        let reason =
            format!("{calls} calls for {COUNTED} requests, {slow:.0?} for an answer: neither few and fast nor all");
        return Finding::unknown(ID, reason, evidence);
    }
    let summary =
        format!("{calls} calls for {COUNTED} requests while {name} failed, and it was called again when mended");
    Finding::judge(ID, summary, evidence)
}
