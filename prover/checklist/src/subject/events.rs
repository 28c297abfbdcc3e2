//! `[events]` of `keel.toml`: the event log, the request that appends to it, and a projection of it.

use keel_input::diagnostics::Reading;
use serde::Deserialize;
use toml::Spanned;

use super::dead_letters::{lever_of, pointer, unfilled};
use super::dependency::Lever;
use super::values::url_path;

/// The event log. Its pages are read on the admin listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// Path of a page, with `{after}` in the place of the position of the last event that was read.
    pub read: String,
    /// JSON pointer of the events in its answer, the first one of them first; empty for the answer itself.
    pub rows: String,
    /// JSON pointer of the position in an event.
    pub cursor: String,
    /// JSON pointer in an event of the value by which it is told whose event it is: one that the answer of `append` saves, or its key.
    pub id: String,
    /// JSON pointer in the answer of the position of the last event of the log; none when that is found by reading it.
    pub end: Option<String>,
    /// The name of the request that appends an event.
    pub append: String,
    /// A number of a projection that each of these events moves by the same amount.
    pub projection: Option<Figure>,
    /// Request of operators that builds the projection anew from the first event.
    pub rebuild: Option<Lever>,
    /// The way to an event in an old form.
    pub old: Old,
}

/// The way to an event in an old form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Old {
    /// Not declared.
    #[default]
    Unsaid,
    /// There has only ever been one form.
    None,
    /// This shell command appends one.
    Command(String),
}

/// A number that a path shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The path; a template.
    pub read: String,
    /// JSON pointer of the number in the answer; `*` in it stands for every item of a list, whose numbers are added.
    #[serde(default)]
    pub value: String,
    /// True if the path is one of the admin listener.
    #[serde(default)]
    pub admin: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsTable {
    /// Path on `admin` of a page of the event log, the first event first; a template of `{after}`, the position of the last event that was read, which is empty at first.
    /// Required.
    /// Example: `read = "/events?after={after}"`
    read: Spanned<String>,
    /// JSON pointer of the events in the answer.
    /// Default: the answer is the list.
    /// Example: `rows = "/events"`
    rows: Option<Spanned<String>>,
    /// JSON pointer of the position in an event.
    /// Default: `/cursor`.
    /// Example: `cursor = "/position"`
    cursor: Option<Spanned<String>>,
    /// JSON pointer in an event of a value that the answer of `append` saves, or of its key.
    /// Default: `/id`.
    /// Example: `id = "/stream"`
    id: Option<Spanned<String>>,
    /// JSON pointer in the answer of the position of the last event.
    /// Default: the log is read to its end.
    /// Example: `end = "/end"`
    end: Option<Spanned<String>>,
    /// Name of the request that appends an event.
    /// Required.
    /// Example: `append = "a request"`
    append: Spanned<String>,
    /// Number of a projection that each of these events moves by the same amount: the path `read`, a template, and the JSON pointer `value`, in which `*` adds the items of a list; with `admin = true` on the admin listener.
    /// Default: projections are not examined.
    /// Example: `projection = { read = "/totals", value = "/orders" }`
    projection: Option<Figure>,
    /// Request to `admin` that builds the projection anew from the first event: `method`, `path`, `json`, with `{author}` and `{reason}`.
    /// Default: not examined.
    /// Example: `rebuild = { method = "POST", path = "/totals/rebuild" }`
    rebuild: Option<Spanned<Lever>>,
    /// Command, run in `workdir`, that appends an event in an old form, or `"none"`: events have only ever had one form.
    /// Default: not examined.
    /// Example: `old = "none"`
    old: Option<Spanned<String>>,
}

/// Reads the table.
pub(super) fn read(reading: &mut Reading<'_>, table: EventsTable, is_request: impl Fn(&str) -> bool) -> Option<Events> {
    let span = table.read.span();
    let path = reading.kept(&span, url_path(table.read.get_ref()).map_err(|what| format!("`read`: {what}")));
    unfilled(reading, &table.read, "read", table.read.get_ref(), &["after"]);
    if !table.read.get_ref().contains("{after}") {
        reading.wrong(&span, "`read` has no {after}, the position of the last event that was read");
    }
    let rows = pointer(reading, table.rows, "rows", "");
    let cursor = pointer(reading, table.cursor, "cursor", "/cursor");
    let id = pointer(reading, table.id, "id", "/id");
    let end = table.end.map(|end| pointer(reading, Some(end), "end", ""));
    if !is_request(table.append.get_ref()) {
        let what = format!("no request is called {:?}: name one of [[requests]]", table.append.get_ref());
        reading.wrong(&table.append.span(), what);
    }
    let rebuild = lever_of(reading, table.rebuild, "rebuild", &["author", "reason"]);
    let old = match table.old.map(Spanned::into_inner) {
        None => Old::Unsaid,
        Some(word) if word == "none" => Old::None,
        Some(command) => Old::Command(command),
    };
    let append = table.append.into_inner();
    path.map(|_| Events {
        read: table.read.into_inner(),
        rows,
        cursor,
        id,
        end,
        append,
        projection: table.projection,
        rebuild,
        old,
    })
}
