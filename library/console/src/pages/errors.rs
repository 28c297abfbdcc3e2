//! Failures in groups, and the reports of one group.

use maud::{Markup, html};
use serde_json::Value;
use telemetry::Timestamp;
use telemetry::errors::{ErrorGroup, Errors};
use vitals::Registry;

use super::cells::{MAX_CELL, cut};
use super::section::{Section, more};
use super::tables::{Shown, section};

/// The most groups on the page.
const MAX_SHOWN: usize = 100;

const REPORTS: Shown = Shown::all("Reports", "error_reports");
const SENTRY: Shown = Shown::all("Sentry", "sentry");

/// All groups, the one with the last failure first.
pub(super) fn all(registry: &Registry, errors: Option<&Errors>) -> Vec<Section> {
    let groups = errors.map(Errors::groups_now).unwrap_or_default();
    let body = html! {
        @if groups.is_empty() { p.soft { "No request and no job has failed since the start." } } @else {
            table {
                thead { tr {
                    @for head in ["fingerprint", "failures", "last", "of", "kind", "message"] { th scope="col" { (head) } }
                } }
                tbody {
                    @for group in groups.iter().take(MAX_SHOWN) {
                        tr {
                            th scope="row" { a href={ "/console/errors/" (group.fingerprint) } { (group.fingerprint) } }
                            td.number { (group.count) }
                            td { (Timestamp(group.last)) }
                            td { (of(group)) }
                            td { (cut(&group.kind, MAX_CELL)) }
                            td { (cut(&group.message, MAX_CELL)) }
                        }
                    }
                }
            }
            (more(groups.len().min(MAX_SHOWN), groups.len()))
        }
    };
    let mut sections = vec![Section::new("errors", "Failures", &body)];
    sections.extend([REPORTS, SENTRY].iter().filter_map(|shown| section(registry, shown)));
    sections
}

/// A group with its reports, the last one first.
pub(super) fn one(errors: Option<&Errors>, fingerprint: &str) -> Vec<Section> {
    let Some(group) = errors.and_then(|errors| errors.group(fingerprint)) else { return Vec::new() };
    let body = html! {
        table.pairs { tbody {
            @for (name, value) in [
                ("failures", group.count.to_string()),
                ("first", Timestamp(group.first).to_string()),
                ("last", Timestamp(group.last).to_string()),
                ("of", of(&group)),
                ("kind", group.kind.clone()),
                ("place", group.place.clone()),
                ("message", group.message.clone()),
            ] { tr { th scope="row" { (name) } td { (value) } } }
        } }
        p.soft { a href={ "/debug/errors/" (group.fingerprint) } { "The reports as JSON" } }
    };
    let mut sections = vec![Section::new("error", "Failures of this kind", &body)];
    for (number, report) in group.reports.iter().enumerate().rev() {
        let at = report["at"].as_str().unwrap_or_default();
        sections.push(Section::new(&format!("report-{number}"), &format!("Report of {at}"), &members(report)));
    }
    sections
}

fn of(group: &ErrorGroup) -> String {
    format!("{} {}", group.method, group.name).trim().to_owned()
}

/// The members of a report, a line each; lists have a line for each entry.
fn members(report: &Value) -> Markup {
    let members = report.as_object().into_iter().flatten();
    html! {
        table.pairs { tbody {
            @for (name, value) in members { tr {
                th scope="row" { (name.replace('_', " ")) }
                td {
                    @match value {
                        Value::Array(entries) => { @for entry in entries { div { (text(entry)) } } }
                        Value::Object(own) => { @for (name, value) in own { div { (name.replace('_', " ")) ": " (text(value)) } } }
                        other => { (text(other)) }
                    }
                }
            } }
        } }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "\u{2013}".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
