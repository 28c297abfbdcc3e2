//! One request on a connection, from its head to the last byte of its answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::admission::Permit;
use crate::connection::Connection;
use crate::place::HeldPlace;
use crate::state::Stage;

/// One request on a connection. Shared by the service, the body of the answer and, with HTTP/2, the stream.
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    permit: Mutex<Option<Permit>>,
    /// The place of a request of HTTP/2; with HTTP/1.1 the connection holds it, so that its socket can give it back.
    place: Option<HeldPlace>,
    answering: AtomicBool,
    /// True while its handler runs.
    started: AtomicBool,
    /// Bytes of the answer that count against those of the connection.
    bytes: AtomicU64,
    /// Microseconds after the connection was opened, plus one, since when the peer has a piece of the answer to take; zero: it has none.
    owed: AtomicU64,
    /// The body that waits until all of its pieces are written.
    written: AtomicWaker,
}

/// Ends an exchange when it is dropped.
#[derive(Debug)]
pub(crate) struct Running(Arc<Exchange>);

impl Exchange {
    /// A request's head is complete; the request is open until the guard is dropped.
    pub(crate) fn begin(connection: Arc<Connection>) -> Running {
        connection.request();
        let place = connection.is_http2().then(HeldPlace::default);
        Running(Arc::new(Self {
            connection,
            permit: Mutex::new(None),
            place,
            answering: AtomicBool::new(false),
            started: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            written: AtomicWaker::new(),
        }))
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The place of the request among those that execute.
    pub(crate) fn place(&self) -> &HeldPlace {
        self.place.as_ref().unwrap_or(&self.connection.place)
    }

    /// Starts the handler if there is room for its answer.
    pub(crate) fn try_start(&self) -> bool {
        let starts = self.connection.try_start();
        self.started.store(starts, Ordering::Release);
        starts
    }

    /// Starts the handler when there is room for its answer. Cancel-safe.
    pub(crate) async fn start(&self) {
        self.connection.start().await;
        self.started.store(true, Ordering::Release);
    }

    /// The handler has ended.
    fn handler_ended(&self) {
        if self.started.swap(false, Ordering::AcqRel) {
            self.connection.has_answered();
        }
    }

    /// Keeps a permit until the request ends.
    pub(crate) fn hold(&self, permit: Permit) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    /// The peer has a piece of the answer to take.
    pub(crate) fn owe(&self) {
        let micros = u64::try_from(self.connection.opened.elapsed().as_micros()).unwrap_or(u64::MAX - 1);
        self.owed.store(micros + 1, Ordering::Release);
    }

    /// The peer has nothing to take.
    pub(crate) fn settle(&self) {
        self.owed.store(0, Ordering::Release);
    }

    /// Returns the time since which the peer has had a piece of the answer to read.
    pub(crate) fn owed_since(&self) -> Option<Instant> {
        let micros = self.owed.load(Ordering::Acquire).checked_sub(1)?;
        self.connection.opened.checked_add(Duration::from_micros(micros))
    }

    /// Wakes the task when a piece of the answer has been written.
    pub(crate) fn wake_when_written(&self, waker: &Waker) {
        self.written.register(waker);
    }

    /// A piece of the answer has been written, or thrown away with its stream.
    pub(crate) fn wrote(&self) {
        self.written.wake();
    }
}

impl Running {
    pub(crate) fn exchange(&self) -> &Arc<Exchange> {
        &self.0
    }

    /// Counts this many bytes of the answer's body, which the connection holds until the request ends.
    pub(crate) fn hold_bytes(&self, bytes: u64) {
        self.0.bytes.store(bytes, Ordering::Release);
        self.0.connection.hold_bytes(bytes);
        self.0.handler_ended();
    }

    /// The answer's head is ready.
    pub(crate) fn answered(&self) {
        self.0.answering.store(true, Ordering::Release);
        self.0.connection.answered();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.handler_ended();
        let permit = self.0.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stage = if self.0.answering.load(Ordering::Acquire) { Stage::Answering } else { Stage::Handling };
        match stage {
            Stage::Handling => self.0.place().cancelled(),
            Stage::Answering => self.0.place().answered(),
        }
        self.0.connection.ended(stage, permit, self.0.bytes.load(Ordering::Acquire));
    }
}
