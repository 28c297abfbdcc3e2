//! Server-sent events: with heartbeats, a largest age, and a last event when the service stops.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use border::Draining;
use futures_util::{Stream, StreamExt, stream};

/// Time between two heartbeats of a stream without events: shorter than the patience of usual proxies (60 s).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Age at which a stream ends, and its client comes back: up to a tenth more or less, so that not all come at once.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// Shortest wait of a client before it comes back, and by how much it is spread: clients that come back together would be the next overload.
const AGAIN: Duration = Duration::from_secs(1);
const SPREAD: Duration = Duration::from_secs(4);

/// A stream of server-sent events: an extractor that makes the answer.
///
/// An idle stream has a heartbeat every 15 s. A stream ends after an hour, and when the service stops: its last event is called `end`, and tells the client to come
/// back after 1 to 5 s (`retry`), spread over clients. A client that does not read is cut by the border
/// ([`Limits::write_timeout`](crate::Limits)). Events are made one at a time, as the client takes them: nothing gathers.
///
/// Bound the streams of the route with [`RouteRules::streams`](crate::RouteRules::streams).
///
/// ```
/// use evenkeel::EventStream;
/// use evenkeel::axum::response::sse::Event;
/// use evenkeel::prelude::*;
/// use futures_util::stream;
///
/// async fn prices(answer: EventStream) -> Response {
///     answer.of(stream::iter(["7", "8"]).map(|price| Event::default().data(price)))
/// }
/// # use futures_util::StreamExt;
/// # let _: Router = Router::new().route("/prices", get(prices));
/// ```
#[derive(Clone, Debug)]
pub struct EventStream {
    draining: Draining,
}

impl EventStream {
    /// Answers with these events.
    pub fn of(self, events: impl Stream<Item = Event> + Send + 'static) -> Response {
        let age = MAX_AGE.mul_f64(0.9 + 0.2 * vitals::random_fraction());
        let ended = async move {
            let _ = tokio::time::timeout(age, self.draining.requested()).await;
        };
        let wait = AGAIN + SPREAD.mul_f64(vitals::random_fraction());
        let last = Event::default().event("end").retry(wait).data("this stream ends; connect again");
        let events = events.take_until(ended).chain(stream::iter([last])).map(Ok::<_, Infallible>);
        Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for EventStream {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Draining::from_request_parts(parts, state).await.map(|draining| Self { draining })
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tokio::time::Instant;
    use tower::ServiceExt;

    use super::*;

    async fn body(
        events: impl Fn() -> futures_util::stream::BoxStream<'static, Event> + Clone + Send + Sync + 'static,
    ) -> Body {
        let routes = Router::new().route("/", get(async move |answer: EventStream| answer.of(events())));
        let Ok(response) = routes.oneshot(Request::new(Body::empty())).await;
        response.into_body()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_has_heartbeats_and_ends_at_its_largest_age_with_a_last_event() {
        let started = Instant::now();
        let text = body(|| stream::pending().boxed()).await.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(text.to_vec()).expect("text");
        let age = started.elapsed();
        assert!((MAX_AGE.mul_f64(0.9)..=MAX_AGE.mul_f64(1.1) + HEARTBEAT).contains(&age), "{age:?}");
        let heartbeats = text.lines().filter(|line| line.starts_with(':')).count() as u64;
        assert!(heartbeats >= age.as_secs() / HEARTBEAT.as_secs() - 1, "{heartbeats}");
        assert!(text.contains("event: end") && text.contains("retry: "), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn events_come_in_their_order_and_the_last_one_tells_the_client_to_come_back() {
        let events = || stream::iter(["7", "8"]).map(|text| Event::default().data(text)).boxed();
        let text = body(events).await.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(text.to_vec()).expect("text");
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(data, ["7", "8", "this stream ends; connect again"]);
    }
}
