//! `prove.soak`: a long run at load shows flat memory, descriptors and disk.
//!
//! - **Hypothesis**: after a warm-up of a third none of them keeps rising, for as long as the run lasts.
//! - **Sent**: the mix, at a steady rate, for `lasts` of `[soak]` in `keel.toml`, else 20 s; no longer than `LONGEST`.
//! - **Decides**: as `life.steady` does. What leaks slowly shows only in a long run: what stays flat in one that is too short to
//!   show a leak is unknown, with the bound.
//! - **Blast radius**: the writes of the mix, when the service keeps its state durably.
//! - **Bound in time**: `LONGEST`, and 15 s at most for what is under way at its end.

use std::time::Duration;

use crate::clause::Clause;
use crate::clause::prove::soak as clause;
use crate::finding::Finding;
use crate::lab::Lab;
use crate::probe::{PROBE_BOUND, Probe};
use crate::probes::support::steadiness::{self, Kind};

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "prove.soak";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Less than the bound of a probe, so that it can tell what it saw.
const LONGEST: Duration = PROBE_BOUND.saturating_sub(Duration::from_secs(20));

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let lasts = lab.subject.soak.min(LONGEST);
    steadiness::examine(ID, clause_of, lab, lasts).await
}

fn clause_of(kind: Kind) -> Clause {
    match kind {
        Kind::Memory | Kind::Threads => clause::MEMORY,
        Kind::Descriptors => clause::DESCRIPTORS,
        Kind::Disk | Kind::Files => clause::DISK,
    }
}
