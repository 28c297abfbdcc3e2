//! `[console]` of `keel.toml`: the pages that operators look at, and the levers on them.

use std::collections::BTreeMap;

use keel_input::diagnostics::Reading;
use keel_input::template;
use regex::Regex;
use serde::Deserialize;
use toml::Spanned;

use super::values::url_path;

/// The names in a lever.
const NAMES: [&str; 2] = ["author", "reason"];

/// The console of operators on the admin listener.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Console {
    /// The path of its first page.
    pub page: String,
    /// A number on a page that requests change.
    pub number: Option<Number>,
    /// A lever.
    pub lever: Option<Act>,
    /// The lever that takes it back.
    pub release: Option<Act>,
    /// The same lever without an operator's identity.
    pub anonymous: Option<Act>,
    /// The words of a page while the lever is pulled.
    pub shows: Option<Shown>,
    /// Name of the request that is not answered as declared while the lever is pulled.
    pub stops: Option<String>,
    /// Command of a terminal that prints live state.
    pub terminal: Option<String>,
}

/// A request of an operator; `{author}` and `{reason}` of its body are filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a form, or JSON.
    #[serde(default)]
    pub body: String,
}

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The path of the page.
    pub page: String,
    /// A regular expression that finds it.
    pub pattern: String,
}

/// A number on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The path of the page.
    pub page: String,
    /// A regular expression whose first group is the number.
    pub pattern: String,
    /// Name of the request in `[[requests]]` that raises it by one.
    pub of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsoleTable {
    /// Path of its first page on `admin`.
    /// Required.
    /// Example: `page = "/console"`
    page: Spanned<String>,
    /// A number on a page that each request of a kind raises by one: the path of the `page`, the `pattern` whose first group it is, the name `of` the request.
    /// Default: not examined.
    /// Example: `number = { page = "/console/routes", pattern = "look: ([0-9]+)", of = "look" }`
    number: Option<Spanned<Number>>,
    /// A lever: `method`, `path`, `headers`, and the `body`, a template of `{author}` and `{reason}`.
    /// Default: not examined.
    /// Example: `lever = { method = "POST", path = "/console/trip", body = "by={author}&why={reason}" }`
    lever: Option<Spanned<Act>>,
    /// The lever that takes it back.
    /// Default: `lever` is not pulled.
    /// Example: `release = { method = "POST", path = "/console/release", body = "by={author}&why={reason}" }`
    release: Option<Spanned<Act>>,
    /// The same as `lever`, without an operator's identity.
    /// Default: not examined.
    /// Example: `anonymous = { method = "POST", path = "/console/trip", body = "why={reason}" }`
    anonymous: Option<Spanned<Act>>,
    /// The words of a page while the lever is pulled: the path of the `page`, and the `pattern`.
    /// Default: `lever` is not pulled.
    /// Example: `shows = { page = "/console", pattern = "forced open" }`
    shows: Option<Spanned<Shown>>,
    /// Name of the request that is not answered as declared while the lever is pulled.
    /// Default: the effect is looked for on the page alone.
    /// Example: `stops = "look"`
    stops: Option<Spanned<String>>,
    /// Command, run in `workdir`, that prints the number of `number` in a terminal.
    /// Default: not examined.
    /// Example: `terminal = "target/release/orders query 'SELECT hits FROM routes'"`
    terminal: Option<String>,
}

/// Reads the table; `requests` are the names in `[[requests]]`.
pub(super) fn read(reading: &mut Reading<'_>, table: ConsoleTable, requests: &[&str]) -> Option<Console> {
    let page = path(reading, &table.page.span(), "page", table.page.get_ref());
    for (field, act) in [("lever", &table.lever), ("release", &table.release), ("anonymous", &table.anonymous)] {
        let Some(act) = act else { continue };
        path(reading, &act.span(), field, &act.get_ref().path);
        for name in template::unknown(&act.get_ref().body, |name| NAMES.contains(&name)) {
            reading
                .wrong(&act.span(), format!("`{field}`: nothing fills {{{name}}}; known here: {{author}}, {{reason}}"));
        }
    }
    if let Some(shows) = &table.shows {
        path(reading, &shows.span(), "shows", &shows.get_ref().page);
        pattern(reading, &shows.span(), "shows", &shows.get_ref().pattern, 0);
    }
    if let Some(number) = &table.number {
        path(reading, &number.span(), "number", &number.get_ref().page);
        pattern(reading, &number.span(), "number", &number.get_ref().pattern, 1);
        known(reading, &number.span(), "number", &number.get_ref().of, requests);
    }
    if let Some(stops) = &table.stops {
        known(reading, &stops.span(), "stops", stops.get_ref(), requests);
    }
    Some(Console {
        page: page?,
        number: table.number.map(Spanned::into_inner),
        lever: table.lever.map(Spanned::into_inner),
        release: table.release.map(Spanned::into_inner),
        anonymous: table.anonymous.map(Spanned::into_inner),
        shows: table.shows.map(Spanned::into_inner),
        stops: table.stops.map(Spanned::into_inner),
        terminal: table.terminal,
    })
}

fn path(reading: &mut Reading<'_>, span: &std::ops::Range<usize>, field: &str, text: &str) -> Option<String> {
    reading.kept(span, url_path(text).map_err(|what| format!("`{field}`: path = {what}"))).map(|_| text.to_owned())
}

fn pattern(reading: &mut Reading<'_>, span: &std::ops::Range<usize>, field: &str, text: &str, groups: usize) {
    match Regex::new(text) {
        Err(error) => reading.wrong(span, format!("`{field}`: `pattern` = {error}")),
        Ok(regex) if regex.captures_len() <= groups => {
            reading.wrong(span, format!("`{field}`: `pattern` has no group: put the number into parentheses"));
        }
        Ok(_) => {}
    }
}

fn known(reading: &mut Reading<'_>, span: &std::ops::Range<usize>, field: &str, name: &str, requests: &[&str]) {
    if !requests.contains(&name) {
        reading.wrong(span, format!("`{field}`: no request is called {name:?}"));
    }
}
