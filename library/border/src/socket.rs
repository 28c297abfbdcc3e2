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
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::acknowledged::Acknowledged;
use crate::age::{Arrival, Received};
use crate::below::Below;
use crate::connection::Connection;
use crate::control_frames::ControlFrames;
use crate::reader::Reader;
use crate::state::State;
use crate::timer::Timer;
use crate::traffic::Traffic;
use crate::unread_answer::UnreadAnswer;

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
/// To read its answers.
const TAKE: &str = "the peer to take bytes";

type Cut = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Socket with timeouts. It owns everything that lasts as long as the connection (`keep`), upgraded or not.
pub(crate) struct Socket<S, K> {
    socket: S,
    connection: Arc<Connection>,
    traffic: Arc<Traffic>,
    /// Timer of the peer's part.
    overdue: Timer,
    /// The peer as a reader, and the timer of that.
    reader: Reader,
    stall: Timer,
    /// Looks at the answers that the peer of an idle connection has not read.
    unread: UnreadAnswer,
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

struct Closing {
    until: Instant,
    bytes_left: usize,
}

impl<S, K> Socket<S, K> {
    pub(crate) fn new(socket: S, connection: Arc<Connection>, traffic: Arc<Traffic>, keep: K) -> Self {
        Self {
            socket,
            connection,
            traffic,
            overdue: Timer::default(),
            reader: Reader::default(),
            stall: Timer::default(),
            unread: UnreadAnswer::default(),
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
    fn check_peer(&mut self, context: &mut Context<'_>) -> io::Result<()>
    where
        S: Acknowledged,
    {
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
            if let Some((idle, look)) = self.next_look(state)
                && look < due
            {
                if !self.overdue.has_passed(look, context) {
                    return Ok(());
                }
                self.look_at_answer(idle)?;
                continue;
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

    /// Since when the connection is idle, and when to look whether its peer has read the last answers.
    fn next_look(&self, state: State) -> Option<(Instant, Instant)> {
        let State::Idle { since } = state else { return None };
        Some((since, self.unread.next_look(since, self.connection.limits.write_timeout)?))
    }

    /// Fails when the peer of an idle connection reads nothing of the answers that the kernel holds for it.
    fn look_at_answer(&mut self, idle: Instant) -> io::Result<()>
    where
        S: Acknowledged,
    {
        let held = self.socket.holds_unacknowledged().then(|| self.socket.acknowledged());
        if self.unread.look(idle, Instant::now(), held) {
            self.traffic.timed_out.fetch_add(1, Ordering::Relaxed);
            return Err(timed_out(TAKE));
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
                let connection = &self.connection;
                let acknowledged = self.socket.acknowledged();
                let due = self.reader.due(now, acknowledged, connection.unsent.write_timeout(), &connection.limits);
                if due <= now || self.stall.has_passed(due.min(now + LOOK), context) {
                    self.traffic.timed_out.fetch_add(1, Ordering::Relaxed);
                    return Poll::Ready(Err(timed_out(TAKE)));
                }
                Poll::Pending
            }
            Poll::Ready(outcome) => {
                self.reader.was_given(*outcome.as_ref().unwrap_or(&0));
                if self.cut.is_some() {
                    // An upgraded connection need not flush.
                    self.reader.has_all();
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

fn timed_out(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("timed out waiting for {what}"))
}

impl<S: AsyncWrite + Acknowledged + Unpin, K> Socket<S, K> {
    /// Sends the refusals that are not sent yet: they come before anything that the server writes.
    fn poll_refusals(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(below) = self.below.as_mut().filter(|below| below.is_sending()) else { return Poll::Ready(Ok(())) };
        let sent = below.poll_send(&mut self.socket, context);
        ready!(self.wrote(context, sent))?;
        self.reader.has_all();
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
            if let Some(below) = &mut self.below {
                ready!(below.poll_held(context));
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
                    let next = if received.is_empty() { Next::Server } else { self.received(received) };
                    match next {
                        Next::Server => return Poll::Ready(outcome),
                        Next::Peer => buffer.set_filled(before),
                        Next::Close => {
                            buffer.set_filled(before);
                            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                        }
                    }
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
    /// Notes bytes of the peer. The server does not see those of a request that was refused here, or of a peer that is gone.
    fn received(&mut self, received: &[u8]) -> Next {
        let Some(below) = &mut self.below else {
            self.connection.received(received);
            return Next::Server;
        };
        if below.is_congested() && self.connection.is_at_head() {
            let now = Instant::now();
            if below.refuse(&self.connection, received, now) {
                self.connection.answered_below(now);
                return Next::Peer;
            }
        }
        let arrival = if below.watches_age() { self.socket.arrival() } else { Arrival::default() };
        if arrival.is_reset {
            // What a flood of clients has sent before it left is not worked on.
            return Next::Close;
        }
        self.connection.waited(arrival.age);
        self.connection.received(received);
        Next::Server
    }
}

/// The side that has the turn after bytes were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The server works on them.
    Server,
    /// They were answered here: the peer.
    Peer,
    /// Neither: the peer has reset the connection.
    Close,
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
        if flushed.is_pending() {
            // TLS keeps bytes that the kernel had no room for.
            return self.wrote(context, Poll::Pending).map_ok(drop);
        }
        if flushed.is_ready() {
            self.reader.has_all();
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
            match Pin::new(&mut self.socket).poll_shutdown(context) {
                Poll::Pending => return self.wrote(context, Poll::Pending).map_ok(drop),
                Poll::Ready(ended) => ended?,
            }
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
mod tests;
