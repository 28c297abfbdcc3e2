//! More than a service can do: shared by `border.shed`, `border.criticality`, `border.backpressure`, `border.bulkhead` and `prove.stress`.
//!
//! - **Once** in a run for `border.shed` and `border.backpressure`, which judge the same overload.
//! - **First** its capacity: the load is raised in an open loop until the throughput stays behind; once in a run of keel.
//! - **Then** `NORMAL` of the capacity for `PEACE`, which must be in order; `OVERLOAD` times the capacity for `HOLD`;
//!   `NORMAL` of it again until `SETTLED` in a row are in order, at most for `AFTER`.
//! - **At the lab's pace** ([`crate::lab::Pace`]) all of these but the steps of the capacity, which keel's own lateness would blur.
//! - **In time** is an answer within the p99 that `[load]` declares, else within `PATIENT` or `SLOWER` times of what it takes
//!   in peace, and never one after the declared `deadline`. Goodput counts no other. It counts from the sending: what waits for a free connection of keel's is not charged to the service.
//! - **Not seen**, and said so: when the generator fell behind, when the service keeps up with the whole load, when its
//!   capacity is another each time.

mod capacity;
mod generator;
mod judge;
pub(crate) mod mixture;
mod recipe;
mod settled;
pub(crate) mod shares;
pub(crate) mod side_by_side;
pub(crate) mod storm_script;
#[cfg(test)]
pub(crate) mod testing;

use std::time::Duration;

use self::capacity::Normal;
pub(crate) use self::capacity::{find, objective};
use self::generator::Asked;
pub(crate) use self::generator::{Generator, Sending};
pub(crate) use self::recipe::Shown;
use self::settled::Settled;
use crate::lab::capacity::Capacity;
use crate::lab::{Lab, Pace};

/// Of the capacity: the overload.
const OVERLOAD: f64 = 2.0;
/// Duration of the normal load before the overload.
const PEACE: Duration = Duration::from_millis(1500);
/// The same at any pace: in less a generator that is late for a moment sends another load.
const LEAST_PEACE: Duration = Duration::from_secs(1);
/// Duration of the overload; longer where an answer in time may take more than half a second.
const HOLD: Duration = Duration::from_secs(5);
/// The beginning of the overload: what has a bound fills. Not judged.
const FILLS: Duration = Duration::from_millis(1500);
/// At least so much of the overload is judged.
const JUDGED: Duration = Duration::from_secs(3);
/// The longest normal load after the overload.
const AFTER: Duration = Duration::from_secs(6);
/// Until when everything must be in order again.
const WITHIN: Duration = Duration::from_secs(5);
/// Of the normal load after it, what is looked at at a time to see when it is in order.
const SLICE: Duration = Duration::from_secs(1);
/// Of what is sent, the share that is answered in time when everything is in order.
const IN_ORDER: f64 = 0.9;
/// Times the capacity, the goodput that shows that the capacity is higher.
const MORE: f64 = 1.3;
/// Maximum number of times that an overload that was none is tried again with more.
const RAISES: usize = 1;
/// The most requests a second that keel looks for: what one machine can be expected to offer itself.
pub(crate) const MOST: f64 = 20_000.0;
/// Of the known capacity of the mix, the first rate of the search for that of a part of it.
const BEGIN_PART: f64 = 0.5;
/// Maximum number of times that the normal load is tried until it is in order: earlier work may still be in progress.
const TRIES: usize = 4;

/// Observations of an overload.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Requests a second that it does.
    pub(crate) capacity: f64,
    /// Within this an answer is in time.
    pub(crate) objective: Duration,
    /// So much longer it may take for the generator's own lateness.
    allowance: Duration,
    /// The overload.
    pub(crate) held: Sending,
    /// The normal load after it.
    pub(crate) after: Sending,
    /// From the fall of the load to the beginning of the normal one.
    pub(crate) gap: Duration,
    /// True if its process still ran at the end of the overload.
    pub(crate) runs: bool,
    /// The durations for the judgement.
    spans: Spans,
}

/// Durations of the parts of an overload: [`HOLD`], [`FILLS`], [`AFTER`], [`WITHIN`] and [`SLICE`] at a pace.
#[derive(Clone, Copy, Debug)]
struct Spans {
    hold: Duration,
    fills: Duration,
    after: Duration,
    within: Duration,
    slice: Duration,
}

impl Spans {
    fn at(pace: Pace) -> Self {
        let [hold, fills, after, within, slice] = [HOLD, FILLS, AFTER, WITHIN, SLICE].map(|span| pace.of(span));
        Self { hold, fills, after, within, slice }
    }
}

/// Returns the capacity for the mix, up to `most` requests a second; measured once in the lab's life.
///
/// # Errors
/// Why it cannot be told, with what to do.
pub(crate) async fn capacity(lab: &mut Lab, most: f64) -> Result<Capacity, String> {
    if let Some(found) = &lab.capacity {
        return found.clone();
    }
    let found = capacity::find(lab, &Generator::of(lab), begin(lab), most).await;
    lab.capacity = Some(found.clone());
    found
}

/// The rate at which the search for the capacity of a part of the mix begins: less than the whole is known to do.
pub(crate) fn begin(lab: &Lab) -> f64 {
    match &lab.capacity {
        Some(Ok(known)) if does_more(lab) => known.rate,
        Some(Ok(known)) => known.rate * BEGIN_PART,
        _ => lab.subject.load.map_or(capacity::BEGIN, |load| load.rate),
    }
}

/// Overloads it with the mix, when it does at most so many requests a second; once in the lab's life.
///
/// # Errors
/// Why nothing can be said, with what to do.
pub(crate) async fn see(lab: &mut Lab, most: f64) -> Result<Seen, String> {
    if let Some(seen) = lab.observations.get::<Result<Seen, String>>() {
        return seen;
    }
    let seen = look(lab, most).await;
    lab.observations.keep(seen.clone());
    seen
}

/// True when the last overload with the mix was answered with clearly more in time than its capacity was found to be: it does more of what is cheap, and the
/// lowest of several loads will not be too much for a part of the mix either.
pub(crate) fn does_more(lab: &Lab) -> bool {
    let seen = lab.observations.get::<Result<Seen, String>>().and_then(Result::ok);
    seen.is_some_and(|seen| seen.held.judged(seen.objective, seen.spans.fills).goodput() > MORE * seen.capacity)
}

async fn look(lab: &mut Lab, most: f64) -> Result<Seen, String> {
    let capacity = capacity(lab, most).await?;
    let generator = Generator::of(lab);
    let normal = capacity.normal(lab, &generator)?;
    peace(lab, normal).await?;
    overload(lab, &generator, capacity.rate, normal).await
}

/// The normal load, which must be in order: else the capacity is not what it seemed.
///
/// # Errors
/// When it is not.
pub(crate) async fn peace(lab: &Lab, normal: Normal<'_>) -> Result<Sending, String> {
    let (mut share, peace) = (0.0, lab.pace.of(PEACE).max(LEAST_PEACE));
    for _ in 0..TRIES {
        let sending = normal.generator.send(lab, normal.rate, peace, None).await?;
        sending.on_schedule(peace)?;
        let in_time = normal.objective + sending.lag().unwrap_or_default();
        share = sending.tally(in_time, Duration::ZERO, peace).share_in_time();
        if share >= IN_ORDER {
            return Ok(sending);
        }
    }
    Err(format!(
        "its capacity is not stable: {:.0} requests a second were found to be half of it, and then only {:.0} % of them were \
         answered within {:?}; examine it when nothing else runs beside it",
        normal.rate,
        100.0 * share,
        normal.objective
    ))
}

/// Returns true if the load was no overload of twice the capacity: nearly all was answered in time, or much more than the capacity. At `last` the share alone
/// decides: a service that refuses the dear requests of the mix does more of the others than the capacity for all says, however high the load.
fn is_too_little(share_in_time: f64, goodput: f64, capacity: f64, last: bool) -> bool {
    share_in_time >= IN_ORDER || (!last && goodput > MORE * capacity)
}

/// Sends twice the capacity, then the normal load.
///
/// # Errors
/// When that was no overload, or not what was to be sent.
pub(crate) async fn overload(
    lab: &mut Lab,
    strain: &Generator,
    mut capacity: f64,
    normal: Normal<'_>,
) -> Result<Seen, String> {
    let objective = normal.objective;
    let spans = Spans::at(lab.pace);
    let lasts = spans.hold.max(spans.fills + lab.pace.of(JUDGED) + objective);
    for raises in 0..=RAISES {
        let rate = OVERLOAD * capacity;
        let held = strain.send(lab, rate, lasts, Some(lasts)).await?;
        held.on_schedule(objective)?;
        let runs = lab.process().is_running();
        let judged = held.judged(objective, spans.fills);
        if runs && is_too_little(judged.share_in_time(), judged.goodput(), capacity, raises == RAISES) {
            held.had_connections()?;
            capacity = judged.goodput();
            continue;
        }
        let gap = held.since_the_fall();
        let settled = Settled { objective, slice: spans.slice };
        let end = |asked: &[Asked], elapsed| settled.end(asked, elapsed);
        let after = normal.generator.send_until(lab, normal.rate, spans.after, end).await?;
        after.on_schedule(objective)?;
        return Ok(Seen { capacity, objective, allowance: Duration::ZERO, held, after, gap, runs, spans });
    }
    Err(format!(
        "its capacity is not stable: at last it did {capacity:.0} requests a second in time, more than was found out before; \
         let it warm up, declare [load] with a rate near what it does, or examine it on a machine that is less busy"
    ))
}

#[cfg(test)]
mod tests {
    use super::is_too_little;

    #[test]
    fn a_load_under_which_much_more_than_the_capacity_is_done_was_no_overload() {
        assert!(is_too_little(0.8, 37.0, 23.0, false), "of 46 a second 37 were answered in time");
        assert!(is_too_little(0.95, 23.0, 23.0, true));
        assert!(!is_too_little(0.6, 27.0, 23.0, false), "a little more than was found out before");
        assert!(!is_too_little(0.6, 37.0, 23.0, true), "it does more of what is cheap");
    }
}
