//! A double that stands in a dependency's place: answers HTTP/1 as it is told, and takes down when each call came.
//!
//! The fault proxy breaks bytes; the double sees requests: their number, their spacing, their repetition.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::http::{HeaderName, Method, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::accepting::{accept, server};
use crate::deadline_headers::{self, DeadlineHeader};
use crate::trace_headers::TraceHeaders;
use keel_wire::http::{Client, Request};

/// The most connections at a time; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 2048;
/// The most calls that are taken down; further ones are answered and counted no more.
pub const MAX_CALLS: usize = 100_000;
/// The longest body of a call that is passed on, in bytes.
pub const MAX_BODY: usize = 1 << 20;
/// The most headers of a call.
const MAX_HEADERS: usize = 2048;
/// The longest that the real dependency is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The behaviour of the double towards calls from now on; those under way end as they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Asks the real dependency and passes its answer on.
    Pass,
    /// Answers so many calls with 503, then passes.
    FailFirst(u32),
    /// Answers so many calls of a hundred with 503, evenly spread, and passes the others.
    FailShare(u32),
    /// Answers 503, with `Retry-After` in whole seconds when given.
    Unavailable(Option<u64>),
    /// Answers 503, but only after so long.
    LateUnavailable(Duration),
    /// Closes the connection of so many calls without an answer, then passes.
    HangUpFirst(u32),
    /// Closes the connection without an answer, but only after so long.
    HangUp(Duration),
    /// Never answers, until [`Double::hang_up`].
    Hang,
    /// Passes, but only after so long.
    Late(Duration),
}

/// A call that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The time at which its head and body had come.
    pub at: Instant,
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Its `Idempotency-Key`, when it has one.
    pub key: Option<String>,
    /// The deadline headers of its caller.
    pub patience: Vec<DeadlineHeader>,
    /// The trace headers of its caller.
    pub trace: TraceHeaders,
    /// The time at which its answer was ready, or its caller had gone; none while it is open.
    pub ended: Option<Instant>,
}

impl Call {
    /// Returns true if it is a request of the same kind: the same method, and the same path but for the query and for segments that look like
    /// the name of one thing, with a digit in them.
    pub fn is_like(&self, other: &Self) -> bool {
        let kind = |path: &str| -> Vec<Option<String>> {
            let path = path.split('?').next().unwrap_or_default();
            let named = |segment: &&str| segment.len() > 2 && segment.bytes().any(|byte| byte.is_ascii_digit());
            path.split('/').map(|segment| (!named(&segment)).then(|| segment.to_owned())).collect()
        };
        self.method == other.method && kind(&self.path) == kind(&other.path)
    }

    /// Returns true if it may be repeated: its method is idempotent (RFC 9110, 9.2.2), or it carries a key.
    pub fn is_safe_to_repeat(&self) -> bool {
        self.method.is_idempotent() || self.key.is_some()
    }
}

/// An HTTP/1 server on a loopback port of its own. Dropping it closes everything.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: Client,
    behaviour: Mutex<Behaviour>,
    /// Calls that are like none of these are passed on, and not taken down; without any all are watched.
    only: Mutex<Vec<Call>>,
    log: Mutex<Log>,
    open: AtomicUsize,
    /// Calls that were watched, since it was told what to do.
    turns: AtomicU32,
    /// Changes when calls that hang are hung up on.
    hung_up: watch::Sender<()>,
}

/// The calls that were not taken yet.
#[derive(Debug, Default)]
struct Log {
    /// The number of calls taken before: the number of the first.
    taken: usize,
    calls: Vec<Call>,
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer is given")]
struct HungUp;

impl Double {
    /// Starts it in the place of the dependency at `upstream` (plain `http`; its path does not matter).
    ///
    /// # Errors
    /// When no loopback port can be had.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(upstream: Url) -> std::io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), upstream).await
    }

    /// The same at an address of the caller's choice: one of several that share a port.
    ///
    /// # Errors
    /// When it cannot listen there.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start_at(at: SocketAddr, mut upstream: Url) -> std::io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        upstream.set_path("");
        // Credentials are the caller's to send: that it leaves them out must show.
        let _ = (upstream.set_username(""), upstream.set_password(None));
        let shared = Arc::new(Shared {
            upstream: Client::new(upstream, PATIENCE),
            behaviour: Mutex::new(Behaviour::Pass),
            only: Mutex::default(),
            log: Mutex::default(),
            open: AtomicUsize::new(0),
            turns: AtomicU32::new(0),
            hung_up: watch::channel(()).0,
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            tokio::spawn(accept(listener, MAX_CONNECTIONS, move |stream| serve(Arc::clone(&shared), stream)))
        };
        Ok(Self { address, shared, accepting })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does with calls that come from now on.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.turns.store(0, Ordering::Relaxed);
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// From now on behaves, and takes calls down, only for calls that are like one of these; the others are passed on, so that
    /// what a service does beside its requests does not disturb what is seen of them. What was taken down before is forgotten.
    pub fn only(&self, calls: Vec<Call>) {
        *lock(&self.shared.only) = calls;
        self.take_calls();
    }

    /// The calls that have come since the last look, in order.
    pub fn take_calls(&self) -> Vec<Call> {
        let mut log = lock(&self.shared.log);
        log.taken += log.calls.len();
        std::mem::take(&mut log.calls)
    }

    /// The calls since the last [`Double::take_calls`], left there.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.log).calls.clone()
    }

    /// Returns the number of calls without an answer now.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Closes the connections of all calls that hang now, without an answer.
    pub fn hang_up(&self) {
        self.shared.hung_up.send_replace(());
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Every write leaves what is inside whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let service = service_fn(|request| answer(&shared, request));
    let mut server = server();
    // A connection a call: how calls are spaced does not depend on the caller's pool.
    server.keep_alive(false).max_headers(MAX_HEADERS);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// A call without an answer yet, and its number.
struct Open<'s>(&'s Shared, usize);

impl<'s> Open<'s> {
    fn new(shared: &'s Shared, call: Call) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        let mut log = lock(&shared.log);
        let number = log.taken + log.calls.len();
        if log.calls.len() < MAX_CALLS {
            log.calls.push(call);
        }
        Self(shared, number)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        let mut log = lock(&self.0.log);
        let place = self.1.checked_sub(log.taken);
        if let Some(call) = place.and_then(|place| log.calls.get_mut(place)) {
            call.ended = Some(Instant::now());
        }
    }
}

async fn answer(shared: &Shared, request: hyper::Request<Incoming>) -> Result<Response<Full<Bytes>>, HungUp> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else { return Ok(status(413, None)) };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let key = head.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let patience = deadline_headers::read(&head.headers);
    let trace = TraceHeaders::of(&head.headers);
    let (at, method) = (Instant::now(), head.method.clone());
    let call = Call { at, method, path: path.clone(), key, patience, trace, ended: None };
    let watched = {
        let only = lock(&shared.only);
        only.is_empty() || only.iter().any(|watched| watched.is_like(&call))
    };
    let _open = watched.then(|| Open::new(shared, call));
    // Before it is asked what to do: who is told to hang must not miss that it is over.
    let mut hung_up = shared.hung_up.subscribe();
    let behaviour = if watched { next(shared) } else { Behaviour::Pass };
    Ok(match behaviour {
        Behaviour::Hang => {
            let _ = hung_up.changed().await;
            return Err(HungUp);
        }
        Behaviour::HangUpFirst(_) => return Err(HungUp),
        Behaviour::HangUp(after) => {
            tokio::time::sleep(after).await;
            return Err(HungUp);
        }
        Behaviour::Unavailable(retry_after) => status(503, retry_after),
        Behaviour::FailFirst(_) | Behaviour::FailShare(_) => status(503, None),
        Behaviour::LateUnavailable(after) => {
            tokio::time::sleep(after).await;
            status(503, None)
        }
        Behaviour::Pass | Behaviour::Late(_) => {
            if let Behaviour::Late(after) = behaviour {
                tokio::time::sleep(after).await;
            }
            let mut passed = Request::new(head.method, path).body(body.to_bytes());
            for (name, value) in head.headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
                passed = passed.header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
            }
            pass(&shared.upstream, passed).await
        }
    })
}

/// Returns the number of failures among `calls` when `share` of a hundred fail.
pub fn failures(calls: u32, share: u32) -> u32 {
    u32::try_from(u64::from(calls) * u64::from(share) / 100).unwrap_or(u32::MAX)
}

/// Chooses the behaviour towards this call.
fn next(shared: &Shared) -> Behaviour {
    let mut behaviour = lock(&shared.behaviour);
    let turn = shared.turns.fetch_add(1, Ordering::Relaxed);
    let now = match *behaviour {
        Behaviour::FailFirst(0) | Behaviour::HangUpFirst(0) => Behaviour::Pass,
        Behaviour::FailShare(share) if failures(turn, share) == failures(turn.saturating_add(1), share) => {
            Behaviour::Pass
        }
        other => other,
    };
    if let Behaviour::FailFirst(left) | Behaviour::HangUpFirst(left) = &mut *behaviour {
        *left = left.saturating_sub(1);
    }
    now
}

async fn pass(upstream: &Client, request: Request) -> Response<Full<Bytes>> {
    let exchange = upstream.send(request).await;
    let Some(answer) = exchange.answer() else { return status(502, None) };
    let mut response = Response::new(Full::new(answer.body.clone()));
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// Headers that belong to one hop, or are made anew with the body.
fn is_of_the_connection(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::UPGRADE,
        header::TE,
        header::EXPECT,
        HeaderName::from_static("keep-alive"),
    ]
    .contains(name)
}

fn status(code: u16, retry_after: Option<u64>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"unavailable")));
    *response.status_mut() = ::http::StatusCode::from_u16(code).unwrap_or(::http::StatusCode::SERVICE_UNAVAILABLE);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn calls_are_alike_when_they_differ_only_in_which_thing_they_name() {
        let call = |method: Method, path: &str| Call {
            at: Instant::now(),
            method,
            path: path.to_owned(),
            key: None,
            patience: Vec::new(),
            trace: TraceHeaders::default(),
            ended: None,
        };
        let get = |path| call(Method::GET, path);
        assert!(get("/v1/things/abc123?x=1").is_like(&get("/v1/things/def456?x=2")));
        assert!(!get("/v1/things/abc123").is_like(&get("/v1/others/abc123")));
        assert!(!get("/v1/things").is_like(&get("/v2/things")));
        assert!(!get("/v1/things").is_like(&call(Method::POST, "/v1/things")));
    }

    #[tokio::test]
    async fn it_answers_as_configured_and_records_requests() {
        let real = Double::start("http://127.0.0.1:9".parse().unwrap()).await.unwrap();
        real.set(Behaviour::Unavailable(Some(7)));
        let double = Double::start(format!("http://{}/v1", real.address()).parse().unwrap()).await.unwrap();
        let client = Client::new(format!("http://{}", double.address()).parse().unwrap(), Duration::from_secs(20));
        let ask = || client.send(Request::new(Method::POST, "/v1/x").header("Idempotency-Key", "k").body("hello"));

        double.set(Behaviour::FailFirst(1));
        assert!(ask().await.answer().unwrap().headers.get("retry-after").is_none());
        assert!(real.calls().is_empty(), "the first is answered by the double itself");
        assert_eq!(ask().await.answer().unwrap().headers["retry-after"], "7", "the second is passed on");
        assert_eq!(real.calls()[0].path, "/v1/x");
        assert_eq!(real.calls()[0].key.as_deref(), Some("k"));
        assert!(real.calls()[0].is_safe_to_repeat());
        assert_eq!(double.take_calls().len(), 2);
        assert!(double.calls().is_empty());

        double.set(Behaviour::FailShare(30));
        let mut failed = 0;
        for _ in 0..10 {
            failed += u32::from(ask().await.answer().unwrap().headers.get("retry-after").is_none());
        }
        assert_eq!((failed, failures(10, 30)), (3, 3));
        double.take_calls();
        real.take_calls().truncate(1);
        assert_eq!(ask().await.answer().unwrap().headers["retry-after"], "7", "passed on");
        double.take_calls();

        let [call] = <[Call; 1]>::try_from(real.take_calls()).unwrap();
        double.only(vec![call]);
        double.set(Behaviour::Unavailable(None));
        assert_eq!(client.send(Request::get("/v1/x")).await.answer().unwrap().headers["retry-after"], "7", "passed on");
        assert!(double.calls().is_empty(), "and not taken down");
        assert!(ask().await.answer().unwrap().headers.get("retry-after").is_none());
        assert_eq!(double.take_calls().len(), 1);
        double.only(Vec::new());

        double.set(Behaviour::Hang);
        let client = client.with_timeout(Duration::from_millis(100));
        assert!(client.send(Request::get("/")).await.answer().is_none());
        assert_eq!(double.calls().len(), 1);
    }

    #[tokio::test]
    async fn it_knows_when_a_call_ended_and_hangs_up_on_those_that_hang() {
        let double = Double::start("http://127.0.0.1:9".parse().unwrap()).await.unwrap();
        let client = Client::new(format!("http://{}", double.address()).parse().unwrap(), Duration::from_secs(20));
        double.set(Behaviour::Unavailable(None));
        client.send(Request::get("/before")).await;
        double.take_calls();

        double.set(Behaviour::Hang);
        let asking = tokio::spawn(async move { client.send(Request::get("/")).await });
        while double.open() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(double.calls()[0].ended, None);
        double.hang_up();
        assert!(asking.await.unwrap().answer().is_none());
        assert_eq!(double.open(), 0);
        let call = &double.take_calls()[0];
        assert!(call.ended.unwrap() >= call.at);
    }

    #[tokio::test]
    async fn it_hangs_up_on_the_first_and_then_passes() {
        let real = Double::start("http://127.0.0.1:9".parse().unwrap()).await.unwrap();
        real.set(Behaviour::Unavailable(None));
        let double = Double::start(format!("http://{}", real.address()).parse().unwrap()).await.unwrap();
        let client = Client::new(format!("http://{}", double.address()).parse().unwrap(), Duration::from_secs(20));
        double.set(Behaviour::HangUpFirst(1));
        assert!(client.send(Request::get("/")).await.answer().is_none());
        assert!(client.send(Request::get("/")).await.answer().is_some());
    }

    #[tokio::test]
    async fn it_passes_late_and_takes_down_how_long_the_caller_waits() {
        let real = Double::start("http://127.0.0.1:9".parse().unwrap()).await.unwrap();
        real.set(Behaviour::Unavailable(None));
        let double = Double::start(format!("http://{}", real.address()).parse().unwrap()).await.unwrap();
        let client = Client::new(format!("http://{}", double.address()).parse().unwrap(), Duration::from_secs(20));
        let late = Duration::from_millis(50);
        double.set(Behaviour::Late(late));
        let exchange = client.send(deadline_headers::add(Request::get("/"), Duration::from_secs(3))).await;
        assert!(exchange.answer().is_some() && exchange.took >= late, "{exchange:?}");
        let call = &double.take_calls()[0];
        assert!(call.ended.unwrap() >= call.at + late);
        assert!(!call.patience.is_empty());
        assert_eq!(real.take_calls()[0].patience, call.patience, "what is passed on says the same");
    }
}
