//! `[query]` of `keel.toml`: how the live state is asked ad hoc.

use std::collections::BTreeMap;

use keel_input::diagnostics::Reading;
use keel_input::template;
use serde::Deserialize;
use toml::Spanned;

use super::values::url_path;

/// The name that stands for a question.
const NAME: &str = "query";

/// The interface to the live state, and questions about it. All go to the admin listener.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryInterface {
    /// The method.
    pub method: String,
    /// Path and query, with `{query}`, which is percent-encoded.
    pub path: String,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The body, with `{query}`, which is left as it is.
    pub body: Option<String>,
    /// True if questions are SELECTs, which keel puts into others.
    pub is_sql: bool,
    /// Questions about parts, by the names of the parts.
    pub ask: BTreeMap<String, String>,
    /// A number that requests change.
    pub counts: Option<Counts>,
    /// A question that would change something.
    pub write: Option<String>,
    /// A question that has no end.
    pub endless: Option<String>,
    /// A question with a very large answer.
    pub large: Option<String>,
}

/// A number of the live state that rises by one with each request of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The question.
    pub question: String,
    /// JSON pointer of the number in its answer; none when the answer is nothing but the number.
    pub value: Option<String>,
    /// Name of the request in `[[requests]]`.
    pub of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryTable {
    /// Method of the request that asks.
    /// Default: `GET`.
    /// Example: `method = "POST"`
    method: Option<String>,
    /// Path on `admin`; a template of `{query}`.
    /// Required.
    /// Example: `path = "/debug/query?q={query}"`
    path: Spanned<String>,
    /// Its headers.
    /// Default: none.
    /// Example: `headers = { accept = "application/json" }`
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Its body; a template of `{query}`.
    /// Default: none.
    /// Example: `body = "{query}"`
    body: Option<Spanned<String>>,
    /// Language of questions: `sql`, whose SELECTs keel puts into others, or `other`.
    /// Default: `sql`.
    /// Example: `language = "other"`
    language: Option<Spanned<String>>,
    /// Questions about parts that have something to show after the mix of requests.
    /// Default: not examined.
    /// Example: `ask = { routes = "SELECT * FROM routes", pools = "SELECT * FROM pools" }`
    #[serde(default)]
    ask: BTreeMap<String, String>,
    /// A number that each request of a kind raises by one: the `question`, the JSON pointer of the `value`, the name `of` the request.
    /// Default: not examined.
    /// Example: `counts = { question = "SELECT sum(hits) FROM routes", value = "/rows/0/0", of = "look" }`
    counts: Option<Spanned<Counts>>,
    /// A question that would change something.
    /// Default: not examined.
    /// Example: `write = "DELETE FROM routes"`
    write: Option<String>,
    /// A question that has no end.
    /// Default: not examined.
    /// Example: `endless = "SELECT count(*) FROM routes a, routes b, routes c, routes d, routes e, routes f"`
    endless: Option<String>,
    /// A question whose answer would be very large.
    /// Default: not examined.
    /// Example: `large = "SELECT * FROM routes a, routes b, routes c, routes d, routes e, routes f"`
    large: Option<String>,
}

/// Checks that a question has a place in the path or the body.
pub(super) fn check_place(reading: &mut Reading<'_>, path: &Spanned<String>, body: Option<&Spanned<String>>) {
    let texts = [Some(path), body];
    for text in texts.into_iter().flatten() {
        for name in template::unknown(text.get_ref(), |name| name == NAME) {
            reading.wrong(&text.span(), format!("nothing fills {{{name}}}; known here: {{query}}"));
        }
    }
    let has_place = |text: &Spanned<String>| text.get_ref().contains("{query}");
    if !texts.into_iter().flatten().any(has_place) {
        reading.wrong(&path.span(), "neither `path` nor `body` has {query}: say where the question goes");
    }
}

/// Reads the table; `requests` are the names in `[[requests]]`.
pub(super) fn read(reading: &mut Reading<'_>, table: QueryTable, requests: &[&str]) -> Option<QueryInterface> {
    let path = reading
        .kept(&table.path.span(), url_path(table.path.get_ref()).map_err(|what| format!("`path` = {what}")))
        .map(|_| table.path.get_ref().clone());
    check_place(reading, &table.path, table.body.as_ref());
    let is_sql = match table.language.as_ref().map(|language| (language.get_ref().as_str(), language.span())) {
        None | Some(("sql", _)) => true,
        Some(("other", _)) => false,
        Some((other, span)) => {
            reading.wrong(&span, format!("`language` = {other:?}: expected \"sql\" or \"other\""));
            true
        }
    };
    let counts = table.counts.and_then(|counts| {
        let (span, counts) = (counts.span(), counts.into_inner());
        if !requests.contains(&counts.of.as_str()) {
            reading.wrong(&span, format!("`counts`: no request is called {:?}", counts.of));
            return None;
        }
        Some(counts)
    });
    Some(QueryInterface {
        method: table.method.unwrap_or_else(|| "GET".to_owned()),
        path: path?,
        headers: table.headers,
        body: table.body.map(Spanned::into_inner),
        is_sql,
        ask: table.ask,
        counts,
        write: table.write,
        endless: table.endless,
        large: table.large,
    })
}
