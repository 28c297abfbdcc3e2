//! Leader election: one process of many does the work, as long as its lease holds.

use std::sync::Arc;
use std::time::Duration;

use ::store::Store;
use resilience::Backoff;
use supervision::Stop;
use tokio::time::Instant;
use vitals::Registry;

use super::held::Lease;
use super::stats::Stats;
use super::store::LeaseStore;

/// The shortest time of a lease.
pub const SHORTEST_TTL: Duration = Duration::from_millis(100);
/// Waits after renewals that failed, within the time for which the lease is trusted.
const AFTER_ERROR: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));

/// A candidate for a lease: does work while it leads.
///
/// ```no_run
/// # async fn example(store: store::Store, registry: vitals::Registry, stop: supervision::Stop) {
/// use evenkeel_work::{Leader, WorkError};
/// use store::args;
///
/// Leader::new(&store, "interest")
///     .run(&registry, stop, |lease| {
///         let store = store.clone();
///         async move {
///             let posted = store.write(|tx| {
///                 let lease = lease.clone();
///                 Box::pin(async move {
///                     lease.guard(tx).await?;
///                     tx.execute("UPDATE accounts SET balance = balance + 1", args![]).await?;
///                     Ok::<_, WorkError>(())
///                 })
///             });
///             if let Err(error) = posted.await {
///                 tracing::warn!(%error, "no interest was posted");
///             }
///         }
///     })
///     .await;
/// # }
/// ```
#[derive(Debug)]
pub struct Leader {
    leases: LeaseStore,
    name: Arc<str>,
    holder: String,
    ttl: Duration,
    stats: Arc<Stats>,
}

impl Leader {
    /// A candidate for the lease of this name, 1 to 255 bytes.
    pub fn new(store: &Store, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        let stats = Arc::new(Stats::new(name.clone()));
        Self {
            leases: LeaseStore::new(store),
            name,
            holder: vitals::new_id("node"),
            ttl: Duration::from_secs(15),
            stats,
        }
    }

    /// Sets the time after which another process may lead when this one gives no sign of life. Default 15 s, at least [`SHORTEST_TTL`].
    ///
    /// The lease is renewed each third of it, a quarter of that early or late. Another process leads at most this time and a third of it after
    /// the end of a process that was killed, and at most a third of it after one that was stopped.
    ///
    /// # Panics
    /// When it is shorter than [`SHORTEST_TTL`].
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        assert!(ttl >= SHORTEST_TTL, "the time {ttl:?} of the lease {:?} is shorter than {SHORTEST_TTL:?}", self.name);
        Self { ttl, ..self }
    }

    /// Sets the name of this process for people. Default is a random one.
    #[must_use]
    pub fn holder(self, holder: impl Into<String>) -> Self {
        Self { holder: holder.into(), ..self }
    }

    /// Takes part in elections until the stop, and does the work while it leads.
    ///
    /// The work is dropped at its next await when the stop is requested, or when the lease cannot be trusted any more; then the lease is
    /// given back. It may have gone on for a while past the end of its lease, after a pause of the process: [`Lease::guard`] refuses its
    /// writes then. When the work returns, the lease is given back too, and the next election is after a third of the lease's time.
    ///
    /// Cancel-safe: dropped before its end it leaves the lease to the time of its end.
    pub async fn run<F, R>(&self, registry: &Registry, stop: Stop, mut work: F)
    where
        F: FnMut(Lease) -> R,
        R: Future<Output = ()>,
    {
        registry.register(self.stats.clone());
        while !stop.is_requested() {
            if let Some(lease) = self.try_lead().await {
                tracing::info!(lease = %self.name, fence = lease.fence(), "this process leads");
                tokio::select! {
                    biased;
                    () = self.keep(&lease) => {}
                    () = stop.requested() => {}
                    () = work(lease.clone()) => {}
                }
                self.stats.end_term();
                self.give_back(&lease).await;
            }
            tokio::select! {
                () = stop.requested() => {}
                () = tokio::time::sleep(self.third()) => {}
            }
        }
    }

    /// Takes the lease if it is free.
    pub(crate) async fn try_lead(&self) -> Option<Lease> {
        let begun = Instant::now();
        match self.leases.take(&self.name, &self.holder, self.ttl).await {
            Ok(Some(fence)) => {
                self.stats.begin_term(fence);
                Some(Lease::new(self.name.clone(), fence, begun + self.trusted(), self.stats.clone()))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(lease = %self.name, %error, "the lease could not be taken; the next look tries again");
                Stats::count(&self.stats.errors);
                None
            }
        }
    }

    /// Renews the lease; returns once it cannot be trusted any more.
    pub(crate) async fn keep(&self, lease: &Lease) {
        let mut failed = 0;
        let mut wait = self.third();
        loop {
            tokio::time::sleep(wait.min(lease.trusted_for())).await;
            let begun = Instant::now();
            // After a pause of the process another one may have the lease.
            if begun >= lease.trusted_until() {
                break;
            }
            let renewed = self.leases.renew(&self.name, lease.fence(), self.ttl);
            match tokio::time::timeout_at(lease.trusted_until(), renewed).await {
                Ok(Ok(true)) => {
                    Stats::count(&self.stats.renewals);
                    lease.extend(begun + self.trusted());
                    (failed, wait) = (0, self.third());
                }
                Ok(Ok(false)) | Err(_) => break,
                Ok(Err(error)) => {
                    tracing::warn!(lease = %self.name, %error, "the lease could not be renewed; trying again");
                    Stats::count(&self.stats.errors);
                    wait = AFTER_ERROR.wait(failed);
                    failed = failed.saturating_add(1);
                }
            }
        }
        tracing::warn!(lease = %self.name, fence = lease.fence(), "the lease is lost: this process leads no more");
        Stats::count(&self.stats.lost);
    }

    pub(crate) async fn give_back(&self, lease: &Lease) {
        let released = self.leases.release(&self.name, lease.fence());
        if let Ok(Err(error)) = tokio::time::timeout(self.ttl, released).await {
            tracing::warn!(lease = %self.name, %error, "the lease could not be given back; it is free after its time");
        }
    }

    /// A third of the time of the lease, a quarter early or late: processes that start together do not look together.
    fn third(&self) -> Duration {
        (self.ttl / 3).mul_f64(0.75 + vitals::random_fraction() / 2.0)
    }

    /// The part of the lease in which this process trusts it: some is kept for clocks and delays.
    fn trusted(&self) -> Duration {
        self.ttl - (self.ttl / 10).min(Duration::from_secs(2))
    }
}
