//! The past of a running request: its last log lines, its calls and statements, and the error that it met.

use std::collections::VecDeque;

use tokio::time::Instant;
use vitals::Step;

/// Log lines of a request that are kept, the last ones.
pub const MAX_LINES: usize = 20;
/// A longer line is cut.
pub const MAX_LINE_BYTES: usize = 1024;
/// Steps of a request that are kept, the first ones.
pub const MAX_STEPS: usize = 32;
/// Causes of an error that are kept.
pub(super) const MAX_CAUSES: usize = 8;
/// A longer text of a cause is cut.
pub(super) const MAX_CAUSE_BYTES: usize = 1024;
/// A longer backtrace is cut.
pub(super) const MAX_BACKTRACE_BYTES: usize = 4096;

/// The steps and log lines of a request so far. They have a place on the heap with the first entry.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pub(super) lines: VecDeque<Box<str>>,
    pub(super) lines_left_out: u32,
    pub(super) steps: Vec<TrailStep>,
    pub(super) steps_left_out: u32,
    pub(super) error: Option<NotedError>,
    /// Place of the last error that was logged.
    pub(super) logged_at: Option<(&'static str, u32)>,
}

/// A step that took time: a call, a statement, a wait.
#[derive(Debug)]
pub(super) struct TrailStep {
    pub(super) step: Step,
    pub(super) began: Instant,
    /// None while it runs, and for one that was cancelled with its request.
    pub(super) ended: Option<Instant>,
    pub(super) call: Option<TrailCall>,
}

/// An attempt of a call.
#[derive(Debug)]
pub(super) struct TrailCall {
    pub(super) peer: Box<str>,
    pub(super) attempt: u32,
    pub(super) outcome: CallOutcome,
}

/// The end of an attempt of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was dropped before its end.
    Cancelled,
    /// An answer with this status.
    Answered(u16),
    /// No answer, for a reason of this kind.
    Failed(&'static str),
}

/// An error that a request met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotedError {
    /// Type of the error, or `panic`.
    pub(super) kind: String,
    /// File and line.
    pub(super) place: String,
    /// The error and its causes, without secrets.
    pub(super) causes: Vec<String>,
    pub(super) backtrace: Option<String>,
}

impl CallOutcome {
    /// True for an answer that says that the callee failed, and for none.
    pub(super) fn is_failure(self) -> bool {
        match self {
            Self::Cancelled | Self::Failed(_) => true,
            Self::Answered(status) => status >= 500,
        }
    }
}

impl std::fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::Answered(status) => write!(f, "{status}"),
            Self::Failed(kind) => f.write_str(kind),
        }
    }
}

impl Trail {
    /// Adds a step, and returns its number; none when there are too many.
    pub(super) fn begin(&mut self, step: Step, now: Instant) -> Option<usize> {
        if self.steps.len() == MAX_STEPS {
            self.steps_left_out = self.steps_left_out.saturating_add(1);
            return None;
        }
        self.steps.push(TrailStep { step, began: now, ended: None, call: None });
        Some(self.steps.len() - 1)
    }

    pub(super) fn end(&mut self, number: usize, now: Instant) {
        if let Some(step) = self.steps.get_mut(number) {
            step.ended = Some(now);
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.lines_left_out = self.lines_left_out.saturating_add(1);
        }
        self.lines.push_back(cut(line.trim_end(), MAX_LINE_BYTES).into());
    }

    /// The last attempt of a call that failed.
    pub(super) fn failed_call(&self) -> Option<&TrailCall> {
        self.steps.iter().rev().filter_map(|step| step.call.as_ref()).find(|call| call.outcome.is_failure())
    }
}

/// The first bytes of a text, at most this many.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    let end = bytes.min(text.len());
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
