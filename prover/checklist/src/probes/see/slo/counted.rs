//! Known good and known bad requests, and the counters of an objective around them.

use std::collections::BTreeMap;

use keel_proxy::Fault;
use keel_wire::http::Request;

use super::evaluation::Counted;
use super::expression::Selector;
use crate::clause::see::slo as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::ops_files;
use crate::subject::RequestSpec;

/// Requests that succeed.
const GOOD: usize = 20;
/// Requests that fail.
const BAD: usize = 10;

/// A request that succeeds, one that fails, and how that is done.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    pub(super) good: RequestSpec,
    pub(super) bad: RequestSpec,
    /// The dependency that is taken away for the bad ones; none for one that fails by itself.
    dependency: Option<String>,
}

/// Requests that keel can make fail: those that wait for a dependency, then those that are declared to fail.
pub(super) fn candidates(lab: &Lab) -> Vec<Tried> {
    let mix = lab.mix();
    let waits = |spec: &RequestSpec| spec.uses.iter().find(|name| !spec.later.contains(*name)).cloned();
    let succeeds = |spec: &RequestSpec| spec.expect.is_none_or(|status| status < 400);
    let mut all: Vec<Tried> = mix
        .iter()
        .filter(|spec| succeeds(spec))
        .filter_map(|spec| Some(Tried { good: spec.clone(), bad: spec.clone(), dependency: Some(waits(spec)?) }))
        .collect();
    all.sort_by_key(|tried| !tried.bad.only_reads());
    let harmless = mix.iter().find(|spec| spec.only_reads() && succeeds(spec) && spec.uses.is_empty());
    let failing = mix.iter().filter(|spec| spec.only_reads() && spec.expect.is_some_and(|status| status >= 500));
    if let Some(harmless) = harmless {
        all.extend(failing.map(|bad| Tried { good: harmless.clone(), bad: bad.clone(), dependency: None }));
    }
    all
}

/// Sends them, with the metrics read before, between and after.
///
/// # Errors
/// When the requests did not come out as they should, or the metrics could not be read.
pub(super) async fn count(lab: &Lab, tried: &Tried) -> Result<(Control, Counted), Uncontrolled> {
    let unread = |what: String| Uncontrolled { what, exchange: None };
    let proxy = match &tried.dependency {
        None => None,
        Some(name) => Some(lab.proxy(name).ok_or_else(|| {
            unread(format!("{name} is not reached over TCP, so it could not be taken away from {}", tried.bad.name))
        })?),
    };
    let scrape = async || ops_files::published(lab).await.map(|published| published.scrape).map_err(unread);
    // It is warm, and its series are there.
    sent(lab, &tried.good, 1).await;
    let before = scrape().await?;
    let good = sent(lab, &tried.good, GOOD).await;
    let between = scrape().await?;
    if let Some(proxy) = proxy {
        proxy.set(Fault::Down).await;
    }
    let bad = sent(lab, &tried.bad, BAD).await;
    if let Some(proxy) = proxy {
        proxy.set(Fault::None).await;
    }
    let after = scrape().await?;
    let succeeded = good.iter().filter(|status| tried.good.expects(**status)).count();
    let failed = bad.iter().filter(|status| **status >= 500).count();
    let told = format!(
        "{succeeded} of {GOOD} {} succeed and {failed} of {BAD} {} fail with 5xx",
        tried.good.name, tried.bad.name
    );
    let why = tried.dependency.as_ref().map_or_else(String::new, |name| format!(" while {name} refuses connections"));
    let control = Control::seen(
        succeeded == GOOD && failed == BAD,
        format!("{told}{why}"),
        format!("{told}{why}: these are not known to be good and bad"),
    )?;
    Ok((control, Counted { scrapes: [before, between, after], good: GOOD, bad: BAD }))
}

/// Sends it so often, one after another; the statuses of the answers, 0 for none.
async fn sent(lab: &Lab, spec: &RequestSpec, times: usize) -> Vec<u16> {
    let client = lab.http();
    let mut statuses = Vec::new();
    for _ in 0..times {
        let request: Request = lab.fill(spec);
        statuses.push(client.send(request).await.status().map_or(0, |status| status.as_u16()));
    }
    statuses
}

/// The counters of an alert, by what a good and a bad request add to each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counters {
    /// Name and labels of the counter, and its rises.
    rises: BTreeMap<String, [f64; 2]>,
}

/// The counters of an alert that moved with the requests; none when none did.
pub(super) fn counters(counted: &Counted, ranges: &[Selector]) -> Option<Counters> {
    let shown = |selector: &Selector| {
        let labels: Vec<String> =
            selector.matchers.iter().map(|(label, sign, value)| format!("{label}{sign}{value:?}")).collect();
        format!("{}{{{}}}", selector.name, labels.join(","))
    };
    let rises: BTreeMap<String, [f64; 2]> =
        ranges.iter().filter_map(|selector| Some((shown(selector), counted.rise(selector)?))).collect();
    rises.values().any(|rise| rise.iter().any(|by| by.abs() > 1e-9)).then_some(Counters { rises })
}

impl Counters {
    fn has(&self, wanted: [f64; 2]) -> bool {
        self.rises.values().any(|rise| rise.iter().zip(wanted).all(|(by, wanted)| (by - wanted).abs() < 1e-9))
    }

    /// Returns true if one counts every request, and another one the bad or the good ones alone.
    pub(super) fn is_exact(&self) -> bool {
        self.has([1.0, 1.0]) && (self.has([0.0, 1.0]) || self.has([1.0, 0.0]))
    }

    /// Judges them by the number of requests that were sent.
    pub(super) fn judge(&self, name: &str) -> Evidence {
        let told: Vec<String> = self
            .rises
            .iter()
            .map(|(counter, [good, bad])| {
                format!("{counter} rises by {:.0} and {:.0}", good * GOOD as f64, bad * BAD as f64)
            })
            .collect();
        let told = told.join("; ");
        let asked = format!("with {GOOD} good requests and then {BAD} bad ones of {name}");
        match self.is_exact() {
            true => clause::MEASURED.holds(format!("{asked} its counters are exact: {told}")),
            false => {
                clause::MEASURED.contradicts(format!("{asked} the counters of its objective are not exact: {told}"))
            }
        }
    }
}
