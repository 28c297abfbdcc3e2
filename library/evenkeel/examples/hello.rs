//! A whole service.

use evenkeel::prelude::*;

fn main() -> ExitCode {
    Service::new(build_info!()).routes(|_context| Router::new().route("/hello", get(async || "hello"))).main()
}
