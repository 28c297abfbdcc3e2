//! The service that `docs/guide/testing/scan/streams.py` loads: server-sent events that are idle, that count, and that fill each buffer.

use std::time::Duration;

use evenkeel::EventStream;
use evenkeel::axum::response::sse::Event;
use evenkeel::prelude::*;
use futures_util::{StreamExt, stream};

/// Streams of each route, in all and of one client.
const STREAMS: u32 = 12_000;
/// Bytes of an event of the route that fills buffers.
const LARGE: usize = 8 << 10;

/// Has heartbeats alone.
async fn idle(answer: EventStream) -> Response {
    answer.of(stream::pending())
}

/// Counts from 0, an event a second.
async fn count(answer: EventStream) -> Response {
    let seconds = stream::unfold(0_u64, |number| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Event::default().data(number.to_string()), number + 1))
    });
    answer.of(seconds)
}

/// Has the next event as soon as the client took the one before.
async fn flood(answer: EventStream) -> Response {
    answer.of(stream::repeat("x".repeat(LARGE)).map(|text| Event::default().data(text)))
}

fn main() -> ExitCode {
    let open = |route| RouteRules::of(route).streaming().streams(STREAMS, STREAMS).loosened("clients stay connected");
    Service::new(build_info!())
        .routes(|_context| {
            Router::new().route("/idle", get(idle)).route("/count", get(count)).route("/flood", get(flood))
        })
        .route(open("GET /idle"))
        .route(open("GET /count"))
        .route(open("GET /flood"))
        .main()
}
