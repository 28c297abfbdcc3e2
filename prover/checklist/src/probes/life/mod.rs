//! The probes of chapter `life`.

use super::Probe;

pub mod crash;
pub mod drain;
pub mod kill;
pub mod manager;
pub mod start;
pub mod steady;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "life.start",
        hypothesis: "It is ready within a second of its start, serves at once, and a start that cannot succeed says why",
        examine: |lab| Box::pin(start::examine(lab)),
    },
    Probe {
        id: "life.manager",
        hypothesis: "It stays in the foreground, writes no PID file, and tells its manager when it is ready and when it stops",
        examine: |lab| Box::pin(manager::examine(lab)),
    },
    Probe {
        id: "life.steady",
        hypothesis: "Under a steady load memory, descriptors, threads and disk do not keep rising",
        examine: |lab| Box::pin(steady::examine(lab)),
    },
    Probe {
        id: "life.drain",
        hypothesis: "After SIGTERM readiness falls first, what was begun is answered whole, and it ends in time with code 0",
        examine: |lab| Box::pin(drain::examine(lab)),
    },
    Probe {
        id: "life.crash",
        hypothesis: "A request that crashes its handler or worker costs itself, and nobody else notices",
        examine: |lab| Box::pin(crash::examine(lab)),
    },
    Probe {
        id: "life.kill",
        hypothesis: "Killed at any instant it starts again by itself, and all that it acknowledged is there, once",
        examine: |lab| Box::pin(kill::examine(lab)),
    },
];
