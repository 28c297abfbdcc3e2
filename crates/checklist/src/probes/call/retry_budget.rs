//! `call.retry-budget`: when everything fails, load on the dependency rises by the budget's ratio, not by the retry count.
//!
//! - **Hypothesis**: with every call failing under a steady load, attempts stay near 1.1 times the requests.
//! - **Sent**: two requests alone, to see whether a failed call is repeated at all; then 200 a second for 6 s, to a dependency
//!   that fails as it did then: answers 503, or hangs up when only that is repeated.
//! - **Decides**: attempts for each request of the load: at most 1.1 and a floor of 10 a second (the default of Finagle's and
//!   Linkerd's budgets), which makes 1.15, holds; from 1.5 falls short; between them unknown, as no service states its floor. The
//!   rate is high so that a floor, or tokens that were saved in peace, weigh little and a repeat for each request weighs all.
//!   When no call alone was repeated, not applicable; unknown when some requests alone caused none. When fewer than nine calls
//!   came for ten requests something refused them before they were made (a breaker, a server marked down): then the load's
//!   amplification says nothing of a budget, and it is unknown.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 12 s and twice the subject's deadline, and at most 30 s for a breaker that opens at requests alone.

use std::time::Duration;

use drill::double::Behaviour;

use super::watched;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;

const ID: &str = "call.retry-budget";
/// Requests alone: that the second is called at all shows that no breaker hid a repeat of the first.
const ALONE: u32 = 2;
/// Between two of the load.
const EVERY: Duration = Duration::from_millis(5);
/// Of the load.
const REQUESTS: u32 = 1200;
/// Attempts that a small floor allows in all: 10 a second.
const FLOOR: f64 = 60.0;
/// The budget's ratio, and the ratio that no floor explains.
const WITHIN: f64 = 1.1;
const BEYOND: f64 = 1.5;
/// Calls for each request below which requests were refused before they became calls.
const REFUSED: f64 = 0.9;
/// How long a breaker that opened at requests alone is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);
/// How long attempts may follow the answers.
const AFTERWARDS: Duration = Duration::from_millis(500);

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
    let mut evidence = Vec::new();
    let (mut repeated, mut refused) = (false, false);
    for (behaviour, told) in
        [(Behaviour::Unavailable(None), "answering 503"), (Behaviour::HangUp(Duration::ZERO), "hanging up")]
    {
        watched.well_again(lab, WELL_AGAIN).await;
        watched.set(behaviour);
        let mut calls = Vec::new();
        for _ in 0..ALONE {
            watched.double.take_calls();
            watched.ask(lab).await;
            tokio::time::sleep(AFTERWARDS).await;
            calls.push(watched.double.take_calls().len());
        }
        evidence.push(Evidence::note(format!("{ALONE} requests alone, with {name} {told}, caused {calls:?} calls")));
        repeated = calls.iter().any(|calls| *calls > 1);
        if repeated {
            break;
        }
        refused |= calls.contains(&0);
    }
    if !repeated {
        let what = format!("no failed call to {name} was repeated when it was alone");
        if refused {
            let reason = format!(
                "{what}, but some requests were refused without a call: a breaker, or a list of servers that are \
                                  marked down, hides what limits repeats"
            );
            return Finding::unknown(ID, reason, evidence);
        }
        return Finding::not_applicable(ID, what, evidence);
    }
    watched.load(lab, EVERY, REQUESTS).await;
    tokio::time::sleep(AFTERWARDS).await;
    let calls = watched.double.take_calls().len();
    let (attempts, requests) = (calls as f64, f64::from(REQUESTS));
    let ratio = attempts / requests;
    let what = format!("{REQUESTS} requests in {:.0?} caused {calls} calls, {ratio:.2} each", EVERY * REQUESTS);
    if ratio < REFUSED {
        evidence.push(Evidence::note(what.clone()));
        let reason = format!(
            "{what}: a breaker, or a list of servers that are marked down, refused requests before they became calls, so \
             what limits repeats is not seen"
        );
        return Finding::unknown(ID, reason, evidence);
    }
    let good = if attempts <= WITHIN * requests + FLOOR { Some(true) } else { (ratio >= BEYOND).then_some(false) };
    evidence.push(Evidence { good, ..Evidence::note(what.clone()) });
    match good {
        None => Finding::unknown(ID, format!("{what}: more than a tenth, and a floor may explain it"), evidence),
        Some(_) => Finding::judge(ID, format!("with {name} failing, {what}"), evidence),
    }
}
