//! Lifecycle: the phase of the process.

use std::sync::Arc;

use tokio::sync::watch;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

/// A phase of the process. It only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Parts are being started; not ready.
    Starting,
    /// Everything runs; ready.
    Ready,
    /// Draining: not ready any more, new work is still answered while load balancers notice.
    Draining,
    /// Stopping: no new work; work in flight finishes.
    Stopping,
}

const LIFECYCLE: Table = Table {
    name: "lifecycle",
    help: "The life of the process.",
    columns: &[
        Column::words("phase", &["starting", "ready", "draining", "stopping"], "The phase of the process."),
        Column::gauge("ready", "1 when ready."),
    ],
};

/// Phase of the process, which every part can watch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    phase: watch::Sender<Phase>,
    registry: Registry,
}

impl Lifecycle {
    /// Creates a lifecycle in phase [`Phase::Starting`], with its vital registered.
    pub fn new(registry: &Registry) -> Self {
        let inner = Arc::new(Inner { phase: watch::Sender::new(Phase::Starting), registry: registry.clone() });
        registry.register(inner.clone());
        Self { inner }
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.inner.phase.borrow()
    }

    /// Moves on to a later phase; a step back or to the same phase changes nothing. Returns whether it moved.
    pub fn enter(&self, next: Phase) -> bool {
        let moved = self.inner.phase.send_if_modified(|phase| {
            let forward = next > *phase;
            if forward {
                *phase = next;
            }
            forward
        });
        if moved {
            self.inner.registry.bus().publish("lifecycle", "process", next.name(), "");
        }
        moved
    }

    /// Returns when the process has reached `phase` or a later one. Cancel-safe.
    pub async fn reached(&self, phase: Phase) {
        let mut watching = self.inner.phase.subscribe();
        // The sender lives as long as `self`.
        let _ = watching.wait_for(|now| *now >= phase).await;
    }
}

impl Phase {
    /// Its name in vitals and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
        }
    }
}

impl Source for Inner {
    fn table(&self) -> &'static Table {
        &LIFECYCLE
    }

    fn rows(&self) -> Vec<TableRow> {
        let phase = *self.phase.borrow();
        vec![vec![TableValue::text(phase.name()), TableValue::from(phase == Phase::Ready)]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_process_only_moves_forward() {
        let lifecycle = Lifecycle::new(&Registry::new());
        assert!(lifecycle.enter(Phase::Draining));
        assert!(!lifecycle.enter(Phase::Ready));
        assert_eq!(lifecycle.phase(), Phase::Draining);
    }
}
