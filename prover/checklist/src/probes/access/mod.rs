//! The probes of chapter `access`.

use super::Probe;

mod repository;

pub mod secrets;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[Probe {
    id: "access.secrets",
    hypothesis: "Secrets are neither in the repository nor on the command line, and are never printed or answered",
    examine: |lab| Box::pin(secrets::examine(lab)),
}];
