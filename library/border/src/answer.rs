//! Response body: keeps its request open until the protocol has taken all of it.
//!
//! HTTP/2 asks a body for its next piece once the peer's window had room for the last one. The pieces are small here, so that the time
//! between two of them tells whether the peer takes the answer ([`crate::streams`] resets the stream of a peer that does not), and
//! the end of the body means that every byte had room: without that, up to a whole answer could wait in the protocol's own
//! buffers, and no bound would see it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::exchange::{Exchange, Running};
use crate::unsent::SMALL;

/// The largest piece that HTTP/2 gets at a time. With the default `write_timeout` the slowest peer takes 546 bytes a second.
const PIECE: usize = 16 * 1024;

/// The body that the server sends.
pub(crate) enum AnswerBody {
    /// HTTP/1.1: the socket's flush ends the request.
    Whole(Body, Running),
    /// HTTP/2.
    Pieces(Pieces),
}

/// A body in pieces that end their request when they have been written.
pub(crate) struct Pieces {
    body: Body,
    /// The rest of the body's last frame.
    rest: Bytes,
    exchange: Arc<Exchange>,
    /// Gone with the last piece, where that is known to be the last.
    running: Option<Arc<Running>>,
    /// The frame that ends the answer, trailers or none, while the last piece is being written.
    end: Option<Option<Frame<Bytes>>>,
}

/// A piece that keeps its request open until the protocol has written it.
struct Piece {
    bytes: Bytes,
    running: Option<Arc<Running>>,
}

impl AnswerBody {
    /// Keeps the request open until the answer has been taken.
    pub(crate) fn wrap(response: Response, running: Running, http2: bool) -> axum::http::Response<Self> {
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        running.answered(bytes);
        if response.body().is_end_stream() {
            running.exchange().place().answered();
        }
        response.map(|body| {
            if http2 {
                running.hold_bytes(bytes);
                let exchange = running.exchange().clone();
                Self::Pieces(Pieces { body, rest: Bytes::new(), exchange, running: Some(Arc::new(running)), end: None })
            } else {
                running.hold_bytes(if bytes >= SMALL { bytes } else { 0 });
                Self::Whole(body, running)
            }
        })
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Whole(body, running) => {
                let polled = Pin::new(&mut *body).poll_frame(context);
                // The answer ends, or waits for its own next piece: the service has done its part.
                if polled.is_pending() || body.is_end_stream() {
                    running.exchange().place().answered();
                }
                polled
            }
            Self::Pieces(pieces) => pieces.poll_piece(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body, _running) => body.is_end_stream(),
            Self::Pieces(pieces) => pieces.rest.is_empty() && pieces.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body, _running) => body.size_hint(),
            Self::Pieces(pieces) => {
                let (mut hint, rest) = (pieces.body.size_hint(), pieces.rest.len() as u64);
                if let Some(upper) = hint.upper() {
                    hint.set_upper(upper.saturating_add(rest));
                }
                hint.set_lower(hint.lower().saturating_add(rest));
                hint
            }
        }
    }
}

impl Pieces {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.end.is_some() {
            return self.poll_end(context);
        }
        // Asking for the next piece means that the last one had room.
        self.exchange.settle();
        while self.rest.is_empty() {
            let polled = Pin::new(&mut self.body).poll_frame(context);
            if polled.is_pending() || self.body.is_end_stream() {
                self.exchange.place().answered();
            }
            let end = match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() && self.body.is_end_stream() => {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    Ok(data) => {
                        self.rest = data;
                        continue;
                    }
                    Err(trailers) => Some(trailers),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => None,
            };
            self.end = Some(end);
            self.exchange.owe();
            return self.poll_end(context);
        }
        let piece = self.next_piece();
        self.exchange.owe();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    /// The next piece of the rest. HTTP/2 takes a piece when the window has room for its first byte: the last one is a single byte, so that
    /// the end of the body means that there was room for all of it.
    fn next_piece(&mut self) -> Bytes {
        let length = self.rest.len();
        if !self.body.is_end_stream() {
            let bytes = self.rest.split_to(length.min(PIECE));
            return Piece { bytes, running: self.running.clone() }.into_bytes();
        }
        if length > 1 {
            return self.rest.split_to((length - 1).min(PIECE));
        }
        Piece { bytes: std::mem::take(&mut self.rest), running: self.running.take() }.into_bytes()
    }

    /// Polls for the end of a body whose last piece was not known to be the last; the body ends when all pieces have been written.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.all_written() {
            self.exchange.wake_when_written(context.waker());
            if !self.all_written() {
                return Poll::Pending;
            }
        }
        self.exchange.settle();
        Poll::Ready(self.end.take().flatten().map(Ok))
    }

    fn all_written(&self) -> bool {
        self.running.as_ref().is_none_or(|running| Arc::strong_count(running) == 1)
    }
}

impl Piece {
    fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        let exchange = running.exchange().clone();
        // First: the body counts the pieces that are left.
        drop(running);
        exchange.wrote();
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use supervision::StopSource;

    use super::*;
    use crate::connection::Connection;
    use crate::protocol::PREFACE;
    use crate::state::State;

    fn answer(body: Body) -> (AnswerBody, Arc<Connection>) {
        let stop = StopSource::new();
        let connection = Arc::new(Connection::new(Arc::default(), Default::default(), stop.listen(), stop.listen()));
        connection.received(PREFACE);
        let running = Exchange::begin(connection.clone(), "/");
        (AnswerBody::wrap(Response::new(body), running, true).into_body(), connection)
    }

    async fn pieces_of(mut body: AnswerBody) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap());
        }
        pieces
    }

    #[tokio::test]
    async fn the_last_byte_of_a_body_of_known_size_is_a_piece_of_its_own_and_ends_the_request() {
        for size in [1, 2, PIECE, PIECE + 1, PIECE + 2, 10 * PIECE] {
            let (body, connection) = answer(Body::from(vec![b'x'; size]));
            assert_eq!(body.size_hint().exact(), Some(size as u64));
            let mut pieces = pieces_of(body).await;
            assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), size);
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
            assert_eq!(connection.waits(), State::Answering { answering: 1 }, "a piece is not written yet");
            assert_eq!(pieces.pop().map(|last| last.len()), Some(1));
            assert!(matches!(connection.waits(), State::Idle { .. }), "{size}");
        }
    }

    #[tokio::test]
    async fn a_body_of_unknown_size_ends_when_its_pieces_are_written() {
        let chunks = futures_util::stream::iter([2, 2 * PIECE].map(|size| Ok::<_, std::io::Error>(vec![b'x'; size])));
        let (mut body, connection) = answer(Body::from_stream(chunks));
        let mut pieces = Vec::new();
        for expected in [2, PIECE, PIECE] {
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(piece.len(), expected);
            pieces.push(piece);
        }
        let mut end = by_hand(body.frame());
        assert!(end.poll_once().is_none());
        pieces.truncate(1);
        assert!(end.poll_once().is_none());
        pieces.clear();
        assert!(end.poll_once().expect("the end").is_none());
        drop(end);
        drop(body);
        assert!(matches!(connection.waits(), State::Idle { .. }));
    }

    /// A future that is polled by hand.
    struct ByHand<F>(Pin<Box<F>>);

    fn by_hand<F: Future>(future: F) -> ByHand<F> {
        ByHand(Box::pin(future))
    }

    impl<F: Future> ByHand<F> {
        fn poll_once(&mut self) -> Option<F::Output> {
            match self.0.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            }
        }
    }
}
