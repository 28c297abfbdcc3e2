//! Doorbells: a commit that enqueues jobs wakes the workers of this process. Workers of other processes are notified, or see the jobs when they poll.

mod bells;
#[cfg(feature = "postgres")]
pub(crate) mod notifications;

pub(crate) use bells::bell;

/// Wakes the workers of a queue after a commit: those of this process, if it has any, and of the processes that listen.
pub(crate) fn ring(queue: &str) {
    bells::wake(queue);
    #[cfg(feature = "postgres")]
    notifications::add(queue);
}
