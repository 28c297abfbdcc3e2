//! A dependency whose place the double has taken: requests are sent, and the calls that they cause are seen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use keel_drill::double::{Behaviour, Call, Double};
use keel_wire::http::Exchange;

use super::by_dependency::{self, Timetable};
use super::proxied_dependency::{self, Dependent};
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
pub(crate) use crate::probes::support::in_place::{double_of, start_with};
use crate::probes::support::own_calls::OwnCalls;
pub(crate) use crate::probes::support::percentile::percentile;
use crate::subject::{Dependencies, Dependency, RequestSpec};

/// Time that calls may follow the answer to the request that causes them.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Number of times that a request is sent to see the call that it causes.
const ALONE: u32 = 3;
/// Requests that succeed while a service saves up for repeats: a tenth of them pays for four, and one every so often.
const RESTING: u32 = 40;
const RESTING_EVERY: Duration = Duration::from_millis(10);
/// Time that a breaker that opened at the first failure is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);
/// Between two looks at whether it is well again.
const LOOK: Duration = Duration::from_millis(300);

/// A dependency that is the double's now.
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) double: Double,
    /// The request that is sent: one that is answered as expected and causes a call each. When there are several, one whose
    /// call is safe to repeat.
    pub(crate) spec: RequestSpec,
    /// The call that it causes, as it was seen at first.
    pub(crate) call: Call,
    /// Further such requests whose call is not safe to repeat.
    pub(crate) unrepeatable: Vec<RequestSpec>,
    /// The control that the request causes one call in peace, and fails when that does.
    control: Option<Control>,
    /// The dependencies and requests that are not examined.
    left_out: Vec<Evidence>,
}

/// Takes the place of one dependency after the other that speaks plain HTTP, as far as time allows, and joins what is found about
/// each. The subject is stopped in the end, so that the next probe finds the proxies again.
pub(crate) async fn examine(
    id: &str,
    lab: &mut Lab,
    judge: impl for<'l> Fn(&'l Lab, &'l Watched) -> BoxFuture<'l, Finding>,
) -> Finding {
    let mut timetable = Timetable::begin(lab);
    let InPeace { dependents, mut left_out } = match in_peace(id, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let mut findings = Vec::new();
    for dependent in &dependents {
        let name = &dependent.name;
        let Some(declared) = speaks_http(lab, name) else {
            let why = "it does not speak plain HTTP, and calls of other protocols are not told apart";
            left_out.push(Evidence::gap(format!("calls to {name} were not examined: {why}")));
            continue;
        };
        let Some(left) = timetable.left() else {
            left_out.push(by_dependency::no_time_for(name));
            continue;
        };
        let since = Instant::now();
        match tokio::time::timeout(left, in_place_of(id, lab, dependent, &declared, &judge)).await {
            Ok(finding) => findings.push((name.clone(), finding)),
            Err(_) => left_out.push(by_dependency::no_time_for(name)),
        }
        lab.stop().await;
        timetable.count(since);
    }
    if findings.is_empty() {
        return Finding::unknown(id, "calls to no dependency could be seen one by one", left_out);
    }
    by_dependency::join(id, findings, left_out)
}

/// The dependencies in peace, with evidence of what is left out: seen once in a run, as each probe shows anew that a request causes a call.
#[derive(Clone)]
struct InPeace {
    dependents: Vec<Dependent>,
    left_out: Vec<Evidence>,
}

async fn in_peace(id: &str, lab: &mut Lab) -> Result<InPeace, Finding> {
    if let Some(seen) = lab.observations.get::<InPeace>() {
        return Ok(seen);
    }
    let (dependents, left_out) = proxied_dependency::all(id, lab).await?;
    let seen = InPeace { dependents, left_out };
    lab.observations.keep(seen.clone());
    Ok(seen)
}

/// Returns true if a probe needs no subject that runs: the dependencies were seen in peace, and it starts the subject itself.
pub(crate) fn needs_no_start(lab: &Lab) -> bool {
    lab.observations.get::<InPeace>().is_some()
}

fn speaks_http(lab: &Lab, name: &str) -> Option<Dependency> {
    let Dependencies::Declared(declared) = &lab.subject.dependencies else { return None };
    declared.iter().find(|one| one.name == name && one.url.scheme() == "http").cloned()
}

async fn in_place_of(
    id: &str,
    lab: &mut Lab,
    dependent: &Dependent,
    declared: &Dependency,
    judge: &impl for<'l> Fn(&'l Lab, &'l Watched) -> BoxFuture<'l, Finding>,
) -> Finding {
    match take_place(id, lab, dependent, declared).await {
        Ok(watched) => judge(lab, &watched).await.also(watched.left_out),
        Err(finding) => finding,
    }
}

/// Starts the subject again with the double in the place of a dependency, and finds a request each of which causes a call. The
/// caller stops the subject in the end.
///
/// # Errors
/// The finding, when no call can be watched.
async fn take_place(id: &str, lab: &mut Lab, dependent: &Dependent, declared: &Dependency) -> Result<Watched, Finding> {
    let double = double_of(id, declared).await?;
    start_with(id, lab, &[(declared, &double)]).await?;
    let Callers { callers, mut notes } = callers_of(lab, dependent, declared, &double).await;
    if callers.is_empty() {
        let reason = format!(
            "no request causes exactly one call to {} by the time it is answered, so calls cannot be counted",
            dependent.name
        );
        return Err(Finding::unknown(id, reason, notes));
    }
    let fragile: Vec<(RequestSpec, Call)> =
        callers.iter().filter(|(_, call)| !call.is_safe_to_repeat()).cloned().collect();
    let mut watched = Watched {
        name: dependent.name.clone(),
        double,
        spec: callers[0].0.clone(),
        call: callers[0].1.clone(),
        unrepeatable: Vec::new(),
        control: None,
        left_out: Vec::new(),
    };
    for (spec, call) in callers {
        let others = fragile.iter().filter(|(other, _)| other.name != spec.name);
        watched.unrepeatable = others.clone().map(|(spec, _)| spec.clone()).collect();
        watched.double.only(std::iter::once(&call).chain(others.map(|(_, call)| call)).cloned().collect());
        (watched.spec, watched.call) = (spec, call);
        let what =
            format!("{} causes one call to {} in peace, and fails when that fails", watched.spec.name, watched.name);
        let otherwise =
            format!("{} is answered as in peace although its call to {} fails", watched.spec.name, watched.name);
        match Control::seen(watched.depends_on_its_call(lab).await, what, otherwise) {
            Ok(control) => {
                (watched.control, watched.left_out) = (Some(control), notes);
                return Ok(watched);
            }
            Err(failed) => notes.push(Evidence::gap(failed.what)),
        }
    }
    let reason = format!(
        "no request fails when its call to {} does: what calls works beside the requests, or has something to fall back on, \
         and which calls are repeats is not told apart",
        watched.name
    );
    Err(Finding::unknown(id, reason, notes))
}

/// The requests each of which causes one call, with that call, and evidence about the others: seen once in a run, as each probe shows anew
/// that its request fails when its call does.
#[derive(Clone)]
struct Callers {
    callers: Vec<(RequestSpec, Call)>,
    notes: Vec<Evidence>,
}

/// The callers of each dependency, by its name.
#[derive(Clone, Default)]
struct AllCallers(BTreeMap<String, Callers>);

async fn callers_of(lab: &mut Lab, dependent: &Dependent, declared: &Dependency, double: &Double) -> Callers {
    lab.send_mix().await;
    let mut all = lab.observations.get::<AllCallers>().unwrap_or_default();
    if let Some(seen) = all.0.get(&dependent.name) {
        return seen.clone();
    }
    let own = OwnCalls::wait_out(lab, double, declared).await;
    let (mut callers, mut notes) = (Vec::new(), Vec::new());
    for spec in dependent.users.iter().map(|user| &user.spec) {
        match single_call(lab, double, spec, &own).await {
            Ok(call) => callers.push((spec.clone(), call)),
            Err(why) => notes.push(why),
        }
    }
    // Stable: among those that are alike the one that was declared first.
    callers.sort_by_key(|(_, call)| !call.is_safe_to_repeat());
    let seen = Callers { callers, notes };
    // What was not seen may have been a moment's: it is looked for again.
    if !seen.callers.is_empty() {
        all.0.insert(dependent.name.clone(), seen.clone());
        lab.observations.keep(all);
    }
    seen
}

/// The one call that a request causes which is answered as declared. A service may now and then make a second one, such as a
/// hedge, so it is tried a few times.
///
/// # Errors
/// The evidence about the last one, if no request causes a single call.
async fn single_call(lab: &Lab, double: &Double, spec: &RequestSpec, own: &OwnCalls) -> Result<Call, Evidence> {
    let mut why = None;
    for _ in 0..ALONE {
        double.take_calls();
        let exchange = lab.http().send(lab.fill(spec)).await;
        tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
        let mut calls = double.take_calls();
        calls.retain(|call| !own.is_of(call));
        let expected = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
        let what = match <[Call; 1]>::try_from(calls) {
            Ok([call]) if expected => return Ok(call),
            Ok(_) => format!("{} is not answered as declared with the double in the place", spec.name),
            Err(calls) => format!("{} caused {} calls at once, not one", spec.name, calls.len()),
        };
        why = Some(Evidence::gap(what).with(&exchange));
    }
    Err(why.unwrap_or_else(|| Evidence::gap(format!("{} was not sent", spec.name))))
}

impl Watched {
    /// The pieces with the control of every experiment with the double, where they name none of their own.
    pub(crate) fn controlled(&self, evidence: Vec<Evidence>) -> Vec<Evidence> {
        let Some(control) = &self.control else { return evidence };
        let add =
            |piece: Evidence| if piece.decides() && piece.control().is_none() { piece.by(control) } else { piece };
        evidence.into_iter().map(add).collect()
    }

    /// Sends the request at a fixed rate, whether earlier ones are answered or not; returns when all are, in the order sent.
    pub(crate) async fn load(&self, lab: &Lab, every: Duration, requests: u32) -> Vec<Exchange> {
        let client = lab.http();
        let begun = Instant::now();
        let one = |number| {
            let client = &client;
            async move {
                tokio::time::sleep_until((begun + every * number).into()).await;
                client.send(lab.fill(&self.spec)).await
            }
        };
        join_all((0..requests).map(one)).await
    }

    /// Mends it, and lets so many requests succeed that what the service saves from successes is saved up again.
    pub(crate) async fn rest(&self, lab: &Lab) {
        self.well_again(lab, WELL_AGAIN).await;
        self.load(lab, lab.pace.of(RESTING_EVERY), RESTING).await;
        self.double.take_calls();
    }

    /// Returns true if the request fails when its call does; then waits until both are well again.
    async fn depends_on_its_call(&self, lab: &Lab) -> bool {
        self.set(Behaviour::Unavailable(None));
        let depends = !self.is_well(lab).await;
        self.well_again(lab, WELL_AGAIN).await;
        self.double.take_calls();
        depends
    }

    /// Mends it, hangs up on calls that wait, and waits until requests are answered as declared and cause calls again, and
    /// nothing waits any more; how long that took, none when it took longer.
    pub(crate) async fn well_again(&self, lab: &Lab, limit: Duration) -> Option<Duration> {
        self.set(Behaviour::Pass);
        let since = Instant::now();
        self.double.take_calls();
        while since.elapsed() <= limit {
            self.double.hang_up();
            if self.is_well(lab).await && !self.double.calls().is_empty() && self.double.open() == 0 {
                return Some(since.elapsed());
            }
            tokio::time::sleep(lab.pace.of(LOOK)).await;
        }
        None
    }

    /// Returns true if it is answered as declared now.
    pub(crate) async fn is_well(&self, lab: &Lab) -> bool {
        self.ask(lab).await.1
    }

    /// Sends the request once, and says whether it was answered as declared.
    pub(crate) async fn ask(&self, lab: &Lab) -> (Exchange, bool) {
        let exchange = lab.http().send(lab.fill(&self.spec)).await;
        let well = exchange.status().is_some_and(|status| self.spec.expects(status.as_u16()));
        (exchange, well)
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        self.double.set(behaviour);
    }
}
