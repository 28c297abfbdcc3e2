//! A body that is there as a whole: its bytes, without waiting for anything.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Returns the bytes of a body that is there as a whole and has at most so many, else the same body.
pub(crate) fn whole(mut body: Body, most: u64) -> Result<Bytes, Body> {
    let Some(length) = body.size_hint().exact().filter(|length| *length <= most) else { return Err(body) };
    if length == 0 {
        return Ok(Bytes::new());
    }
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(&mut body).poll_frame(&mut context) {
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) if data.len() as u64 == length => Ok(data),
            Ok(data) => Err(Body::new(Resumed { first: Some(Frame::data(data)), body })),
            Err(trailers) => Err(Body::new(Resumed { first: Some(trailers), body })),
        },
        // Whoever polls it next is woken.
        Poll::Pending => Err(body),
        Poll::Ready(_) => Err(Body::empty()),
    }
}

/// A body whose first frame was taken already.
struct Resumed {
    first: Option<Frame<Bytes>>,
    body: Body,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.first.take() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(first));
        }
        hint.set_lower(hint.lower().saturating_add(first));
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// A body of known length in two pieces.
    struct Pieces(Vec<&'static str>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop().map(|piece| Ok(Frame::data(Bytes::from(piece)))))
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
        }
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_taken_and_any_other_one_is_left_as_it_was() {
        assert_eq!(whole(Body::from("hello"), 5).unwrap(), "hello");
        assert_eq!(whole(Body::empty(), 5).unwrap(), "");
        assert!(whole(Body::from("hello"), 4).is_err(), "it is too long");
        let rest = whole(Body::new(Pieces(vec!["world", "hello "])), 100).unwrap_err();
        assert_eq!(rest.size_hint().exact(), Some(11));
        assert_eq!(rest.collect().await.unwrap().to_bytes(), "hello world");
        let stream = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("x")]));
        assert!(whole(stream, 100).is_err(), "its length is not known");
    }
}
