//! Wakers and verdicts of queued requests, until their tasks have taken them.

use std::task::{Context, Poll, Waker};

use super::decision::{Place, Ticket, Wake};
use super::reason::Reason;

/// Index of a waiter.
pub(super) type WaiterId = usize;

/// Waiters. As many as there are queued requests, and verdicts that are not taken yet.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    waiters: Vec<Waiter>,
    free: Vec<WaiterId>,
    /// Waiter of each slot of the queue; a slot is used again once its verdict was given, which may be before that is taken.
    of_slot: Vec<WaiterId>,
}

#[derive(Debug)]
enum Waiter {
    Free,
    Waiting(Option<Waker>),
    Decided(Result<Place, Reason>),
}

/// State of a waiter that is removed.
#[derive(Debug)]
pub(super) enum Removed {
    /// It has no verdict: the request is still queued.
    Waiting,
    /// It has a verdict that nobody took.
    Decided(Result<Place, Reason>),
}

impl Waiters {
    /// Adds the waiter of a request that was queued.
    pub(super) fn add(&mut self, ticket: Ticket) -> WaiterId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.waiters.push(Waiter::Free);
            self.waiters.len() - 1
        });
        self.waiters[id] = Waiter::Waiting(None);
        if self.of_slot.len() <= ticket.slot() {
            self.of_slot.resize(ticket.slot() + 1, 0);
        }
        self.of_slot[ticket.slot()] = id;
        id
    }

    /// Hands a verdict to its waiter. Returns the waker to call.
    pub(super) fn decide(&mut self, wake: Wake) -> Option<Waker> {
        let id = self.of_slot[wake.ticket.slot()];
        match std::mem::replace(&mut self.waiters[id], Waiter::Decided(wake.verdict)) {
            Waiter::Waiting(waker) => waker,
            Waiter::Free | Waiter::Decided(_) => {
                debug_assert!(false, "a verdict about a request that does not wait");
                None
            }
        }
    }

    /// Takes the verdict, or keeps the waker.
    pub(super) fn poll(&mut self, id: WaiterId, context: &Context<'_>) -> Poll<Result<Place, Reason>> {
        match std::mem::replace(&mut self.waiters[id], Waiter::Free) {
            Waiter::Decided(verdict) => {
                self.free.push(id);
                Poll::Ready(verdict)
            }
            Waiter::Waiting(known) => {
                let known = known.filter(|waker| waker.will_wake(context.waker()));
                self.waiters[id] = Waiter::Waiting(Some(known.unwrap_or_else(|| context.waker().clone())));
                Poll::Pending
            }
            Waiter::Free => {
                debug_assert!(false, "a waiter is polled after its end");
                Poll::Pending
            }
        }
    }

    /// True when the request was admitted, and its task has not taken the place.
    pub(super) fn is_admitted(&self, id: WaiterId) -> bool {
        matches!(self.waiters[id], Waiter::Decided(Ok(_)))
    }

    /// Removes the waiter of a task that is gone.
    pub(super) fn remove(&mut self, id: WaiterId) -> Removed {
        self.free.push(id);
        match std::mem::replace(&mut self.waiters[id], Waiter::Free) {
            Waiter::Decided(verdict) => Removed::Decided(verdict),
            Waiter::Waiting(_) | Waiter::Free => Removed::Waiting,
        }
    }

    /// Number of waiters.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiters.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_is_not_taken_survives_the_reuse_of_its_slot() {
        let mut waiters = Waiters::default();
        let ticket = |generation| Ticket { index: 0, generation };
        let first = waiters.add(ticket(0));
        waiters.decide(Wake { ticket: ticket(0), verdict: Err(Reason::Waited) });
        let second = waiters.add(ticket(1));
        waiters.decide(Wake { ticket: ticket(1), verdict: Err(Reason::Full) });
        let context = Context::from_waker(Waker::noop());
        assert_eq!(waiters.poll(first, &context), Poll::Ready(Err(Reason::Waited)));
        assert_eq!(waiters.poll(second, &context), Poll::Ready(Err(Reason::Full)));
        assert_eq!(waiters.len(), 0);
    }
}
