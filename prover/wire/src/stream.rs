//! A connection in the clear, over TLS, or to a Unix socket.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// An open connection. Dropping it closes it without a farewell.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// The TCP connection below; none for a Unix socket.
    pub fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Unix(_) => None,
        }
    }

    /// Returns true if the bytes are encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The local end.
    ///
    /// # Errors
    /// The operating system's, and for a Unix socket, which has no address.
    pub fn local_address(&self) -> Result<SocketAddr> {
        self.tcp().ok_or_else(|| Error::other("a Unix socket has no address"))?.local_addr()
    }

    /// Reads what has come already, without waiting: none when nothing has, zero bytes at the end.
    ///
    /// # Errors
    /// As of a read.
    pub fn read_now(&mut self, into: &mut [u8]) -> Option<Result<usize>> {
        // Costs no system call while nothing has happened on a connection in the clear.
        match self {
            Self::Tcp(stream) => would_block(stream.try_read(into)),
            Self::Unix(stream) => would_block(stream.try_read(into)),
            Self::Tls(stream) => {
                let mut buffer = ReadBuf::new(into);
                let read = Pin::new(stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
                match end_without_farewell(read) {
                    Poll::Ready(outcome) => Some(outcome.map(|()| buffer.filled().len())),
                    Poll::Pending => None,
                }
            }
        }
    }
}

fn would_block(read: Result<usize>) -> Option<Result<usize>> {
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        outcome => Some(outcome),
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.get_ref().0.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(task, buffer),
            Self::Tls(stream) => end_without_farewell(Pin::new(stream).poll_read(task, buffer)),
            Self::Unix(stream) => Pin::new(stream).poll_read(task, buffer),
        }
    }
}

/// TCP's end without TLS's farewell (close_notify) is an end: many servers leave it out.
fn end_without_farewell(read: Poll<Result<()>>) -> Poll<Result<()>> {
    match read {
        Poll::Ready(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
        outcome => outcome,
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(task, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(task, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(task, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(task),
            Self::Tls(stream) => Pin::new(stream).poll_flush(task),
            Self::Unix(stream) => Pin::new(stream).poll_flush(task),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(task),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(task),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(task),
        }
    }
}
