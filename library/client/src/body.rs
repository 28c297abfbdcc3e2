//! Streamed bodies, of requests and of answers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tower::BoxError;

use crate::Error;
use crate::error::{Limit, causes};

/// The body of a request that is sent once.
pub(crate) type Stream = UnsyncBoxBody<Bytes, BoxError>;

/// The body of a request, whole or streamed.
pub(crate) type Payload = Either<Full<Bytes>, Stream>;

/// Boxes a body of any kind.
pub(crate) fn stream<B>(body: B) -> Stream
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

/// The body of an answer, read as it comes. Each piece has [`crate::Bounds::idle_body`] to come; the whole has no bound in time, and one in bytes
/// where the call set it ([`crate::Call::answer_bytes`]).
///
/// The call counts among those that the client has under way ([`crate::Bounds::at_once`]) until the body is dropped or at its end. A body that
/// is dropped before its end closes its connection, or resets its stream.
#[derive(Debug)]
pub struct ResponseBody {
    incoming: Incoming,
    url: String,
    idle: Duration,
    /// Timer for the next piece.
    sleep: Pin<Box<Sleep>>,
    /// The most bytes, and how many came.
    bound: Option<usize>,
    seen: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl ResponseBody {
    pub(crate) fn new(
        incoming: Incoming,
        url: String,
        idle: Duration,
        bound: Option<usize>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { incoming, url, idle, sleep: Box::pin(sleep(idle)), bound, seen: 0, permit: Some(permit) }
    }

    /// The next piece, which is never empty, and none at the end. Trailers are skipped.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Broken`] or [`Error::TooLarge`]; no piece follows.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = std::future::poll_fn(|context| Pin::new(&mut *self).poll_frame(context)).await;
            match frame.transpose()?.map(Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) if !data.is_empty() => return Ok(Some(data)),
                // An empty piece, or trailers.
                Some(_) => {}
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                std::task::ready!(this.sleep.as_mut().poll(context));
                let (url, bound) = (this.url.clone(), this.idle);
                return Poll::Ready(Some(Err(Error::Timeout { url, what: "next part of its answer", bound })));
            }
        };
        this.sleep.as_mut().reset(Instant::now() + this.idle);
        let frame = match frame {
            None => {
                this.permit = None;
                return Poll::Ready(None);
            }
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let broken = Error::Broken { url: this.url.clone(), cause: causes(&error) };
                return Poll::Ready(Some(Err(broken)));
            }
        };
        this.seen = this.seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if let Some(bound) = this.bound.filter(|bound| this.seen > *bound) {
            return Poll::Ready(Some(Err(Error::TooLarge { url: this.url.clone(), limit: Limit::Body(bound) })));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
