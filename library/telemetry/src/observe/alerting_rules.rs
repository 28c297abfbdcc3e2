//! Alerting rules: few, each on a symptom, each with a playbook.

use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::objectives::{Pair, Severity, Slo};
use crate::observe::numbers::{camel, duration, number, quoted};
use crate::observe::recording_rules::{alerts_group, selector, series};

/// The most alerts of a service: more are not learned.
pub const MAX_ALERTS: usize = 10;
/// Time without numbers of a service after which the page is sent.
const ABSENT: Duration = Duration::from_secs(15 * 60);

/// There would be too many alerts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the objectives make {alerts} alerts, and a service has at most {MAX_ALERTS}: keep the ones that users notice first, and add \
     Objective::without_alerts() to the others"
)]
pub struct TooManyAlerts {
    alerts: usize,
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AlertingRule {
    pub(super) name: String,
    pub(super) expr: String,
    /// The time that the expression has to hold.
    pub(super) held: Duration,
    /// `page`, `ticket`, or `none` for the watchdog.
    pub(super) severity: &'static str,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) cause: Cause,
}

/// Cause of an alert.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cause {
    /// The budget of an objective goes too fast.
    Burn(Box<Slo>, Severity),
    /// The service shows no numbers.
    Absent,
    /// Nothing: it proves that alerts arrive.
    Watchdog,
}

/// The alerts of a service.
pub(super) fn of_service(service: &str, slos: &[Slo], faster: NonZeroU32) -> Result<Vec<AlertingRule>, TooManyAlerts> {
    let burns = slos.iter().filter(|slo| slo.has_alerts).flat_map(|slo| {
        [Severity::Page, Severity::Ticket].into_iter().filter_map(move |severity| burn(service, slo, severity))
    });
    let alerts: Vec<_> = burns.chain([absent(service, ABSENT / faster.get()), watchdog(service)]).collect();
    if alerts.len() > MAX_ALERTS {
        return Err(TooManyAlerts { alerts: alerts.len() });
    }
    Ok(alerts)
}

fn burn(service: &str, slo: &Slo, severity: Severity) -> Option<AlertingRule> {
    let pairs: Vec<Pair> = slo.pairs().filter(|pair| pair.severity == severity).collect();
    let last = pairs.last()?;
    let expr = pairs.iter().map(|pair| pair_expr(service, slo, pair)).collect::<Vec<_>>().join("\nor\n");
    let share = pairs.iter().map(|pair| {
        let share = pair.factor * pair.long.as_secs_f64() / slo.period.as_secs_f64();
        format!("{} % of it in {}", number(share * 100.0), duration(pair.long))
    });
    let (period, word) = (duration(slo.period), if severity == Severity::Page { "Burn" } else { "SlowBurn" });
    Some(AlertingRule {
        name: format!("{}{}{word}", camel(service), camel(&slo.name)),
        expr,
        held: Duration::ZERO,
        severity: severity.name(),
        summary: format!("{service} fails its objective: {}", slo.sentence()),
        description: format!(
            "Over {period}, {}. The budget of bad answers goes too fast: {}. At the slowest of these speeds it is gone in {}.",
            slo.sentence(),
            share.collect::<Vec<_>>().join(", or "),
            duration(slo.period.div_f64(last.factor)),
        ),
        cause: Cause::Burn(Box::new(slo.clone()), severity),
    })
}

/// Both windows burn faster than the factor, and the bad answers are no mere handful.
fn pair_expr(service: &str, slo: &Slo, pair: &Pair) -> String {
    let (select, long, short) = (selector(service, slo), duration(pair.long), duration(pair.short));
    let above = |window: &str| {
        let bound = format!("({} * {})", number(pair.factor), number(slo.budget()));
        format!("max(slo:sli_error:ratio_rate{window}{select} > {bound}) without (sloth_window)")
    };
    let (series, least) = (series(service, slo), slo.min_bad(pair.severity));
    format!(
        "(\n  {}\n  and\n  {}\n  and on()\n  sum(increase(objective_bad_total{series}[{long}])) >= {least}\n)",
        above(&short),
        above(&long),
    )
}

fn absent(service: &str, held: Duration) -> AlertingRule {
    AlertingRule {
        name: format!("{}Absent", camel(service)),
        expr: format!("absent(objective_events_total{{service={}}})", quoted(service)),
        held,
        severity: "page",
        summary: format!("{service} shows no numbers"),
        description: format!(
            "Prometheus has had no metrics of {service} for {}: it does not run, or is not scraped.",
            duration(held)
        ),
        cause: Cause::Absent,
    }
}

fn watchdog(service: &str) -> AlertingRule {
    AlertingRule {
        name: format!("{}Watchdog", camel(service)),
        expr: "vector(1)".to_owned(),
        held: Duration::ZERO,
        severity: "none",
        summary: "This alert always fires".to_owned(),
        description: "Send it to a dead man's switch: when it stops arriving, alerts no longer reach anybody."
            .to_owned(),
        cause: Cause::Watchdog,
    }
}

/// The group of all alerts.
pub(super) fn group(service: &str, alerts: &[AlertingRule], playbooks: &str) -> String {
    let mut out = format!("- name: {}\n  rules:\n", alerts_group(service));
    for alert in alerts {
        let _ = writeln!(out, "  - alert: {}\n    expr: |-", alert.name);
        for line in alert.expr.lines() {
            let _ = writeln!(out, "      {line}");
        }
        if alert.held > Duration::ZERO {
            let _ = writeln!(out, "    for: {}", duration(alert.held));
        }
        let runbook = format!("{}/{}.md", playbooks.trim_end_matches('/'), alert.name);
        let _ = writeln!(
            out,
            "    labels:\n      owner: {0}\n      service: {0}\n      severity: {1}\n    annotations:\n      summary: {2}\n      description: {3}\n      \
             runbook_url: {4}\n      dashboard_url: {5}",
            quoted(service),
            quoted(alert.severity),
            quoted(&alert.summary),
            quoted(&alert.description),
            quoted(&runbook),
            quoted(&format!("/d/{service}-objectives")),
        );
    }
    out
}
