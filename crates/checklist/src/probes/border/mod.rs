//! The probes of chapter `border`.

use super::Probe;

mod harmless;
mod listener;
mod sockets;
mod writes;

pub mod limits;
pub mod slow_clients;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "border.limits",
        hypothesis: "What grows without end is refused with a 4xx, and costs neither memory nor the service",
        examine: |lab| Box::pin(limits::examine(lab)),
    },
    Probe {
        id: "border.slow-clients",
        hypothesis: "Connections that do not get on are cut, and others are answered promptly meanwhile",
        examine: |lab| Box::pin(slow_clients::examine(lab)),
    },
];
