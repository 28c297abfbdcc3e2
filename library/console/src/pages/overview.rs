//! The overview: objectives, plots, saturation, events.

use maud::html;
use telemetry::Timestamp;
use vitals::{Kind, Registry, Snapshot, TableRow, Unit};

use super::cells::{MAX_CELL, cut};
use super::plot::Plot;
use super::section::Section;
use super::tables::{Shown, section};

/// The most events of a section.
pub const MAX_EVENTS: usize = 200;
/// Events on the overview.
const LAST_EVENTS: usize = 12;
/// Points of an hour, one a minute.
const HOUR: usize = 60;
/// Minutes from which on the plots show minutes.
const YOUNG: usize = 10;
/// Seconds of a fine and of a coarse point.
const FINE: f32 = 5.0;
const COARSE: f32 = 60.0;

const OBJECTIVES: Shown = Shown::only(
    "Objectives",
    "objective",
    &["objective", "route", "kind", "target", "bad", "burn_5m", "burn_1h", "budget_left", "alert"],
);
const SATURATION: Shown = Shown::all("Saturation", "saturation");
const BREAKERS: Shown = Shown::only(
    "Dependencies",
    "policy",
    &["name", "breaker", "breaker_order", "failure_share", "calls_in_flight", "calls_waiting"],
);
const CHILDREN: Shown = Shown::all("Parts", "child");

pub(super) fn sections(registry: &Registry) -> Vec<Section> {
    let shown = |shown: &Shown| section(registry, shown);
    let all = [
        Some(plots(registry)),
        shown(&OBJECTIVES),
        shown(&BREAKERS),
        shown(&SATURATION),
        Some(events(registry, LAST_EVENTS)),
        shown(&CHILDREN),
    ];
    all.into_iter().flatten().collect()
}

/// The last events, the newest first.
pub(super) fn events(registry: &Registry, most: usize) -> Section {
    let past = registry.bus().after(0).events;
    let body = html! {
        @if past.is_empty() { p.soft { "None yet." } } @else {
            table {
                thead { tr { @for head in ["time", "part", "name", "state", "reason"] { th scope="col" { (head) } } } }
                tbody {
                    @for event in past.iter().rev().take(most) {
                        tr {
                            th scope="row" { time { (time_of(event.at)) } }
                            td { (event.part) }
                            td { (cut(&event.name, MAX_CELL)) }
                            td { (cut(&event.state, MAX_CELL)) }
                            td { (cut(&event.reason, MAX_CELL)) }
                        }
                    }
                }
            }
        }
    };
    Section::new("events", "Events", &body)
}

/// Day and time to the second.
fn time_of(at: std::time::SystemTime) -> String {
    let text = Timestamp(at).to_string();
    text.get(5..19).unwrap_or(&text).replace('T', "\u{a0}")
}

fn plots(registry: &Registry) -> Section {
    let rate = |table, title, filter: &[(&str, &str)]| plot(registry, title, table, "requests", filter, Unit::None);
    let plots = [
        rate("http_server", "Requests a second", &[("listener", "public")]),
        rate("http_server", "Failed requests a second", &[("listener", "public"), ("error_type", "5xx")]),
        plot(
            registry,
            "Requests in flight",
            "http_listener",
            "requests_in_flight",
            &[("listener", "public")],
            Unit::None,
        ),
        plot(registry, "Processors in use", "saturation", "ratio", &[("resource", "processors")], Unit::None),
        plot(registry, "Memory", "process", "memory", &[], Unit::Bytes),
    ];
    let body = html! { div.plots { @for plot in &plots { (plot.markup()) } } };
    Section::new("plots", "Recently", &body)
}

/// The sum of a column over the rows with these texts: a rate of counters, the value of gauges.
fn plot(
    registry: &Registry,
    title: &'static str,
    table: &str,
    column: &str,
    filter: &[(&str, &str)],
    unit: Unit,
) -> Plot {
    let (mut fine, mut coarse) = (Vec::new(), Vec::new());
    for snapshot in registry.snapshot_of(&[table]) {
        let Some(at) = snapshot.table.columns.iter().position(|known| known.name == column) else { continue };
        let is_counter = snapshot.table.columns[at].kind == Kind::Counter;
        let (per_fine, per_coarse) = if is_counter { (FINE, COARSE) } else { (1.0, 1.0) };
        for row in snapshot.rows.iter().filter(|row| has(&snapshot, row, filter)) {
            let points = registry.history().points(snapshot.table, row, at);
            add(&mut fine, &points.fine, per_fine);
            add(&mut coarse, &points.coarse, per_coarse);
        }
    }
    match coarse.len() >= YOUNG {
        true => Plot { title, unit, values: coarse, span: "last hour" },
        false => Plot { title, unit, values: fine, span: "last 5 minutes" },
    }
}

fn has(snapshot: &Snapshot, row: &TableRow, filter: &[(&str, &str)]) -> bool {
    filter.iter().all(|(name, text)| {
        let mut cells = snapshot.table.columns.iter().zip(row);
        cells.any(|(column, value)| column.name == *name && value.as_text() == Some(text))
    })
}

fn add(sum: &mut Vec<f32>, points: &[f32], per: f32) {
    let points = &points[..points.len().min(HOUR)];
    if sum.len() < points.len() {
        sum.resize(points.len(), 0.0);
    }
    sum.iter_mut().zip(points).for_each(|(sum, point)| *sum += point / per);
}
