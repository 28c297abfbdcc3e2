//! The service of a connection: what happens to a request between the HTTP server and the routes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use hyper::body::{Body as _, Incoming};
use resilience::Criticality;
use tokio::time::Instant;
use tower::Service;

use crate::answer::AnswerBody;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::shed::{Early, Refusal, Shed, Where};
use crate::streams::Streams;
use crate::{criticality, identity, prepared};

/// Two years of TLS alone, which browsers keep to.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Begins a request, and returns its answer: a refusal before it is routed, or that of the routes.
pub(crate) fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    connection: &Arc<Connection>,
    streams: &Streams,
    shed: &Shed,
    routes: &Router,
) -> impl Future<Output = Result<axum::http::Response<AnswerBody>, Infallible>> + use<> {
    let running = Exchange::begin(connection.clone(), request.uri().path());
    let http2 = request.version() == Version::HTTP_2;
    if http2 {
        streams.begin(running.exchange());
    }
    shed.request();
    let has_body = !request.body().is_end_stream();
    if has_body {
        connection.has_body(request.body().size_hint().exact());
    }
    let refused = shed.is_congested().then(|| refuse_early(shed, &request, connection)).flatten();
    if refused.is_some() && has_body {
        connection.leave_unread();
    }
    let mut request: Request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(running.exchange().clone());
    let is_tls = connection.is_tls();
    #[cfg(feature = "tls")]
    if let Some(certificate) = &connection.certificate {
        request.extensions_mut().insert(certificate.clone());
    }
    let answer = match refused {
        Some((refused, hold)) => Begun::Refused(refused, hold),
        None if !http2 && connection.turn.is_over() => Begun::InNextTurn(Box::new((routes.clone(), request))),
        None => Begun::Now(routes.clone().call(request)),
    };
    async move {
        let mut response = match answer {
            Begun::Refused(refused, hold) => {
                if let Some(hold) = hold {
                    tokio::time::sleep(hold).await;
                }
                refused
            }
            Begun::Now(answer) => answer.await?,
            Begun::InNextTurn(later) => {
                tokio::task::yield_now().await;
                let (mut routes, request) = *later;
                routes.call(request).await?
            }
        };
        if is_tls {
            response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
        }
        if !http2 && running.exchange().connection().retires() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            running.exchange().place().unmeasured();
            running.exchange().connection().upgraded();
        }
        Ok(AnswerBody::wrap(response, running, http2))
    }
}

/// A request that has begun.
enum Begun<F> {
    /// The refusal, and the time for which its client waits for it.
    Refused(Response, Option<Duration>),
    Now(F),
    /// A pipelined request, which waits until other connections had their turn.
    InNextTurn(Box<(Router, Request)>),
}

/// Refuses a request before it is routed, when its client is over its share or when it would be refused on any route. Returns the time for which its client
/// waits for the refusal, too.
fn refuse_early(
    shed: &Shed,
    request: &hyper::Request<Incoming>,
    connection: &Connection,
) -> Option<(Response, Option<Duration>)> {
    let class = criticality::of(request.headers(), Criticality::Critical);
    let client = connection.client_of(request.headers()).network();
    let now = Instant::now();
    let age = connection.age(now);
    let (method, path) = (request.method(), request.uri().path());
    let is_counted = connection.take_count();
    let early = Early { at: Where::Server, method, path, class, client, age, now, is_counted };
    let Refusal { reason, hold } = shed.refuse_early(early)?;
    let id = identity::request_id(request.headers());
    let id = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"));
    Some((prepared::response(reason, id), hold))
}
