//! `call.bulkhead`: a dependency that hangs cannot starve what does not need it.
//!
//! - **Hypothesis**: with a dependency silent and many requests in flight that use it, a request that does not is answered as
//!   before, and calls to the dependency stay at a bound.
//! - **Sent**: 20 bystanders in peace; then 256 requests at once that use the dependency, and 30 bystanders meanwhile.
//! - **Decides**: a fifth of the bystanders or more without the same answer within 2 s falls short. All as before, at the 90th
//!   percentile within 250 ms or five times the baseline, and fewer calls open at once than requests in flight: holds. As many
//!   calls as requests show no bound: unknown.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 15 s, at worst 65 s when no bystander is answered.

use std::time::Duration;

use drill::double::Behaviour;
use drill::http::Request;
use futures_util::future::join_all;

use super::watched::{self, percentile};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::subject::RequestSpec;

const ID: &str = "call.bulkhead";
/// Requests in flight that use the dependency.
const IN_FLIGHT: usize = 256;
/// Bystanders in peace, and meanwhile.
const IN_PEACE: usize = 20;
const MEANWHILE: usize = 30;
/// Between two bystanders.
const EVERY: Duration = Duration::from_millis(50);
/// Until those in flight hold what they can hold.
const FILLING: Duration = Duration::from_secs(1);
/// The longest that a bystander is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What the machine's own noise may make of a fast answer.
const NOISE: Duration = Duration::from_millis(250);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let watched = match watched::take_place(ID, lab).await {
        Ok(watched) => watched,
        Err(finding) => return finding,
    };
    let uses_nothing = |spec: &RequestSpec| spec.uses.is_empty() && spec.only_reads();
    let finding = match lab.mix().into_iter().find(uses_nothing) {
        Some(bystander) => judge(lab, &watched, &bystander).await,
        None => {
            Finding::unknown(ID, "no GET in [[requests]] uses no dependency: declare one that stands by", Vec::new())
        }
    };
    lab.stop().await;
    finding
}

async fn judge(lab: &Lab, watched: &watched::Watched, bystander: &RequestSpec) -> Finding {
    let name = &watched.name;
    let (well, baseline) = stand_by(lab, bystander, IN_PEACE).await;
    if well < IN_PEACE {
        return Finding::unknown(
            ID,
            format!("{} is not always answered as declared even in peace", bystander.name),
            Vec::new(),
        );
    }
    watched.set(Behaviour::Hang);
    let client = lab.http();
    let requests: Vec<Request> = (0..IN_FLIGHT).map(|_| lab.fill(&watched.spec)).collect();
    let flight = join_all(requests.into_iter().map(|request| client.send(request)));
    let meanwhile = async {
        tokio::time::sleep(FILLING).await;
        stand_by(lab, bystander, MEANWHILE).await
    };
    // Those in flight are dropped as soon as the bystanders have been seen.
    let mut flight = std::pin::pin!(async {
        flight.await;
        std::future::pending::<()>().await
    });
    let (well, slow) = tokio::select! {
        seen = meanwhile => seen,
        () = &mut flight => (0, Duration::ZERO),
    };
    let open = watched.double.most_open();
    watched.set(Behaviour::Pass);
    let what = format!(
        "with {name} silent and {IN_FLIGHT} requests sent that use it, {well} of {MEANWHILE} bystanders ({}) were answered as \
         before, within {slow:.0?} at the 90th percentile; {baseline:.0?} in peace",
        bystander.name
    );
    let good = match well {
        MEANWHILE if slow <= NOISE.max(baseline * 5) => Some(true),
        _ if (MEANWHILE - well) * 5 >= MEANWHILE => Some(false),
        _ => None,
    };
    let held = format!("at most {open} calls to {name} were open at once");
    let evidence = vec![Evidence { good, ..Evidence::note(what.clone()) }, Evidence::note(held.clone())];
    match good {
        Some(true) if open == 0 => Finding::unknown(ID, format!("{name} was not called meanwhile"), evidence),
        Some(true) if open >= IN_FLIGHT => {
            Finding::unknown(ID, format!("bystanders were answered, but no bound of calls was seen: {held}"), evidence)
        }
        Some(_) => Finding::judge(ID, format!("{what}; {held}"), evidence),
        None => Finding::unknown(ID, format!("{what}: slower, but not starved"), evidence),
    }
}

/// How many were answered as declared, and their latency at the 90th percentile.
async fn stand_by(lab: &Lab, spec: &RequestSpec, times: usize) -> (usize, Duration) {
    let client = lab.http().with_timeout(PATIENCE);
    let (mut well, mut took) = (0, Vec::new());
    for _ in 0..times {
        let exchange = client.send(lab.fill(spec)).await;
        well += usize::from(exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
        took.push(exchange.took);
        tokio::time::sleep(EVERY).await;
    }
    (well, percentile(took, 90))
}
