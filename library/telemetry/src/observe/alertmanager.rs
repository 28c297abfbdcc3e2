//! An example of Alertmanager's configuration: routes by severity, and what an alert silences.

use crate::observe::alerting_rules::{AlertingRule, Cause};
use crate::observe::numbers::quoted;

/// The example. Receivers are empty: where alerts go is not known here.
pub(super) fn example(head: &str, service: &str, alerts: &[AlertingRule]) -> String {
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
    repeat_interval: 5m
  - matchers: [{service}, {page}]
    receiver: page
    group_by: [service]
    group_wait: 10s
    repeat_interval: 1h
  - matchers: [{service}, {ticket}]
    receiver: ticket
    group_by: [service, sloth_slo]
    repeat_interval: 3d
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
    )
}
