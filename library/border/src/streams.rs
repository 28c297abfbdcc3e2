//! HTTP/2 streams of a connection; a stream whose peer does not read its answer is reset.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::exchange::Exchange;
use crate::traffic::Traffic;

/// The least time between two looks at a stream.
const SHORTEST: Duration = Duration::from_millis(100);

/// Spawns the streams of one connection. The server calls the service and starts the stream in one step, so that the request that was
/// begun last is the stream's.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    begun: Arc<Mutex<Weak<Exchange>>>,
    traffic: Arc<Traffic>,
}

impl Streams {
    pub(crate) fn new(traffic: Arc<Traffic>) -> Self {
        Self { begun: Arc::default(), traffic }
    }

    /// The server starts a stream for this request next.
    pub(crate) fn begin(&self, exchange: &Arc<Exchange>) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(exchange);
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let begun = std::mem::take(&mut *self.begun.lock().unwrap_or_else(PoisonError::into_inner));
        match begun.upgrade() {
            Some(exchange) => drop(tokio::spawn(until_stalled(stream, exchange, self.traffic.clone()))),
            None => drop(tokio::spawn(stream)),
        }
    }
}

/// Runs a stream to its end, or until its peer has left a piece of the answer for too long. Dropping the stream resets it.
async fn until_stalled(stream: impl Future<Output = ()>, exchange: Arc<Exchange>, traffic: Arc<Traffic>) {
    let (mut stream, mut timer) = (pin!(stream), None);
    let ended = poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        exchange.waits();
        poll_stalled(&exchange, &mut timer, context).map(|()| false)
    });
    if !ended.await {
        traffic.answers_cut.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll_stalled(exchange: &Exchange, timer: &mut Option<Pin<Box<Sleep>>>, context: &mut Context<'_>) -> Poll<()> {
    let connection = exchange.connection();
    while let Some(due) = exchange.owed_since().and_then(|since| since.checked_add(connection.unsent.write_timeout())) {
        let now = Instant::now();
        if now >= due {
            return Poll::Ready(());
        }
        // It may be due sooner by then.
        let due = due.min(now + connection.limits.rate_grace.max(SHORTEST));
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        // An earlier moment than what is due now wakes the task too soon, once; that costs less than a reset for each piece.
        if timer.is_elapsed() || timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use supervision::StopSource;

    use super::*;
    use crate::Limits;
    use crate::connection::Connection;
    use crate::exchange::Running;

    fn begun() -> (Running, StopSource) {
        let stop = StopSource::new();
        let connection = Connection::new(Arc::default(), Default::default(), stop.listen(), stop.listen());
        (Exchange::begin(Arc::new(connection), "/"), stop)
    }

    /// Runs a stream; returns how long it ran and whether it was cut.
    async fn run(stream: impl Future<Output = ()>, running: &Running) -> (Duration, bool) {
        let (start, traffic) = (Instant::now(), Arc::new(Traffic::new("public")));
        until_stalled(stream, running.exchange().clone(), traffic.clone()).await;
        (start.elapsed(), traffic.answers_cut.load(Ordering::Relaxed) > 0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_cut_when_its_peer_leaves_a_piece_for_too_long() {
        let (running, _stop) = begun();
        let stream = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            running.exchange().owe();
            std::future::pending().await
        };
        let (ran, cut) = run(stream, &running).await;
        assert!(cut);
        assert_eq!(ran, Duration::from_secs(100) + Limits::default().write_timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_peer_takes_each_piece_in_time_or_waits_for_us_is_not_cut() {
        let (running, _stop) = begun();
        let stream = async {
            for _ in 0..10 {
                running.exchange().owe();
                tokio::time::sleep(Duration::from_secs(29)).await;
            }
            running.exchange().settle();
            tokio::time::sleep(Duration::from_secs(1000)).await;
        };
        assert_eq!(run(stream, &running).await, (Duration::from_secs(1290), false));
    }
}
