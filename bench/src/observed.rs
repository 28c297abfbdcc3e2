//! A service with many routes and an objective, with everything of telemetry on or off, and the collector that takes its exports.

use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel::prelude::*;

use crate::border;
use crate::measure::{Server, free_address};

/// A service under measurement; dropping it kills it.
pub(crate) struct Observed {
    pub(crate) server: Server,
    /// Address of `/metrics`; none for bare axum.
    pub(crate) admin: Option<SocketAddr>,
}

/// Kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Bare axum with the same routes.
    Bare,
    /// The service without exports, log lines, objective and scrapes.
    Quiet,
    /// The service with all of them.
    Everything,
}

async fn hello() -> &'static str {
    "hello"
}

/// Answers with 500 where the query asks for it.
async fn answer(uri: axum::http::Uri) -> (StatusCode, &'static str) {
    match uri.query() {
        Some("fail") => (StatusCode::INTERNAL_SERVER_ERROR, "no"),
        _ => (StatusCode::OK, "yes"),
    }
}

fn routes(count: usize) -> Router {
    let routes = Router::new().route("/hello", get(hello));
    (0..count).fold(routes, |routes, number| routes.route(&format!("/r{number}/{{id}}"), get(answer)))
}

/// One of the services, until it is killed.
pub(crate) fn serve(which: &str, count: &str, port: &str, admin: &str) -> ExitCode {
    let Ok(count) = count.parse() else { return ExitCode::from(2) };
    if which == "bare" {
        return border::serve_bare(routes(count), port);
    }
    let service = Service::new(build_info!()).routes(move |_context| routes(count));
    let service = match which {
        "everything" => {
            service.objective(Objective::route("GET /hello").availability(99.9).p99(Duration::from_millis(100)))
        }
        _ => service,
    };
    service.main_with([
        "bench".into(),
        "--host=127.0.0.1".into(),
        format!("--port={port}").into(),
        format!("--admin-addr=127.0.0.1:{admin}").into(),
    ])
}

impl Observed {
    /// Starts one with so many routes beside `/hello`, by the program and the arguments of `prefix` where there are some; its exports go to the collector.
    pub(crate) fn start(
        which: Which,
        routes: usize,
        prefix: &[&str],
        collector: SocketAddr,
        settings: &[(&str, &str)],
    ) -> Result<Self, String> {
        let (address, admin) = (free_address()?, free_address()?);
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = match prefix.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(own);
                command
            }
            None => Command::new(own),
        };
        let name = match which {
            Which::Bare => "bare",
            Which::Quiet => "quiet",
            Which::Everything => "everything",
        };
        let [port, admin_port] = [address, admin].map(|address| address.port().to_string());
        command.args(["serve-observed", name, &routes.to_string(), &port, &admin_port]).envs(settings.iter().copied());
        match which {
            Which::Everything => {
                command.env("RUST_LOG", "info").env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
            }
            _ => command.env("RUST_LOG", "off").env_remove("OTEL_EXPORTER_OTLP_ENDPOINT"),
        };
        let server = Server::start(&mut command, address, Duration::from_secs(60))?;
        Ok(Self { server, admin: (which != Which::Bare).then_some(admin) })
    }
}

/// A collector that reads what is exported to it and forgets it.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    exports: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Collector {
    /// Starts it on a thread of its own, until the process ends.
    pub(crate) fn start() -> Result<Self, String> {
        let (exports, bytes) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let told = |error: std::io::Error| format!("cannot start the collector: {error}");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(told)?;
        let address = listener.local_addr().map_err(told)?;
        listener.set_nonblocking(true).map_err(told)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(told)?;
        let counted = (exports.clone(), bytes.clone());
        let take = async move |body: axum::body::Bytes| {
            counted.0.fetch_add(1, Ordering::Relaxed);
            counted.1.fetch_add(body.len() as u64, Ordering::Relaxed);
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                let routes = axum::Router::new().fallback(axum::routing::post(take));
                let routes = routes.layer(axum::extract::DefaultBodyLimit::max(64 << 20));
                axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await
            })
        });
        Ok(Self { address, exports, bytes })
    }

    /// The number of exports so far, and their bytes.
    pub(crate) fn taken(&self) -> (u64, u64) {
        (self.exports.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}
