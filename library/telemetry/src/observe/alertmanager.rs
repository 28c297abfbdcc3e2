//! An example of Alertmanager's configuration: routes by severity, and what an alert silences.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::objectives::{Severity, Slo, SloKind};
use crate::observe::alerting_rules::{AlertingRule, Cause};
use crate::observe::numbers::{duration, quoted};

const MINUTE: Duration = Duration::from_secs(60);
/// The interval in which Prometheus evaluates rules by default.
const EVALUATION: Duration = MINUTE;
/// The longest wait of a page for others of the same outage.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// The wait of a page for the other objectives of the same outage, so that one outage is one page: the time between the first and the last
/// availability alert when everything fails, and one evaluation of the rules.
fn page_wait(alerts: &[AlertingRule], faster: NonZeroU32) -> Duration {
    let fires = |slo: &Slo| {
        let pages = slo.pairs().filter(|pair| pair.severity == Severity::Page);
        pages.map(|pair| pair.long.mul_f64(pair.factor * slo.budget())).min()
    };
    let times: Vec<Duration> = alerts
        .iter()
        .filter_map(|alert| match &alert.cause {
            Cause::Burn(slo, Severity::Page) if slo.kind == SloKind::Availability => fires(slo),
            _ => None,
        })
        .collect();
    let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
    let spread = last.unwrap_or_default() - first.unwrap_or_default();
    let wait = (spread + EVALUATION / faster.get()).min(LONGEST_WAIT / faster.get());
    Duration::from_secs(wait.as_secs_f64().ceil() as u64)
}

/// The example. Receivers are empty: where alerts go is not known here. All waits are divided by `faster`.
pub(super) fn example(head: &str, service: &str, alerts: &[AlertingRule], faster: NonZeroU32) -> String {
    let wait = |time: Duration| duration(time / faster.get());
    let name_of = |cause: &Cause| {
        let alert = alerts.iter().find(|alert| alert.cause == *cause);
        alert.map(|alert| alert.name.clone()).unwrap_or_default()
    };
    let (absent, watchdog) = (name_of(&Cause::Absent), name_of(&Cause::Watchdog));
    let matcher = |label: &str, value: &str| quoted(&format!("{label}={}", quoted(value)));
    format!(
        r#"{head}# An example: give the receivers addresses, and merge it into the configuration of Alertmanager.
route:
  receiver: nobody
  group_by: [service]
  routes:
  - matchers: [{watchdog}]
    receiver: dead-mans-switch
    group_wait: {shortest}
    group_interval: {update}
    repeat_interval: {update}
  - matchers: [{service}, {page}]
    receiver: page
    group_by: [service]
    # One outage is one page: it waits until the objectives that it breaks have fired.
    group_wait: {page_wait}
    group_interval: {update}
    repeat_interval: {hour}
  - matchers: [{service}, {ticket}]
    receiver: ticket
    group_by: [service, sloth_slo]
    group_wait: {page_wait}
    group_interval: {update}
    repeat_interval: {days}
inhibit_rules:
# Without numbers of the service its other alerts say nothing.
- source_matchers: [{absent}]
  target_matchers: [{service}, {others}]
  equal: [service]
# Who is paged needs no ticket for the same objective.
- source_matchers: [{service}, {page}]
  target_matchers: [{service}, {ticket}]
  equal: [sloth_id]
receivers:
- name: nobody
- name: dead-mans-switch
- name: page
- name: ticket
"#,
        service = matcher("service", service),
        page = matcher("severity", "page"),
        ticket = matcher("severity", "ticket"),
        absent = matcher("alertname", &absent),
        others = quoted(&format!("alertname!={}", quoted(&absent))),
        watchdog = matcher("alertname", &watchdog),
        shortest = wait(MINUTE / 6),
        update = wait(5 * MINUTE),
        hour = wait(60 * MINUTE),
        days = wait(3 * 24 * 60 * MINUTE),
        page_wait = duration(page_wait(alerts, faster)),
    )
}
