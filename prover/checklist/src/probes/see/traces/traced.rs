//! The subject with doubles in the places of its dependencies and a collector of its spans.

use std::time::{Duration, Instant};

use keel_drill::collector::{Collector, Kind, Span};
use keel_drill::double::{Call, Double};
use keel_drill::trace_headers::TraceParent;
use keel_wire::http::{Exchange, Request};

use crate::lab::Lab;
use crate::probes::see::environment::variables;
use crate::probes::see::fresh_context::fresh;
use crate::probes::support::own_calls::OwnCalls;
use crate::subject::{Dependencies, Dependency, RequestSpec};

/// Time that calls may follow the answer to the request that causes them.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// The longest that spans are waited for: several times the delay that the service is told.
const EXPORTED_WITHIN: Duration = Duration::from_secs(8);
/// Requests that show whether it exports spans.
const SAMPLED: usize = 3;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);
/// The running subject, with what its calls and its exports come to.
pub(super) struct Traced {
    pub(super) collector: Collector,
    pub(super) places: Vec<Place>,
    /// True if it has exported spans.
    pub(super) exports: bool,
}

/// A dependency that is the double's now.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) double: Double,
    declared: Dependency,
    /// The calls that it gets without a request.
    own: OwnCalls,
}

/// A request, and the calls that it caused.
pub(super) struct Observed {
    pub(super) exchange: Exchange,
    pub(super) calls: Vec<Call>,
}

impl Traced {
    /// Starts the subject again. The caller stops it.
    ///
    /// # Errors
    /// The reason why nothing can be examined.
    pub(super) async fn start(lab: &mut Lab) -> Result<Self, String> {
        let no_port = |error: std::io::Error| format!("no loopback port for keel's collector and doubles: {error}");
        let collector = Collector::start().await.map_err(no_port)?;
        let mut env = variables(&collector.address().to_string());
        let mut places = Vec::new();
        for declared in http_dependencies(lab) {
            let double = Double::start(declared.url.clone()).await.map_err(no_port)?;
            let mut url = declared.url.clone();
            // Both fail only for URLs without a host; plain HTTP has one.
            let _ = (url.set_host(Some("127.0.0.1")), url.set_port(Some(double.address().port())));
            env.extend(declared.variables(&url));
            let name = declared.name.clone();
            places.push(Place { name, double, declared, own: OwnCalls::default() });
        }
        lab.stop().await;
        lab.start_with(|launch| launch.env.extend(env))
            .await
            .map_err(|failure| format!("it does not start with a collector of its spans: {failure}"))?;
        lab.send_mix().await;
        for place in &mut places {
            place.own = place.calls_by_itself(lab).await;
        }
        let mut traced = Self { collector, places, exports: true };
        // Of requests without a context it may sample none.
        let (client, read) = (lab.http(), read_of(lab));
        for _ in 0..SAMPLED {
            client.send(sampled(lab, &read)).await;
        }
        traced.exports = traced.wait_for(lab, |spans| !spans.is_empty()).await.is_some();
        Ok(traced)
    }

    /// Sends a request with these headers, and sees its calls to a dependency.
    pub(super) async fn observe(
        &self,
        lab: &Lab,
        place: Option<&Place>,
        spec: &RequestSpec,
        headers: &[(&str, &str)],
    ) -> Observed {
        if let Some(place) = place {
            place.double.take_calls();
        }
        let request = headers.iter().fold(lab.fill(spec), |request, (name, value)| request.header(*name, *value));
        let exchange = lab.http().send(request).await;
        let Some(place) = place else { return Observed { exchange, calls: Vec::new() } };
        tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
        Observed { exchange, calls: place.new_calls() }
    }

    /// The spans of a request with this context, once the one of its answer has come; those that came until they were given up.
    pub(super) async fn spans(&self, lab: &Lab, sent: &TraceParent) -> Vec<Span> {
        let of_trace = |spans: &[Span]| spans.iter().any(|span| is_answer(span, sent));
        self.wait_for(lab, of_trace).await;
        self.collector.spans_of(&sent.trace)
    }

    /// The first span of this kind after so many others; none when none comes in time.
    pub(super) async fn next_span(&self, lab: &Lab, before: usize, is_it: impl Fn(&Span) -> bool) -> Option<Span> {
        let found = |spans: &[Span]| spans.iter().skip(before).find(|span| is_it(span)).cloned();
        self.wait_for(lab, |spans| found(spans).is_some()).await?;
        found(&self.collector.received().spans)
    }

    /// Waits until the spans are as they should be; none when they are not in time, or when it exports nothing.
    async fn wait_for(&self, lab: &Lab, is_so: impl Fn(&[Span]) -> bool) -> Option<()> {
        let since = Instant::now();
        // Not less at a slow pace: the service is told its delay.
        let patience = lab.pace.of(EXPORTED_WITHIN).max(Duration::from_secs(2));
        while self.exports && since.elapsed() < patience {
            if is_so(&self.collector.received().spans) {
                return Some(());
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }
}

impl Place {
    /// Waits until the service makes no calls without a request; returns those that it still makes.
    pub(super) async fn calls_by_itself(&self, lab: &Lab) -> OwnCalls {
        OwnCalls::wait_out(lab, &self.double, &self.declared).await
    }

    /// The calls since the last look, without those that come by themselves.
    pub(super) fn new_calls(&self) -> Vec<Call> {
        let mut calls = self.double.take_calls();
        calls.retain(|call| !self.own.is_of(call));
        calls
    }

    /// From now on sees only calls like those of this request that are of its trace, where there are any: others may be of work that
    /// earlier requests have left.
    pub(super) fn only_like(&self, sent: &TraceParent, calls: &[Call]) {
        let is_of_it = |call: &&Call| call.trace.context().is_some_and(|context| context.trace == sent.trace);
        self.double.only(calls.iter().filter(is_of_it).cloned().collect());
    }

    /// From now on sees every call.
    pub(super) fn all_calls(&self) {
        self.double.only(Vec::new());
    }

    /// The requests that call it before they are answered.
    pub(super) fn users(&self, lab: &Lab) -> Vec<RequestSpec> {
        let uses = |spec: &RequestSpec| spec.uses.contains(&self.name) && !spec.later.contains(&self.name);
        lab.mix().into_iter().filter(uses).collect()
    }
}

/// A read of the mix, or the root.
pub(super) fn read_of(lab: &Lab) -> RequestSpec {
    let root = || RequestSpec { name: "GET /".to_owned(), path: "/".to_owned(), ..RequestSpec::default() };
    let succeeds = |spec: &RequestSpec| spec.only_reads() && spec.expect.is_none_or(|status| status < 400);
    lab.mix().into_iter().find(succeeds).unwrap_or_else(root)
}

/// The request with a context of its own that is sampled.
pub(super) fn sampled(lab: &Lab, spec: &RequestSpec) -> Request {
    lab.fill(spec).header("traceparent", fresh(1).header())
}

/// Returns true if it is the span of the answer to a request with this context.
pub(super) fn is_answer(span: &Span, sent: &TraceParent) -> bool {
    span.trace == sent.trace && (span.parent == sent.span || span.kind == Kind::Server)
}

fn http_dependencies(lab: &Lab) -> Vec<Dependency> {
    match &lab.subject.dependencies {
        Dependencies::Unsaid => Vec::new(),
        Dependencies::Declared(all) => all.iter().filter(|one| one.url.scheme() == "http").cloned().collect(),
    }
}
