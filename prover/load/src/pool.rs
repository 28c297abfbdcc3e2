//! A pool of workers, and the bounded queue of arrivals that wait for a free one.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::connect::Peer;
use crate::http2::Carrier;
use crate::live_stats::Recorder;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::template::{Filling, Template};
use crate::watch::Completed;

/// The most requests that wait for a free connection; those due beyond are counted as not sent.
pub const MAX_WAITING: usize = 100_000;

/// A request that is due.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) kind: usize,
    pub(super) filling: Filling,
    pub(super) intended: Instant,
}

/// The state that workers and dispatcher share; they are on one thread.
pub(super) struct Pool {
    pub(super) plan: Plan,
    pub(super) templates: Vec<Template>,
    pub(super) peer: Peer,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) bodies: bool,
    pub(super) carriers: Vec<Carrier>,
    queue: RefCell<VecDeque<Arrival>>,
    /// Workers with nothing to do, the one that was busy last at the back.
    idle: RefCell<VecDeque<usize>>,
    slots: Vec<Slot>,
    /// Those that were opened.
    workers: RefCell<Vec<AbortHandle>>,
    busy: RefCell<u64>,
}

#[derive(Default)]
struct Slot {
    arrival: RefCell<Option<Arrival>>,
    filled: Notify,
}

impl Pool {
    /// Creates the pool of a plan, in which no worker runs yet.
    pub(super) fn new(plan: Plan, templates: Vec<Template>, peer: Peer, recorder: Recorder, bodies: bool) -> Self {
        let workers = plan.connections * plan.protocol.streams();
        Self {
            bodies,
            recorder: RefCell::new(recorder),
            templates,
            peer,
            carriers: (0..plan.connections).map(|_| Carrier::default()).collect(),
            queue: RefCell::default(),
            idle: RefCell::default(),
            slots: (0..workers).map(|_| Slot::default()).collect(),
            workers: RefCell::default(),
            busy: RefCell::new(0),
            plan,
        }
    }

    /// Hands an arrival to a free worker, to a new one, or to the queue. Returns the number of the new worker, which the
    /// caller must start.
    pub(super) fn hand_out(&self, arrival: Arrival) -> Option<usize> {
        let opened = self.workers.borrow().len();
        let sources = self.plan.sources as usize;
        // Where clients have several addresses they take turns; else the warmest connection is used.
        let free = match sources {
            0 | 1 => self.idle.borrow_mut().pop_back(),
            _ if opened < sources.min(self.slots.len()) => None,
            _ => self.idle.borrow_mut().pop_front(),
        };
        if let Some(worker) = free {
            *self.slots[worker].arrival.borrow_mut() = Some(arrival);
            self.slots[worker].filled.notify_one();
            return None;
        }
        if opened < self.slots.len() {
            *self.slots[opened].arrival.borrow_mut() = Some(arrival);
            self.slots[opened].filled.notify_one();
            return Some(opened);
        }
        let mut queue = self.queue.borrow_mut();
        if queue.len() < MAX_WAITING {
            queue.push_back(arrival);
            return None;
        }
        drop(queue);
        self.not_sent(&arrival);
        None
    }

    /// Notes that the next worker runs.
    pub(super) fn started(&self, worker: AbortHandle) {
        self.workers.borrow_mut().push(worker);
    }

    /// Waits for the next arrival of this worker.
    pub(super) async fn next(&self, worker: usize) -> Arrival {
        // Its own first: it was due before what waits.
        if let Some(arrival) = self.slots[worker].arrival.borrow_mut().take() {
            return arrival;
        }
        if let Some(waiting) = self.queue.borrow_mut().pop_front() {
            return waiting;
        }
        self.idle.borrow_mut().push_back(worker);
        loop {
            self.slots[worker].filled.notified().await;
            if let Some(arrival) = self.slots[worker].arrival.borrow_mut().take() {
                return arrival;
            }
        }
    }

    pub(super) fn begin(&self) {
        *self.busy.borrow_mut() += 1;
    }

    pub(super) fn end(&self, completed: &Completed<'_>) {
        *self.busy.borrow_mut() -= 1;
        let mut recorder = self.recorder.borrow_mut();
        recorder.done(completed);
    }

    /// Requests that wait for an answer or for a worker.
    pub(super) fn waiting(&self) -> u64 {
        *self.busy.borrow() + self.queue.borrow().len() as u64
    }

    /// Returns true if a request was handed to a worker that has not begun with it.
    pub(super) fn handed(&self) -> bool {
        self.slots.iter().take(self.workers.borrow().len()).any(|slot| slot.arrival.borrow().is_some())
    }

    fn not_sent(&self, arrival: &Arrival) {
        let now = Instant::now();
        self.recorder.borrow_mut().done(&Completed {
            kind: arrival.kind,
            filling: &arrival.filling,
            intended: arrival.intended,
            sent: now,
            done: now,
            outcome: Outcome::NotSent,
            head: None,
            body: &[],
        });
    }

    /// Gives up the arrivals that wait in the queue.
    pub(super) fn stop(&self) {
        let unsent: Vec<Arrival> = self.queue.borrow_mut().drain(..).collect();
        unsent.iter().for_each(|arrival| self.not_sent(arrival));
    }

    /// Gives every arrival that has no outcome yet one: a history must know of each request that may have been carried out.
    pub(super) async fn give_up(&self) {
        self.stop();
        for slot in &self.slots {
            let handed = slot.arrival.borrow_mut().take();
            handed.iter().for_each(|arrival| self.not_sent(arrival));
        }
        let workers = std::mem::take(&mut *self.workers.borrow_mut());
        workers.iter().for_each(AbortHandle::abort);
        // Each tells of its request as it is dropped.
        while *self.busy.borrow() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
