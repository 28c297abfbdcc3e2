//! A body that keeps something until it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// A body with what it keeps. Its length is that of the body.
struct HeldBody<T> {
    body: Body,
    _kept: T,
}

/// Returns a body that drops `kept` when it is dropped itself.
pub(crate) fn held_by<T: Send + Unpin + 'static>(kept: T, body: Body) -> Body {
    Body::new(HeldBody { body, _kept: kept })
}

impl<T: Unpin> http_body::Body for HeldBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
