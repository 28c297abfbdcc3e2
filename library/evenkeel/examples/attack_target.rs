//! The service that `docs/guide/testing/border/checks.py` attacks: hello world, with a route that takes a body and one with a large answer.

use evenkeel::prelude::*;

/// Larger than the buffers of a connection.
const LARGE: usize = 8 << 20;

fn main() -> ExitCode {
    Service::new(build_info!())
        .routes(|_context| {
            Router::new()
                .route("/hello", get(async || "hello"))
                .route("/echo", post(async |body: String| body))
                .route("/large", get(async || vec![b'x'; LARGE]))
        })
        .main()
}
