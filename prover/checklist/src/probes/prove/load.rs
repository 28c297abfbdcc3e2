//! `prove.load`: the declared mix at the declared rates, in an open loop.
//!
//! Latency counts from the time at which a request was due (see [`keel_load`]), so that a stall is charged in full.

use std::future::pending;
use std::time::Duration;

use keel_load::profile::Profile;
use keel_load::{Report, Validity, Watch};

use crate::clause::Clause;
use crate::clause::prove::load as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::mix;
use crate::subject::Load;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "prove.load";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Duration of each of the two loads.
const LASTS: Duration = Duration::from_secs(4);
/// An answer that takes longer is given up: it is an error by then, unless the declared time is longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that left late by more than this part of the declared latency are not the load that was asked for. The rest of
/// what keel is late by is charged to the service, as latency counts from the time at which a request was due.
const LATENESS: u32 = 20;
const UNDECLARED: &str = "its intended load is not declared: write it into keel.toml, such as \
                          [load] rate = 50, peak = 100, p99 = \"500ms\", errors = 0.01";

/// Examines attribute `prove.load`.
pub async fn examine(lab: &mut Lab) -> Finding {
    examine_for(lab, LASTS).await
}

/// The same with loads that last so long.
pub async fn examine_for(lab: &mut Lab, lasts: Duration) -> Finding {
    let Some(declared) = lab.subject.load else {
        return Finding::unknown(ID, UNDECLARED, Vec::new());
    };
    let mut evidence = Vec::new();
    let left_out = mix::left_out(lab).join(", ");
    if !left_out.is_empty() {
        let what = format!(
            "not part of the load, as nothing makes it safe to repeat: {left_out}; declare `idempotent` where it is"
        );
        evidence.extend([clause::EXPECTED.gap(&what), clause::PEAK.gap(&what)]);
    }
    for (clause, called, rate) in [(clause::EXPECTED, "expected", declared.rate), (clause::PEAK, "peak", declared.peak)]
    {
        let patience = PATIENCE.max(2 * declared.p99);
        let mut plan = mix::plan(lab, Profile::constant(rate, lasts), patience);
        plan.objective = Some(declared.p99.min(lab.subject.deadline));
        let report = match keel_load::run(plan, Watch::default(), pending()).await {
            Ok(report) => report,
            Err(error) => {
                return Finding::unknown(ID, format!("the {called} load could not be sent: {error}"), evidence);
            }
        };
        let lag = report.lag.quantile(0.99);
        if let Validity::Behind { late, worst } = report.validity
            && lag > declared.p99 / LATENESS
        {
            let late = 100.0 * late;
            let why = format!(
                "at the {called} load of {rate} a second keel itself fell behind its schedule ({late:.0} % of the \
                 requests left late, up to {worst:.0?}): examine it on a machine that is less busy"
            );
            return Finding::unknown(ID, why, evidence);
        }
        let told = format!(
            "at the {called} load keel was late by {lag:.1?} (99 of 100), and times are from when a request was due"
        );
        evidence.push(clause::OMISSION.holds(told));
        evidence.extend(judge(clause, called, rate, &report, &declared));
        if evidence.iter().any(|piece| piece.is_against()) {
            break;
        }
    }
    Finding::judge(ID, evidence)
}

fn judge(clause: Clause, called: &str, rate: f64, report: &Report, declared: &Load) -> [Evidence; 3] {
    let total = report.total();
    let p99 = total.latency().quantile(0.99);
    let (errors, sent) = (total.errors(), total.count());
    let outcomes: Vec<String> =
        total.outcomes().iter().map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
    let objective = report.objective.unwrap_or(declared.p99);
    let goodput = report.goodput();
    [
        clause.figure(format!(
            "at the {called} load of {rate} a second the goodput is {goodput:.1} a second: answers as expected within {objective:?}"
        )),
        clause.saw(
            is_fast(p99, declared),
            format!(
                "at the {called} load of {rate} a second 99 of 100 requests are over within {p99:.1?} of the time they \
                 were due; declared: {:?}",
                declared.p99
            ),
        ),
        clause.saw(
            is_served(sent, errors, declared),
            format!(
                "at the {called} load of {rate} a second {:.2} % of {sent} requests fail ({}); declared: {} %",
                100.0 * errors,
                outcomes.join(", "),
                100.0 * declared.errors
            ),
        ),
    ]
}

fn is_fast(p99: Duration, declared: &Load) -> bool {
    p99 <= declared.p99
}

/// Returns true if requests were sent, and at most the declared share of them failed.
fn is_served(sent: u64, errors: f64, declared: &Load) -> bool {
    sent > 0 && errors <= declared.errors
}
