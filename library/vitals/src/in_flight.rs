//! Work in flight: a slot for each running request, call or job, with its current step.
//!
//! The number of slots is the bound that admission has anyway. A step is one relaxed store. Views list the slots: what requests wait for,
//! and for how long.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::TraceContext;

/// Slots that are tried before work goes without one.
const TRIES: usize = 64;

/// A step of running work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Step {
    /// Waits for its turn, or is checked.
    Admission,
    /// Runs code of the service.
    Handler,
    /// Waits for a guard before a call: a permit, a rate limit, the next attempt.
    CallQueue,
    /// Waits for a dependency.
    Call,
    /// Waits for a connection of the store.
    Pool,
    /// Waits for a statement.
    Statement,
    /// Sends its answer.
    Answer,
}

/// Description of running work.
#[derive(Clone, Debug)]
pub struct Work {
    /// `request`, `job`, ...
    pub kind: &'static str,
    /// Its route or name.
    pub name: Arc<str>,
    /// The method of a request; empty for other work.
    pub method: &'static str,
    /// Its id.
    pub request_id: Arc<str>,
    /// Its trace.
    pub trace: TraceContext,
    /// The start.
    pub started: Instant,
    /// The time at which it is ended; none without a deadline.
    pub deadline: Option<Instant>,
}

/// All work in flight of one kind.
#[derive(Debug)]
pub struct InFlight {
    slots: Box<[Slot]>,
    without_slot: AtomicU64,
}

#[derive(Debug)]
struct Slot {
    is_taken: AtomicBool,
    step: AtomicU8,
    work: Mutex<Option<Work>>,
}

/// The slot of running work; given back when it is dropped.
#[derive(Debug)]
pub struct InFlightSlot {
    table: Arc<InFlight>,
    index: usize,
}

thread_local! {
    /// The slot that this thread tries first: mostly one that it gave back last.
    static FIRST: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Gives each thread a place of its own to begin at.
static THREADS: AtomicU64 = AtomicU64::new(0);

impl Step {
    /// All steps, by their number.
    pub const ALL: [Self; 7] =
        [Self::Admission, Self::Handler, Self::CallQueue, Self::Call, Self::Pool, Self::Statement, Self::Answer];

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The names of all steps, by their number.
    pub const NAMES: [&'static str; 7] = ["admission", "handler", "call queue", "call", "pool", "statement", "answer"];
}

impl InFlight {
    /// Creates slots for at most this much work at a time.
    pub fn new(most: usize) -> Arc<Self> {
        let slot = || Slot { is_taken: AtomicBool::new(false), step: AtomicU8::new(0), work: Mutex::new(None) };
        Arc::new(Self { slots: (0..most.max(1)).map(|_| slot()).collect(), without_slot: AtomicU64::new(0) })
    }

    /// Takes a slot, in step [`Step::Admission`]; none where the next 64 are taken, which is counted. Never waits: a slot that is being listed counts as
    /// taken.
    pub fn enter(self: &Arc<Self>, work: Work) -> Option<InFlightSlot> {
        let count = self.slots.len();
        let first = FIRST.get().unwrap_or_else(|| THREADS.fetch_add(TRIES as u64, Ordering::Relaxed) as usize);
        for index in (first..first + TRIES.min(count)).map(|index| index % count) {
            let slot = &self.slots[index];
            if slot.is_taken.load(Ordering::Relaxed) || slot.is_taken.swap(true, Ordering::Acquire) {
                continue;
            }
            let Ok(mut place) = slot.work.try_lock() else {
                slot.is_taken.store(false, Ordering::Release);
                continue;
            };
            slot.step.store(Step::Admission as u8, Ordering::Relaxed);
            *place = Some(work);
            FIRST.set(Some(index + 1));
            return Some(InFlightSlot { table: Arc::clone(self), index });
        }
        self.without_slot.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Returns the work in flight with its steps, the oldest first.
    pub fn list(&self) -> Vec<(Work, Step)> {
        let seen = |slot: &Slot| {
            if !slot.is_taken.load(Ordering::Acquire) {
                return None;
            }
            let work = slot.work.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
            let step = Step::ALL.get(usize::from(slot.step.load(Ordering::Relaxed)))?;
            Some((work, *step))
        };
        let mut all: Vec<(Work, Step)> = self.slots.iter().filter_map(seen).collect();
        all.sort_by_key(|(work, _)| work.started);
        all
    }

    /// Returns how much work has gone without a slot since the start.
    pub fn without_slot(&self) -> u64 {
        self.without_slot.load(Ordering::Relaxed)
    }
}

impl InFlightSlot {
    /// The work goes on with this step.
    pub fn step(&self, step: Step) {
        self.table.slots[self.index].step.store(step as u8, Ordering::Relaxed);
    }

    /// The step that it is in.
    pub fn current(&self) -> Step {
        let number = self.table.slots[self.index].step.load(Ordering::Relaxed);
        Step::ALL.get(usize::from(number)).copied().unwrap_or(Step::Handler)
    }
}

impl Drop for InFlightSlot {
    fn drop(&mut self) {
        let slot = &self.table.slots[self.index];
        // Where it is being listed it stays, and is not listed again.
        if let Ok(mut work) = slot.work.try_lock() {
            *work = None;
        }
        slot.is_taken.store(false, Ordering::Release);
        FIRST.set(Some(self.index));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn work(name: &str, started: Instant) -> Work {
        let (request_id, trace) = crate::new_request_id_and_trace();
        Work { kind: "request", name: name.into(), method: "GET", request_id, trace, started, deadline: None }
    }

    #[test]
    fn running_work_is_listed_with_its_step_until_it_ends() {
        let (table, now) = (InFlight::new(4), Instant::now());
        let young = table.enter(work("/young", now)).unwrap();
        let old = table.enter(work("/old", now - Duration::from_secs(1))).unwrap();
        young.step(Step::Statement);
        let seen = |table: &InFlight| {
            table.list().into_iter().map(|(work, step)| (work.name.to_string(), step)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&table), [("/old".to_owned(), Step::Admission), ("/young".to_owned(), Step::Statement)]);
        drop(old);
        drop(young);
        assert_eq!(seen(&table), []);
    }

    #[test]
    fn work_over_the_bound_is_counted_and_slots_are_used_again() {
        let (table, now) = (InFlight::new(2), Instant::now());
        let held = [table.enter(work("/a", now)), table.enter(work("/b", now))];
        assert!(held.iter().all(Option::is_some) && table.enter(work("/c", now)).is_none());
        assert_eq!(table.without_slot(), 1);
        drop(held);
        for _ in 0..100 {
            assert!(table.enter(work("/d", now)).is_some());
        }
    }

    #[test]
    fn every_step_has_its_number_and_its_name() {
        assert!(Step::ALL.iter().enumerate().all(|(number, step)| *step as usize == number));
        assert_eq!((Step::Handler.name(), Step::Pool.name(), Step::Answer.name()), ("handler", "pool", "answer"));
    }

    #[test]
    fn work_that_ends_while_it_is_listed_is_not_listed_again() {
        let (table, now) = (InFlight::new(2), Instant::now());
        let held = table.enter(work("/a", now)).unwrap();
        held.step(Step::Pool);
        assert_eq!(held.current(), Step::Pool);
        let listing = table.slots[held.index].work.lock().unwrap();
        drop(held);
        drop(listing);
        assert_eq!(table.list().len(), 0);
        let _again = table.enter(work("/b", now)).unwrap();
        assert_eq!(&*table.list()[0].0.name, "/b");
    }

    #[test]
    fn a_slot_that_is_being_listed_is_passed_over() {
        let (table, now) = (InFlight::new(2), Instant::now());
        let _listing = table.slots[0].work.lock().unwrap();
        let held = table.enter(work("/a", now)).unwrap();
        assert_eq!(held.index, 1);
        assert!(table.enter(work("/b", now)).is_none());
    }

    #[test]
    fn no_two_threads_get_the_same_slot() {
        let (table, now) = (InFlight::new(64), Instant::now());
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let table = &table;
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        let held: Vec<_> = (0..8).map(|_| table.enter(work(&thread.to_string(), now))).collect();
                        assert!(held.iter().all(Option::is_some));
                    }
                });
            }
        });
        assert_eq!(table.list().len(), 0);
    }
}
