//! `life.steady`: every accumulating resource is recycled.
//!
//! - **Hypothesis**: under a steady load memory, descriptors, threads and disk are flat after a warm-up.
//!   A spent limit of descriptors, clients that leave midway and failing requests cost little and leave nothing.
//! - **Sent**: the mix for 20 s by four clients, at most 250 requests a second together. After it 300 half-sent requests to processes
//!   that are started with a limit of 96 descriptors or so, 3,000 clients that leave midway (in 6 s), and failing requests for 3 s.
//! - **Decides**: the Theil-Sen slope of each after a warm-up of a third. It falls short when what rises goes on rising in the last
//!   half, never gives half of it back, and is beyond its limit: for memory 8 MiB and half its median, 16 descriptors, 8 threads,
//!   16 MiB of disk (by blocks), 128 files. Less than that, or what settles or is swept, is unknown: a cache that fills, or a collector that has not run.
//!   A flat resource is unknown too, with the bound, when a rise that falls short could hide for an hour in this run.
//!   A resource that is freed only after a time that is longer than the run looks as if it were kept for ever. Disk is not judged when
//!   writes are sent, and unknown when no folder of data is declared, unless the state is none.
//!   Half a core or 10 KB of log a second at the limit of descriptors, an end, or no answer 10 s after it fall short, and so does
//!   a descriptor for one client in a hundred that left, and a log of failing requests above 1 MB a minute and ten times that of others.
//! - **Blast radius**: the writes of the mix, when the service keeps its state durably; it is stopped and started.
//! - **Bound in time**: 20 s, and 15 s at most for what is under way at its end; 20 s after, 60 s when it does not recover.

use crate::clause::life::steady as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::peace::Peace;
use crate::probes::support::steadiness;

mod aborts;
mod descriptor_limit;
mod error_storm;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

const ID: &str = "life.steady";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let lasts = lab.subject.steady;
    let load = steadiness::examine(ID, |_| clause::RECYCLED, lab, lasts).await;
    load.also(strains(lab).await)
}

/// Strains beside the load. Run after the load: an allocator keeps the memory that a strain once took.
async fn strains(lab: &mut Lab) -> Vec<Evidence> {
    let peace = match Peace::of(lab).await {
        Ok(peace) => peace,
        Err(why) => return [clause::DESCRIPTORS, clause::ABORTS, clause::ERRORS].map(|clause| clause.gap(&why)).into(),
    };
    let mut evidence = vec![error_storm::examine(lab, &peace).await];
    evidence.extend(aborts::examine(lab, &peace).await);
    evidence.extend(descriptor_limit::examine(lab, &peace).await);
    lab.stop().await;
    if lab.start_with(|_| {}).await.is_ok() {
        lab.send_mix().await;
    }
    evidence
}
