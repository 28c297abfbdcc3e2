//! The accept loop of the HTTP/1.1 servers of this crate: each connection in a task of its own, a bounded number at a time.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Timeout for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Wait after a failed accept (no descriptors left, mostly), so that the loop does not spin.
const BREATH: Duration = Duration::from_millis(10);

/// Serves at most `most` connections at a time, until the future is dropped: their tasks end with it.
pub(crate) async fn accept<F>(listener: TcpListener, most: usize, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(most));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let served = serve(stream);
        connections.spawn(async move {
            let _place = place;
            served.await;
        });
    }
}

/// A server whose clients have a bounded time to send a head.
pub(crate) fn server() -> http1::Builder {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    server
}
