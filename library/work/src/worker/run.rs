//! The loops of one queue, side by side.

use std::sync::Arc;

use supervision::Stop;
use tokio::sync::mpsc;

use crate::job::MAX_BATCH;
use crate::worker::queue::Queue;
use crate::worker::{claiming, collector, heartbeat, sweep};

/// Runs the loops of a queue until the stop and the end of the drain.
pub(crate) async fn run(queue: &Arc<Queue>, stop: &Stop) {
    let (ended, ends) = mpsc::channel(2 * MAX_BATCH);
    // The collector ends when the claiming loop and all handlers have dropped their senders.
    let work = async { tokio::join!(claiming::run(queue, stop, ended), collector::run(queue, ends)) };
    tokio::select! {
        _ = work => {}
        () = heartbeat::run(queue) => {}
        () = sweep::run(queue) => {}
    }
}
