//! `border.bulkhead`: a storm on the requests of one partition does not harm those of another.
//!
//! - **Hypothesis**: while three times as many requests of one declared partition come as the service does of them, other requests are
//!   answered as in peace: 99 of 100 within the objective.
//! - **Sent**: the requests with `bulkhead = "NAME"` that may be repeated, also those that compute for long, in an open loop at three times
//!   their throughput, which is searched first; beside them those of the mix that are not of this partition, at a tenth of the capacity of
//!   the mix, at least 5 and at most 50 a second, from the same addresses. Each partition in turn, at most three.
//! - **Controls**: both are answered in peace, at half of the partition's throughput; of the storm, a quarter at least is not answered in time.
//! - **Decides**: of the other requests, less than three quarters answered in time: falls short. 99 of 100: holds. Between them, no
//!   declared partition, no other request, a service that keeps up with the storm, or when keel fell behind: unknown.
//! - **Blast radius**: as for `border.shed`.
//! - **Bound in time**: about 20 s for each partition, and 20 s more when the capacity of the mix is not known.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clause::border::bulkhead as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::mix;
use crate::probes::support::overload::shares::SERVED;
use crate::probes::support::overload::side_by_side::{self, Outcome, Part};
use crate::probes::support::overload::storm_script::StormScript;
use crate::probes::support::overload::{self, Generator};
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.bulkhead";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most partitions that are stormed.
const PARTITIONS: usize = 3;
/// Times its throughput, the storm on a partition.
const STORM: f64 = 3.0;
/// Of where the search for the throughput of a part of the mix begins: a partition may be of the dearest requests.
const BEGIN: f64 = 0.5;
/// Of its throughput, the load on it in peace.
const PEACE: f64 = 0.5;
/// Of the capacity of the mix, the rate of the others, and its bounds in requests a second.
const BESIDE: f64 = 0.1;
const LEAST_BESIDE: f64 = 5.0;
const MOST_BESIDE: f64 = 50.0;
/// Addresses of the storm and of the others.
const CLIENTS: u32 = 64;
/// Of the others, the share that may be late when 99 of 100 are in time.
const LATE: f64 = 0.01;

/// The outcome of a storm on one partition.
#[derive(Clone, Debug)]
struct Seen {
    partition: String,
    /// The names of the others.
    who: String,
    /// Within which an answer to the others is in time.
    objective: Duration,
    /// The partition's own requests and the others, in peace and in the storm.
    peace: [Outcome; 2],
    storm: [Outcome; 2],
}

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let specs: Vec<RequestSpec> =
        lab.subject.requests.iter().filter(|spec| mix::may_be_a_storm(spec)).cloned().collect();
    let partitions: BTreeSet<String> = specs.iter().filter_map(|spec| spec.bulkhead.clone()).collect();
    if partitions.is_empty() {
        let reason =
            "no request that may be repeated declares its partition: say `bulkhead = \"NAME\"` in [[requests]]";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let mut evidence = Vec::new();
    for (number, partition) in partitions.iter().enumerate() {
        if number >= PARTITIONS {
            evidence.push(clause::DEDICATED_CAPACITY.gap(format!("a storm on {partition} was not sent")));
            continue;
        }
        let piece = one(lab, &specs, partition).await;
        evidence.push(piece.unwrap_or_else(|reason| clause::DEDICATED_CAPACITY.gap(format!("{partition}: {reason}"))));
    }
    if !lab.process().is_running() {
        evidence.push(Evidence::gap("its process ended under the load: border.shed says more"));
    }
    Finding::judge(ID, evidence)
}

/// The evidence of a storm on one partition.
async fn one(lab: &mut Lab, specs: &[RequestSpec], partition: &str) -> Result<Evidence, String> {
    let is_own = |spec: &&RequestSpec| spec.bulkhead.as_deref() == Some(partition);
    let own: Vec<RequestSpec> = specs.iter().filter(is_own).cloned().collect();
    let others: Vec<RequestSpec> = mix::repeatable(lab).into_iter().filter(|spec| !is_own(&spec)).collect();
    let storm = Generator::of_requests(lab, &own).ok_or("it has no request")?.of_clients(CLIENTS);
    let beside = Generator::of_requests(lab, &others)
        .ok_or(
            "every other request is slow, heavy or may not be repeated: declare a GET that is not of this partition",
        )?
        .of_clients(CLIENTS);
    let mix = overload::capacity(lab, overload::MOST).await.ok();
    let found = overload::find(lab, &storm, BEGIN * overload::begin(lab), overload::MOST).await?;
    let objective = overload::objective(lab, mix.map(|mix| mix.peace).unwrap_or_default());
    let rate = mix.map_or(MOST_BESIDE, |mix| (BESIDE * mix.rate).clamp(LEAST_BESIDE, MOST_BESIDE));
    let places = |specs: &[RequestSpec]| (0..specs.len()).collect::<Vec<_>>();
    let (own_kinds, other_kinds) = (places(&own), places(&others));
    let own_objective = found.normal(lab, &storm)?.objective;
    let parts = |times: f64| {
        [
            Part { generator: &storm, rate: times * found.rate, kinds: &own_kinds, objective: own_objective },
            Part { generator: &beside, rate, kinds: &other_kinds, objective },
        ]
    };
    let peace = side_by_side::in_peace(lab, parts(PEACE)).await?;
    let held = side_by_side::held(lab, parts(STORM)).await?;
    let who = others.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
    let seen = Seen { partition: partition.to_owned(), who, objective, peace, storm: held };
    let script = StormScript {
        storm: &own,
        headers: &[],
        capacity: found.rate,
        times: STORM,
        beside: &others,
        rate,
        clients: 0,
        objective,
    };
    Ok(script.attach(lab, judge(&seen)))
}

fn judge(seen: &Seen) -> Evidence {
    let [storm, others] = seen.storm;
    let what = format!(
        "in a storm on {} ({}), other requests ({}): {}, within {:.1?}",
        seen.partition,
        storm.told(),
        seen.who,
        others.told(),
        seen.objective
    );
    let late = others.strict.sent - others.strict.in_time;
    let served = match others.are_served() {
        Some(true) if late as f64 > (LATE * others.strict.sent as f64).round() => None,
        served => served,
    };
    match controls(seen) {
        Ok(control) => clause::DEDICATED_CAPACITY.maybe(served, what).by(&control),
        Err(failed) => clause::DEDICATED_CAPACITY.gap(format!("{what}, but {}", failed.what)),
    }
}

fn controls(seen: &Seen) -> Result<Control, Uncontrolled> {
    let [own, others] = seen.peace;
    own.in_peace(SERVED)?;
    Control::seen(seen.storm[0].is_too_much(), "", "the storm was nearly all answered in time: it was none")?;
    others.in_peace(SERVED)
}
