//! The probes of chapter `ship`.

use super::Probe;

pub mod config;
pub mod make;
pub mod supply_chain;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "ship.make",
        hypothesis: "The repository has the usual make targets, and CI calls them",
        examine: |lab| Box::pin(make::examine(lab)),
    },
    Probe {
        id: "ship.supply-chain",
        hypothesis: "Dependencies are pinned with checksums, and a rule for vulnerabilities and licences fails the build",
        examine: |lab| Box::pin(supply_chain::examine(lab)),
    },
    Probe {
        id: "ship.config",
        hypothesis: "It follows its environment, and refuses to start on values it cannot read, naming each variable",
        examine: |lab| Box::pin(config::examine(lab)),
    },
];
