//! The bulkhead: a limit of concurrent calls, with a queue that is bounded in length and time.
//!
//! Without a queue it is one atomic word, `in flight << 32 | waiting`, and no lock. A call that leaves hands its permit to a waiting one, so
//! that later calls do not overtake. In the adaptive order, once the oldest has waited for too long, the newest is served first, because the
//! oldest will hardly be in time any more (Ben Maurer, "Fail at Scale", ACM Queue 13(8), 2015).

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::time::Duration;

use crate::invalid::InvalidRules;
use crate::setters::setters;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The longest queue.
pub const MAX_QUEUE: u32 = 100_000;

/// Bulkhead rules: a concurrency limit and a bounded queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadRules {
    /// Calls at a time, at least 1.
    pub permits: u32,
    /// Calls that wait for a permit, at most [`MAX_QUEUE`]; 0 refuses at once.
    pub queue: u32,
    /// The longest wait.
    pub patience: Duration,
    /// Queue order.
    pub order: Queueing,
}

setters!(BulkheadRules: set { permits: u32, queue: u32, patience: Duration, order: Queueing } turn {});

/// Queue order of waiting calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queueing {
    /// First in, first out.
    #[default]
    Fifo,
    /// First in, first out, until a call has waited for this long; then last in, first out, until the queue is short again.
    AdaptiveLifo(Duration),
}

impl Default for BulkheadRules {
    /// 64 at a time, as many in the queue, for 100 ms.
    fn default() -> Self {
        Self { permits: 64, queue: 64, patience: Duration::from_millis(100), order: Queueing::Fifo }
    }
}

impl BulkheadRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.permits == 0 {
            return Err(InvalidRules::NoPermits);
        }
        if self.queue > MAX_QUEUE {
            return Err(InvalidRules::Queue { queue: self.queue, most: MAX_QUEUE });
        }
        Ok(())
    }
}

/// Reason why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Full {
    /// All permits are taken, and so is the queue.
    #[error("all permits and the queue are full")]
    Queue,
    /// No permit became free in time.
    #[error("no permit became free in time")]
    Patience,
}

/// The permits and the queue of waiting calls. Rules are given with each call, so that they can change while it lives.
#[derive(Debug, Default)]
pub struct Bulkhead {
    word: AtomicU64,
    /// Permits of the last rules: a call that entered by older ones hands its permit on by these.
    permits: AtomicU32,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Waiter>,
    number: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    since: Instant,
    permit: oneshot::Sender<()>,
}

/// A permit. Dropping it hands it on.
#[derive(Debug)]
#[must_use = "the permit is given back at once"]
pub struct Permit<'a> {
    bulkhead: &'a Bulkhead,
    order: Queueing,
}

/// Number of permits in use, and of waiting calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Calls that have a permit.
    pub in_flight: u32,
    /// Calls that wait for one.
    pub waiting: u32,
}

impl Load {
    fn unpack(word: u64) -> Self {
        Self { in_flight: (word >> 32) as u32, waiting: word as u32 }
    }

    fn pack(self) -> u64 {
        u64::from(self.in_flight) << 32 | u64::from(self.waiting)
    }
}

impl Bulkhead {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a permit, if one is free and no call waits for it.
    pub fn try_enter(&self, rules: &BulkheadRules) -> Option<Permit<'_>> {
        self.know(rules);
        let free = |load: Load| (load.in_flight < rules.permits && load.waiting == 0).then_some(load.in_flight + 1);
        let taken = self.update(|load| free(load).map(|in_flight| Load { in_flight, ..load }));
        taken.then(|| Permit { bulkhead: self, order: rules.order })
    }

    /// Waits in the queue for a permit until `until` or the rules' patience, whichever ends sooner. Cancel-safe: a dropped call leaves the
    /// queue, or hands on the permit that was just given.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn enter(&self, rules: &BulkheadRules, until: Option<Instant>, now: Instant) -> Result<Permit<'_>, Full> {
        if let Some(permit) = self.try_enter(rules) {
            return Ok(permit);
        }
        let mut turn = match self.queue_up(rules, now)? {
            Ok(permit) => return Ok(permit),
            Err(turn) => turn,
        };
        let patience = now.checked_add(rules.patience);
        match [patience, until].into_iter().flatten().min() {
            Some(end) => tokio::time::timeout_at(end, &mut turn.permit).await.map_err(|_| Full::Patience)?,
            None => (&mut turn.permit).await,
        }
        // The sender is dropped only after it has sent.
        .map_err(|_| Full::Patience)?;
        turn.had = true;
        Ok(Permit { bulkhead: self, order: rules.order })
    }

    /// Returns the number of permits in use, and of waiting calls.
    pub fn load(&self) -> Load {
        Load::unpack(self.word.load(Ordering::Relaxed))
    }

    /// Permits, by the rules that were given last.
    pub(crate) fn permits(&self) -> u32 {
        self.permits.load(Ordering::Relaxed)
    }

    /// Gives new permits to waiting calls. To be called after the number of permits has grown.
    pub fn widen(&self, rules: &BulkheadRules, now: Instant) {
        self.know(rules);
        let mut waiting = self.waiting();
        while let Some(waiter) = waiting.take(rules.order, now) {
            let moved = self.update(|load| {
                (load.in_flight < rules.permits)
                    .then(|| Load { in_flight: load.in_flight + 1, waiting: load.waiting.saturating_sub(1) })
            });
            if !moved {
                waiting.queue.push_front(waiter);
                return;
            }
            if waiter.permit.send(()).is_err() {
                self.update(|load| Some(Load { in_flight: load.in_flight - 1, ..load }));
            }
        }
    }

    /// Written only where it is another number: nearly never.
    fn know(&self, rules: &BulkheadRules) {
        if self.permits() != rules.permits {
            self.permits.store(rules.permits, Ordering::Relaxed);
        }
    }

    /// A permit after all, or a turn in the queue.
    fn queue_up(&self, rules: &BulkheadRules, now: Instant) -> Result<Result<Permit<'_>, Turn<'_>>, Full> {
        let mut waiting = self.waiting();
        let mut enters = false;
        // The lock is held, so that nobody can leave between this look and the queueing without seeing who waits.
        let done = self.update(|load| {
            enters = load.in_flight < rules.permits && load.waiting == 0;
            if enters {
                return Some(Load { in_flight: load.in_flight + 1, ..load });
            }
            (load.waiting < rules.queue).then(|| Load { waiting: load.waiting + 1, ..load })
        });
        if !done {
            return Err(Full::Queue);
        }
        if enters {
            return Ok(Ok(Permit { bulkhead: self, order: rules.order }));
        }
        let (sender, permit) = oneshot::channel();
        waiting.number += 1;
        let number = waiting.number;
        waiting.queue.push_back(Waiter { number, since: now, permit: sender });
        drop(waiting);
        Ok(Err(Turn { bulkhead: self, order: rules.order, number, permit, had: false }))
    }

    /// Hands on the permit of a call that has left.
    fn leave(&self, order: Queueing) {
        let permits = self.permits();
        let alone = |load: Load| load.waiting == 0 || load.in_flight > permits;
        if self.update(|load| alone(load).then(|| Load { in_flight: load.in_flight.saturating_sub(1), ..load })) {
            return;
        }
        let mut waiting = self.waiting();
        // The clock is read only where somebody waits.
        let now = Instant::now();
        loop {
            let Some(waiter) = waiting.take(order, now) else {
                self.update(|load| Some(Load { in_flight: load.in_flight.saturating_sub(1), ..load }));
                return;
            };
            self.update(|load| Some(Load { waiting: load.waiting.saturating_sub(1), ..load }));
            // Sent under the lock: who is dropped finds itself in the queue, or with its permit.
            if waiter.permit.send(()).is_ok() {
                return;
            }
        }
    }

    fn update(&self, mut change: impl FnMut(Load) -> Option<Load>) -> bool {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| change(Load::unpack(word)).map(Load::pack))
            .is_ok()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic is done under it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes the next waiting call from the queue.
    fn take(&mut self, order: Queueing, now: Instant) -> Option<Waiter> {
        let oldest = self.queue.front()?;
        match order {
            Queueing::AdaptiveLifo(after) if now.saturating_duration_since(oldest.since) >= after => {
                self.queue.pop_back()
            }
            _ => self.queue.pop_front(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.bulkhead.leave(self.order);
    }
}

/// A turn in the queue; dropping it leaves the queue.
struct Turn<'a> {
    bulkhead: &'a Bulkhead,
    order: Queueing,
    number: u64,
    permit: oneshot::Receiver<()>,
    /// True once the permit was taken.
    had: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.had {
            return;
        }
        let mut waiting = self.bulkhead.waiting();
        if let Some(index) = waiting.queue.iter().position(|waiter| waiter.number == self.number) {
            waiting.queue.remove(index);
            self.bulkhead.update(|load| Some(Load { waiting: load.waiting.saturating_sub(1), ..load }));
            return;
        }
        drop(waiting);
        // It was given a permit that nobody will use.
        self.bulkhead.leave(self.order);
    }
}
