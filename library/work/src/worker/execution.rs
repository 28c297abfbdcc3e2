//! One attempt: its handler under a deadline, a signal and a guard against panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use resilience::Deadline;
use telemetry::errors::note_panic;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::boundary::boundary;
use crate::job::attempt::{Attempt, Signal};
use crate::job::claimed::ClaimedJob;
use crate::job::context::JobContext;
use crate::job::finish::{Failure, FailureKind};
use crate::job::outcome::{Consequence, JobError};
use crate::worker::attempt_trace::AttemptTrace;
use crate::worker::collector::End;
use crate::worker::handlers::{HandlerEnd, Mode};
use crate::worker::queue::Queue;
use crate::worker::stats::Stats;

/// Runs an attempt and reports its end.
pub(crate) async fn run(queue: Arc<Queue>, job: ClaimedJob, attempt: Arc<Attempt>, ended: mpsc::Sender<End>) {
    if let Some(end) = end_of(&queue, job, &attempt).await {
        // The collector lives for as long as a sender does.
        let _ = ended.send(end).await;
    }
}

/// Runs an attempt; returns its end, or none when there is nothing to store.
pub(crate) async fn end_of(queue: &Queue, job: ClaimedJob, attempt: &Arc<Attempt>) -> Option<End> {
    let (held, before) = (job.held, job.attempt.saturating_sub(1));
    let (kind, waited) = (job.kind.clone(), job.waited);
    let (begun, trace) = (Instant::now(), AttemptTrace::begin(&job, queue.tracer.as_ref()));
    let ends_at = job.deadline_in.and_then(|left| begun.checked_add(left));
    let outcome = trace.scope(async {
        let outcome = outcome(queue, job, attempt).await;
        // Within the scope: what the attempt has noted is in the report.
        if let (Some(errors), Some(true), Some(error)) = (&queue.errors, outcome.has_failed(), outcome.error_type()) {
            trace.report(errors, &kind, (error, outcome.text()), begun, ends_at);
        }
        outcome
    });
    let outcome = outcome.await;
    trace.end(&kind, &queue.name, outcome.error_type());
    boundary("handler: after its end");
    queue.stats.ran(begun.elapsed());
    if let Some(failed) = outcome.has_failed() {
        queue.observer.ended(&kind, failed, waited + begun.elapsed());
    }
    let failed = |kind, error| Some(End::Failed(Failure { held, kind, error }));
    match outcome {
        Outcome::Handler(HandlerEnd::Done) => Some(End::Completed(held)),
        Outcome::Handler(HandlerEnd::Committed) => {
            Stats::add(&queue.stats.completed, 1);
            queue.in_flight.remove([held]);
            None
        }
        Outcome::Handler(HandlerEnd::Stale) => {
            Stats::add(&queue.stats.stale, 1);
            queue.in_flight.remove([held]);
            None
        }
        Outcome::Handler(HandlerEnd::Failed(JobError { consequence, text })) => {
            let kind = match consequence {
                Consequence::Retry(delay) => {
                    FailureKind::Retry(delay.unwrap_or_else(|| queue.rules.backoff.wait(before)))
                }
                Consequence::Snooze(delay) => FailureKind::Snooze(delay),
                Consequence::Dead(reason) => FailureKind::Dead(reason),
            };
            failed(kind, text)
        }
        Outcome::DeadlineOver => failed(FailureKind::Dead("deadline"), "the deadline is over".to_owned()),
        Outcome::TimedOut(longest) => {
            let kind = FailureKind::Retry(queue.rules.backoff.wait(before));
            failed(kind, format!("the handler did not end within {longest:?}"))
        }
        Outcome::Signal(Signal::Cancelled) => failed(FailureKind::Cancelled, String::new()),
        Outcome::Signal(Signal::Interrupted) => {
            failed(FailureKind::Interrupted, "the worker ended while the handler ran".to_owned())
        }
        Outcome::Signal(Signal::Lost | Signal::None) => {
            Stats::add(&queue.stats.lost, 1);
            queue.in_flight.remove([held]);
            None
        }
    }
}

/// The end of a handler, or the reason for which it was dropped.
enum Outcome {
    Handler(HandlerEnd),
    DeadlineOver,
    TimedOut(Duration),
    Signal(Signal),
}

impl Outcome {
    /// True for a failure, false for a success; none when it is neither.
    fn has_failed(&self) -> Option<bool> {
        match self {
            Self::Handler(HandlerEnd::Done | HandlerEnd::Committed) => Some(false),
            Self::Handler(
                HandlerEnd::Failed(JobError { consequence: Consequence::Snooze(_), .. }) | HandlerEnd::Stale,
            )
            | Self::Signal(_) => None,
            Self::Handler(HandlerEnd::Failed(_)) | Self::DeadlineOver | Self::TimedOut(_) => Some(true),
        }
    }

    /// The text of the error.
    fn text(&self) -> &str {
        match self {
            Self::Handler(HandlerEnd::Failed(error)) => &error.text,
            _ => "",
        }
    }

    /// The type of the error, for the span of the attempt; none for one that did not fail.
    fn error_type(&self) -> Option<&'static str> {
        match self {
            Self::DeadlineOver => Some("deadline"),
            Self::TimedOut(_) => Some("timeout"),
            Self::Signal(Signal::Cancelled) => Some("cancelled"),
            Self::Signal(Signal::Interrupted) => Some("interrupted"),
            Self::Signal(Signal::Lost) => Some("lost"),
            Self::Handler(_) | Self::Signal(Signal::None) => (self.has_failed() == Some(true)).then_some("failed"),
        }
    }
}

async fn outcome(queue: &Queue, job: ClaimedJob, attempt: &Arc<Attempt>) -> Outcome {
    match (attempt.present(), job.deadline_in) {
        (Signal::None, Some(Duration::ZERO)) => return Outcome::DeadlineOver,
        (Signal::None, _) => {}
        (signal, _) => return Outcome::Signal(signal),
    }
    let Some(handler) = queue.handlers.get(&job.kind) else {
        let error = JobError::retry(format!("no handler for {} jobs", job.kind));
        return Outcome::Handler(HandlerEnd::Failed(error));
    };
    let (deadline_in, timeout) = (job.deadline_in, queue.rules.timeout);
    let context = JobContext::new(job, queue.name.clone(), attempt.clone());
    // Also the call itself may panic, before its future is made.
    let work = AssertUnwindSafe(async move { handler(context, Mode::Claimed).await }).catch_unwind();
    let guarded = async {
        match work.await {
            Ok(end) => end,
            Err(panic) => {
                note_panic(&*panic);
                HandlerEnd::Failed(JobError::retry(format!("it panicked: {}", panic_text(&*panic))))
            }
        }
    };
    let bounded = async {
        let longest = [deadline_in, timeout].into_iter().flatten().min();
        let Some(longest) = longest else { return Outcome::Handler(guarded.await) };
        match Deadline::after(longest).scope(guarded).await {
            Ok(end) => Outcome::Handler(end),
            Err(_) if deadline_in == Some(longest) => Outcome::DeadlineOver,
            Err(_) => Outcome::TimedOut(longest),
        }
    };
    tokio::select! {
        biased;
        outcome = bounded => outcome,
        signal = attempt.signalled() => Outcome::Signal(signal),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
