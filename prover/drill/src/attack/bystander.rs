//! The bystander: a client at another address that sends a harmless request steadily while an attack runs.
//!
//! Asked at fixed moments, each time on a connection of its own as a new visitor would, and timed from the moment at which it
//! was due: a server that makes the bystander wait cannot make it ask less (no coordinated omission).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::context::Context;
use super::evidence::{Excuse, Findings};
use keel_wire::endpoint::Endpoint;
use keel_wire::raw::RawConnection;

/// Between two requests beside the attack, after the first ones.
const EACH: Duration = Duration::from_millis(50);
/// Between two requests before and after it, and between the first ones beside it.
const APART: Duration = Duration::from_millis(25);
/// Requests before the attack.
const BEFORE: usize = 20;
/// The fewest requests beside the attack: a short one is over before the second.
const LEAST_DURING: usize = 20;
/// Requests after it.
const AFTER: usize = 20;
/// The time limit of one request.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The most requests in flight; beyond it one is counted as failed without being sent.
const MAX_IN_FLIGHT: usize = 200;
/// The time by which an attack may overrun its bounds, for its last answer and its own bookkeeping, before it is dropped.
const OVERRUN: Duration = Duration::from_secs(15);
/// The time in which a target must serve the bystander again.
const RECOVERY: Duration = Duration::from_secs(10);

/// A bystander is served as long as one request in so many fails at most.
pub const ERRORS: usize = 20;
/// The median may rise to so many times that of before the attack,
pub const MEDIAN_FACTOR: u32 = 10;
/// or to this, whichever is more: a machine with two cores that attacks itself is slow.
pub const MEDIAN_FLOOR: Duration = Duration::from_millis(500);
/// So may the 99th percentile,
pub const TAIL_FACTOR: u32 = 20;
/// with a floor that a retransmitted SYN (1 s) stays below.
pub const TAIL_FLOOR: Duration = Duration::from_millis(2_500);

/// The service that the bystander got.
#[derive(Clone, Debug, Serialize)]
pub struct Bystander {
    /// True if it sent from an address of its own: else limits for an address met it with the attacker.
    pub apart: bool,
    /// Before the attack.
    pub before: Health,
    /// While it ran.
    pub during: Health,
    /// After it.
    pub after: Health,
    /// From the end of the attack until it was served again; none when it was not within 10 s.
    pub recovered: Option<Duration>,
}

/// Counts and times of its requests. Times are to the whole answer, of those that succeeded.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Health {
    /// Requests sent.
    pub requests: usize,
    /// Requests without an answer, or with another status than before the attack.
    pub errors: usize,
    /// The median.
    pub p50: Duration,
    /// The 99th percentile, by nearest rank.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Bystander {
    /// Returns the harm to it, if any. It suffers when more than one request in twenty ([`ERRORS`]) fails,
    /// when the median is above ten times the one before ([`MEDIAN_FACTOR`]) and half a second ([`MEDIAN_FLOOR`]), when the 99th
    /// percentile is above twenty times ([`TAIL_FACTOR`]) and two and a half seconds ([`TAIL_FLOOR`]), or when it is not served
    /// again within 10 s of the end.
    pub fn suffering(&self) -> Option<String> {
        let (before, during) = (&self.before, &self.during);
        if during.errors * ERRORS > during.requests {
            let Health { errors, requests, .. } = during;
            return Some(format!("{errors} of the bystander's {requests} requests failed during the attack"));
        }
        if during.p50 > (before.p50 * MEDIAN_FACTOR).max(MEDIAN_FLOOR) {
            return Some(format!("the bystander's median went from {:.2?} to {:.2?}", before.p50, during.p50));
        }
        if during.p99 > (before.p99 * TAIL_FACTOR).max(TAIL_FLOOR) {
            return Some(format!("the bystander's p99 went from {:.2?} to {:.2?}", before.p99, during.p99));
        }
        if self.recovered.is_none() {
            return Some(format!("the bystander was not served again within {RECOVERY:?} of the attack's end"));
        }
        None
    }
}

impl Health {
    fn of(samples: &[Sample]) -> Self {
        let mut times: Vec<Duration> = samples.iter().filter_map(|sample| *sample).collect();
        times.sort_unstable();
        let rank = |percent: usize| {
            let nearest = (times.len() * percent).div_ceil(100).max(1);
            times.get(nearest - 1).copied().unwrap_or_default()
        };
        Self {
            requests: samples.len(),
            errors: samples.len() - times.len(),
            p50: rank(50),
            p99: rank(99),
            max: times.last().copied().unwrap_or_default(),
        }
    }
}

/// The time that one request took; none when it failed.
type Sample = Option<Duration>;

/// The health of a bystander without an attack.
pub(super) async fn in_peace(context: &Context<'_>) -> Health {
    Health::of(&Asker::new(context).ask_times(BEFORE).await)
}

/// Runs the attack with a bystander beside it, whose health in peace is measured before where it is not known.
pub(super) async fn beside(
    context: &Context<'_>,
    peace: Option<Health>,
    attack: impl Future<Output = Findings>,
) -> (Findings, Bystander) {
    let asker = Asker::new(context);
    let before = match peace {
        Some(known) => known,
        None => in_peace(context).await,
    };
    let (findings, during) = asker.ask_while(context, attack).await;
    let ended = Instant::now();
    let recovered = asker.recovery(ended).await;
    let after = asker.ask_times(AFTER).await;
    let apart = asker.from.is_some();
    let health = |samples: Vec<Sample>| Health::of(&samples);
    (findings, Bystander { apart, before, during: health(during), after: health(after), recovered })
}

struct Asker {
    endpoint: Endpoint,
    from: Option<SocketAddr>,
    request: Vec<u8>,
    /// The status in peace.
    baseline: u16,
}

impl Asker {
    fn new(context: &Context<'_>) -> Arc<Self> {
        let request = context.head(&context.read(), "Connection: close\r\n");
        Arc::new(Self {
            endpoint: context.endpoint.clone(),
            from: context.bystander(),
            request,
            baseline: context.baseline,
        })
    }

    /// One request that was due at `due`.
    async fn ask(&self, due: Instant) -> Sample {
        let exchange = async {
            let mut connection = RawConnection::connect(self.endpoint.clone(), self.from, PATIENCE).await.ok()?;
            connection.write(&self.request, PATIENCE).await.ok()?;
            connection.listen_answer(PATIENCE).await.status()
        };
        let status = tokio::time::timeout_at(due + PATIENCE, exchange).await.ok()??;
        (status == self.baseline).then(|| due.elapsed())
    }

    async fn ask_times(self: &Arc<Self>, times: usize) -> Vec<Sample> {
        let mut asked = JoinSet::new();
        let mut due = Instant::now();
        for _ in 0..times {
            self.begin(&mut asked, due);
            due += APART;
            tokio::time::sleep_until(due).await;
        }
        asked.join_all().await
    }

    fn begin(self: &Arc<Self>, asked: &mut JoinSet<Sample>, due: Instant) {
        let asker = Arc::clone(self);
        asked.spawn(async move { asker.ask(due).await });
    }

    /// Asks until the attack has ended, and a least number of times.
    async fn ask_while(
        self: &Arc<Self>,
        context: &Context<'_>,
        attack: impl Future<Output = Findings>,
    ) -> (Findings, Vec<Sample>) {
        let over = Arc::new(Mutex::new(false));
        // A task of its own: an attack that is busy must not make the bystander late.
        let asking = tokio::spawn({
            let (asker, over) = (Arc::clone(self), Arc::clone(&over));
            async move { asker.ask_until(&over).await }
        });
        let asking = AbortOnDrop(asking);
        let attacked = tokio::time::timeout(context.bounds.duration + OVERRUN, attack).await;
        let findings = attacked.unwrap_or_else(|_| {
            Err(Excuse::Unknown(format!("the attack did not end within {OVERRUN:?} of its bounds")))
        });
        *over.lock().expect("nobody panics with it") = true;
        (findings, asking.join().await)
    }

    async fn ask_until(self: &Arc<Self>, over: &Mutex<bool>) -> Vec<Sample> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut asked = JoinSet::new();
        let mut due = Instant::now();
        let mut begun = 0;
        while begun < LEAST_DURING || !*over.lock().expect("nobody panics with it") {
            while let Some(done) = asked.try_join_next() {
                samples.push(done.unwrap_or_default());
            }
            if asked.len() < MAX_IN_FLIGHT {
                self.begin(&mut asked, due);
            } else {
                samples.push(None);
            }
            begun += 1;
            due += if begun < LEAST_DURING { APART } else { EACH };
            tokio::time::sleep_until(due).await;
        }
        samples.extend(asked.join_all().await);
        samples
    }

    /// Returns the time after `ended` at which a request was served again, not slower than the median may be; none after 10 s.
    async fn recovery(&self, ended: Instant) -> Option<Duration> {
        while ended.elapsed() < RECOVERY {
            let asked = Instant::now();
            if self.ask(asked).await.is_some_and(|took| took <= MEDIAN_FLOOR) {
                return Some(ended.elapsed());
            }
            tokio::time::sleep(EACH).await;
        }
        None
    }
}

/// Task that is aborted when its owner is dropped.
struct AbortOnDrop(tokio::task::JoinHandle<Vec<Sample>>);

impl AbortOnDrop {
    async fn join(mut self) -> Vec<Sample> {
        (&mut self.0).await.unwrap_or_default()
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(requests: usize, errors: usize, p50: u64, p99: u64) -> Health {
        let millis = Duration::from_millis;
        Health { requests, errors, p50: millis(p50), p99: millis(p99), max: millis(p99) }
    }

    fn bystander(during: Health) -> Bystander {
        let quiet = health(30, 0, 2, 9);
        Bystander { apart: true, before: quiet, during, after: quiet, recovered: Some(Duration::ZERO) }
    }

    #[test]
    fn a_slower_answer_on_a_busy_machine_is_no_suffering() {
        assert_eq!(bystander(health(100, 5, 400, 2_400)).suffering(), None);
    }

    #[test]
    fn errors_a_slow_median_and_a_slow_tail_are_suffering() {
        assert!(bystander(health(100, 6, 2, 9)).suffering().is_some_and(|text| text.starts_with("6 of")));
        assert!(bystander(health(100, 0, 600, 900)).suffering().is_some_and(|text| text.contains("median")));
        assert!(bystander(health(100, 0, 20, 3_000)).suffering().is_some_and(|text| text.contains("p99")));
        let never_again = Bystander { recovered: None, ..bystander(health(100, 0, 2, 9)) };
        assert!(never_again.suffering().is_some_and(|text| text.contains("not served again")));
    }

    #[test]
    fn percentiles_are_of_what_succeeded() {
        let samples: Vec<Sample> = (1..=100).map(|n| Some(Duration::from_millis(n))).chain([None, None]).collect();
        let health = Health::of(&samples);
        assert_eq!((health.requests, health.errors), (102, 2));
        assert_eq!((health.p50, health.p99), (Duration::from_millis(50), Duration::from_millis(99)));
    }
}
