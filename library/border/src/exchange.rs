//! One request on a connection, from its head to the last byte of its answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;
use vitals::InFlightSlot;

use crate::admission::Permit;
use crate::answer_sizes::Slot;
use crate::connection::Connection;
use crate::place::HeldPlace;
use crate::state::Stage;
use crate::unsent::{Expected, Unsent};

/// One request on a connection. Shared by the service, the body of the answer and, with HTTP/2, the stream.
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    permit: Mutex<Option<Permit>>,
    /// Its slot among the requests in flight.
    slot_in_flight: Mutex<Option<Arc<InFlightSlot>>>,
    /// The place of a request of HTTP/2; with HTTP/1.1 the connection holds it, so that its socket can give it back.
    place: Option<HeldPlace>,
    answering: AtomicBool,
    /// True while its handler runs.
    started: AtomicBool,
    /// The slot of its path among the sizes of answers, and what its answer is expected to be.
    slot: Slot,
    expected: Expected,
    /// True while its handler, whose answer may have any size, runs for the first time (HTTP/2).
    is_first: AtomicBool,
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
    pub(crate) fn begin(connection: Arc<Connection>, path: &str) -> Running {
        connection.request();
        let place = connection.is_http2().then(HeldPlace::default);
        let sizes = &connection.unsent.in_all.sizes;
        let slot = sizes.slot(path);
        let expected = sizes.expected(slot).map_or(Expected::Unknown, Expected::Bytes);
        Running(Arc::new(Self {
            connection,
            permit: Mutex::new(None),
            slot_in_flight: Mutex::new(None),
            place,
            answering: AtomicBool::new(false),
            started: AtomicBool::new(false),
            slot,
            expected,
            is_first: AtomicBool::new(false),
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
        let starts = self.starts(&self.connection.unsent);
        self.note_start(starts);
        starts
    }

    fn starts(&self, unsent: &Unsent) -> bool {
        if self.place.is_some() { unsent.try_start(self.expected) } else { unsent.try_start_alone(self.expected) }
    }

    fn note_start(&self, starts: bool) {
        if starts {
            self.started.store(true, Ordering::Release);
            self.is_first.store(self.place.is_some() && self.expected == Expected::Unknown, Ordering::Release);
        }
    }

    /// Its stream has nothing to do for now.
    pub(crate) fn waits(&self) {
        if self.is_first.load(Ordering::Acquire) && self.is_first.swap(false, Ordering::AcqRel) {
            self.connection.unsent.first_waits();
        }
    }

    /// Starts the handler when there is room for its answer. Cancel-safe.
    pub(crate) async fn start(&self) {
        self.connection.unsent.until(|unsent| self.starts(unsent)).await;
        self.note_start(true);
    }

    /// The handler has ended.
    fn handler_ended(&self) {
        if !self.started.swap(false, Ordering::AcqRel) {
            return;
        }
        let unsent = &self.connection.unsent;
        if self.place.is_some() {
            unsent.has_answered(self.expected);
            self.waits();
        } else {
            unsent.has_answered_alone(self.expected);
        }
    }

    /// Keeps a permit until the request ends.
    pub(crate) fn hold(&self, permit: Permit) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    /// Shows the request among those in flight until it ends.
    pub(crate) fn show(&self, slot: Arc<InFlightSlot>) {
        *self.slot_in_flight.lock().unwrap_or_else(PoisonError::into_inner) = Some(slot);
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
        self.0.connection.unsent.hold(bytes);
        self.0.handler_ended();
    }

    /// The answer's head is ready, and its body is known to have this many bytes; 0 where that is not known.
    pub(crate) fn answered(&self, bytes: u64) {
        self.0.connection.unsent.in_all.sizes.note(self.0.slot, bytes);
        self.0.answering.store(true, Ordering::Release);
        self.0.connection.answered();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.handler_ended();
        drop(self.0.slot_in_flight.lock().unwrap_or_else(PoisonError::into_inner).take());
        let permit = self.0.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stage = if self.0.answering.load(Ordering::Acquire) { Stage::Answering } else { Stage::Handling };
        match stage {
            Stage::Handling => self.0.place().cancelled(),
            Stage::Answering => self.0.place().answered(),
        }
        self.0.connection.ended(stage, permit, self.0.bytes.load(Ordering::Acquire));
    }
}
