//! The loop that extends the leases of the jobs that this process holds.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use crate::job::attempt::Signal;
use crate::worker::queue::Queue;
use crate::worker::stats::Stats;

/// Sends heartbeats for ever. While they fail nothing is claimed, and handlers end before their lease does.
pub(crate) async fn run(queue: &Queue) {
    let beat = queue.rules.beat();
    loop {
        // Sooner after a failure: several tries fit into the trusted part of a lease.
        tokio::time::sleep(if queue.is_cut_off() { beat / 8 } else { beat }).await;
        let failed = round(queue).await.is_err();
        queue.stats.is_cut_off.store(failed, Ordering::Relaxed);
        let lost = queue.in_flight.end_untrusted(Instant::now());
        if lost > 0 {
            tracing::warn!(queue = %queue.name, lost, "heartbeats fail: handlers were stopped before their leases end");
        }
    }
}

/// A heartbeat that failed.
struct Failed;

async fn round(queue: &Queue) -> Result<(), Failed> {
    let sent = queue.in_flight.to_beat();
    if sent.is_empty() {
        return Ok(());
    }
    let begun = Instant::now();
    let beating = queue.beats.beat(&sent, queue.rules.lease);
    match tokio::time::timeout(queue.rules.beat(), beating).await {
        Ok(Ok(answers)) => {
            let lost = queue.in_flight.apply(&sent, &answers, begun + queue.rules.trusted());
            if lost > 0 {
                tracing::warn!(queue = %queue.name, lost, signal = ?Signal::Lost, "jobs are held by other workers: their handlers were stopped");
            }
            Ok(())
        }
        Ok(Err(error)) => {
            tracing::warn!(queue = %queue.name, %error, "a heartbeat failed; nothing is claimed until one succeeds");
            Stats::add(&queue.stats.errors, 1);
            Err(Failed)
        }
        Err(_) => {
            tracing::warn!(queue = %queue.name, "a heartbeat had no answer in time; nothing is claimed until one succeeds");
            Stats::add(&queue.stats.errors, 1);
            Err(Failed)
        }
    }
}
