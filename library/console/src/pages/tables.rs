//! Tables of the registry as sections.

use std::time::Duration;

use maud::{Markup, html};
use vitals::{Column, Kind, Registry, Snapshot, TableRow, TableValue, Unit};

use super::cells::{MAX_CELL, cut, number};
use super::section::{MAX_ROWS, Section, more};

/// The window of distributions.
const WINDOW: Duration = Duration::from_secs(60);
/// A table with more columns and at most [`FEW_ROWS`] rows is shown with a line for each column.
const MANY_COLUMNS: usize = 12;
const FEW_ROWS: usize = 2;

/// A table on a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    title: &'static str,
    table: &'static str,
    /// The columns; empty for all.
    columns: &'static [&'static str],
    /// A column, and the text that it must have.
    filter: Option<(&'static str, &'static str)>,
    /// True to leave out rows in which nothing was counted.
    is_busy: bool,
}

impl Shown {
    pub(super) const fn all(title: &'static str, table: &'static str) -> Self {
        Self { title, table, columns: &[], filter: None, is_busy: false }
    }

    pub(super) const fn only(title: &'static str, table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { title, table, columns, filter: None, is_busy: false }
    }

    pub(super) const fn of(self, column: &'static str, text: &'static str) -> Self {
        Self { filter: Some((column, text)), ..self }
    }

    pub(super) const fn busy(self) -> Self {
        Self { is_busy: true, ..self }
    }

    fn has(&self, column: &Column) -> bool {
        let is_filter = self.filter.is_some_and(|(name, _)| name == column.name);
        !is_filter && (self.columns.is_empty() || self.columns.contains(&column.name))
    }
}

/// The list of all tables.
pub(super) fn all(registry: &Registry) -> Section {
    let mut tables = registry.shapes();
    tables.sort_by_key(|table| table.name);
    tables.dedup_by_key(|table| table.name);
    let body = html! {
        table {
            thead { tr { th scope="col" { "table" } th scope="col" { "rows" } } }
            tbody {
                @for table in tables {
                    tr {
                        th scope="row" { a href={ "/console/tables/" (table.name) } { (table.name) } }
                        td { (table.help) }
                    }
                }
            }
        }
    };
    Section::new("tables", "Tables", &body)
}

/// One table with all its columns.
pub(super) fn whole(registry: &Registry, name: &str) -> Option<Section> {
    let snapshot = registry.snapshot_of(&[name]).pop()?;
    let shown =
        Shown { title: snapshot.table.name, table: snapshot.table.name, columns: &[], filter: None, is_busy: false };
    Some(of_snapshot(registry, &snapshot, &shown))
}

/// A table of a page; none when the service does not have it.
pub(super) fn section(registry: &Registry, shown: &Shown) -> Option<Section> {
    let snapshot = registry.snapshot_of(&[shown.table]).pop()?;
    Some(of_snapshot(registry, &snapshot, shown))
}

fn of_snapshot(registry: &Registry, snapshot: &Snapshot, shown: &Shown) -> Section {
    let table = snapshot.table;
    let columns: Vec<(usize, &Column)> =
        table.columns.iter().enumerate().filter(|(_, column)| shown.has(column)).collect();
    let passes = |row: &&TableRow| {
        shown.filter.is_none_or(|(name, text)| {
            let mut cells = table.columns.iter().zip(row.iter());
            cells.any(|(column, value)| column.name == name && value.as_text() == Some(text))
        })
    };
    let counted = |row: &&TableRow| {
        let has_more = |(at, value): (usize, &TableValue)| match value {
            TableValue::Count(count) => *count > 0,
            TableValue::Distribution(_) => registry.history().distribution(table, row, at, WINDOW).count() > 0,
            _ => false,
        };
        !shown.is_busy || row.iter().enumerate().any(has_more)
    };
    let all = snapshot.rows.iter().filter(passes).count();
    let mut rows: Vec<&TableRow> = snapshot.rows.iter().filter(passes).filter(counted).collect();
    rows.sort_by(|a, b| table.labels(a).cmp(table.labels(b)));
    let cells = |row: &TableRow| -> Vec<Shape> {
        columns.iter().flat_map(|(at, column)| shapes(registry, snapshot, row, *at, column)).collect()
    };
    let heads: Vec<(String, &str)> = columns.iter().flat_map(|(_, column)| heads(column)).collect();
    let body = html! {
        @if !table.help.is_empty() { p.soft { (table.help) } }
        @if rows.len() < all { p.soft { (all - rows.len()) " rows without any are left out." } }
        @if all == 0 { p.soft { "No rows." } } @else if rows.is_empty() {}
        @else if heads.len() > MANY_COLUMNS && rows.len() <= FEW_ROWS {
            (on_its_side(&heads, &rows.iter().map(|row| cells(row)).collect::<Vec<_>>()))
        } @else {
            table {
                thead { tr { @for (head, help) in &heads { th scope="col" title=(help) { (head) } } } }
                tbody {
                    @for row in rows.iter().take(MAX_ROWS) {
                        tr { @for (at, cell) in cells(row).iter().enumerate() {
                            @if at == 0 { th scope="row" { (cell.markup()) } } @else { td class=[cell.class()] { (cell.markup()) } }
                        } }
                    }
                }
            }
            (more(rows.len().min(MAX_ROWS), rows.len()))
        }
        @if !shown.columns.is_empty() { p.soft { a href={ "/console/tables/" (table.name) } { "All columns of " (table.name) } } }
    };
    Section::new(shown.title, shown.title, &body)
}

/// A line for each column, and a column for each row.
fn on_its_side(heads: &[(String, &str)], rows: &[Vec<Shape>]) -> Markup {
    html! {
        table.pairs {
            tbody {
                @for (at, (head, help)) in heads.iter().enumerate() {
                    tr {
                        th scope="row" title=(help) { (head) }
                        @for row in rows { td class=[row[at].class()] { (row[at].markup()) } }
                    }
                }
            }
        }
    }
}

/// A cell.
#[derive(Debug)]
enum Shape {
    Text(String),
    Number(String),
    /// A state that is not as it should be.
    Degraded(String),
}

impl Shape {
    fn class(&self) -> Option<&'static str> {
        matches!(self, Self::Number(_)).then_some("number")
    }

    fn markup(&self) -> Markup {
        match self {
            Self::Text(text) if text.is_empty() => html! { span.soft { "\u{2013}" } },
            Self::Text(text) | Self::Number(text) => html! { (text) },
            Self::Degraded(text) => html! { strong.bad { (text) } },
        }
    }
}

fn heads(column: &Column) -> Vec<(String, &str)> {
    let name = column.name.replace('_', " ");
    match column.kind {
        Kind::Histogram => {
            ["count", "p50", "p99"].map(|part| (format!("{name} {part}"), column.help)).into_iter().collect()
        }
        _ => vec![(name, column.help)],
    }
}

fn shapes(registry: &Registry, snapshot: &Snapshot, row: &TableRow, at: usize, column: &Column) -> Vec<Shape> {
    let number_of = |value: f64| Shape::Number(number(value, column.unit));
    match &row[at] {
        TableValue::Text(text) if column.degraded.contains(&&**text) => vec![Shape::Degraded(text.to_string())],
        TableValue::Text(text) => vec![Shape::Text(cut(text, MAX_CELL))],
        TableValue::Count(count) => vec![number_of(*count as f64)],
        TableValue::Level(level) => vec![number_of(*level)],
        TableValue::Flag(flag) => vec![Shape::Text(if *flag { "yes" } else { "no" }.to_owned())],
        TableValue::Distribution(_) => {
            let window = registry.history().distribution(snapshot.table, row, at, WINDOW);
            let quantile = |q| match window.count() {
                0 => Shape::Text(String::new()),
                _ => Shape::Number(number(window.quantile(q).as_secs_f64(), Unit::Seconds)),
            };
            vec![Shape::Number(number(window.count() as f64, Unit::None)), quantile(0.5), quantile(0.99)]
        }
    }
}
