//! Connection pool: sends one request and reads one answer, within the bounds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderValue, Uri, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resilience::Deadline;
use rustls::ClientConfig;
use tokio::time::Instant;
use tower::{BoxError, Service};
use url::{Position, Url};

use crate::body::{Payload, Stream};
use crate::connector::{Connector, Dial};
use crate::credentials::shown;
use crate::error::{Limit, causes, whole_millis};
use crate::outgoing::Outgoing;
use crate::propagate::propagate;
use crate::resolver::Resolver;
use crate::{Bounds, Error, Response};

/// Idle time for which a connection is kept for its next call.
const IDLE: Duration = Duration::from_secs(30);
/// The least that HTTP/1 parsing needs for a head.
const LEAST_HEAD: u32 = 8 * 1024;
/// Period of HTTP/2 pings, also on idle connections.
const PING: Duration = Duration::from_secs(5);
/// An HTTP/2 connection whose peer does not answer the ping within this time is closed.
const PONG: Duration = Duration::from_secs(2);
/// Calls in a row without an answer, after which the connections to an origin get no further call.
const SILENT_CALLS: u32 = 3;
/// The most origins whose connections are kept; beyond, those that were not used for the longest time are closed.
const MAX_ORIGINS: usize = 256;

type Connections = Pool<Bounded<HttpsConnector<Connector>>, Payload>;

/// The connections, and how to make them. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tls: ClientConfig,
    resolver: Resolver,
    bounds: Bounds,
    http2_only: bool,
    /// Connections by scheme, host and port of the URL, and by their target if that differs.
    origins: Mutex<BTreeMap<String, Arc<Origin>>>,
}

/// The connections to one place.
#[derive(Debug)]
struct Origin {
    pool: Connections,
    /// Calls in a row that got no answer, over all its connections.
    silent: AtomicU32,
    last_used: Mutex<Instant>,
}

impl Transport {
    pub(crate) fn new(bounds: &Bounds, tls: ClientConfig, resolver: Resolver, http2_only: bool) -> Self {
        let origins = Mutex::default();
        Self { inner: Arc::new(Inner { tls, resolver, bounds: *bounds, http2_only, origins }) }
    }

    /// One attempt, with its whole answer. Cancel-safe: a dropped one closes its connection, or resets its stream.
    pub(crate) async fn exchange(
        &self,
        out: Outgoing,
        stream: Option<Stream>,
        dial: Option<&Dial>,
        bounds: &Bounds,
        total: Deadline,
    ) -> Result<Response, Error> {
        let left = whole_millis(total.left());
        let (mut answer, body) = self.head(out, stream, dial, bounds, total, "gzip").await?;
        answer.body = tokio::time::timeout_at(total.at(), read(body, bounds, &answer.url))
            .await
            .map_err(|_| Error::Timeout { url: answer.url.clone(), what: "whole answer", bound: left })??;
        decompress(&mut answer, bounds.answer_bytes)?;
        Ok(answer)
    }

    /// One attempt, until the answer begins. Cancel-safe like [`Transport::exchange`].
    pub(crate) async fn head(
        &self,
        out: Outgoing,
        stream: Option<Stream>,
        dial: Option<&Dial>,
        bounds: &Bounds,
        total: Deadline,
        coding: &'static str,
    ) -> Result<(Response, Incoming), Error> {
        let url = shown(&out.url);
        // The answer to a streamed body may come when all of it was sent.
        let first_byte = if stream.is_some() { bounds.total } else { bounds.first_byte };
        let mut request = http::Request::new(match stream {
            Some(stream) => Either::Right(stream),
            None => Either::Left(Full::new(out.body)),
        });
        *request.method_mut() = out.method;
        *request.uri_mut() = out
            .url
            .as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| Error::Malformed { url: url.clone(), cause: error.to_string() })?;
        *request.headers_mut() = out.headers;
        if let Some(credentials) = out.credentials {
            request.headers_mut().entry(header::AUTHORIZATION).or_insert_with(|| credentials.header());
        }
        request.headers_mut().entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static(coding));
        propagate(request.headers_mut(), bounds.tells_deadline.then_some(total), out.trace);

        // The error names the bound that is the sooner one.
        let left = whole_millis(total.left());
        let (what, bound) = if first_byte < left { ("first byte", first_byte) } else { ("whole answer", left) };
        let until = total.min(Deadline::after(first_byte)).at();
        let origin = self.inner.origin(&out.url, dial);
        let connection = capture_connection(&mut request);
        let attempt = Attempt { inner: &self.inner, origin: &origin, connection, until, answered: false };
        let answer = tokio::time::timeout_at(until, origin.pool.request(request))
            .await
            .map_err(|_| Error::Timeout { url: url.clone(), what, bound })?
            .map_err(|error| failed(&url, &self.inner.bounds, &error))?;
        attempt.answered();
        let (head, body) = answer.into_parts();
        Ok((Response { status: head.status, headers: head.headers, body: Bytes::new(), url }, body))
    }
}

impl Inner {
    /// The connections to where this URL's calls go.
    fn origin(&self, url: &Url, dial: Option<&Dial>) -> Arc<Origin> {
        let place = &url[..Position::BeforePath];
        let key = match dial {
            None => Cow::Borrowed(place),
            Some(Dial { host, port }) => Cow::Owned(format!("{place} by {host}:{port}")),
        };
        let now = Instant::now();
        let mut origins = self.origins();
        if let Some(origin) = origins.get(&*key) {
            *origin.last_used() = now;
            return Arc::clone(origin);
        }
        if origins.len() >= MAX_ORIGINS {
            let oldest = origins.iter().min_by_key(|(_, origin)| *origin.last_used()).map(|(key, _)| key.clone());
            oldest.and_then(|key| origins.remove(&key));
        }
        let pool = connections(&self.bounds, self.tls.clone(), self.resolver.clone(), self.http2_only, dial.cloned());
        let origin = Arc::new(Origin { pool, silent: AtomicU32::new(0), last_used: Mutex::new(now) });
        origins.insert(key.into_owned(), Arc::clone(&origin));
        origin
    }

    /// Lets calls under way end where they are, and begins anew with the next one.
    fn forget(&self, origin: &Arc<Origin>) {
        self.origins().retain(|_, known| !Arc::ptr_eq(known, origin));
    }

    fn origins(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Origin>>> {
        // A map of handles is whole whatever happened to the thread that held the lock.
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    fn last_used(&self) -> MutexGuard<'_, Instant> {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connections(
    bounds: &Bounds,
    tls: ClientConfig,
    resolver: Resolver,
    http2_only: bool,
    dial: Option<Dial>,
) -> Connections {
    let tcp = Connector { resolver, bound: bounds.connect, dial };
    let https =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions().wrap_connector(tcp);
    Pool::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(bounds.idle_per_host)
        .http1_max_buf_size(bounds.head_bytes.max(LEAST_HEAD) as usize)
        .http1_max_headers(bounds.head_fields)
        .http2_max_header_list_size(bounds.head_bytes)
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PONG)
        .http2_keep_alive_while_idle(true)
        .http2_only(http2_only)
        .build(Bounded { inner: https, bound: bounds.connect })
}

/// An attempt that waits for its answer. Where none came in its time its connection is suspected to swallow calls, and with it those that stand idle
/// beside it; after several such attempts in a row none of them is used again.
struct Attempt<'t> {
    inner: &'t Inner,
    origin: &'t Arc<Origin>,
    connection: CaptureConnection,
    until: Instant,
    answered: bool,
}

impl Attempt<'_> {
    fn answered(mut self) {
        self.answered = true;
        self.origin.silent.store(0, Relaxed);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let silent = !self.answered && Instant::now() >= self.until && self.connection.connection_metadata().is_some();
        if silent && self.origin.silent.fetch_add(1, Relaxed) + 1 >= SILENT_CALLS {
            self.inner.forget(self.origin);
        }
    }
}

async fn read(mut body: Incoming, bounds: &Bounds, url: &str) -> Result<Bytes, Error> {
    let (bound, url) = (bounds.answer_bytes, || url.to_owned());
    let too_large = || Error::TooLarge { url: url(), limit: Limit::Body(bound) };
    // A length that is declared is judged before the body comes: it may never come.
    if body.size_hint().lower() > bound as u64 {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(bounds.idle_body, body.frame()).await.map_err(|_| Error::Timeout {
            url: url(),
            what: "next part of its answer",
            bound: bounds.idle_body,
        })?;
        let Some(frame) = frame else { return Ok(bytes.freeze()) };
        let frame = frame.map_err(|error| Error::Broken { url: url(), cause: causes(&error) })?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bound {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
}

/// Decodes the one content coding that was requested; the decompressed body has the same bound as the received one.
fn decompress(answer: &mut Response, bound: usize) -> Result<(), Error> {
    let Some(coding) = answer.headers.get(header::CONTENT_ENCODING) else { return Ok(()) };
    // An answer to HEAD, a 204 and a 304 say how the body would be coded, and have none.
    if answer.body.is_empty() || coding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    if !coding.as_bytes().eq_ignore_ascii_case(b"gzip") && !coding.as_bytes().eq_ignore_ascii_case(b"x-gzip") {
        let cause = format!("its body has the content coding {coding:?}, which was not requested");
        return Err(Error::Unexpected { url: answer.url.clone(), cause });
    }
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(&answer.body[..]).take((bound as u64).saturating_add(1));
    decoder.read_to_end(&mut plain).map_err(|error| Error::Broken {
        url: answer.url.clone(),
        cause: format!("its gzip cannot be decompressed: {error}"),
    })?;
    if plain.len() > bound {
        return Err(Error::TooLarge { url: answer.url.clone(), limit: Limit::Body(bound) });
    }
    answer.body = plain.into();
    answer.headers.remove(header::CONTENT_ENCODING);
    answer.headers.remove(header::CONTENT_LENGTH);
    Ok(())
}

fn failed(url: &str, bounds: &Bounds, error: &hyper_util::client::legacy::Error) -> Error {
    let (url, cause) = (url.to_owned(), causes(error));
    if error.is_connect() {
        return Error::Connect { url, cause };
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<hyper::Error>());
    if source.is_some_and(hyper::Error::is_parse_too_large) {
        let bytes = bounds.head_bytes.max(LEAST_HEAD) as usize;
        return Error::TooLarge { url, limit: Limit::Head { bytes, fields: bounds.head_fields } };
    }
    Error::Broken { url, cause }
}

/// Connector with a time limit, which includes handshakes.
#[derive(Clone, Debug)]
struct Bounded<C> {
    inner: C,
    bound: Duration,
}

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static> + Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connected, bound) = (self.inner.call(uri), self.bound);
        Box::pin(async move {
            match tokio::time::timeout(bound, connected).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(format!("no connection within {bound:?}").into()),
            }
        })
    }
}
