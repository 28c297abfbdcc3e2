//! `[errors]` of `keel.toml`: a request that fails, and where its report is read.

use keel_input::diagnostics::Reading;
use serde::Deserialize;
use toml::Spanned;

use super::dead_letters::{pointer, unfilled};
use super::values::{fixed_path, url_path};

/// A request that fails, and the places of its report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorReports {
    /// Name of the request.
    pub request: String,
    /// Name of the dependency that is taken away for it; none for a request that fails by itself.
    pub without: Option<String>,
    /// A text of the cause that each report must have.
    pub cause: Option<String>,
    /// The groups of equal failures, if they are listed.
    pub list: Option<ErrorList>,
    /// True if reports are sent to `SENTRY_DSN`.
    pub sentry: bool,
}

/// The list of the groups of failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorList {
    /// Path of the list.
    pub path: String,
    /// JSON pointer of the rows in its answer; empty for the answer itself.
    pub rows: String,
    /// JSON pointer of the id in a row.
    pub id: String,
    /// JSON pointer of the number of failures in a row.
    pub count: String,
    /// Path of the reports of a group, with `{id}`.
    pub show: String,
    /// JSON pointer of the list of reports in what `show` answers; empty for an answer that is one report.
    pub reports: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorsTable {
    /// Name of a request in `[[requests]]` that fails with 5xx, by itself or without the dependency of `without`.
    /// Required.
    /// Example: `request = "look"`
    request: Spanned<String>,
    /// Name of the dependency that is taken away while it is sent.
    /// Default: it fails by itself.
    /// Example: `without = "bank"`
    without: Option<Spanned<String>>,
    /// Text of the cause that a report must have.
    /// Default: the name or the address of the dependency of `without`; else causes are not examined.
    /// Example: `cause = "out of stock"`
    cause: Option<String>,
    /// Path on `admin` of the list of groups of equal failures.
    /// Default: only what comes to `SENTRY_DSN` is examined.
    /// Example: `list = "/debug/errors"`
    list: Option<Spanned<String>>,
    /// JSON pointer of the rows in the answer.
    /// Default: the answer is the list.
    /// Example: `rows = "/errors"`
    rows: Option<Spanned<String>>,
    /// JSON pointer of the id in a row.
    /// Default: `/id`.
    /// Example: `id = "/fingerprint"`
    id: Option<Spanned<String>>,
    /// JSON pointer of the number of failures in a row.
    /// Default: `/count`.
    /// Example: `count = "/failures"`
    count: Option<Spanned<String>>,
    /// Path on `admin` of the reports of a group; a template of `{id}`.
    /// Default: that of the list: a row is the report.
    /// Example: `show = "/debug/errors/{id}"`
    show: Option<Spanned<String>>,
    /// JSON pointer of the list of reports in what `show` answers.
    /// Default: the answer is one report.
    /// Example: `reports = "/reports"`
    reports: Option<Spanned<String>>,
    /// True if the service sends reports to `SENTRY_DSN`, by the protocol of Sentry.
    /// Default: `false`.
    /// Example: `sentry = true`
    #[serde(default)]
    sentry: bool,
}

/// Reads the table; `requests` are the names in `[[requests]]`, `dependencies` those of the dependencies.
pub(super) fn read(
    reading: &mut Reading<'_>,
    table: ErrorsTable,
    requests: &[&str],
    dependencies: &[&str],
) -> Option<ErrorReports> {
    if !requests.contains(&table.request.get_ref().as_str()) {
        reading.wrong(&table.request.span(), format!("`request`: no request is called {:?}", table.request.get_ref()));
    }
    if let Some(without) = table.without.as_ref().filter(|name| !dependencies.contains(&name.get_ref().as_str())) {
        reading.wrong(&without.span(), format!("`without`: no dependency is called {:?}", without.get_ref()));
    }
    if table.list.is_none() && !table.sentry {
        let why = "it is not known where a report is read: give [errors] a `list`, or `sentry = true`";
        reading.wrong(&table.request.span(), why);
    }
    let rows = pointer(reading, table.rows, "rows", "");
    let id = pointer(reading, table.id, "id", "/id");
    let count = pointer(reading, table.count, "count", "/count");
    let reports = pointer(reading, table.reports, "reports", "");
    let show = table.show.map(|show| {
        reading.kept(&show.span(), url_path(show.get_ref()).map_err(|what| format!("`show`: {what}")));
        unfilled(reading, &show, "show", show.get_ref(), &["id"]);
        show.into_inner()
    });
    let list = table.list.and_then(|list| {
        let path = reading.kept(&list.span(), fixed_path(list.get_ref()).map_err(|what| format!("`list`: {what}")))?;
        Some(ErrorList { path, rows, id, count, show: show.unwrap_or_default(), reports })
    });
    Some(ErrorReports {
        request: table.request.into_inner(),
        without: table.without.map(Spanned::into_inner),
        cause: table.cause,
        list,
        sentry: table.sentry,
    })
}
