//! Histories of operations: requests with their times and answers, and checkers of their consistency.
//!
//! A history is recorded at the clients, which is all that can be known from outside: an operation took effect at some instant
//! between its invocation and its completion, or, when its outcome is unknown, at any time later or never. The words are
//! Jepsen's (<https://jepsen.io>): `ok` happened, `fail` is known not to have happened, `info` is unknown.
//!
//! - [`Recorder`]: takes operations down, from many threads at once, on one monotonic clock.
//! - [`read`] and [`write()`]: one operation a line, as JSON.
//! - [`check::bank`], [`check::register`], [`check::effects`]: whether a history can be right, with a counter-example that a
//!   person can read when it cannot.
//!
//! ```
//! use keel_drill::history::{Action, Answer, Outcome, Recorder, check};
//!
//! let recorder = Recorder::new();
//! let write = recorder.invoke(1, Action::Write { key: "x".into(), value: 7 })?;
//! write.complete(Outcome::ok());
//! let read = recorder.invoke(2, Action::Read { key: "x".into() })?;
//! read.complete(Outcome::Ok { answer: Answer::Value(None) });
//! let verdict = check::register(&recorder.history());
//! assert!(verdict.to_string().contains("no order"), "{verdict}");
//! # Ok::<(), keel_drill::history::Full>(())
//! ```

pub mod check;
mod lines;
mod operation;
mod recorder;

pub use lines::{MAX_LINE, Unreadable, read, write};
pub use operation::{Action, Answer, Operation, Outcome};
pub use recorder::{Full, MAX_OPERATIONS, Pending, Recorder};
