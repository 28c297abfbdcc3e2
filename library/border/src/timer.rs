//! A timer of a connection: cheap while its time does not come.

use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::time::{Instant, Sleep};

/// A timer that is made when it is first needed, and moved only to an earlier moment or when it has fired.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    task: Option<Waker>,
}

impl Timer {
    /// Returns whether `due` has passed; else the task is woken at `due` or before.
    pub(crate) fn has_passed(&mut self, due: Instant, context: &mut Context<'_>) -> bool {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        let same_task = self.task.as_ref().is_some_and(|task| task.will_wake(context.waker()));
        if same_task && sleep.deadline() <= due && !sleep.is_elapsed() {
            return false;
        }
        if sleep.is_elapsed() || sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        // Also where the task has used up what it may do without giving way.
        let polled = std::pin::pin!(tokio::task::unconstrained(sleep.as_mut())).poll(context);
        self.task = Some(context.waker().clone());
        polled.is_ready()
    }
}
