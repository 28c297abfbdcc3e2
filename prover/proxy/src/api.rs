//! Toxiproxy's HTTP interface to a [`Fleet`]: the same paths, JSON, defaults, status codes and error bodies as version 2.12.
//!
//! Beside it, for groups: `GET` and `POST /groups`, `GET` and `DELETE /groups/{group}`,
//! `POST /groups/{group}/{pause,partition,resume}`.

mod answer;
mod groups;
mod proxies;
mod toxics;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::answer::{Answer, Refusal};
use crate::fleet::Fleet;
use crate::hold::Hold;
use crate::metrics;
pub use crate::metrics::Shown;

/// The port at which Toxiproxy's clients look.
pub const PORT: u16 = 8474;
/// The version of Toxiproxy whose interface this is, which `/version` tells.
pub const VERSION: &str = "2.12.0";
/// The most bytes of a request's body.
pub const MAX_BODY: usize = 4 << 20;
/// The most connections at a time; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 256;

/// The longest that a request's head and its body are waited for.
const READ: Duration = Duration::from_secs(15);
/// The longest that a request may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// After a failure to accept (no descriptors), until the next attempt.
const BREATH: Duration = Duration::from_millis(10);

/// Serves until it is dropped; the connections to it end then too.
///
/// # Errors
/// None so far; accepting is tried again and again.
pub async fn serve(listener: TcpListener, fleet: Arc<Fleet>, shown: Shown) -> io::Result<Infallible> {
    let server = Arc::new(Server { fleet, shown, requests: AtomicU64::new(0) });
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        connections.spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(server.answer(request).await) });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(READ);
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

struct Server {
    fleet: Arc<Fleet>,
    shown: Shown,
    requests: AtomicU64,
}

/// The route of a request, with the names in its path.
enum Route {
    Reset,
    Populate,
    Version,
    Metrics,
    Proxies,
    Proxy(String),
    Toxics(String),
    Toxic(String, String),
    Groups,
    Group(String),
    Hold(String, Hold),
}

impl Route {
    fn parse(path: &str) -> Option<Self> {
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        Some(match segments[..] {
            ["reset"] => Self::Reset,
            ["populate"] => Self::Populate,
            ["version"] => Self::Version,
            ["metrics"] => Self::Metrics,
            ["proxies"] => Self::Proxies,
            ["proxies", proxy] => Self::Proxy(proxy.to_owned()),
            ["proxies", proxy, "toxics"] => Self::Toxics(proxy.to_owned()),
            ["proxies", proxy, "toxics", toxic] => Self::Toxic(proxy.to_owned(), toxic.to_owned()),
            ["groups"] => Self::Groups,
            ["groups", group] => Self::Group(group.to_owned()),
            ["groups", group, "pause"] => Self::Hold(group.to_owned(), Hold::Paused),
            ["groups", group, "partition"] => Self::Hold(group.to_owned(), Hold::Partitioned),
            ["groups", group, "resume"] => Self::Hold(group.to_owned(), Hold::Flowing),
            _ => return None,
        })
    }

    /// Returns true if the resource has this method. `HEAD` is not `GET` to Toxiproxy.
    fn takes(&self, method: &Method) -> bool {
        let taken: &[Method] = match self {
            Self::Reset | Self::Populate | Self::Hold(..) => &[Method::POST],
            Self::Version => &[Method::GET],
            Self::Metrics => return true,
            Self::Proxies | Self::Toxics(_) | Self::Groups => &[Method::GET, Method::POST],
            Self::Proxy(_) | Self::Toxic(..) => &[Method::GET, Method::POST, Method::PATCH, Method::DELETE],
            Self::Group(_) => &[Method::GET, Method::DELETE],
        };
        taken.contains(method)
    }
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let route = match Route::parse(request.uri().path()) {
            Some(Route::Metrics) if self.shown == Shown::default() => None,
            route => route,
        };
        let Some(route) = route else { return answer::text(StatusCode::NOT_FOUND, "404 page not found\n") };
        if !route.takes(request.method()) {
            return answer::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let mut answer = match is_browser(&request) {
            // A page that a browser shows must not be able to change anything here.
            true => answer::text(StatusCode::FORBIDDEN, "User agent not allowed\n"),
            false => match tokio::time::timeout(PATIENCE, self.act(route, request)).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(refusal)) => refusal.answer(),
                Err(_) => answer::empty(StatusCode::SERVICE_UNAVAILABLE),
            },
        };
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if let Ok(id) = HeaderValue::from_str(&format!("{:08x}{number:012x}", std::process::id())) {
            answer.headers_mut().insert("x-toxiproxy-request-id", id);
        }
        answer
    }

    async fn act(&self, route: Route, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let method = request.method().clone();
        let body = body(request).await?;
        let fleet = &self.fleet;
        match (route, method.as_str()) {
            (Route::Reset, _) => proxies::reset(fleet).await,
            (Route::Populate, _) => Ok(proxies::populate(fleet, &body).await),
            (Route::Version, _) => Ok(version()),
            (Route::Metrics, _) => Ok(answer::metrics(metrics::text(fleet, self.shown))),
            (Route::Proxies, "POST") => proxies::create(fleet, &body).await,
            (Route::Proxies, _) => Ok(proxies::index(fleet)),
            (Route::Proxy(name), "DELETE") => proxies::delete(fleet, &name).await,
            (Route::Proxy(name), "GET") => proxies::show(fleet, &name),
            (Route::Proxy(name), _) => proxies::update(fleet, &name, &body).await,
            (Route::Toxics(proxy), "POST") => toxics::create(fleet, &proxy, &body),
            (Route::Toxics(proxy), _) => toxics::index(fleet, &proxy),
            (Route::Toxic(proxy, name), "DELETE") => toxics::delete(fleet, &proxy, &name),
            (Route::Toxic(proxy, name), "GET") => toxics::show(fleet, &proxy, &name),
            (Route::Toxic(proxy, name), _) => toxics::update(fleet, &proxy, &name, &body),
            (Route::Groups, "POST") => groups::create(fleet, &body),
            (Route::Groups, _) => Ok(groups::index(fleet)),
            (Route::Group(name), "DELETE") => groups::delete(fleet, &name),
            (Route::Group(name), _) => groups::show(fleet, &name),
            (Route::Hold(name, hold), _) => groups::hold(fleet, &name, hold),
        }
    }
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    let collecting = Limited::new(request.into_body(), MAX_BODY).collect();
    match tokio::time::timeout(READ, collecting).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(Refusal::bad_body(&error.to_string())),
        Err(_) => Err(Refusal::bad_body("it did not come")),
    }
}

fn is_browser(request: &Request<Incoming>) -> bool {
    request.headers().get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

fn version() -> Answer {
    answer::typed(StatusCode::OK, "application/json;charset=utf-8", format!("{{\"version\": \"{VERSION}\"}}\n"))
}

/// A segment of a path without its percent signs.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = segment.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
