//! Polls a future once, without waiting for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Polls the work once.
pub(crate) async fn at_once<W: Future>(mut work: Pin<&mut W>) -> Poll<W::Output> {
    poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await
}
