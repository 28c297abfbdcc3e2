//! The probes of chapter `call`.

use super::Probe;

mod bystanders;
mod crowd;
mod dependent;
mod three;
mod watched;

pub mod bad_answers;
pub mod balance;
pub mod breaker;
pub mod breaker_manual;
pub mod bulkhead;
pub mod cpu_bulkhead;
pub mod deadline;
pub mod discovery;
pub mod fallback;
pub mod hedge;
pub mod jitter;
pub mod retry;
pub mod retry_budget;
pub mod timeout;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "call.fallback",
        hypothesis: "With a dependency gone what does not need it goes on, what needs it is degraded or clearly refused",
        examine: |lab| Box::pin(fallback::examine(lab)),
    },
    Probe {
        id: "call.bad-answers",
        hypothesis: "Whatever a dependency answers, the service's own answer is whole, clear, in time and in bounded memory",
        examine: |lab| Box::pin(bad_answers::examine(lab)),
    },
    Probe {
        id: "call.timeout",
        hypothesis: "No call outlives its deadline, and no request waits for a dependency longer than that",
        examine: |lab| Box::pin(timeout::examine(lab)),
    },
    Probe {
        id: "call.deadline",
        hypothesis: "A call is given up when its caller's deadline passes, and says how long is left",
        examine: |lab| Box::pin(deadline::examine(lab)),
    },
    Probe {
        id: "call.retry",
        hypothesis: "A failed call that is safe to repeat is repeated a few times after growing, random pauses, not sooner than told",
        examine: |lab| Box::pin(retry::examine(lab)),
    },
    Probe {
        id: "call.retry-budget",
        hypothesis: "When every call fails under load, attempts stay near 1.1 times the requests",
        examine: |lab| Box::pin(retry_budget::examine(lab)),
    },
    Probe {
        id: "call.hedge",
        hypothesis: "A read whose call is slow is called for again beside it, and answered sooner; extra calls stay within a budget",
        examine: |lab| Box::pin(hedge::examine(lab)),
    },
    Probe {
        id: "call.breaker",
        hypothesis: "While a dependency fails, calls to it drop to a few and requests are refused fast; calls come back by themselves",
        examine: |lab| Box::pin(breaker::examine(lab)),
    },
    Probe {
        id: "call.breaker-manual",
        hypothesis: "An operator stops calls to a dependency at once and lets them go on, and it is seen who did it",
        examine: |lab| Box::pin(breaker_manual::examine(lab)),
    },
    Probe {
        id: "call.bulkhead",
        hypothesis: "What does not need a dependency is answered as before while it hangs and many wait for it",
        examine: |lab| Box::pin(bulkhead::examine(lab)),
    },
    Probe {
        id: "call.cpu-bulkhead",
        hypothesis: "What does not compute is answered as before while more heavy work is asked for than can be done, and the excess is refused",
        examine: |lab| Box::pin(cpu_bulkhead::examine(lab)),
    },
    Probe {
        id: "call.balance",
        hypothesis: "Calls are spread over three instances, a slow and a failing one are soon left alone, and are called again when mended",
        examine: |lab| Box::pin(balance::examine(lab)),
    },
    Probe {
        id: "call.discovery",
        hypothesis: "Calls follow a name to another address without a restart, and go on when it cannot be looked up",
        examine: |lab| Box::pin(discovery::examine(lab)),
    },
    Probe {
        id: "call.jitter",
        hypothesis: "Calls that come by themselves do not come at the same time from instances that were started together",
        examine: |lab| Box::pin(jitter::examine(lab)),
    },
];
