//! The tables of failures: `errors`, a row a group, and `error_reports`, their sums.

use std::sync::{Arc, Mutex};

use vitals::{Column, Source, Table, TableRow, TableValue};

use super::groups::{Groups, Identity, MAX_GROUPS, lock};
use crate::Timestamp;

const ERRORS: Table = Table {
    name: "errors",
    help: "Failures since the start in groups of equal ones; /debug/errors/FINGERPRINT has the reports of a group.",
    columns: &[
        Column::key("fingerprint", "Fingerprint of route, kind and place."),
        Column::state("work", "request or job."),
        Column::state("method", "Method of the request."),
        Column::state("name", "Route of the request, or kind of the job."),
        Column::state("kind", "Type of the error, panic, failed call, or status."),
        Column::state("place", "File and line."),
        Column::state("message", "Message of the first failure, without secrets."),
        Column::counter("failures", "Its failures."),
        Column::gauge("reports", "Reports of it that are kept."),
        Column::state("first", "Time of the first failure."),
        Column::state("last", "Time of the last failure."),
    ],
};

const SUMS: Table = Table {
    name: "error_reports",
    help: "Failures of requests and jobs, and their reports.",
    columns: &[
        Column::counter("failures", "Failures."),
        Column::counter("made", "Reports that were made."),
        Column::counter(
            "without",
            "Failures without a report of their own: their group had one less than a minute ago.",
        ),
        Column::gauge("groups", "Groups of equal failures."),
        Column::gauge("groups_limit", "The most groups."),
        Column::counter("groups_replaced", "Groups that gave way to others because there were too many."),
    ],
};

/// The rows of the groups.
#[derive(Debug)]
pub(super) struct GroupRows(pub(super) Arc<Mutex<Groups>>);

/// The row of the sums.
#[derive(Debug)]
pub(super) struct SumRows(pub(super) Arc<Mutex<Groups>>);

impl Source for GroupRows {
    fn table(&self) -> &'static Table {
        &ERRORS
    }

    fn rows(&self) -> Vec<TableRow> {
        let mut groups: Vec<_> = lock(&self.0)
            .groups
            .values()
            .map(|group| (group.identity.clone(), group.count, group.reports.len(), group.first, group.last))
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.4));
        let text = |text: &str| TableValue::text(text);
        let row = |(identity, count, reports, first, last): (Arc<Identity>, u64, usize, _, _)| {
            vec![
                text(&identity.fingerprint),
                text(identity.work),
                text(&identity.method),
                text(&identity.name),
                text(&identity.kind),
                text(&identity.place),
                text(&identity.message),
                TableValue::from(count),
                TableValue::from(reports as u64),
                TableValue::text(Timestamp(first).to_string()),
                TableValue::text(Timestamp(last).to_string()),
            ]
        };
        groups.into_iter().map(row).collect()
    }
}

impl Source for SumRows {
    fn table(&self) -> &'static Table {
        &SUMS
    }

    fn rows(&self) -> Vec<TableRow> {
        let groups = lock(&self.0);
        let (sums, count) = (groups.sums, groups.groups.len() as u64);
        let numbers = [sums.failures, sums.reports, sums.without_report, count, MAX_GROUPS as u64, sums.replaced];
        vec![numbers.map(TableValue::from).to_vec()]
    }
}
