//! The HTTP client: every call ends in time and in bounded memory, and carries the request it works for.
//!
//! A call has a bound for the connection, one for the first byte, and one in all (never later than the running task's
//! [`Deadline`]); an answer has a bound in bytes. The request id and the W3C trace context of the running request go
//! with it.
//!
//! ```no_run
//! # async fn call() -> Result<(), client::Error> {
//! let client = client::Client::new(client::Bounds::default());
//! let url = "http://127.0.0.1:9300/v1/payouts".parse().expect("a URL");
//! let answer = client.post(&url).json(&serde_json::json!({"amount": 5})).send().await?;
//! println!("{}", answer.status);
//! # Ok(()) }
//! ```

mod traffic;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resilience::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::RequestContext;
use url::Url;
use vitals::Registry;

use crate::traffic::Traffic;

/// What a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For the TCP connection. Default 2 s.
    pub connect: Duration,
    /// From the start of the call to the answer's head. Default 5 s.
    pub first_byte: Duration,
    /// For the whole call. Default 10 s.
    pub total: Duration,
    /// Bytes of an answer. Default 1 MiB.
    pub answer_bytes: usize,
    /// Idle connections kept for each host. Default 32.
    pub idle_per_host: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(5),
            total: Duration::from_secs(10),
            answer_bytes: 1024 * 1024,
            idle_per_host: 32,
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made; nothing was sent.
    #[error("cannot connect to {url}: {cause}")]
    Connect {
        /// Where to, without credentials.
        url: String,
        /// Why.
        cause: String,
    },
    /// A bound passed; whether the other side did the work is not known.
    #[error("{url} gave no {what} within {bound:?}")]
    Timeout {
        /// Where to, without credentials.
        url: String,
        /// `first byte` or `whole answer`.
        what: &'static str,
        /// The bound.
        bound: Duration,
    },
    /// The connection broke, or what came is not HTTP; whether the other side did the work is not known.
    #[error("{url} broke off its answer: {cause}")]
    Broken {
        /// Where to, without credentials.
        url: String,
        /// Why.
        cause: String,
    },
    /// The answer was longer than the bound; reading stopped there.
    #[error("{url} answered more than {bound} bytes")]
    TooLarge {
        /// Where to, without credentials.
        url: String,
        /// The bound.
        bound: usize,
    },
    /// The answer's body is not what was asked for.
    #[error("{url} answered something else than expected: {cause}")]
    Unexpected {
        /// Where to, without credentials.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The call itself is malformed: a header or a URL that HTTP cannot carry.
    #[error("cannot make a call to {url}: {cause}")]
    Malformed {
        /// Where to, without credentials.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Error {
    /// Whether it is certain that the other side did nothing, so that any call may be repeated.
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Malformed { .. })
    }

    /// One word for logs and vitals, without the peer's name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Broken { .. } => "broken",
            Self::TooLarge { .. } => "too large",
            Self::Unexpected { .. } => "unexpected",
            Self::Malformed { .. } => "malformed",
        }
    }
}

/// Makes calls; one for a whole service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    bounds: Bounds,
    traffic: Arc<Traffic>,
}

/// A call about to be made.
#[must_use = "a call does nothing until it is sent"]
#[derive(Debug)]
pub struct Call<'c> {
    client: &'c Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    bounds: Bounds,
    malformed: Option<String>,
}

/// A whole answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the bound.
    pub body: Bytes,
    url: String,
}

impl Client {
    /// A client whose calls have these bounds unless they set their own.
    pub fn new(bounds: Bounds) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(bounds.connect));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(bounds.idle_per_host)
            .build(connector);
        Self { pool, bounds, traffic: Arc::default() }
    }

    /// Shows how the calls go, by peer, in the registry: the table `client`.
    pub fn register(&self, registry: &Registry) {
        registry.register(Arc::clone(&self.traffic));
    }

    /// A GET.
    pub fn get(&self, url: &Url) -> Call<'_> {
        self.call(Method::GET, url)
    }

    /// A POST.
    pub fn post(&self, url: &Url) -> Call<'_> {
        self.call(Method::POST, url)
    }

    /// Any method.
    pub fn call(&self, method: Method, url: &Url) -> Call<'_> {
        Call {
            client: self,
            method,
            url: url.clone(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            bounds: self.bounds,
            malformed: None,
        }
    }
}

impl Call<'_> {
    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.malformed = Some(format!("the header {name:?} has a name or value that HTTP cannot carry")),
        }
        self
    }

    /// With a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.body = bytes.into();
            }
            Err(error) => self.malformed = Some(format!("the body cannot be JSON: {error}")),
        }
        self
    }

    /// With another bound for the whole call; the first byte's shrinks with it.
    pub fn total_timeout(mut self, total: Duration) -> Self {
        self.bounds.total = total;
        self.bounds.first_byte = self.bounds.first_byte.min(total);
        self
    }

    /// Makes the call.
    ///
    /// Cancel-safe: a dropped call closes its connection; whether the other side did the work is then not known.
    ///
    /// # Errors
    /// [`Error`], when there is no whole answer within the bounds. A status of 4xx or 5xx is an answer.
    pub async fn send(self) -> Result<Answer, Error> {
        let counted = self.client.traffic.begin(&self.url);
        let begun = Instant::now();
        let outcome = self.exchange().await;
        counted.end(outcome.as_ref().map(|answer| answer.status), begun.elapsed());
        outcome
    }

    async fn exchange(self) -> Result<Answer, Error> {
        let url = shown(&self.url);
        if let Some(cause) = self.malformed {
            return Err(Error::Malformed { url, cause });
        }
        let mut request = http::Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self
            .url
            .as_str()
            .parse()
            .map_err(|error| Error::Malformed { url: url.clone(), cause: format!("{error}") })?;
        *request.headers_mut() = self.headers;
        propagate(request.headers_mut());

        let (bounds, total) = (self.bounds, Deadline::after_or_current(self.bounds.total));
        let first_byte = total.min(Deadline::after(bounds.first_byte));
        let late = |what, bound| Error::Timeout { url: url.clone(), what, bound };

        let answer = tokio::time::timeout_at(first_byte.at(), self.client.pool.request(request))
            .await
            .map_err(|_| late("first byte", bounds.first_byte.min(bounds.total)))?
            .map_err(|error| failed(&url, &error))?;
        let (head, body) = answer.into_parts();
        let body = tokio::time::timeout_at(total.at(), read(body, bounds.answer_bytes, &url))
            .await
            .map_err(|_| late("whole answer", bounds.total))??;
        Ok(Answer { status: head.status, headers: head.headers, body, url })
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when it is not, or not of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Unexpected { url: self.url.clone(), cause: error.to_string() })
    }
}

/// Gives the call the id and trace of the request it works for.
fn propagate(headers: &mut HeaderMap) {
    let Some(context) = RequestContext::current() else { return };
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.entry("x-request-id").or_insert(id);
    }
    if let Ok(trace) = HeaderValue::from_str(&context.trace.child().to_string()) {
        headers.entry("traceparent").or_insert(trace);
    }
}

async fn read(mut body: hyper::body::Incoming, bound: usize, url: &str) -> Result<Bytes, Error> {
    // A length that is declared is judged before the body comes: it may never come.
    if body.size_hint().lower() > bound as u64 {
        return Err(Error::TooLarge { url: url.to_owned(), bound });
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::Broken { url: url.to_owned(), cause: causes(&error) })?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bound {
            return Err(Error::TooLarge { url: url.to_owned(), bound });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

fn failed(url: &str, error: &hyper_util::client::legacy::Error) -> Error {
    let (url, cause) = (url.to_owned(), causes(error));
    if error.is_connect() { Error::Connect { url, cause } } else { Error::Broken { url, cause } }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// A URL without user, password and query.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}
