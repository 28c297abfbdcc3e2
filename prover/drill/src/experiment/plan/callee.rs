//! Expectations at a dependency: bounds of its calls, and exactly-once effects.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::phase::Phase;
use keel_input::duration;

/// The calls that a dependency gets. They are counted by a double in front of it, which speaks plain HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallBound {
    /// The dependency.
    pub dependency: String,
    /// The phase.
    #[serde(default)]
    pub phase: Phase,
    /// The requests of the load that need it.
    pub requests: Vec<String>,
    /// The most calls for each of these requests, on average.
    #[serde(alias = "at_most")]
    pub at_most: f64,
}

impl CallBound {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self.at_most.is_finite() && self.at_most >= 0.0 {
            _ if self.requests.is_empty() => {
                Err("counts calls for no request: say which of the load need the dependency")
            }
            true => Ok(()),
            false => Err("bounds calls by a value that is not a number of at least 0"),
        }
    }
}

/// The effect of each acknowledged request at a dependency, which lists it. Judged by
/// [`crate::history::check::effects`]: what was acknowledged is there once, what was not answered at most once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Effects {
    /// The request of the load.
    pub request: String,
    /// A JSON pointer to the name of the effect in the answer to the request.
    pub id: String,
    /// The dependency that lists the effects.
    pub dependency: String,
    /// The path of its list there, with `{after}` where what `next` points to is put; the first page has 0 there.
    pub list: String,
    /// A JSON pointer to the effects of a page.
    #[serde(default = "items")]
    pub items: String,
    /// A JSON pointer, in an effect, to its name.
    pub key: String,
    /// JSON pointers, in an effect, to what it must say to count.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, serde_json::Value>,
    /// A JSON pointer to what fetches the next page; null or not there on the last one.
    #[serde(default = "next")]
    pub next: String,
    /// Until all of them are there, from the end of the load.
    #[serde(deserialize_with = "duration::deserialize")]
    pub within: Duration,
}

impl Effects {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let pointers = [&self.id, &self.items, &self.key, &self.next].into_iter().chain(self.only.keys());
        match pointers.into_iter().all(|pointer| pointer.is_empty() || pointer.starts_with('/')) {
            true => Ok(()),
            false => Err("has a JSON pointer that does not begin with /"),
        }
    }
}

fn items() -> String {
    "/items".to_owned()
}

fn next() -> String {
    "/next".to_owned()
}
