//! Drain signal for handlers that hold a connection for long.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use supervision::Stop;

use crate::exchange::Exchange;

/// The drain of the listener that serves this request: an extractor for WebSockets, server-sent events and long polls.
///
/// A drain waits for open connections, for at most its bound, and then cuts them. A handler that ends at the start of the drain, with a close
/// frame for one, leaves its client nothing to miss and the drain nothing to wait for.
///
/// Without a [`crate::Listener`], under `axum::serve` for one, it is never requested.
///
/// ```
/// use axum::response::sse::{Event, Sse};
/// use evenkeel_border::Draining;
/// use futures_util::{Stream, StreamExt, stream};
///
/// async fn events(draining: Draining) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
///     let events = stream::pending();
///     Sse::new(events.take_until(async move { draining.requested().await }))
/// }
/// # let _: axum::Router = axum::Router::new().route("/events", axum::routing::get(events));
/// ```
#[derive(Clone, Debug)]
pub struct Draining {
    stop: Option<Stop>,
}

impl Draining {
    /// Returns when the drain begins. Cancel-safe.
    pub async fn requested(&self) {
        match &self.stop {
            Some(stop) => stop.requested().await,
            None => std::future::pending().await,
        }
    }

    /// Returns true once the drain has begun.
    pub fn is_requested(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_requested)
    }
}

impl<S: Sync> FromRequestParts<S> for Draining {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let exchange = parts.extensions.get::<Arc<Exchange>>();
        Ok(Self { stop: exchange.map(|exchange| exchange.connection().draining.clone()) })
    }
}
