//! Servers for `border.connections`.

use crate::clause::border::connections as clause;
use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{PLAIN, SOUND, STARVES, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds_but_for(&[clause::RAPID_RESET, clause::CONTINUATION], "limits the connections of each address"),
    Server::new("border-hoards", |port| things_with(Flaw::Hoards, port)).falls_short("takes any number of connections"),
    STARVES.falls_short("takes 40 connections in all, from any address").liar(),
    PLAIN.falls_short("has no limit of connections"),
    Server::new("border-http2", http2)
        .falls_short("has no limit of connections, and speaks HTTP/2 without TLS as hyper does"),
];

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
