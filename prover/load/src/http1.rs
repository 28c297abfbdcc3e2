//! HTTP/1.1 on one connection, in buffers that are used again and again.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::answer::{Answer, Head};
use crate::connect::{Failure, Peer, Stream, is_over};
use crate::template::{Filling, Template};

/// Bytes read at a time.
const PIECE: usize = 16 << 10;

/// A connection that is opened when it is needed.
#[derive(Debug, Default)]
pub(super) struct Connection {
    stream: Option<Stream>,
    request: String,
    request_body: String,
    /// Bytes that were read and are not parsed yet.
    buffer: Vec<u8>,
    filled: usize,
    /// The part of the body that is kept.
    pub(super) body: Vec<u8>,
}

impl Connection {
    pub(super) fn close(&mut self) {
        self.stream = None;
        self.filled = 0;
    }

    /// Sends one request; the head of the answer, once all of it is there.
    ///
    /// A kept connection that the server has closed meanwhile is opened anew: that is no failure of the server's. When the
    /// close is seen only after the sending, the request may have been carried out: it is sent again, once, only where its
    /// method allows that (RFC 9110, section 9.2.2), and is never told as refused.
    pub(super) async fn ask(
        &mut self,
        peer: &Peer,
        template: &Template,
        filling: &Filling,
        number: usize,
        keep: usize,
    ) -> Result<Head, Failure> {
        template.write(filling, &mut self.request_body, &mut self.request);
        if self.stream.as_mut().is_some_and(is_over) {
            self.close();
        }
        let again = self.stream.is_some() && template.method.is_idempotent();
        match self.exchange(peer, template, number, keep).await {
            Err((Failure::Reset, true)) if again => {
                self.close();
                self.exchange(peer, template, number, keep).await.map_err(|(failure, _)| match failure {
                    Failure::Refused => Failure::Reset,
                    other => other,
                })
            }
            outcome => outcome.map_err(|(failure, _)| failure),
        }
        .inspect_err(|_| self.close())
    }

    /// With an error whether nothing of an answer had come.
    async fn exchange(
        &mut self,
        peer: &Peer,
        template: &Template,
        number: usize,
        keep: usize,
    ) -> Result<Head, (Failure, bool)> {
        if self.stream.is_none() {
            self.stream = Some(peer.connect(number).await.map_err(|failure| (failure, true))?);
        }
        let Self { stream: Some(stream), request, buffer, filled, body, .. } = self else {
            return Err((Failure::Refused, true));
        };
        // A failed write is not the end: a server may have answered before it stopped listening.
        let written = match stream.write_all(request.as_bytes()).await {
            Ok(()) => stream.flush().await,
            failed => failed,
        };
        let mut answer = Answer::new(template.method == ::http::Method::HEAD, keep);
        let mut silent = true;
        loop {
            if buffer.len() < *filled + PIECE {
                buffer.resize(*filled + PIECE, 0);
            }
            let length = match stream.read(&mut buffer[*filled..]).await {
                Ok(0) => {
                    let ended = answer.end().map(|()| answer.head);
                    self.close();
                    return ended.map_err(|_| (Failure::Reset, silent));
                }
                Ok(length) => length,
                Err(_) => return Err((Failure::Reset, silent)),
            };
            silent = false;
            *filled += length;
            let used = answer.take(&buffer[..*filled], body).map_err(|broken| (Failure::Broken(broken.0), false))?;
            buffer.copy_within(used..*filled, 0);
            *filled -= used;
            if answer.is_done() {
                break;
            }
        }
        if answer.closes || !template.keep_alive || written.is_err() || self.filled > 0 {
            self.close();
        }
        Ok(answer.head)
    }
}
