//! Refusals below the HTTP server: an idle HTTP/1.1 connection gets a prepared 503, and the server sees nothing of its request.
//!
//! Only while the queue is standing, and only where the bytes that were read are one whole simple head ([`SimpleHead`]) at a place where a
//! head begins ([`Connection::is_at_head`]): answers stay in the order of their requests, and bytes of a body are never taken for a head.
//! Pipelined requests go to the server.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::prepared;
use crate::shed::{Early, Shed, Where};
use crate::simple_head::SimpleHead;

/// The refusals of one socket.
#[derive(Debug)]
pub(crate) struct Below {
    shed: Arc<Shed>,
    /// The answer of which the peer has not taken all: one, as nothing is read before it is sent.
    answers: Vec<u8>,
    sent: usize,
}

impl Below {
    pub(crate) fn new(shed: Arc<Shed>) -> Self {
        Self { shed, answers: Vec::new(), sent: 0 }
    }

    /// Returns true while the age of what is read matters.
    pub(crate) fn watches_age(&self) -> bool {
        self.shed.watches_age()
    }

    /// Returns true while requests may be refused here, if the connection is at a head.
    pub(crate) fn is_standing(&self) -> bool {
        self.shed.is_standing()
    }

    /// Refuses the request that `bytes` are, if it is simple and the queue has no room for it. The answer is to be sent then.
    pub(crate) fn refuse(&mut self, connection: &Connection, bytes: &[u8]) -> bool {
        let (Some(client), Some(head)) = (connection.client_address(), SimpleHead::parse(bytes)) else { return false };
        let age = connection.age(Instant::now());
        let (method, path) = (&head.method, head.path());
        let early = Early { at: Where::Socket, method, path, class: head.class, client: Some(client), age };
        let Some(reason) = self.shed.refuse_early(early) else { return false };
        prepared::write(reason, head.method == axum::http::Method::HEAD, head.request_id, &mut self.answers);
        true
    }

    /// Returns true while answers wait for the peer.
    pub(crate) fn is_sending(&self) -> bool {
        self.sent < self.answers.len()
    }

    /// Sends the answers; ready with the number of bytes of the last write when the peer has taken all.
    pub(crate) fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut last = 0;
        while self.sent < self.answers.len() {
            last = ready!(Pin::new(&mut *socket).poll_write(context, &self.answers[self.sent..]))?;
            if last == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += last;
        }
        // An idle connection keeps no memory for them.
        (self.answers, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(last))
    }
}
