//! The loop that claims jobs and starts their handlers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use resilience::Backoff;
use supervision::Stop;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::doorbell;
use crate::job::MAX_BATCH;
use crate::job::attempt::Attempt;
use crate::job::claimed::ClaimedJob;
use crate::job::finish::{Failure, FailureKind};
use crate::job::lease::{ClaimRequest, Floors};
use crate::worker::collector::End;
use crate::worker::execution;
use crate::worker::queue::Queue;
use crate::worker::stats::Stats;

/// Wait between two claims from the front of the lanes while there is a backlog.
const FRONT: Duration = Duration::from_secs(1);
/// Shortest wait between two claims that a doorbell asks for.
const BETWEEN: Duration = Duration::from_millis(5);
/// Waits after claims that failed.
const AFTER_ERROR: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// Time for interrupted handlers to be dropped.
const INTERRUPT: Duration = Duration::from_secs(1);

/// A claimed job that waits for a handler.
struct Waiting {
    job: ClaimedJob,
    attempt: Arc<Attempt>,
}

/// Claims and starts jobs until the stop, and waits for the handlers then.
pub(crate) async fn run(queue: &Arc<Queue>, stop: &Stop, ended: mpsc::Sender<End>) {
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    let mut running = JoinSet::new();
    let mut claims = Claims::new(queue);
    let bell = doorbell::bell(&queue.name);
    while !stop.is_requested() {
        while running.len() < queue.rules.concurrency {
            let Some(Waiting { job, attempt }) = waiting.pop_front() else { break };
            running.spawn(execution::run(queue.clone(), job, attempt, ended.clone()));
        }
        let room = queue.capacity().saturating_sub(queue.in_flight.len());
        // Not one by one as handlers end: a claim costs a commit.
        let may_claim = room > 0 && waiting.len() <= room;
        tokio::select! {
            () = stop.requested() => break,
            Some(_) = running.join_next(), if !running.is_empty() => while running.try_join_next().is_some() {},
            () = queue.in_flight.removed(), if !may_claim => {}
            () = bell.notified(), if may_claim => claims.ring(),
            () = tokio::time::sleep_until(claims.next), if may_claim => {
                waiting.extend(claims.claim(queue, room).await);
            }
        }
    }
    drain(queue, waiting, running, ended).await;
}

/// Hands back the jobs that have not started, and waits for the handlers that run.
async fn drain(queue: &Queue, waiting: VecDeque<Waiting>, mut running: JoinSet<()>, ended: mpsc::Sender<End>) {
    for Waiting { job, .. } in waiting {
        let failure = Failure { held: job.held, kind: FailureKind::HandBack, error: String::new() };
        // The collector lives for as long as a sender does.
        let _ = ended.send(End::Failed(failure)).await;
    }
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(queue.rules.drain, all).await.is_err() {
        tracing::warn!(queue = %queue.name, handlers = running.len(), "jobs still run at the end of the drain: interrupting them");
        queue.in_flight.interrupt();
        let all = async { while running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(INTERRUPT, all).await;
    }
}

/// The next claim.
struct Claims {
    request: ClaimRequest,
    next: Instant,
    /// The last claim.
    last: Instant,
    /// The last claim from the front of the lanes.
    front: Instant,
    /// Claims in a row that found nothing.
    empty: u32,
    /// Claims in a row that failed.
    failed: u32,
}

impl Claims {
    fn new(queue: &Queue) -> Self {
        let mut request = ClaimRequest::new(&*queue.name, queue.handlers.kinds(), 0);
        request.lease = queue.rules.lease;
        request.owner.clone_from(&queue.owner);
        let now = Instant::now();
        Self { request, next: now, last: now, front: now, empty: 0, failed: 0 }
    }

    async fn claim(&mut self, queue: &Queue, room: usize) -> Vec<Waiting> {
        let begun = Instant::now();
        self.last = begun;
        if queue.is_cut_off() {
            self.next = begun + queue.rules.poll;
            return Vec::new();
        }
        if begun.duration_since(self.front) >= FRONT {
            self.start_at_front(begun);
            self.request.ordered_first = true;
        }
        self.request.limit = room.min(MAX_BATCH);
        let claimed = queue.jobs.claim(&mut self.request).await;
        self.request.ordered_first = false;
        match claimed {
            Ok(jobs) => {
                self.failed = 0;
                Stats::add(&queue.stats.claimed, jobs.len());
                self.plan(queue, &jobs);
                let trusted_until = begun + queue.rules.trusted();
                let wait = |job: ClaimedJob| {
                    queue.stats.wait.record(job.waited);
                    Waiting { attempt: queue.in_flight.add(job.held, trusted_until), job }
                };
                jobs.into_iter().map(wait).collect()
            }
            Err(error) => {
                tracing::warn!(queue = %queue.name, %error, "jobs could not be claimed; trying again");
                Stats::add(&queue.stats.errors, 1);
                self.next = Instant::now() + AFTER_ERROR.wait(self.failed);
                self.failed = self.failed.saturating_add(1);
                Vec::new()
            }
        }
    }

    /// Plans the next claim: at once after a full one, else after the poll, which grows while there is nothing.
    fn plan(&mut self, queue: &Queue, jobs: &[ClaimedJob]) {
        let now = Instant::now();
        if jobs.len() == self.request.limit {
            self.request.floors.raise(jobs);
            self.empty = 0;
            self.next = now;
            return;
        }
        self.start_at_front(now);
        self.empty = if jobs.is_empty() { self.empty.saturating_add(1) } else { 0 };
        let rules = &queue.rules;
        let wait = rules.poll.saturating_mul(1 << self.empty.min(8)).min(rules.poll_at_most);
        // Half of it early or late, so that processes that start together do not look together.
        self.next = now + wait.mul_f64(0.5 + vitals::random_fraction());
    }

    /// Brings the next claim forward, after a commit of this process that added jobs. A claim that waits after an error is not brought forward.
    fn ring(&mut self) {
        if self.failed == 0 {
            self.empty = 0;
            self.next = self.next.min(Instant::now().max(self.last + BETWEEN));
        }
    }

    fn start_at_front(&mut self, now: Instant) {
        self.request.floors = Floors::default();
        self.front = now;
    }
}
