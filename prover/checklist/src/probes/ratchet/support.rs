//! Work that a request asks for, whose end shows where the request is read back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_drill::double::Double;
use keel_wire::http::{Answer, Client, Exchange, Request};
use serde_json::Value;

use crate::finding::Finding;
use crate::lab::Lab;
use crate::probes::support::in_place;
use crate::subject::{Dependencies, Dependency, Figure, RequestSpec};

/// The time for which a number must stay the same.
const MOMENT: Duration = Duration::from_millis(200);
/// Between two looks at work that is not done.
const LOOK: Duration = Duration::from_millis(50);

/// The dependency that work calls, with a double in its place.
pub(super) struct Watched {
    pub(super) dependency: String,
    pub(super) double: Double,
    declared: Dependency,
}

impl Watched {
    /// Starts the subject with a double in the place of the first dependency that is called later.
    ///
    /// # Errors
    /// The finding, when that is not possible.
    pub(super) async fn begin(id: &str, lab: &mut Lab, spec: &RequestSpec) -> Result<Self, Finding> {
        let dependency = spec.later.first().cloned().unwrap_or_default();
        let declared = match &lab.subject.dependencies {
            Dependencies::Declared(declared) => declared.iter().find(|one| one.name == dependency).cloned(),
            Dependencies::Unsaid => None,
        };
        let Some(declared) = declared.filter(|declared| declared.url.scheme() == "http") else {
            let reason =
                format!("{dependency} does not speak plain HTTP, and calls of other protocols are not told apart");
            return Err(Finding::unknown(id, reason, Vec::new()));
        };
        let double = in_place::double_of(id, &declared).await?;
        let watched = Self { dependency, double, declared };
        watched.start(id, lab).await?;
        lab.send_mix().await;
        Ok(watched)
    }

    /// Starts the subject again with the double in the place.
    pub(super) async fn start(&self, id: &str, lab: &mut Lab) -> Result<(), Finding> {
        in_place::start_with(id, lab, &[(&self.declared, &self.double)]).await.map(drop)
    }
}

/// Work that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The request that shows its state.
    pub(super) read: Request,
    /// Names that it may have elsewhere: the values that were saved of the answer, and its key.
    pub(super) names: Vec<String>,
}

/// Asks for works at once; those that were acknowledged, and an answer that was not as declared.
pub(super) async fn ask(lab: &Lab, specs: &[&RequestSpec]) -> (Vec<Option<Asked>>, Option<Exchange>) {
    let client = lab.http();
    let exchanges = join_all(specs.iter().map(|spec| client.send(lab.fill(spec)))).await;
    let asked: Vec<Option<Asked>> =
        specs.iter().zip(&exchanges).map(|(spec, exchange)| acknowledged(lab, spec, exchange)).collect();
    let refused = asked.iter().position(Option::is_none).and_then(|place| exchanges.into_iter().nth(place));
    (asked, refused)
}

fn acknowledged(lab: &Lab, spec: &RequestSpec, exchange: &Exchange) -> Option<Asked> {
    exchange.status().filter(|status| spec.expects(status.as_u16()))?;
    let read = lab.read_back(spec, exchange)?;
    Some(Asked { read, names: names_of(spec, exchange) })
}

/// The names that the object of a request may have elsewhere: the values that are saved of its answer, and those that it was sent with.
pub(crate) fn names_of(spec: &RequestSpec, exchange: &Exchange) -> Vec<String> {
    let own = Lab::own_values(spec, exchange).unwrap_or_default();
    let saved = Lab::saved_of(spec, exchange);
    let mut names: Vec<String> = own.into_values().chain(saved.into_values()).collect();
    names.sort();
    names.dedup();
    names
}

/// The number that a path shows now.
pub(crate) async fn number_at(lab: &Lab, figure: &Figure) -> Option<f64> {
    let client = if figure.admin { lab.admin() } else { lab.http() };
    number_from(lab, &client, figure).await
}

/// The same, as a client sees it.
pub(crate) async fn number_from(lab: &Lab, client: &Client, figure: &Figure) -> Option<f64> {
    let exchange = client.send(Request::get(lab.filled_path(&figure.read))).await;
    let answer = exchange.answer().filter(|answer| answer.status.is_success())?;
    sum_at(&answer.json()?, &figure.value)
}

/// Reads a number until it stays the same for a moment: what was asked for before is then done. The last one after the bound.
pub(crate) async fn still<F: Future<Output = Option<f64>>>(within: Duration, read: impl Fn() -> F) -> Option<f64> {
    let begun = Instant::now();
    let mut last = read().await;
    loop {
        tokio::time::sleep(MOMENT).await;
        let now = read().await;
        if now == last || begun.elapsed() >= within {
            return now;
        }
        last = now;
    }
}

/// The number at a JSON pointer, in which `*` stands for every item of a list, whose numbers are added.
fn sum_at(json: &Value, pointer: &str) -> Option<f64> {
    match pointer.split_once("/*") {
        Some((list, rest)) if rest.is_empty() || rest.starts_with('/') => {
            json.pointer(list)?.as_array()?.iter().map(|item| sum_at(item, rest)).sum()
        }
        _ => json.pointer(pointer)?.as_f64(),
    }
}

/// Returns true for each work whose state has these values now.
pub(super) async fn have(lab: &Lab, asked: &[Asked], values: &BTreeMap<String, Value>) -> Vec<bool> {
    let client = lab.http();
    let exchanges = join_all(asked.iter().map(|asked| client.send(asked.read.clone()))).await;
    exchanges.iter().map(|exchange| shows(exchange, values)).collect()
}

/// Waits until all of them have these values; returns the number of those that have not, after the bound.
pub(super) async fn wait(lab: &Lab, asked: &[Asked], values: &BTreeMap<String, Value>, within: Duration) -> usize {
    let begun = Instant::now();
    loop {
        let left = have(lab, asked, values).await.into_iter().filter(|done| !done).count();
        if left == 0 || begun.elapsed() >= within {
            return left;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn shows(exchange: &Exchange, values: &BTreeMap<String, Value>) -> bool {
    let succeeded = exchange.status().is_some_and(|status| status.is_success());
    let Some(json) = exchange.answer().and_then(Answer::json) else { return false };
    succeeded && values.iter().all(|(pointer, value)| json.pointer(pointer) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_that_at_a_pointer_or_the_sum_over_a_list() {
        let json = json!({ "all": 7, "days": [{ "n": 2 }, { "n": 3.5 }], "none": [] });
        assert_eq!(sum_at(&json, "/all"), Some(7.0));
        assert_eq!(sum_at(&json, "/days/1/n"), Some(3.5));
        assert_eq!(sum_at(&json, "/days/*/n"), Some(5.5));
        assert_eq!(sum_at(&json, "/none/*/n"), Some(0.0));
        assert_eq!(sum_at(&json, "/days/*/x"), None, "an item without it is no zero");
        assert_eq!(sum_at(&json, "/nothing"), None);
    }
}
