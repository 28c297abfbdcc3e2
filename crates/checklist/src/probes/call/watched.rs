//! A dependency whose place the double has taken: requests are sent, and the calls that they cause are seen.

use std::time::{Duration, Instant};

use drill::double::{Behaviour, Double};
use drill::http::Exchange;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::dependent;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::subject::{Dependencies, RequestSpec};

/// How long calls may follow the answer to the request that causes them.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// How long a breaker that opened at the first failure is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);

/// A dependency that is the double's now.
pub(super) struct Watched {
    pub(super) name: String,
    pub(super) double: Double,
    /// The request that is sent: one that is answered as expected and causes a call each.
    pub(super) spec: RequestSpec,
}

/// Starts the subject again with the double in the place of its first dependency that speaks plain HTTP, and finds a request
/// each of which causes a call. The caller stops the subject at the end, so that the next probe finds the proxies again.
///
/// # Errors
/// The finding, when no call can be watched.
pub(super) async fn take_place(id: &str, lab: &mut Lab) -> Result<Watched, Finding> {
    let (dependents, evidence) = dependent::all(id, lab).await?;
    let Dependencies::Declared(declared) = &lab.subject.dependencies else {
        return Err(Finding::unknown(id, "nobody said what it calls", evidence));
    };
    let speaks_http = |name: &str| declared.iter().find(|one| one.name == name && one.url.scheme() == "http").cloned();
    let found = dependents.iter().find_map(|dependent| Some((dependent, speaks_http(&dependent.name)?)));
    let Some((dependent, declared)) = found else {
        let reason = "no dependency speaks plain HTTP: calls of other protocols are not told apart";
        return Err(Finding::unknown(id, reason, evidence));
    };
    let failed = |what: String| Finding::unknown(id, what, Vec::new());
    let double = Double::start(declared.url.clone())
        .await
        .map_err(|error| failed(format!("no loopback port for the double of {}: {error}", declared.name)))?;
    let mut url = declared.url.clone();
    // Both fail only for URLs without a host; plain HTTP has one.
    let _ = url.set_host(Some("127.0.0.1"));
    let _ = url.set_port(Some(double.address().port()));
    lab.stop().await;
    lab.start_with(|launch| drop(launch.env.insert(declared.env.clone(), url.to_string()))).await.map_err(
        |failure| failed(format!("it does not start with a double in the place of {}: {failure}", declared.name)),
    )?;
    lab.send_mix().await;
    let mut notes = evidence;
    for (spec, _) in &dependent.users {
        double.take_calls();
        let exchange = lab.http().send(lab.fill(spec)).await;
        tokio::time::sleep(AFTERWARDS).await;
        let calls = double.take_calls().len();
        let expected = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
        if expected && calls == 1 {
            let watched = Watched { name: dependent.name.clone(), double, spec: spec.clone() };
            if watched.depends_on_its_call(lab).await {
                return Ok(watched);
            }
            let reason = format!(
                "{} is answered as in peace although its call to {} fails: what calls works beside the request, and which \
                 calls are repeats is not told apart",
                spec.name, dependent.name
            );
            return Err(Finding::unknown(id, reason, notes));
        }
        let what = format!("{} caused {calls} calls to {} at once, not one", spec.name, dependent.name);
        notes.push(Evidence { good: None, ..Evidence::exchange(true, what, &exchange) });
    }
    Err(Finding::unknown(
        id,
        "no request causes exactly one call by the time it is answered, so calls cannot be counted",
        notes,
    ))
}

impl Watched {
    /// Sends the request at a fixed rate, whether earlier ones are answered or not; returns when all are.
    pub(super) async fn load(&self, lab: &Lab, every: Duration, requests: u32) -> Vec<Exchange> {
        let client = lab.http();
        let mut under_way = FuturesUnordered::new();
        let begun = Instant::now();
        let mut sent = Vec::new();
        for number in 0..requests {
            let at = begun + every * number;
            let mut pause = std::pin::pin!(tokio::time::sleep_until(at.into()));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some(ended) = under_way.next() => sent.push(ended),
                }
            }
            let request = lab.fill(&self.spec);
            let client = &client;
            under_way.push(async move { client.send(request).await });
        }
        while let Some(ended) = under_way.next().await {
            sent.push(ended);
        }
        sent
    }

    /// Whether the request fails when its call does; then waits until both are well again.
    async fn depends_on_its_call(&self, lab: &Lab) -> bool {
        self.set(Behaviour::Unavailable(None));
        let depends = !self.is_well(lab).await;
        self.set(Behaviour::Pass);
        let since = Instant::now();
        while !self.is_well(lab).await && since.elapsed() < WELL_AGAIN {
            tokio::time::sleep(AFTERWARDS).await;
        }
        self.double.take_calls();
        depends
    }

    /// Whether it is answered as declared now.
    pub(super) async fn is_well(&self, lab: &Lab) -> bool {
        let exchange = lab.http().send(lab.fill(&self.spec)).await;
        exchange.status().is_some_and(|status| self.spec.expects(status.as_u16()))
    }

    pub(super) fn set(&self, behaviour: Behaviour) {
        self.double.set(behaviour);
    }
}

/// The value below which so many of a hundred are; zero for none.
pub(super) fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or_default()
}
