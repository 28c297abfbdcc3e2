//! `call.cpu-bulkhead`: work that computes never stalls what waits for the network.
//!
//! - **Hypothesis**: with more requests for heavy work than the service can do, all others are answered as before, the one that tells
//!   whether it is ready among them, and heavy work beyond a bound is refused.
//! - **Sent**: 20 bystanders in peace: GETs of the mix that are not declared as `heavy`, and the declared `ready` path. Then the requests that are declared as `heavy`, 64 at a time and then 256, each from an address of its own
//!   where the service listens on a loopback address, sent again as soon as it is answered, or a second after it was refused;
//!   30 bystanders during each. Before, one heavy request after the other for 3 s: a refusal then is no bound of what is under way.
//! - **Decides**: a fifth of the bystanders of a flood without the same answer within 2 s falls short, and so do bystanders that are
//!   slower, at the 90th percentile, than 500 ms and ten times the baseline. All as before, within 250 ms or five times the baseline, and
//!   some heavy work done and some refused (429 or 503): holds. Where none was refused a third flood follows, of as many as the service does
//!   in twice its deadline, at most 1,024: when none of those is refused either, they wait in a queue without end, which falls
//!   short; when 1,024 can be done within the deadline, a bound was not seen: unknown. A flood that did not keep the service's processors busy for a quarter of the time,
//!   or whose requests took less than 2 ms of them each, showed nothing: unknown.
//! - **Blast radius**: the service's processors, for as long as the floods last; it is stopped at the end.
//! - **Bound in time**: for each flood at most 16 s.

use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::support::bystanders::{Bystanders, Seen};
use super::support::double_in_place::percentile;
use crate::clause::call::cpu_bulkhead as clause;
use crate::contention::{self, Contention};
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.cpu-bulkhead";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Heavy requests at a time, the smaller flood first.
const FLOODS: [u32; 2] = [64, 256];
/// And where none was refused, at most.
const LARGE: f64 = 1024.0;
/// As many as are done in so many deadlines.
const DEADLINES: f64 = 2.0;
/// Over which a flood is spread.
const SPREAD: Duration = Duration::from_millis(256);
/// Until a flood has filled what it can fill; at any pace twice as long as it takes to come.
const FILLING: Duration = Duration::from_secs(1);
/// After a refusal.
const AGAIN: Duration = Duration::from_secs(1);
/// A flood whose work keeps less than so much of one processor busy shows nothing.
const BUSY: f64 = 0.25;
/// A request that computes for less is not heavy.
const HEAVY: f64 = 0.002;
/// Time for heavy requests one after the other beforehand, and their maximum number; each of them at least once.
const ALONE: Duration = Duration::from_secs(2);
const MOST_ALONE: usize = 200;
/// So many times the time in peace, and this much, are not as before any more.
const STALLED: (u32, Duration) = (10, Duration::from_millis(500));
/// The first of the addresses that floods come from.
const SOURCES: Ipv4Addr = Ipv4Addr::new(127, 0, 4, 1);

/// Examines the running subject; stops it.
pub async fn examine(lab: &mut Lab) -> Finding {
    let heavy: Vec<RequestSpec> = lab.subject.requests.iter().filter(|spec| spec.heavy).cloned().collect();
    if heavy.is_empty() {
        let reason = "no request in [[requests]] is declared as `heavy = true`: declare the one that computes longest; a service \
                      that has none can say so with a decision";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let finding = match Bystanders::of(lab, |spec| spec.uses.is_empty()) {
        Some(bystanders) => judge(lab, &heavy, &bystanders.and_readiness(lab)).await,
        None => {
            let reason = "[[requests]] has no GET that is not heavy: declare one that stands by";
            Finding::unknown(ID, reason, Vec::new())
        }
    };
    lab.stop().await;
    finding
}

async fn judge(lab: &Lab, heavy: &[RequestSpec], bystanders: &Bystanders) -> Finding {
    let who = bystanders.who();
    let peace = bystanders.in_peace(lab).await;
    if peace.amiss > 0 {
        let reason = format!("bystanders ({who}) are not always answered as declared even in peace");
        return Finding::unknown(ID, reason, Vec::new());
    }
    let alone = match alone(lab, heavy).await {
        Ok(alone) => alone,
        Err(failed) => {
            let gaps = [clause::OWN_POOL.uncontrolled(&failed), clause::NO_STALL.uncontrolled(&failed)];
            return Finding::judge(ID, gaps.to_vec());
        }
    };
    let (mut evidence, mut floods) = (Vec::new(), Vec::<Flood>::new());
    for size in FLOODS.map(Some).into_iter().chain([None]) {
        let size = match size {
            Some(size) => size,
            None if floods.iter().all(|flood| flood.refused == 0) => beyond_deadline(lab, &floods),
            None => break,
        };
        let flood = Flood::send(lab, heavy, bystanders, size).await;
        let as_before = flood.as_before(&peace);
        let piece = clause::NO_STALL.maybe(as_before, flood.told(&who, &peace)).by(&alone);
        evidence.push(flood.contention.excuse(piece, flood.bystanders.slow, stalled(&peace)));
        if as_before == Some(false) {
            return Finding::judge(ID, evidence);
        }
        if let Some(reason) = flood.stalls_nothing() {
            return Finding::unknown(ID, reason, evidence);
        }
        floods.push(flood);
    }
    let unseen = "as much heavy work as was sent can be done in time, and none was refused: its bound is not known";
    evidence.push(
        bound(lab.subject.deadline, &floods).map_or_else(|| clause::OWN_POOL.gap(unseen), |piece| piece.by(&alone)),
    );
    Finding::judge(ID, evidence)
}

/// Each heavy request, one after the other: what is refused then is refused for another reason than that too much is under way.
async fn alone(lab: &Lab, heavy: &[RequestSpec]) -> Result<Control, Uncontrolled> {
    let (client, begun) = (lab.http(), Instant::now());
    let (mut sent, mut done) = (0, 0);
    for spec in heavy.iter().cycle() {
        if sent >= heavy.len() && (sent >= MOST_ALONE || begun.elapsed() > lab.pace.of(ALONE)) {
            break;
        }
        let exchange = client.send(lab.fill(spec)).await;
        sent += 1;
        done += usize::from(exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
    }
    Control::peace(done, sent, 1.0)
}

/// As many as cannot all be done in time, as far as one machine can send them.
fn beyond_deadline(lab: &Lab, floods: &[Flood]) -> u32 {
    let rate = floods.iter().map(|flood| flood.rate).fold(1.0, f64::max);
    let least = floods.last().map_or(0.0, |flood| f64::from(flood.size));
    // At most 1,024.
    (rate * lab.subject.deadline.as_secs_f64() * DEADLINES).clamp(least, LARGE) as u32
}

/// Judges that heavy work has a bound, as far as the floods show.
fn bound(deadline: Duration, floods: &[Flood]) -> Option<Evidence> {
    let last = floods.last()?;
    if last.refused > 0 && last.done > 0 {
        let what =
            format!("of {} heavy requests in flight {} were done and {} refused", last.size, last.done, last.refused);
        return Some(clause::OWN_POOL.holds(what));
    }
    let wait = Duration::from_secs_f64(f64::from(last.size) / last.rate.max(0.1));
    (last.refused == 0 && wait > deadline).then(|| {
        let what = format!(
            "none of {} heavy requests in flight was refused, though at {:.0} a second the last is done after {wait:.0?} and no \
             client waits longer than {deadline:?}: an unbounded queue",
            last.size, last.rate
        );
        clause::OWN_POOL.contradicts(what)
    })
}

/// Bystanders that are slower than this are stalled.
fn stalled(peace: &Seen) -> Duration {
    let (times, least) = STALLED;
    least.max(peace.slow * times)
}

/// Outcome of one flood.
#[derive(Clone, Copy)]
struct Flood {
    size: u32,
    bystanders: Seen,
    /// Heavy requests that were answered as declared.
    done: usize,
    refused: usize,
    /// The median of those that were done.
    wait: Duration,
    /// Processors that the service kept busy meanwhile, and those that its threads waited for while others had them.
    busy: f64,
    waited: f64,
    /// Seconds of them for each that was done.
    cost: f64,
    /// Heavy requests that were done in a second.
    rate: f64,
    /// Contention while bystanders were asked.
    contention: Contention,
}

/// Outcome of heavy requests.
#[derive(Default)]
struct Tally {
    took: Vec<Duration>,
    refused: usize,
}

impl Flood {
    /// Sends it and looks at bystanders meanwhile; those in flight are dropped at the end.
    async fn send(lab: &Lab, heavy: &[RequestSpec], bystanders: &Bystanders, size: u32) -> Self {
        let tally = Mutex::<Tally>::default();
        let done = || tally.lock().map_or(0, |tally| tally.took.len());
        let cpu = || lab.usage().unwrap_or_default().cpu;
        let meanwhile = async {
            tokio::time::sleep(lab.pace.of(FILLING).max(SPREAD * 2)).await;
            let (begun, cpu_before, done_before) = (Instant::now(), cpu(), done());
            let contention = contention::Watch::begin(lab);
            let seen = bystanders.meanwhile(lab).await;
            let contention = contention.end();
            let (used, took) = (cpu().saturating_sub(cpu_before).as_secs_f64(), begun.elapsed().as_secs_f64());
            let done = done() - done_before;
            let waited = contention.waited.as_secs_f64() / took;
            (seen, used / took, waited, used / done.max(1) as f64, done as f64 / took, contention)
        };
        let flood =
            join_all((0..size).zip(heavy.iter().cycle()).map(|(number, spec)| one(lab, spec, size, number, &tally)));
        let (bystanders, busy, waited, cost, rate, contention) = tokio::select! {
            seen = meanwhile => seen,
            // None of them ever ends.
            _ = flood => (Seen::NONE, 0.0, 0.0, 0.0, 0.0, Contention::default()),
        };
        let tally = tally.into_inner().unwrap_or_default();
        let (done, refused) = (tally.took.len(), tally.refused);
        Self { size, bystanders, done, refused, wait: percentile(tally.took, 50), busy, waited, cost, rate, contention }
    }

    /// Returns true if bystanders were answered as in peace.
    fn as_before(&self, peace: &Seen) -> Option<bool> {
        match self.bystanders.as_in(peace) {
            None if self.bystanders.slow > stalled(peace) => Some(false),
            seen => seen,
        }
    }

    /// The reason why this flood shows nothing, if it kept too little of the processors busy.
    fn stalls_nothing(&self) -> Option<String> {
        let Self { size, busy, waited, cost, .. } = self;
        let told = format!(
            "{size} heavy requests in flight kept {busy:.1} processors busy, each for {:.1} ms, which stalls no other request",
            cost * 1000.0
        );
        if *busy >= BUSY && *cost >= HEAVY {
            return None;
        }
        // What a request costs does not depend on how long it waits for a processor.
        let is_light = *cost > 0.0 && *cost < HEAVY;
        Some(match busy + waited >= BUSY && !is_light {
            true => format!(
                "{told}; its threads waited for {waited:.1} processors that others had: examine it on a machine that is less busy"
            ),
            false => format!("{told}: declare a heavier one"),
        })
    }

    fn told(&self, who: &str, peace: &Seen) -> String {
        let seen = &self.bystanders;
        format!(
            "with {} heavy requests in flight, which kept {:.1} processors busy, {} of {} bystanders ({who}) were answered as declared, \
             within {:.0?} at the 90th percentile, {:.0?} in peace; {} heavy ones were done, half of them within {:.1?}, and {} refused",
            self.size,
            self.busy,
            seen.sent - seen.amiss,
            seen.sent,
            seen.slow,
            peace.slow,
            self.done,
            self.wait,
            self.refused
        )
    }
}

/// One of the flood: heavy work, asked for again for ever.
async fn one(lab: &Lab, spec: &RequestSpec, size: u32, number: u32, tally: &Mutex<Tally>) {
    let client = lab.http().with_source(Ipv4Addr::from(u32::from(SOURCES) + number));
    tokio::time::sleep(SPREAD * number / size).await;
    loop {
        let exchange = client.send(lab.fill(spec)).await;
        let status = exchange.status().map(|status| status.as_u16());
        let done = status.is_some_and(|status| spec.expects(status));
        if let Ok(mut tally) = tally.lock() {
            tally.refused += usize::from(matches!(status, Some(429 | 503)));
            if done {
                tally.took.push(exchange.took);
            }
        }
        if !done {
            tokio::time::sleep(AGAIN).await;
        }
    }
}
