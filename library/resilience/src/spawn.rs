//! Spawning work that inherits the deadline and the criticality of the running task.

use crate::criticality::Criticality;
use crate::deadline::{Deadline, Expired};

/// Spawns work that inherits the running task's deadline, when it has one, and is dropped at it, and its criticality.
///
/// A bare [`tokio::spawn`] begins a task without deadline: right for work that must finish although its caller has left.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn<F>(work: F) -> tokio::task::JoinHandle<Result<F::Output, Expired>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match (Deadline::current(), Criticality::explicit()) {
        (Some(deadline), Some(criticality)) => tokio::spawn(criticality.scope(deadline.scope(work))),
        (Some(deadline), None) => tokio::spawn(deadline.scope(work)),
        (None, Some(criticality)) => tokio::spawn(criticality.scope(async { Ok(work.await) })),
        (None, None) => tokio::spawn(async { Ok(work.await) }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn spawned_work_inherits_the_criticality() {
        let spawned = async { spawn(async { Criticality::explicit() }).await.unwrap() };
        assert_eq!(Criticality::Critical.scope(spawned).await, Ok(Some(Criticality::Critical)));
        let of_nobody = spawn(async { Criticality::explicit() });
        assert_eq!(of_nobody.await.unwrap(), Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn spawned_work_inherits_the_deadline_and_ends_at_it() {
        let outer = Deadline::after(Duration::from_secs(1));
        let (seen, endless) = outer
            .scope(async { (spawn(async { Deadline::current() }), spawn(std::future::pending::<()>())) })
            .await
            .unwrap();
        assert_eq!(seen.await.unwrap(), Ok(Some(outer)));
        assert_eq!(endless.await.unwrap(), Err(Expired));
        assert_eq!(spawn(async { Deadline::current() }).await.unwrap(), Ok(None));
    }
}
