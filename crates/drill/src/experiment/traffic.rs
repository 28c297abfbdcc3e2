//! The load of a drill: open loop, at times fixed in advance; latency counts from the intended time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::plan::Plan;
use super::stage::Kind;
use crate::entropy::Seed;
use crate::http::{Client, Exchange, Request};

/// The most requests that wait for an answer at a time; what is due beyond is not sent, and the drill is not valid.
const MAX_IN_FLIGHT: usize = 4096;
/// A request that is sent later than this after its time was late.
const LATE: Duration = Duration::from_millis(100);
/// The most requests of one wild client.
const MAX_WILD: u64 = 1_000_000;

/// One request of the load.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// When it was to be sent, from the beginning.
    pub(super) at: Duration,
    /// Which request.
    pub(super) kind: usize,
    /// Whether the answer was what is expected.
    pub(super) succeeded: bool,
    /// From the intended time to the end of the answer, or of the attempts.
    pub(super) took: Duration,
    /// When the outcome was known, from the beginning.
    pub(super) known: Duration,
    /// What came back, in a word.
    pub(super) outcome: String,
}

/// One write, to be asked about later.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) kind: usize,
    pub(super) request: Request,
    /// The body of the answer, when it was acknowledged.
    pub(super) acknowledged: Option<String>,
}

/// What has been sent so far, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) records: Vec<Record>,
    pub(super) writes: Vec<Write>,
    /// Due and not sent, as too many were waiting.
    pub(super) unsent: u64,
    /// Sent late.
    pub(super) late: u64,
    /// Attempts, retries included.
    pub(super) attempts: u64,
}

pub(super) type Shared = Arc<Mutex<Tally>>;

/// Sends the load until its end; returns when the last answer is there or given up.
pub(super) async fn send(plan: Plan, kinds: Arc<Vec<(Kind, u32)>>, client: Client, begun: Instant, tally: Shared) {
    let mut order = Seed(plan.load.seed).generator("mix");
    let weights: u32 = kinds.iter().map(|(_, weight)| weight).sum();
    let mut flying = JoinSet::new();
    let mut at = Duration::ZERO;
    while at < plan.load.lasts {
        tokio::time::sleep_until(begun + at).await;
        while flying.try_join_next().is_some() {}
        let kind = drawn(&kinds, order.random_range(0..weights));
        if begun.elapsed() > at + LATE {
            lock(&tally).late += 1;
        }
        if flying.len() < MAX_IN_FLIGHT {
            let one = One { at, kind, begun, retries: plan.load.retries };
            flying.spawn(one.send(Arc::clone(&kinds), client.clone(), Arc::clone(&tally)));
        } else {
            lock(&tally).unsent += 1;
        }
        at += Duration::from_secs_f64(1.0 / plan.rate_at(at));
    }
    while flying.join_next().await.is_some() {}
}

fn drawn(kinds: &[(Kind, u32)], mut number: u32) -> usize {
    for (index, (_, weight)) in kinds.iter().enumerate() {
        if number < *weight {
            return index;
        }
        number -= weight;
    }
    0
}

struct One {
    at: Duration,
    kind: usize,
    begun: Instant,
    retries: u32,
}

impl One {
    async fn send(self, kinds: Arc<Vec<(Kind, u32)>>, client: Client, tally: Shared) {
        let kind = &kinds[self.kind].0;
        let request = (kind.make)();
        let mut attempts = 1;
        let mut exchange = client.send(request.clone()).await;
        while !(kind.succeeds)(&exchange) && attempts <= self.retries {
            attempts += 1;
            exchange = client.send(request.clone()).await;
        }
        let succeeded = (kind.succeeds)(&exchange);
        let known = self.begun.elapsed();
        let mut tally = lock(&tally);
        tally.attempts += u64::from(attempts);
        if kind.idempotent {
            let acknowledged = succeeded.then(|| body(&exchange));
            tally.writes.push(Write { kind: self.kind, request, acknowledged });
        }
        let (took, outcome) = (known.saturating_sub(self.at), word(&exchange));
        tally.records.push(Record { at: self.at, kind: self.kind, succeeded, took, known, outcome });
    }
}

/// One client that sends as fast as it is answered, over several connections, until it is dropped.
pub(super) fn wild(kind: &Kind, client: &Client, connections: u32) -> (JoinSet<()>, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let mut set = JoinSet::new();
    for _ in 0..connections {
        let (kind, client, sent) = (kind.clone(), client.clone(), Arc::clone(&sent));
        set.spawn(async move {
            while sent.fetch_add(1, Ordering::Relaxed) < MAX_WILD {
                client.send((kind.make)()).await;
            }
        });
    }
    (set, sent)
}

pub(super) fn body(exchange: &Exchange) -> String {
    exchange.answer().map(|answer| answer.text()).unwrap_or_default()
}

fn word(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Ok(answer) => answer.status.as_u16().to_string(),
        Err(failure) => failure.to_string(),
    }
}

pub(super) fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
