//! One HTTP exchange, with everything that was sent and came back kept as evidence.

mod evidence;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use url::Url;

use crate::http1::AnswerReader;

/// The most of an answer's body that is kept, in bytes; the rest is read and counted, up to [`MAX_BODY_READ`].
pub const MAX_BODY_KEPT: usize = 1 << 20;
/// The most of an answer's body that is read, in bytes; then the connection is closed.
pub const MAX_BODY_READ: u64 = 64 << 20;

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, starting with a slash.
    pub path: String,
    /// Headers, in the order and the case in which they are sent. `Host` is added when missing.
    pub headers: Vec<(String, String)>,
    /// The body; `Content-Length` is added when it is not empty, and to every POST, PUT and PATCH.
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`MAX_BODY_KEPT`] bytes.
    pub body: Bytes,
    /// How many bytes of body came in all.
    pub body_length: u64,
    /// From the first byte sent until the head of the answer had come.
    pub first_byte: Duration,
}

/// Why no whole answer came.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The bound was reached; the duration is the bound.
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
    /// The connection ended, or what came is not HTTP.
    #[error("broken answer: {0}")]
    Broken(String),
}

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was sent, and to where.
    pub request: Request,
    /// What came back, or why nothing did.
    pub outcome: Result<Answer, Failure>,
    /// From the start of the connection to the last byte.
    pub took: Duration,
}

/// Sends requests to one base URL (plain `http`), a new connection each. A path in the base stands before every path.
#[derive(Clone, Debug)]
pub struct Client {
    base: Url,
    timeout: Duration,
    source: Option<Ipv4Addr>,
}

impl Request {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// Any method.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        let text = body.to_string();
        self.header("content-type", "application/json").body(text)
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl Client {
    /// A client for `base` whose exchanges end within `timeout`, whatever the server does.
    pub fn new(base: Url, timeout: Duration) -> Self {
        Self { base, timeout, source: None }
    }

    /// The base URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The same client with another bound for each exchange.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// The same client, calling from another address of this machine where the server listens on an IPv4 loopback address
    /// (127.0.0.0/8 has many): to a limit for each address it is another client.
    #[must_use]
    pub fn with_source(&self, source: Ipv4Addr) -> Self {
        Self { source: Some(source), ..self.clone() }
    }

    /// Sends one request. Never fails: what went wrong is in the exchange. Dropping the future closes the connection.
    ///
    /// The answer is read while the request is still being written, as a server may refuse a request before it has read
    /// it all. Reading stops after [`MAX_BODY_READ`] bytes of body; the answer then counts as whole.
    pub async fn send(&self, request: Request) -> Exchange {
        let start = Instant::now();
        let outcome = tokio::time::timeout(self.timeout, self.answer_to(&request)).await;
        let outcome = outcome.unwrap_or(Err(Failure::Timeout(self.timeout)));
        Exchange { request, outcome, took: start.elapsed() }
    }

    async fn answer_to(&self, request: &Request) -> Result<Answer, Failure> {
        let mut stream = self.connect().await?;
        let message = self.message(request);
        let sent = Instant::now();
        let (mut from, mut to) = stream.split();
        let write = async {
            let outcome = to.write_all(&message).await;
            // A failed write is not the end: the peer may have answered before it stopped listening. Reading tells.
            outcome.err()
        };
        let read = read_answer(&mut from, &request.method, sent);
        tokio::pin!(write, read);
        let mut write_error = None;
        let answer = tokio::select! {
            biased;
            answer = &mut read => answer,
            error = &mut write => {
                write_error = error;
                read.await
            }
        };
        answer.map_err(|reason| match write_error {
            Some(error) => Failure::Broken(format!("{reason} (and the request could not be written: {error})")),
            None => Failure::Broken(reason),
        })
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        if self.base.scheme() != "http" {
            return Err(Failure::Connect(format!("{} is not a plain http:// address", self.base)));
        }
        let host = self.base.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
        let port = self.base.port_or_known_default().unwrap_or(80);
        let connecting = async {
            match self.source {
                Some(source) => connect_from(source, host, port).await,
                None => TcpStream::connect((host, port)).await,
            }
        };
        let stream = connecting.await.map_err(|error| Failure::Connect(error.to_string()))?;
        // Small requests must not wait for acknowledgements; without it they are merely slower.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// The request as it goes over the wire.
    fn message(&self, request: &Request) -> Vec<u8> {
        let prefix = self.base.path().trim_end_matches('/');
        let mut head = format!("{} {prefix}{} HTTP/1.1\r\n", request.method, request.path);
        let has = |name: &str| request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !has("host") {
            let _ = write!(head, "Host: {}\r\n", &self.base[url::Position::BeforeHost..url::Position::AfterPort]);
        }
        for (name, value) in &request.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let bodied = !request.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&request.method);
        if bodied && !has("content-length") && !has("transfer-encoding") {
            let _ = write!(head, "Content-Length: {}\r\n", request.body.len());
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(&request.body);
        message
    }
}

async fn connect_from(source: Ipv4Addr, host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut addresses = tokio::net::lookup_host((host, port)).await?;
    let Some(loopback) = addresses.find(|address| matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback())) else {
        return TcpStream::connect((host, port)).await;
    };
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(loopback).await
}

async fn read_answer(from: &mut (impl AsyncRead + Unpin), method: &Method, sent: Instant) -> Result<Answer, String> {
    let mut reader = AnswerReader::new(method, MAX_BODY_KEPT);
    let mut first_byte = None;
    let mut piece = vec![0; 64 << 10];
    while !reader.is_done() && reader.body_length < MAX_BODY_READ {
        match from.read(&mut piece).await {
            Ok(0) => reader.end()?,
            Ok(length) => drop(reader.take(&piece[..length])?),
            Err(error) => return Err(format!("{error}, after {} bytes of body", reader.body_length)),
        }
        if reader.head.is_some() {
            first_byte.get_or_insert_with(|| sent.elapsed());
        }
    }
    let head = reader.head.ok_or_else(|| "no head came".to_owned())?;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: reader.body.into(),
        body_length: reader.body_length,
        first_byte: first_byte.unwrap_or_else(|| sent.elapsed()),
    })
}

impl Exchange {
    /// The answer's status, or none when there was no whole answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.outcome.as_ref().ok().map(|answer| answer.status)
    }

    /// The answer, or none.
    pub fn answer(&self) -> Option<&Answer> {
        self.outcome.as_ref().ok()
    }

    /// A line that a person can check: method, path, headers that matter, body shortened.
    ///
    /// Bodies are cut at 200 characters; of credentials and cookies only the beginning is shown.
    pub fn sent(&self) -> String {
        evidence::sent(&self.request)
    }

    /// A line that a person can check: status, headers that matter, body shortened, or the failure; and the time.
    pub fn came_back(&self) -> String {
        evidence::came_back(&self.outcome, self.took)
    }
}

impl Answer {
    /// One header as text, empty when it is absent or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, when it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}
