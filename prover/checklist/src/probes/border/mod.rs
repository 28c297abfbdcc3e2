//! The probes of chapter `border`.

use super::Probe;

mod harmless;
mod writes;

pub mod backpressure;
pub mod cacheable;
pub mod compress;
pub mod connections;
pub mod deadline;
pub mod idempotency;
pub mod limits;
pub mod openapi;
pub mod pagination;
pub mod problem;
pub mod rate_limit;
pub mod shed;
pub mod slow_clients;
pub mod unenumerable;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "border.cacheable",
        hypothesis: "Answers say whether they may be kept, and what may be kept can be validated",
        examine: |lab| Box::pin(cacheable::examine(lab)),
    },
    Probe {
        id: "border.compress",
        hypothesis: "Answers are compressed only as asked for, and what clients compress is unpacked within bounds",
        examine: |lab| Box::pin(compress::examine(lab)),
    },
    Probe {
        id: "border.problem",
        hypothesis: "Every error is a problem document with a request id and leaks nothing",
        examine: |lab| Box::pin(problem::examine(lab)),
    },
    Probe {
        id: "border.unenumerable",
        hypothesis: "Identifiers are random, and their neighbours do not exist",
        examine: |lab| Box::pin(unenumerable::examine(lab)),
    },
    Probe {
        id: "border.openapi",
        hypothesis: "An OpenAPI 3.1 document describes the service, which conforms to it under generated input",
        examine: |lab| Box::pin(openapi::examine(lab)),
    },
    Probe {
        id: "border.pagination",
        hypothesis: "Lists are bounded, and their cursors are opaque and stable while rows are added",
        examine: |lab| Box::pin(pagination::examine(lab)),
    },
    Probe {
        id: "border.deadline",
        hypothesis: "Requests that would take too long are answered in time, and their work ends",
        examine: |lab| Box::pin(deadline::examine(lab)),
    },
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
    Probe {
        id: "border.connections",
        hypothesis: "One address cannot take all connections, and others are served during its flood",
        examine: |lab| Box::pin(connections::examine(lab)),
    },
    Probe {
        id: "border.rate-limit",
        hypothesis: "One address that asks too often is refused with 429 and told when to come again, and others are not",
        examine: |lab| Box::pin(rate_limit::examine(lab)),
    },
    Probe {
        id: "border.shed",
        hypothesis: "At twice its capacity it does what it can, and refuses the rest at once and clearly",
        examine: |lab| Box::pin(shed::examine(lab)),
    },
    Probe {
        id: "border.backpressure",
        hypothesis: "At twice its capacity nothing inside keeps growing",
        examine: |lab| Box::pin(backpressure::examine(lab)),
    },
    Probe {
        id: "border.idempotency",
        hypothesis: "A request with a key takes effect once, whatever happens, and another body is refused",
        examine: |lab| Box::pin(idempotency::examine(lab)),
    },
];
