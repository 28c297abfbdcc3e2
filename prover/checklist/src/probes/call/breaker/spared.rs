//! The load that a breaker is looked for with: when it may open, a hundred requests are counted, and the calls that they cause.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use keel_drill::double::{Behaviour, Call};
use keel_wire::http::Exchange;

use crate::contention::{self, Contention};
use crate::control::{Control, Uncontrolled};
use crate::lab::Lab;
use crate::probes::call::support::double_in_place::{Watched, percentile};

/// Requests that are counted.
pub(super) const COUNTED: u32 = 100;
/// Calls in a hundred requests: at most so many are probes, more than so many are no breaker's.
pub(super) const PROBES: usize = 20;
pub(super) const UNBROKEN: usize = 80;
/// A breaker is seen to be open when the last requests caused so few calls; not before so many were sent.
const LAST: u32 = 40;
const LAST_PROBES: usize = 8;
const LEAST: u32 = 60;
/// The share of the requests in peace that must be answered as declared, and cause a call.
const SERVED: f64 = 0.95;
/// Calls are open for at most so much of the time when they are spared by a breaker, and not by a bound of calls at a time.
const MOST_BUSY: f64 = 0.85;

/// Calls that a hundred requests caused, after a breaker had time to open.
pub(super) struct Spared {
    /// Calls by those that were counted.
    pub(super) calls: usize,
    /// The latency of the refusals: of those requests that caused no call, at most.
    pub(super) refused_within: Duration,
    /// Within which 95 of 100 of them were answered; none when fewer were.
    pub(super) answered_within: Option<Duration>,
    /// The part of the time, from 0 to 1, in which a call was open.
    pub(super) busy: f64,
    /// Length of the time.
    span: Duration,
    /// The duration of calls, in the middle of those that ended before.
    pub(super) lasted: Duration,
    /// Requests at first, before any call had ended, and the calls that they caused.
    first: (usize, usize),
    /// True if all of those were answered as declared.
    first_served: bool,
    /// Contention while they were counted.
    pub(super) contention: Contention,
}

/// The same load in peace: each request is answered as declared, and causes a call.
///
/// # Errors
/// When something else than a breaker spares calls, such as a rate limit, or an answer that is kept.
pub(super) async fn in_peace(lab: &Lab, watched: &Watched, every: Duration) -> Result<Control, Uncontrolled> {
    watched.double.take_calls();
    let sent = watched.load(lab, every, COUNTED).await;
    let calls = watched.double.take_calls().len();
    let served = sent.iter().filter(|exchange| is_served(watched, exchange)).count();
    let refused = sent.iter().find(|exchange| !is_served(watched, exchange));
    let peace = Control::peace(served, sent.len(), SERVED);
    let peace = peace.map_err(|failed| refused.map_or(failed.clone(), |exchange| failed.shown_by(exchange)))?;
    let told = format!("{}, and caused {calls} calls to {}", peace.what(), watched.name);
    let enough = calls as f64 >= SERVED * f64::from(COUNTED);
    Control::seen(enough, &told, format!("{told}: it is not called for each, so calls that fail cannot be counted"))
}

#[cfg(test)]
impl Spared {
    /// So many calls; one was open for this part of the time, and of the requests at first, each of which was answered as declared, so
    /// many opened one.
    pub(super) fn example(calls: usize, busy: f64, first: (usize, usize)) -> Self {
        let (refused_within, lasted) = (Duration::ZERO, Duration::ZERO);
        let contention = Contention::default();
        let (answered_within, span, first_served) = (None, Duration::from_secs(5), true);
        Self { calls, refused_within, answered_within, busy, span, lasted, first, first_served, contention }
    }
}

impl Spared {
    /// Sends the load to a dependency that behaves so, until a breaker is seen to be open, at most for `warm_up`; then counts.
    pub(super) async fn under(
        lab: &Lab,
        watched: &Watched,
        behaviour: Behaviour,
        every: Duration,
        warm_up: Duration,
    ) -> Self {
        let most = u32::try_from(warm_up.as_micros() / every.as_micros().max(1)).unwrap_or(u32::MAX);
        watched.set(behaviour);
        watched.double.take_calls();
        let (client, begun) = (lab.http(), Instant::now());
        let send = async |number: u32| (number, client.send(lab.fill(&watched.spec)).await);
        let (mut running, mut answered) = (FuturesUnordered::new(), Vec::new());
        let (mut number, mut counted): (u32, Option<(u32, Instant)>) = (0, None);
        let mut contention = contention::Watch::begin(lab);
        loop {
            let due = tokio::time::sleep_until((begun + every * number).into());
            tokio::pin!(due);
            loop {
                tokio::select! {
                    biased;
                    () = &mut due => break,
                    Some(one) = running.next(), if !running.is_empty() => answered.push(one),
                }
            }
            let may_be_open = || number >= LEAST && is_open(&watched.double.calls(), Instant::now(), every);
            if counted.is_none() && (number >= most || may_be_open()) {
                counted = Some((number, Instant::now()));
                contention = contention::Watch::begin(lab);
            }
            if counted.is_some_and(|(first, _)| number >= first + COUNTED) {
                break;
            }
            running.push(send(number));
            number += 1;
        }
        let end = Instant::now();
        while let Some(one) = running.next().await {
            answered.push(one);
        }
        drop(running);
        let (first_counted, from) = counted.unwrap_or((0, begun));
        let seen = Self::of(watched, begun, &watched.double.take_calls(), &answered, (first_counted, from, end));
        Self { contention: contention.end(), ..seen }
    }

    fn of(
        watched: &Watched,
        begun: Instant,
        calls: &[Call],
        answered: &[(u32, Exchange)],
        (first, from, end): (u32, Instant, Instant),
    ) -> Self {
        let counted = || answered.iter().filter(|(number, _)| *number >= first).map(|(_, exchange)| exchange);
        let refused_within = percentile(counted().map(|exchange| exchange.took).collect(), 100 - PROBES);
        let whole = counted().filter(|exchange| exchange.answer().is_some()).count();
        let answered_within = percentile(counted().map(|exchange| exchange.took).collect(), 94);
        let answered_within = (whole as f64 >= SERVED * f64::from(COUNTED)).then_some(answered_within);
        let lasted = |call: &Call| Some(call.ended?.saturating_duration_since(call.at));
        let first_end =
            calls.iter().filter_map(|call| call.ended).min().unwrap_or(end).saturating_duration_since(begun);
        let every = from.saturating_duration_since(begun).checked_div(first.max(1)).unwrap_or_default();
        // The last one may still be on its way when the first call ends.
        let asked = (first_end.as_secs_f64() / every.as_secs_f64().max(f64::MIN_POSITIVE)) as usize;
        let came = calls.iter().filter(|call| call.at.saturating_duration_since(begun) <= first_end).count();
        let early = answered.iter().filter(|(number, _)| (*number as usize) < asked);
        Self {
            calls: calls.iter().filter(|call| (from..=end).contains(&call.at)).count(),
            refused_within,
            answered_within,
            busy: busy(calls, from, end),
            span: end.saturating_duration_since(from),
            lasted: percentile(calls.iter().filter_map(lasted).collect(), 50),
            first: (asked, came),
            first_served: early.clone().count() > 0 && early.into_iter().all(|(_, one)| is_served(watched, one)),
            contention: Contention::default(),
        }
    }

    /// Returns true if a breaker spared the dependency; `None` if calls are neither few nor nearly all.
    pub(super) fn is_open(&self) -> Option<bool> {
        match self.calls {
            ..=PROBES => Some(true),
            UNBROKEN.. => Some(false),
            _ => None,
        }
    }

    /// Shows that it was no bound of calls at a time that spared them: for a good part of the time none was open, or at first
    /// each request caused a call, although none had ended.
    ///
    /// # Errors
    /// When it may have been.
    pub(super) fn by_no_bound(&self, name: &str) -> Result<Control, Uncontrolled> {
        let ((asked, came), busy) = (self.first, self.busy * 100.0);
        let all_came = asked > 1 && came + 1 >= asked;
        let told =
            format!("calls to {name} were open for {busy:.0} % of the time; at first {asked} requests opened {came}");
        // A busy machine leaves places empty that a bound would have filled.
        let waited = self.contention.waited.as_secs_f64() / self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        let rested = self.busy + waited <= MOST_BUSY;
        let perhaps = if self.busy <= MOST_BUSY && !rested { ", or the machine was too busy to tell" } else { "" };
        let otherwise = format!("{told}: a bound of calls at a time would spare them as well{perhaps}");
        Control::seen(rested || all_came, told, otherwise)
    }

    /// Shows that the requests at first, before a breaker could open, succeeded: calls were slow, and did not fail.
    ///
    /// # Errors
    /// When they failed.
    pub(super) fn at_first_served(&self, name: &str, late: Duration) -> Result<Control, Uncontrolled> {
        let told = format!("with {name} {late:.0?} late, the {} requests at first", self.first.0);
        let otherwise = format!("{told} were not all answered as declared, so calls failed instead of being slow");
        Control::seen(self.first_served, format!("{told} were answered as declared"), otherwise)
    }
}

fn is_served(watched: &Watched, exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| watched.spec.expects(status.as_u16()))
}

/// Returns true if the last requests caused few calls.
fn is_open(calls: &[Call], now: Instant, every: Duration) -> bool {
    let since = now.checked_sub(every * LAST).unwrap_or(now);
    calls.iter().filter(|call| call.at >= since).count() <= LAST_PROBES
}

/// The part of a time in which any call was open.
fn busy(calls: &[Call], from: Instant, end: Instant) -> f64 {
    let mut spans: Vec<(Instant, Instant)> = calls
        .iter()
        .map(|call| (call.at.max(from), call.ended.unwrap_or(end).min(end)))
        .filter(|(at, ended)| at < ended)
        .collect();
    spans.sort_unstable();
    let (mut open, mut until) = (Duration::ZERO, from);
    for (at, ended) in spans {
        open += ended.saturating_duration_since(at.max(until));
        until = until.max(ended);
    }
    open.as_secs_f64() / end.saturating_duration_since(from).as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use keel_drill::trace_headers::TraceHeaders;

    use super::*;

    fn calls(begun: Instant, spans: &[(u64, u64)]) -> Vec<Call> {
        let at = |milliseconds: u64| begun + Duration::from_millis(milliseconds);
        let call = |(from, to): &(u64, u64)| Call {
            at: at(*from),
            method: http::Method::GET,
            path: "/".to_owned(),
            key: None,
            patience: Vec::new(),
            trace: TraceHeaders::default(),
            ended: Some(at(*to)),
        };
        spans.iter().map(call).collect()
    }

    #[test]
    fn a_dependency_is_busy_while_any_call_is_open() {
        let begun = Instant::now();
        let end = begun + Duration::from_secs(1);
        let share = |spans: &[(u64, u64)]| (busy(&calls(begun, spans), begun, end) * 100.0).round() as u32;
        assert_eq!(share(&[]), 0);
        assert_eq!(share(&[(0, 250), (100, 200), (200, 300)]), 30);
        assert_eq!(share(&[(900, 5000), (500, 600)]), 20);
        assert_eq!(share(&[(0, 500), (500, 1000)]), 100);
    }

    #[test]
    fn a_time_without_an_open_call_that_a_busy_machine_explains_shows_no_breaker() {
        let spared = |waited| {
            let contention = Contention { waited: Duration::from_millis(waited), scatter: Duration::ZERO };
            Spared { contention, ..Spared::example(10, 0.8, (20, 8)) }.by_no_bound("prices").is_ok()
        };
        assert!(spared(0) && spared(240), "less than 85 % of five seconds");
        assert!(!spared(300));
    }

    #[test]
    fn a_breaker_is_seen_when_the_last_requests_caused_few_calls() {
        let (begun, every) = (Instant::now(), Duration::from_millis(10));
        let now = begun + Duration::from_secs(1);
        let came = |from: u64| calls(begun, &(from..100).map(|n| (n * 10, n * 10 + 1)).collect::<Vec<_>>());
        assert!(!is_open(&came(0), now, every));
        assert!(is_open(&came(95), now, every));
        assert!(!is_open(&came(80), now, every));
    }
}
