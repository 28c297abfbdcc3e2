//! Failure modes of payouts, changed at run time: `PUT /behaviour {"mode": "hang"}` on the admin listener.
//!
//! | mode | work | on the wire |
//! |---|---|---|
//! | `normal` | done | the answer |
//! | `slow` | done after `millis` | the answer, after `millis` |
//! | `hang` | not done | nothing, until the border answers 504 at its deadline (30 s unless `REQUEST_DEADLINE` says otherwise) |
//! | `drip` | done | the answer, a byte of its body every `millis` |
//! | `reset` | not done | the connection is closed at once: before the head, or after a head whose body never comes |
//! | `garbage` | not done | 200 and `application/octet-stream`, with bytes that are neither text nor JSON |
//! | `truncate` | done | the head, half of the body it announces, and the end of the connection |
//! | `error` | not done | 500 with a problem document |
//! | `lose_answer` | done | as `reset` |
//!
//! A connection is ended by an error in the answer's body, which is as deep as a handler reaches: hyper closes it
//! without the rest. The kernel sends a FIN, and a RST when the client goes on sending.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel::axum::body::{Body, Bytes};
use evenkeel::axum::http::header;
use evenkeel::prelude::*;
use serde::{Deserialize, Serialize};

/// The longest `millis`: ten minutes.
const MAX_MILLIS: u64 = 600_000;

/// Failure mode of payouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Normal answers.
    #[default]
    Normal,
    /// Slow answers.
    Slow,
    /// No answer.
    Hang,
    /// Answers that come a byte at a time.
    Drip,
    /// Connections broken off at once.
    Reset,
    /// Bytes that are no JSON.
    Garbage,
    /// Bodies shorter than announced.
    Truncate,
    /// Answers with status 500.
    Error,
    /// Connections broken off after the work is done.
    LoseAnswer,
}

/// The mode, and its measure of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Failure mode of payouts.
    pub mode: Mode,
    /// Milliseconds, for slow and drip: 1000 by default, at most 600,000.
    #[serde(default = "default_millis")]
    pub millis: u64,
}

/// Holds the behaviour. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    now: Arc<Mutex<Behaviour>>,
}

fn default_millis() -> u64 {
    1000
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { mode: Mode::Normal, millis: default_millis() }
    }
}

impl Behaviour {
    /// The measure of time.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// Checks that the behaviour can be requested.
    ///
    /// # Errors
    /// A sentence that names the bound.
    pub fn check(&self) -> Result<(), String> {
        if self.millis <= MAX_MILLIS { Ok(()) } else { Err(format!("millis: it is at most {MAX_MILLIS}")) }
    }
}

impl Switch {
    /// The behaviour now.
    pub fn now(&self) -> Behaviour {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it for the requests that come from now on.
    pub fn set(&self, behaviour: Behaviour) {
        // A copy is written whole or not at all.
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

/// The answer as it should be.
pub(crate) fn whole(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, kind(status))], text).into_response()
}

/// Bytes that are no answer to anything.
pub(crate) fn garbage() -> Response {
    (StatusCode::OK, Bytes::from_static(b"\x00\xffnot what you asked for")).into_response()
}

/// A head that announces a body of `length` bytes, the start of it, and the end of the connection.
pub(crate) fn broken_off(status: StatusCode, start: &str, length: usize) -> Response {
    let pieces = [Ok(Bytes::copy_from_slice(start.as_bytes())), Err(std::io::Error::other("broken off on request"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let head = [(header::CONTENT_TYPE, kind(status).to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    (status, head, body).into_response()
}

/// The answer, a byte at a time.
pub(crate) fn dripped(status: StatusCode, text: String, every: Duration) -> Response {
    let bytes = futures_util::stream::unfold(text.into_bytes().into_iter(), move |mut rest| async move {
        tokio::time::sleep(every).await;
        rest.next().map(|byte| (Ok::<_, std::io::Error>(Bytes::from(vec![byte])), rest))
    });
    (status, [(header::CONTENT_TYPE, kind(status))], Body::from_stream(bytes)).into_response()
}

fn kind(status: StatusCode) -> &'static str {
    if status.is_success() { "application/json" } else { "application/problem+json" }
}
