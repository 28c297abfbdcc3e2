//! Timeouts of a connection: for a request head, for the next request, and for the peer to take bytes.
//!
//! Wraps the socket, so that it holds for every protocol above it. One timer a connection, looked at every
//! [`CHECK`]; a cut comes at most that much late. Ends of connections linger (RFC 9112, section 9.6) when the peer may
//! still be sending, so that a refusal is not lost to a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::connection::{Connection, Phase};
use crate::limits::Limits;

/// How often an idle or stalled connection is looked at.
const CHECK: Duration = Duration::from_secs(2);
/// The longest that a closed connection still reads what its peer sends.
const LINGER: Duration = Duration::from_secs(2);
/// The most that it reads.
const LINGER_BYTES: usize = 4 << 20;

/// A socket that does not wait for ever.
pub(crate) struct Patient<S> {
    socket: S,
    connection: Arc<Connection>,
    head: Duration,
    idle: Duration,
    write: Duration,
    check: Pin<Box<Sleep>>,
    write_stalled: Option<Instant>,
    closing: Option<Closing>,
    _kept: Option<Box<dyn Send + Sync>>,
}

struct Closing {
    until: Instant,
    bytes_left: usize,
}

impl<S> Patient<S> {
    pub(crate) fn new(socket: S, connection: Arc<Connection>, limits: &Limits) -> Self {
        Self {
            socket,
            connection,
            head: limits.head_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
            check: Box::pin(tokio::time::sleep(CHECK.min(limits.head_timeout))),
            write_stalled: None,
            closing: None,
            _kept: None,
        }
    }

    /// Keeps `kept` for as long as the socket is open, also after an upgrade.
    pub(crate) fn keeping(self, kept: impl Send + Sync + 'static) -> Self {
        Self { _kept: Some(Box::new(kept)), ..self }
    }

    /// Registers the timer with the task, and fails when the peer has been waited for long enough.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.check.as_mut().poll(context).is_ready() {
            let waited_for = match self.connection.phase() {
                (Phase::Idle, lasted) if lasted >= self.idle => Some("its next request"),
                (Phase::Head, lasted) if lasted >= self.head => Some("a whole request head"),
                _ if self.write_stalled.is_some_and(|since| since.elapsed() >= self.write) => {
                    Some("the peer to take an answer")
                }
                _ => None,
            };
            if let Some(what) = waited_for {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("waited long enough for {what}")));
            }
            self.check.as_mut().reset(Instant::now() + CHECK.min(self.head));
        }
        Ok(())
    }

    fn wrote(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Pending => {
                self.write_stalled.get_or_insert_with(Instant::now);
                self.poll_overdue(context)?;
                Poll::Pending
            }
            Poll::Ready(outcome) => {
                self.write_stalled = None;
                self.connection.taken();
                Poll::Ready(outcome)
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.socket).poll_read(context, buffer) {
            Poll::Pending => {
                self.poll_overdue(context)?;
                Poll::Pending
            }
            Poll::Ready(outcome) => {
                let heard = &buffer.filled()[before..];
                if !heard.is_empty() {
                    self.connection.heard(heard);
                }
                Poll::Ready(outcome)
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.wrote(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.wrote(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(context))?;
            if !self.connection.must_linger() {
                return Poll::Ready(Ok(()));
            }
            let until = Instant::now() + LINGER;
            self.check.as_mut().reset(until);
            self.closing = Some(Closing { until, bytes_left: LINGER_BYTES });
        }
        let mut discarded = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = Pin::new(&mut self.socket).poll_read(context, &mut buffer);
            let length = buffer.filled().len();
            let overdue = self.check.as_mut().poll(context).is_ready();
            let Some(closing) = &mut self.closing else { return Poll::Ready(Ok(())) };
            closing.bytes_left = closing.bytes_left.saturating_sub(length);
            let over = closing.bytes_left == 0 || overdue || Instant::now() >= closing.until;
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn patient() -> (Patient<tokio::io::DuplexStream>, tokio::io::DuplexStream, Arc<Connection>) {
        let (ours, theirs) = tokio::io::duplex(64);
        let connection = Connection::new(crate::admission::Neighbours::default());
        (Patient::new(ours, connection.clone(), &Limits::default()), theirs, connection)
    }

    async fn cut_after(mut socket: Patient<tokio::io::DuplexStream>) -> Duration {
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

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_cut_within_its_bound() {
        let (socket, mut peer, _connection) = patient();
        let drip = tokio::spawn(async move {
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let after = cut_after(socket).await;
        assert!(after >= Duration::from_secs(10) && after <= Duration::from_secs(13), "{after:?}");
        drip.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_longer_than_a_balancer_keeps_it_and_then_cut() {
        let (socket, _peer, _connection) = patient();
        let after = cut_after(socket).await;
        assert!(after > Duration::from_secs(60) && after < Duration::from_secs(70), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_cut() {
        let (mut socket, _peer, connection) = patient();
        let _busy = connection.begin();
        let start = Instant::now();
        let error = socket.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= Duration::from_secs(33));
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_connection_is_not_cut_for_silence() {
        let (mut socket, mut peer, connection) = patient();
        let _busy = connection.begin();
        let late = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(300)).await;
            peer.write_all(b"late").await.unwrap();
            peer
        });
        let mut bytes = [0; 4];
        socket.read_exact(&mut bytes).await.unwrap();
        late.await.unwrap();
    }
}
