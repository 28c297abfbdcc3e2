//! `life.steady`: whatever accumulates is recycled.
//!
//! - **Hypothesis**: under a steady load memory, descriptors, threads and disk are flat after a warm-up.
//! - **Sent**: the mix for 25 s by four clients, at most 250 requests a second together.
//! - **Decides**: the Theil-Sen slope of each after a warm-up of a third. It falls short when what rises goes on rising in the last
//!   half, never gives half of it back, and is beyond its limit: for memory 8 MiB and half its median, 16 descriptors, 8 threads,
//!   16 MiB of disk (by blocks), 128 files. Less than that, or what settles or is swept, is unknown: a cache that fills, or a collector that has not run.
//!   What is flat is unknown too, with the bound, when as much as falls short could rise in an hour without being seen in this run.
//!   What is removed only after a time that is longer than the run looks as if it were kept for ever. Disk is not judged when
//!   writes are sent, and unknown when no folder of data is declared, unless the state is none.
//! - **Blast radius**: the writes of the mix, when the service keeps its state durably.
//! - **Bound in time**: 25 s, and 15 s at most for what is under way at its end.

use crate::clause::life::steady as clause;
use crate::finding::Finding;
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::steadiness;

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
    steadiness::examine(ID, |_| clause::RECYCLED, lab, lasts).await
}
