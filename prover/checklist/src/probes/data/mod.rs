//! The probes of chapter `data`.

use super::Probe;

mod full_disk;

pub mod location;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[Probe {
    id: "data.location",
    hypothesis: "Data is written where it was declared and nowhere else, outside the artifact; a full disk is survived",
    examine: |lab| Box::pin(location::examine(lab)),
}];
