//! `life.start`: starts in milliseconds and at once after a stop, says ready only when it is, fails fast and clearly on bad configuration.
//!
//! - **Hypothesis**: from exec to the first ready answer it takes less than a second, at the median of five starts; a request sent
//!   at that moment succeeds; on a port that is taken, and with a senseless value where a port, an address, a URL, a number or a
//!   duration belongs, it ends by itself with a non-zero code and names the cause, within 5 s (10 s on the port) and twice its
//!   slowest start, at most 30 s. Connections that it closed at a stop do not keep it from its port.
//! - **Sent**: five stops and starts, a harmless request after each; a stop while kept connections are open, and a start; a start while the examiner listens on its port; a start for each
//!   declared environment variable of such a form, at most eight, with a value that is none of these.
//! - **Decides**: any of these not being so. A start most of which its processes waited for a CPU is not called slow, and time that they
//!   waited does not count when a refusal is awaited: a start that goes on for twice its limit, and waited for half of it, is a gap. Where no variable of such a form is declared, bad configuration is not tried. Where
//!   the port cannot be taken, nothing is known.
//! - **Blast radius**: the service is stopped and started; with a senseless variable it may run with a default of its own until it is
//!   ready or its limit is over, and is asked nothing but whether it is ready.
//! - **Bound in time**: five times the declared start and drain time, and the limit, or twice that on a busy machine, for each start that
//!   must fail; after two that went on, no further variable is tried.

mod again;
#[cfg(test)]
mod judge_tests;
mod refusal;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod variables;
mod waits;

use std::time::Duration;

use crate::clause::life::start as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::{Lab, Started};
use crate::probe::Probe;
use crate::probes::life::starved;
use crate::recipe::Recipe;
use crate::recipe::Start;

const ID: &str = "life.start";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Number of starts.
const STARTS: usize = 5;
/// Until ready, at the median.
const SOON: Duration = Duration::from_secs(1);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (mut evidence, mut starts, mut starved) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=STARTS {
        lab.stop().await;
        match lab.start_with(|_| {}).await {
            Ok(started) => {
                starts.push(started);
                starved.push(lab.starved);
                evidence.push(first_request(lab, number).await);
            }
            Err(failure) if again::is_about_the_port(&failure) => {
                evidence.push(again::refused(lab, &failure).await);
                return Finding::judge(ID, evidence);
            }
            Err(failure) => {
                let what = format!("start {number} of {STARTS} failed: {failure}");
                let piece = starved::not_started(lab, clause::FAST, what);
                evidence.push(piece.showing(failure.output.join(" · ")));
                return Finding::judge(ID, evidence);
            }
        }
    }
    let (told, median) = figures(&mut starts);
    starved.sort();
    let waited = starved[starved.len() / 2];
    let piece = match median < SOON || needed(median, waited).is_some() {
        true => clause::FAST.saw(median < SOON, told),
        false => clause::FAST.gap(format!("{told}; {}", starved::too_busy(waited))),
    };
    evidence.push(piece.reproduced_by(Recipe::Start(Start::Slow(SOON))));
    evidence.push(again::after_a_stop(lab).await);
    lab.stop().await;
    let taken = refusal::on_a_taken_port(lab).await;
    let unseen = taken.as_ref().err().cloned();
    evidence.extend(taken);
    let configured = refusal::with_senseless_variables(lab).await;
    evidence.extend(configured);
    evidence.extend(unseen.map(|reason| clause::BAD_CONFIGURATION.gap(reason)));
    Finding::judge(ID, evidence)
}

/// Duration of a start without its wait for a CPU; `None` if that is less than is asked, or most of it was such a wait.
fn needed(took: Duration, waited: Duration) -> Option<Duration> {
    let needed = took.saturating_sub(waited);
    (needed >= SOON && needed > took / 2).then_some(needed)
}

async fn first_request(lab: &Lab, number: usize) -> Evidence {
    let exchange = lab.http().send(lab.harmless()).await;
    let good = exchange.status().is_some_and(|status| status.as_u16() < 500);
    let told = if good { "was answered" } else { "was not answered" };
    clause::READY
        .saw(good, format!("after start {number} the first request {told} as soon as it said ready"))
        .with(&exchange)
}

fn figures(starts: &mut [Started]) -> (String, Duration) {
    starts.sort_by_key(|start| start.ready);
    let listed = |which: fn(&Started) -> Duration| {
        starts.iter().map(|start| format!("{:.1?}", which(start))).collect::<Vec<_>>().join(", ")
    };
    let median = starts[starts.len() / 2].ready;
    let told = format!(
        "{} starts took {} from exec to ready (listening after {}); the median is {median:.1?}, less than {SOON:?} is asked",
        starts.len(),
        listed(|start| start.ready),
        listed(|start| start.listening),
    );
    (told, median)
}
