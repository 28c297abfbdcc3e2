//! Specimens for the probes of chapter `border`: one sound server, and the same with one flaw each.

mod connection;
mod description;
mod flaw;
mod framing;
mod journal;
mod packed;
mod rate;
mod things;

use flaw::Flaw;

use crate::server::{Response, serve};

/// Runs the specimen called `name` on `port` until it is killed; false when it is not one of these.
pub(crate) fn run(name: &str, port: u16) -> bool {
    if name == "border-plain" {
        // No defences at all: no limits, no patience, no problem documents, nothing about caching.
        serve(port, |request| match request.path.split('?').next() {
            Some("/") => Response::new(200, "text/html", "<p>plain</p>"),
            _ => Response::new(404, "text/html", "<p>nothing in /var/www/plain</p>"),
        });
    }
    if name == "border-http2" {
        http2(port);
    }
    if let Some(flaw) = rate::Flaw::named(name) {
        rate::serve(port, flaw);
    }
    if let Some(flaw) = packed::Flaw::named(name) {
        serve(port, move |request| packed::answer(flaw, request));
    }
    let Some(flaw) = Flaw::named(name) else { return false };
    connection::serve(port, flaw)
}

/// A server that also speaks HTTP/2 without TLS, as hyper does it by default.
fn http2(port: u16) -> ! {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be had");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let routes = axum::Router::new().route("/", axum::routing::get(|| async { "hello" }));
        axum::serve(listener, routes).await.expect("it serves until it is killed");
    });
    unreachable!("axum serves until the process ends")
}
