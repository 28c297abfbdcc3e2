//! Stubs of playbooks, one for each alert: what it means, what users see, where to look first.

use crate::objectives::{Severity, SloKind};
use crate::observe::alerting_rules::{AlertingRule, Cause};

/// The stub. People write the rest.
pub(super) fn stub(service: &str, alert: &AlertingRule) -> String {
    let (seen, first) = match &alert.cause {
        Cause::Burn(slo, severity) => {
            let seen = match slo.kind {
                SloKind::Availability => slo.subject.fails(),
                SloKind::Latency(within) => slo.subject.is_late(within),
            };
            let when = match severity {
                Severity::Page => "Act now: the budget is gone in days.",
                Severity::Ticket => "Act within days.",
            };
            let first = format!(
                "1. {when}\n2. Look at `/health` of the admin listener: the row `{}` of `objective`, then the rows of `policy` and `store` for a \
                 dependency that is sick.\n3. Look at the traces of {} with the attribute `sampling.reason` of `error` or `slow`.",
                slo.name,
                slo.place(),
            );
            (seen, first)
        }
        Cause::Absent => (
            "Nothing, or no answers at all.".to_owned(),
            format!("1. Is the process of {service} there? Read its last log lines.\n2. Is its target up in Prometheus?"),
        ),
        Cause::Watchdog => (
            "Nothing: this alert always fires.".to_owned(),
            "1. When the dead man's switch reports that it stopped, check Prometheus, then Alertmanager, then the receiver.".to_owned(),
        ),
    };
    format!(
        "# {}\n\n{}\n\n## Meaning\n\n{}\n\n## Effect on users\n\n{seen}\n\n## First look\n\n{first}\n\n## Repair\n\nTo be written: what has helped, and \
         who decides.\n",
        alert.name, alert.summary, alert.description,
    )
}
