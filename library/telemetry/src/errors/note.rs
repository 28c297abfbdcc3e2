//! Notes about the running task's request, which are in the report when it fails. Without a request they do nothing.

use std::error::Error;
use std::panic::Location;

use tokio::time::Instant;
use tracing::{Level, Metadata};
use vitals::Step;

use super::trail::{CallOutcome, MAX_BACKTRACE_BYTES, MAX_CAUSE_BYTES, MAX_CAUSES, NotedError, Trail, TrailCall, cut};
use crate::context::with_trail;
use crate::redact;

/// Notes the error because of which the running request fails: the report has its type, its causes, and the place of this call. Of several the last one
/// counts. Nothing is logged, and nothing is kept of a request that does not fail.
///
/// Texts of errors are shown without credentials in known shapes; do not put other secrets or bodies of requests into them.
///
/// ```
/// use evenkeel_telemetry::errors::note_error;
///
/// # fn parse(text: &str) -> Result<u32, u16> {
/// text.parse::<u32>().map_err(|error| {
///     note_error(&error);
///     500
/// })
/// # }
/// # assert!(parse("x").is_err());
/// ```
#[track_caller]
pub fn note_error<E: Error + ?Sized>(error: &E) {
    let place = Location::caller();
    with_trail(|trail| {
        let mut causes = vec![cause(&error.to_string())];
        let mut next = error.source();
        while let Some(source) = next.filter(|_| causes.len() < MAX_CAUSES) {
            causes.push(cause(&source.to_string()));
            next = source.source();
        }
        // A wrapper with the text of its cause says nothing more.
        causes.dedup();
        let kind = std::any::type_name::<E>().to_owned();
        trail.error = Some(NotedError { kind, place: place_of(place.file(), place.line()), causes, backtrace: None });
    });
}

/// Notes the panic of the running request by its payload. The hook that [`logs::install`](crate::logs::install) sets has noted more, where it is set.
pub fn note_panic(payload: &(dyn std::any::Any + Send)) {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    with_trail(|trail| {
        if trail.error.as_ref().is_none_or(|known| known.kind != PANIC) {
            trail.error = Some(panic("", text, None));
        }
    });
}

/// Notes that the step of this number is an attempt of a call to this peer.
pub fn note_call(step: Option<usize>, peer: &str, attempt: u32) {
    let Some(step) = step else { return };
    with_trail(|trail| {
        if let Some(step) = trail.steps.get_mut(step) {
            step.call = Some(TrailCall { peer: peer.into(), attempt, outcome: CallOutcome::Cancelled });
        }
    });
}

/// Notes the end of the attempt of a call that is the step of this number. Without it the attempt was cancelled.
pub fn note_call_end(step: Option<usize>, outcome: CallOutcome) {
    let Some(step) = step else { return };
    with_trail(|trail| {
        if let Some(call) = trail.steps.get_mut(step).and_then(|step| step.call.as_mut()) {
            call.outcome = outcome;
        }
    });
}

/// The kind of a panic.
pub(super) const PANIC: &str = "panic";

/// Notes a panic where it happens.
pub(crate) fn note_panic_place(place: &str, reason: &str, backtrace: Option<&str>) {
    with_trail(|trail| trail.error = Some(panic(place, reason, backtrace)));
}

fn panic(place: &str, reason: &str, backtrace: Option<&str>) -> NotedError {
    let backtrace = backtrace.map(|text| cut(text, MAX_BACKTRACE_BYTES).to_owned());
    NotedError { kind: PANIC.to_owned(), place: place.to_owned(), causes: vec![cause(reason)], backtrace }
}

/// Notes a line of the log.
pub(crate) fn note_line(metadata: &Metadata<'static>, line: &str) {
    with_trail(|trail| {
        trail.line(line);
        if *metadata.level() == Level::ERROR {
            trail.logged_at = metadata.file().zip(metadata.line());
        }
    });
}

/// Notes the begin of a step that takes time.
pub(crate) fn begin_step(step: Step) -> Option<usize> {
    match step {
        Step::Call | Step::CallQueue | Step::Pool | Step::Statement => {
            with_trail(|trail| trail.begin(step, Instant::now())).flatten()
        }
        Step::Admission | Step::Handler | Step::Answer => None,
    }
}

/// Notes the end of a step.
pub(crate) fn end_step(number: Option<usize>) {
    if let Some(number) = number {
        with_trail(|trail: &mut Trail| trail.end(number, Instant::now()));
    }
}

pub(super) fn place_of(file: &str, line: u32) -> String {
    format!("{file}:{line}")
}

/// A text of an error without secrets.
pub(super) fn cause(text: &str) -> String {
    // Cut last: half a credential is none that can be recognized.
    cut(&redact::text(text), MAX_CAUSE_BYTES).to_owned()
}
