//! `[outliers]` of `keel.toml`: how a service names the clients that stand out.

use std::collections::BTreeMap;

use keel_input::diagnostics::Reading;
use serde::Deserialize;
use toml::Spanned;

use super::query::{QueryInterface, check_place};
use super::values::url_path;

/// The questions about clients, and requests by which clients stand out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outliers {
    /// The request that asks a question.
    pub interface: QueryInterface,
    /// The question whose answer names the client with the most requests first.
    pub rate: String,
    /// The question whose answer names the client with the most failures first.
    pub errors: Option<String>,
    /// The question whose answer names the client with the slowest requests first.
    pub latency: Option<String>,
    /// The question whose answer names all clients that are kept.
    pub all: Option<String>,
    /// Name of the request that usual clients send.
    pub of: String,
    /// Path of a GET that fails.
    pub fails: Option<String>,
    /// Name of a request that takes longer.
    pub slow: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutliersTable {
    /// Method of the request that asks.
    /// Default: `GET`.
    /// Example: `method = "POST"`
    method: Option<String>,
    /// Path on `admin`; a template of `{query}`.
    /// Default: that of `[query]`, with its method, headers and body.
    /// Example: `path = "/clients?{query}"`
    path: Option<Spanned<String>>,
    /// Its headers.
    /// Default: none.
    /// Example: `headers = { accept = "application/json" }`
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Its body; a template of `{query}`.
    /// Default: none.
    /// Example: `body = "{query}"`
    body: Option<Spanned<String>>,
    /// Question whose answer names the address of the client with the most requests first.
    /// Required.
    /// Example: `rate = "sort=requests"`
    rate: String,
    /// Question whose answer names the client with the most failures first.
    /// Default: not examined.
    /// Example: `errors = "sort=errors"`
    errors: Option<String>,
    /// Question whose answer names the client whose requests take longest first.
    /// Default: not examined.
    /// Example: `latency = "sort=latency"`
    latency: Option<String>,
    /// Question whose answer names every client that is kept.
    /// Default: not examined.
    /// Example: `all = "sort=none"`
    all: Option<String>,
    /// Name of a light request in `[[requests]]`, without bounds for each client, that usual clients send.
    /// Required.
    /// Example: `of = "look"`
    of: Spanned<String>,
    /// Path of a GET that fails, with a status that counts as an error of its client.
    /// Default: not examined.
    /// Example: `fails = "/v1/accounts/none"`
    fails: Option<Spanned<String>>,
    /// Name of a request in `[[requests]]` that takes at least three times as long as `of`.
    /// Default: not examined.
    /// Example: `slow = "look"`
    slow: Option<Spanned<String>>,
}

/// Reads the table; `requests` are the names in `[[requests]]`, `query` is what `[query]` declares.
pub(super) fn read(
    reading: &mut Reading<'_>,
    table: OutliersTable,
    requests: &[&str],
    query: Option<&QueryInterface>,
) -> Option<Outliers> {
    for (key, name) in [("of", Some(&table.of)), ("slow", table.slow.as_ref())] {
        let Some(name) = name else { continue };
        if !requests.contains(&name.get_ref().as_str()) {
            reading.wrong(&name.span(), format!("`{key}`: no request is called {:?}", name.get_ref()));
        }
    }
    if let Some(fails) = &table.fails {
        reading.kept(&fails.span(), url_path(fails.get_ref()).map_err(|what| format!("`fails` = {what}")));
    }
    let interface = match (&table.path, query) {
        (Some(path), _) => {
            reading.kept(&path.span(), url_path(path.get_ref()).map_err(|what| format!("`path` = {what}")));
            check_place(reading, path, table.body.as_ref());
            QueryInterface {
                method: table.method.unwrap_or_else(|| "GET".to_owned()),
                path: path.get_ref().clone(),
                headers: table.headers,
                body: table.body.map(Spanned::into_inner),
                ..QueryInterface::default()
            }
        }
        (None, Some(query)) => query.clone(),
        (None, None) => {
            reading.wrong(
                &table.of.span(),
                "it is not known how the service is asked: give [outliers] a `path`, or declare [query]",
            );
            return None;
        }
    };
    Some(Outliers {
        interface,
        rate: table.rate,
        errors: table.errors,
        latency: table.latency,
        all: table.all,
        of: table.of.into_inner(),
        fails: table.fails.map(Spanned::into_inner),
        slow: table.slow.map(Spanned::into_inner),
    })
}
