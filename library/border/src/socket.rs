//! Connection timeouts, in a wrapper of the socket: they hold for every protocol above it.
//!
//! [`crate::state`] says until when the peer must have done its part. The timer is set to that moment and not moved when requests follow
//! one another: it wakes an idle connection once, at its end, and a busy one once an idle timeout. Bytes that the peer does not take
//! have a timer of their own, as the two directions of an upgraded connection can belong to two tasks.
//!
//! Ends of connections linger (RFC 9112, section 9.6) when the peer may still be sending, so that a refusal is not lost to a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::acknowledged::Acknowledged;
use crate::age::Received;
use crate::below::Below;
use crate::connection::Connection;
use crate::control_frames::ControlFrames;
use crate::min_rate::MinRate;
use crate::state::State;
use crate::traffic::Traffic;

/// The longest that a closed connection still reads bytes of its peer.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// The most that it reads.
pub(crate) const LINGER_BYTES: usize = 4 << 20;
/// Timeout of an idle HTTP/2 connection after GOAWAY.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two looks at what a slow reader has taken.
const LOOK: Duration = Duration::from_secs(1);

/// The peer's part: to send the rest of a request head.
const HEAD: &str = "a whole request head";

type Cut = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Socket with timeouts. It owns everything that lasts as long as the connection (`keep`), upgraded or not.
pub(crate) struct Socket<S, K> {
    socket: S,
    connection: Arc<Connection>,
    traffic: Arc<Traffic>,
    /// Timer of the peer's part.
    overdue: Timer,
    /// The peer has bytes to take, and the timer of that.
    stalled: Option<Stall>,
    stall: Timer,
    /// Bytes given to the kernel so far, and at the last flush.
    written: u64,
    flushed: u64,
    /// True when the server has written whole frames: between a flush and its next write.
    is_between_frames: bool,
    /// The frames of an HTTP/2 connection.
    frames: Option<Box<ControlFrames>>,
    /// True when the peer's frames are not read any more.
    is_deaf: bool,
    /// Time at which GOAWAY was requested.
    retired: Option<Instant>,
    /// The end of an upgraded connection by the listener.
    cut: Option<Cut>,
    closing: Option<Closing>,
    /// Refusals that the server above does not see.
    below: Option<Below>,
    _keep: K,
}

/// A time in which the server waits for the peer to take bytes.
struct Stall {
    since: Instant,
    /// Bytes that the peer has taken since the connection was opened, and the time at which that was last seen to grow.
    taken: u64,
    progress: Instant,
}

struct Closing {
    until: Instant,
    bytes_left: usize,
}

/// A timer that is made when it is first needed, and moved only to an earlier moment or when it has fired.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    task: Option<Waker>,
}

impl Timer {
    /// Returns whether `due` has passed; else the task is woken at `due` or before.
    fn has_passed(&mut self, due: Instant, context: &mut Context<'_>) -> bool {
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

impl<S, K> Socket<S, K> {
    pub(crate) fn new(socket: S, connection: Arc<Connection>, traffic: Arc<Traffic>, keep: K) -> Self {
        Self {
            socket,
            connection,
            traffic,
            overdue: Timer::default(),
            stalled: None,
            stall: Timer::default(),
            written: 0,
            flushed: 0,
            is_between_frames: false,
            frames: None,
            is_deaf: false,
            retired: None,
            cut: None,
            closing: None,
            below: None,
            _keep: keep,
        }
    }

    /// Lets it refuse requests itself.
    pub(crate) fn with_refusals(mut self, below: Below) -> Self {
        self.below = Some(below);
        self
    }

    /// Fails when the peer has had long enough; else the task is woken when it will have.
    fn check_peer(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let state = self.connection.waits();
        if matches!(state, State::Upgraded { .. }) {
            self.check_cut(context)?;
        }
        while let Some((mut due, what)) = state.due(&self.connection.limits) {
            if let (Some(retired), State::Idle { since }) = (self.retired, state) {
                due = since.max(retired) + GOAWAY_TIMEOUT;
            }
            let mut what = what;
            if let Some(since) = self.frames.as_ref().and_then(|frames| frames.head_since()) {
                let head_due = since + self.connection.limits.head_timeout;
                if head_due < due {
                    (due, what) = (head_due, HEAD);
                }
            }
            if !self.overdue.has_passed(due, context) {
                return Ok(());
            }
            let is_idle = matches!(state, State::Idle { .. }) && what != HEAD;
            if self.retired.is_none() && is_idle && self.connection.is_http2() {
                // The end of an idle connection is announced, so that a request that is on its way is repeated elsewhere.
                self.retired = Some(Instant::now());
                self.connection.retire();
            } else {
                self.traffic.timed_out.fetch_add(1, Ordering::Relaxed);
                return Err(timed_out(what));
            }
        }
        Ok(())
    }

    /// Fails when the listener cuts its connections. Others than upgraded ones are cut with their task.
    fn check_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let cut = self.cut.get_or_insert_with(|| {
            let stop = self.connection.cut.clone();
            Box::pin(async move { stop.requested().await })
        });
        if !self.connection.cut.is_requested() && cut.as_mut().poll(context).is_pending() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server ends"))
    }

    fn wrote(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>>
    where
        S: Acknowledged,
    {
        match outcome {
            Poll::Pending => {
                // The peer is slow: the service has done its part.
                self.connection.place.answered();
                let now = Instant::now();
                let due = self.reader_due(now);
                if due <= now || self.stall.has_passed(due.min(now + LOOK), context) {
                    self.traffic.timed_out.fetch_add(1, Ordering::Relaxed);
                    return Poll::Ready(Err(timed_out("the peer to take bytes")));
                }
                Poll::Pending
            }
            Poll::Ready(outcome) => {
                self.written += *outcome.as_ref().unwrap_or(&0) as u64;
                if self.cut.is_some() {
                    // An upgraded connection need not flush.
                    self.reader_has_all();
                    self.connection.sent();
                    if self.connection.cut.is_requested() {
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server ends")));
                    }
                }
                Poll::Ready(outcome)
            }
        }
    }
}

impl<S: Acknowledged, K> Socket<S, K> {
    /// Returns the time by which the peer must have taken more: it may take nothing for `write_timeout`, and must take `min_rate` on average since the
    /// server began to wait for it. What it took of this answer before counts for it.
    fn reader_due(&mut self, now: Instant) -> Instant {
        let taken = self.socket.acknowledged().unwrap_or(self.written);
        let stall = self.stalled.get_or_insert(Stall { since: now, taken, progress: now });
        if taken > stall.taken {
            (stall.taken, stall.progress) = (taken, now);
        }
        let stops = stall.progress.checked_add(self.connection.write_timeout());
        let rate = MinRate::of(&self.connection.limits).time_for(taken.saturating_sub(self.flushed));
        let slow = rate.and_then(|time| stall.since.checked_add(time));
        // Neither: as good as never.
        let never = now + Duration::from_secs(86_400);
        stops.unwrap_or(never).min(slow.unwrap_or(never))
    }
}

impl<S, K> Socket<S, K> {
    /// The kernel has taken everything that was to be sent.
    fn reader_has_all(&mut self) {
        self.stalled = None;
        self.flushed = self.written;
    }
}

fn timed_out(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("timed out waiting for {what}"))
}

impl<S: AsyncWrite + Acknowledged + Unpin, K> Socket<S, K> {
    /// Sends the refusals that are not sent yet: they come before anything that the server writes.
    fn poll_refusals(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(below) = self.below.as_mut().filter(|below| below.is_sending()) else { return Poll::Ready(Ok(())) };
        let sent = below.poll_send(&mut self.socket, context);
        ready!(self.wrote(context, sent))?;
        self.reader_has_all();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Received + Acknowledged + Unpin, K: Unpin> AsyncRead for Socket<S, K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Each round answers one request of the peer: the runtime's budget for a task bounds them.
        loop {
            if self.is_deaf {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_refusals(context))?;
            let before = buffer.filled().len();
            match Pin::new(&mut self.socket).poll_read(context, buffer) {
                Poll::Pending => {
                    self.check_peer(context)?;
                    return Poll::Pending;
                }
                Poll::Ready(outcome) => {
                    let received = &buffer.filled()[before..];
                    if !self.counts_frames(received) {
                        self.end_flood(context);
                        buffer.set_filled(before);
                        return Poll::Ready(Ok(()));
                    }
                    if received.is_empty() || !self.refused(received) {
                        return Poll::Ready(outcome);
                    }
                    buffer.set_filled(before);
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin, K> Socket<S, K> {
    /// Counts the frames of an HTTP/2 connection. Returns false when there were too many of those that mean nothing.
    fn counts_frames(&mut self, received: &[u8]) -> bool {
        if received.is_empty() || !self.connection.may_be_http2(received) {
            self.frames = None;
            return true;
        }
        let frames = self.frames.get_or_insert_with(|| Box::new(ControlFrames::new(Instant::now())));
        frames.received(received, self.connection.idle_since().is_some(), Instant::now)
    }

    /// Tells the peer to stop, where that is possible, and reads nothing more: for the server this is the peer's end of the connection.
    fn end_flood(&mut self, context: &mut Context<'_>) {
        self.is_deaf = true;
        self.traffic.flooded.fetch_add(1, Ordering::Relaxed);
        self.connection.leave_unread();
        if let (true, Some(frames)) = (self.is_between_frames, &self.frames) {
            // A peer that takes nothing learns nothing.
            let _ = Pin::new(&mut self.socket).poll_write(context, &frames.goaway());
        }
    }
}

impl<S: Received, K> Socket<S, K> {
    /// Notes bytes of the peer. Returns true when they are a request that was refused here: the server does not see them.
    fn refused(&mut self, received: &[u8]) -> bool {
        let Some(below) = &mut self.below else {
            self.connection.received(received);
            return false;
        };
        let age = if below.watches_age() { self.socket.since_last_received() } else { None };
        self.connection.waited(age);
        let at_head = below.is_standing() && self.connection.is_at_head();
        self.connection.received(received);
        if !at_head || !below.refuse(&self.connection, received) {
            return false;
        }
        self.connection.answered_below();
        true
    }
}

impl<S: AsyncRead + AsyncWrite + Acknowledged + Unpin, K: Unpin> AsyncWrite for Socket<S, K> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusals(context))?;
        self.is_between_frames = false;
        let outcome = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.wrote(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusals(context))?;
        self.is_between_frames = false;
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.wrote(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(context);
        if flushed.is_ready() {
            self.reader_has_all();
            self.is_between_frames = true;
        }
        // The server flushes its socket when its own buffers are empty.
        if flushed.is_ready() && self.connection.flushed() {
            // It reads again only when something wakes it: where it has read in vain while the request ran, only this does.
            self.check_peer(context)?;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(self.poll_refusals(context))?;
            ready!(Pin::new(&mut self.socket).poll_shutdown(context))?;
            if !self.connection.must_linger() {
                return Poll::Ready(Ok(()));
            }
            let until = Instant::now() + LINGER;
            self.closing = Some(Closing { until, bytes_left: LINGER_BYTES });
        }
        let mut discarded = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = Pin::new(&mut self.socket).poll_read(context, &mut buffer);
            let length = buffer.filled().len();
            let Self { closing: Some(closing), overdue, .. } = &mut *self else { return Poll::Ready(Ok(())) };
            closing.bytes_left = closing.bytes_left.saturating_sub(length);
            let over = closing.bytes_left == 0 || overdue.has_passed(closing.until, context);
            match read {
                Poll::Ready(Ok(())) if length > 0 && !over => {}
                Poll::Pending if !over => return Poll::Pending,
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;
    use crate::Limits;
    use crate::connection::PREFACE;
    use crate::exchange::{Exchange, Running};

    type Timed = Socket<DuplexStream, ()>;

    fn socket_with(limits: Limits) -> (Timed, DuplexStream, Arc<Connection>) {
        let (ours, theirs) = tokio::io::duplex(64);
        let never = supervision::StopSource::new();
        let connection = Connection::new(Arc::new(limits), Default::default(), never.listen(), never.listen());
        // A source that is gone would cut.
        std::mem::forget(never);
        let connection = Arc::new(connection);
        (Socket::new(ours, connection.clone(), Arc::new(Traffic::new("public")), ()), theirs, connection)
    }

    fn socket() -> (Timed, DuplexStream, Arc<Connection>) {
        socket_with(Limits::default())
    }

    fn request(connection: &Arc<Connection>) -> Running {
        Exchange::begin(connection.clone())
    }

    /// Reads until the socket fails.
    async fn cut_after(socket: &mut Timed) -> Duration {
        let start = Instant::now();
        let mut sink = [0; 64];
        loop {
            match socket.read(&mut sink).await {
                Ok(0) => panic!("the peer closed"),
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    return start.elapsed();
                }
            }
        }
    }

    /// Sends a byte each second until the socket is gone.
    fn drip(mut peer: DuplexStream) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_cut_within_its_bound() {
        let (mut socket, peer, _connection) = socket();
        let dripping = drip(peer);
        assert_eq!(cut_after(&mut socket).await.as_secs(), 10);
        drop(socket);
        dripping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_sends_a_byte_is_cut_like_a_slow_head() {
        let (mut socket, _peer, _connection) = socket();
        assert_eq!(cut_after(&mut socket).await.as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_longer_than_a_balancer_keeps_it_and_then_cut() {
        let (mut socket, _peer, connection) = socket();
        let running = request(&connection);
        running.answered();
        drop(running);
        socket.flush().await.unwrap();
        let after = cut_after(&mut socket).await;
        assert!(after > Duration::from_secs(60) && after < Duration::from_secs(66), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_cut_when_the_server_has_read_only_while_the_request_ran() {
        let (mut socket, _peer, connection) = socket();
        let (start, mut running, mut sink) = (Instant::now(), Some(request(&connection)), [0; 64]);
        let waiting = std::future::poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut sink);
            let read = Pin::new(&mut socket).poll_read(context, &mut buffer);
            let Some(running) = running.take() else { return read };
            running.answered();
            drop(running);
            assert!(Pin::new(&mut socket).poll_flush(context).is_ready());
            Poll::Pending
        });
        // Whatever wakes it late finds it overdue.
        let outcome = tokio::time::timeout(Duration::from_secs(100), waiting).await;
        assert_eq!(outcome.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 65);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_wakes_once_at_its_end() {
        let (mut socket, _peer, connection) = socket();
        drop(request(&connection));
        socket.flush().await.unwrap();
        let (mut sink, mut polls) = ([0; 64], 0);
        let ended = {
            let mut read = std::pin::pin!(socket.read(&mut sink));
            std::future::poll_fn(|context| {
                polls += 1;
                read.as_mut().poll(context)
            })
            .await
        };
        assert!(ended.is_err());
        assert_eq!(polls, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_http2_connection_gets_goaway_in_spite_of_its_frames_and_is_cut_if_it_stays() {
        let (mut socket, mut peer, connection) = socket();
        peer.write_all(PREFACE).await.unwrap();
        let dripping = drip(peer);
        let after = cut_after(&mut socket).await;
        assert!(connection.retires());
        assert_eq!(after.as_secs(), 65 + GOAWAY_TIMEOUT.as_secs());
        drop(socket);
        dripping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_cut_after_the_grace() {
        let (mut socket, _peer, connection) = socket();
        let _running = request(&connection);
        let start = Instant::now();
        let error = socket.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // The buffer in between took 64 bytes.
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_took_much_and_then_stops_has_the_write_timeout() {
        let (mut socket, mut peer, connection) = socket();
        let _running = request(&connection);
        let stops = tokio::spawn(async move {
            peer.read_exact(&mut [0; 50_000]).await.unwrap();
            peer
        });
        let start = Instant::now();
        socket.write_all(&[0; 60_000]).await.unwrap_err();
        assert!((30..=31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        drop(stops.await.unwrap());
    }

    /// Sends an answer of 100 s at the minimum rate to a peer that reads so many bytes a second.
    async fn read_at(rate: usize) -> io::Result<()> {
        let (mut socket, mut peer, connection) = socket();
        let _running = request(&connection);
        let reads = tokio::spawn(async move {
            let mut bytes = vec![0; rate];
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                for piece in bytes.chunks_mut(32) {
                    if peer.read_exact(piece).await.is_err() {
                        return;
                    }
                }
            }
        });
        let outcome = socket.write_all(&[0; 24_000]).await;
        drop(socket);
        reads.await.unwrap();
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_at_the_minimum_rate_gets_its_answer_and_one_below_it_is_cut() {
        read_at(256).await.unwrap();
        assert_eq!(read_at(192).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_ends_the_time_of_a_slow_reader() {
        let (mut socket, mut peer, connection) = socket();
        let _running = request(&connection);
        for _ in 0..10 {
            let (write, read) = (socket.write_all(&[0; 100]), async {
                tokio::time::sleep(Duration::from_secs(4)).await;
                peer.read_exact(&mut [0; 100]).await
            });
            let (wrote, read) = tokio::join!(write, read);
            wrote.unwrap();
            read.unwrap();
            socket.flush().await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_pings_ends_the_connection_with_a_goaway_and_the_rest_is_not_read() {
        let (mut socket, mut peer, connection) = socket();
        peer.write_all(PREFACE).await.unwrap();
        let flood = tokio::spawn(async move {
            let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
            let mut sent = 0;
            while peer.write_all(&ping).await.is_ok() {
                sent += 1;
            }
            let mut answer = Vec::new();
            peer.read_to_end(&mut answer).await.unwrap();
            (sent, answer)
        });
        // The server's own SETTINGS are through.
        socket.flush().await.unwrap();
        let mut sink = Vec::new();
        socket.read_to_end(&mut sink).await.unwrap();
        assert!(sink.len() <= PREFACE.len() + 1001 * 17, "{}", sink.len());
        assert!(connection.must_linger());
        drop(socket);
        let (sent, answer) = flood.await.unwrap();
        assert!((1000..1100).contains(&sent), "{sent}");
        assert_eq!(answer, [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]);
    }

    #[tokio::test(start_paused = true)]
    async fn headers_of_http2_that_never_end_are_cut_like_a_slow_head() {
        let (mut socket, mut peer, _connection) = socket();
        peer.write_all(PREFACE).await.unwrap();
        // 16 bytes of headers are announced; the rest never comes.
        peer.write_all(&[0, 0, 16, 1, 4, 0, 0, 0, 1, 0x82]).await.unwrap();
        assert_eq!(cut_after(&mut socket).await.as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_from_the_peer_do_not_cut_a_connection_with_an_open_request() {
        let (mut socket, mut peer, connection) = socket();
        let running = request(&connection);
        let late = tokio::spawn(async move {
            // The first bytes of a next request, and nothing for a long time.
            peer.write_all(b"G").await.unwrap();
            tokio::time::sleep(Duration::from_secs(300)).await;
            peer.write_all(b"ET").await.unwrap();
            peer
        });
        let mut bytes = [0; 1];
        socket.read_exact(&mut bytes).await.unwrap();
        running.answered();
        let mut bytes = [0; 2];
        socket.read_exact(&mut bytes).await.unwrap();
        late.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_upgraded_connection_is_cut_when_no_byte_moves_and_not_before() {
        let (mut socket, mut peer, connection) = socket();
        connection.upgraded();
        let talks = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(200)).await;
                peer.write_all(b"x").await.unwrap();
            }
            peer
        });
        let idle = Limits::default().upgrade_idle_timeout;
        assert_eq!(cut_after(&mut socket).await, Duration::from_secs(2000) + idle);
        drop(talks.await.unwrap());
    }
}
