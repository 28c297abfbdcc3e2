//! The step that the running task's request is in, for the table of requests in flight.

use vitals::Step;

use crate::context::with_slot;
use crate::errors::{begin_step, end_step};

/// A step that the running task's request is in until this is dropped; then it is in the one before again.
#[derive(Debug)]
#[must_use = "dropped, it ends the step"]
pub struct InStep {
    before: Option<Step>,
    /// Its number among the steps of the request.
    number: Option<usize>,
}

/// The running task's request goes on with this step. Of steps at the same time, such as two calls, the last one to begin or end is shown. Without a
/// request, or in a task of its own, it does nothing.
pub fn in_step(step: Step) -> InStep {
    let before = with_slot(|slot| {
        let before = slot.current();
        slot.step(step);
        before
    });
    InStep { before, number: begin_step(step) }
}

impl InStep {
    /// Its number among the steps of the request, for [`note_call`](crate::errors::note_call).
    pub fn number(&self) -> Option<usize> {
        self.number
    }
}

/// The running task's request goes on with this step, until another one begins.
pub fn set_step(step: Step) {
    with_slot(|slot| slot.step(step));
}

impl Drop for InStep {
    fn drop(&mut self) {
        end_step(self.number);
        if let Some(before) = self.before {
            // Dropped outside of its request there is nobody to show it.
            with_slot(|slot| slot.step(before));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;
    use vitals::{InFlight, Work};

    use super::*;
    use crate::RequestContext;

    #[tokio::test]
    async fn steps_end_in_the_one_before_and_are_nothing_without_a_request() {
        let (request_id, trace) = vitals::new_request_id_and_trace();
        let context = RequestContext { request_id: request_id.clone(), trace };
        let table = InFlight::new(1);
        let started = Instant::now();
        let work =
            Work { kind: "request", name: "/".into(), method: "GET", request_id, trace, started, deadline: None };
        let slot = Arc::new(table.enter(work).unwrap());
        slot.step(Step::Handler);
        let outside = in_step(Step::Pool);
        assert_eq!(slot.current(), Step::Handler, "there is no request here");
        let seen = slot.clone();
        let inside = context.clone().scope_in_flight(None, Some(slot.clone()), async move {
            let call = in_step(Step::Call);
            let pool = in_step(Step::Pool);
            assert_eq!(seen.current(), Step::Pool);
            drop(pool);
            assert_eq!(seen.current(), Step::Call);
            // A context of its own may outlive the request.
            context.scope(async { drop(in_step(Step::Statement)) }).await;
            call
        });
        drop(inside.await);
        drop(outside);
        assert_eq!(slot.current(), Step::Call, "it was dropped outside of the request");
    }
}
