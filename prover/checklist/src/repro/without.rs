//! The probes of which no short script can show a finding, each with the reason.

/// An attribute's id, and why no short script shows that it falls short.
pub const WITHOUT: &[(&str, &str)] = &[
    ("border.backpressure", "it takes an open-loop load and looks at the service's memory: `keel load` sends one"),
    ("call.balance", "it takes three instances of the dependency and a load"),
    ("call.breaker-manual", "it takes a dependency that answers as the real one does, and an operator's requests"),
    ("call.cpu-bulkhead", "it takes more heavy requests at a time than a script of this size sends"),
    ("call.discovery", "it takes a resolver whose answers change"),
    ("call.hedge", "it takes a dependency that answers as the real one does, now slowly and now fast"),
    ("call.jitter", "calls are compared over several starts of the service"),
    ("see.alerts", "it reads the declared files and runs the declared `check`: the finding names the alert"),
    ("see.dashboards", "it reads the declared files and runs the declared `check`: the finding names the panel"),
    (
        "see.outliers",
        "it takes some thousand clients with addresses of their own: the finding names the client that is not named",
    ),
    ("see.errors", "it takes a hundred failures, and a receiver of reports: the finding names the missing part"),
    (
        "see.console",
        "it takes the levers of an operator, the log of the service and a load: the finding names the lever",
    ),
    ("see.traces", "it takes a dependency and a collector that keep what they are sent"),
    (
        "data.clean",
        "it takes the declared forms of records, and the requests of an operator: the finding names the record",
    ),
    ("data.integrity", "it takes the declared commands and the alarm: the finding shows what was run and what came"),
    ("data.purge", "it takes a start with a short retention, and looks at many rows at the same time"),
    ("life.leader", "it takes two instances on the same data, and a pause of the one that leads"),
    ("ratchet.dead-letters", "it takes the requests of an operator for work that was set aside, and a kill in between"),
    ("ratchet.events", "it takes readers that follow while others write, and a kill in between"),
    ("ratchet.steps", "it takes a dependency that answers no call of a later step, and a kill meanwhile"),
    ("ratchet.jobs", "it takes a dependency that answers as the real one does, and kills in the middle of requests"),
    (
        "web.tls",
        "`openssl s_client -tls1_1` and curl show a hello, an answer or a redirect alone: the finding names which one was wrong",
    ),
    ("prove.load", "it takes an open-loop load: `keel load` sends one"),
];

/// Why no short script shows a finding on this attribute; none when there may be one.
pub fn reason(id: &str) -> Option<&'static str> {
    WITHOUT.iter().find(|(without, _)| *without == id).map(|(_, reason)| *reason)
}
