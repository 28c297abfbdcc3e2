//! One HTTP exchange, with everything that was sent and came back kept as evidence.

mod evidence;
mod message;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ::http::{Method, StatusCode};
use keel_input::credentials;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use url::Url;

pub use self::message::{Answer, Failure, Request};

use crate::endpoint::{host, unix_path};
use crate::http1::AnswerReader;
use crate::stream::Stream;
use crate::tls::{Protocol, Trust, untrusted};

/// The most of an answer's body that is kept, in bytes; the rest is read and counted, up to [`MAX_BODY_READ`].
pub const MAX_BODY_KEPT: usize = 1 << 20;
/// The most of an answer's body that is read, in bytes; then the connection is closed.
pub const MAX_BODY_READ: u64 = 64 << 20;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request, as it was sent.
    pub request: Request,
    /// The answer, or the reason why none came.
    pub outcome: Result<Answer, Failure>,
    /// From the start of the connection to the last byte.
    pub took: Duration,
}

/// Sends requests to one base URL, a new connection each: `http`, `https` with something that is trusted
/// ([`Client::with_trust`]), or `unix:/PATH`. A path in the base stands before every path, except that of a Unix socket; its
/// credentials are sent as `Authorization`, unless the request has one, and are shown nowhere.
#[derive(Clone, Debug)]
pub struct Client {
    base: Url,
    timeout: Duration,
    source: Option<Ipv4Addr>,
    trust: Option<Trust>,
}

impl Client {
    /// Creates a client for `base` whose exchanges end within `timeout`, for every behaviour of the server.
    pub fn new(base: Url, timeout: Duration) -> Self {
        Self { base, timeout, source: None, trust: None }
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

    /// The same client, accepting these certificates of an `https` URL. Without any it cannot be called.
    #[must_use]
    pub fn with_trust(&self, trust: Option<Trust>) -> Self {
        Self { trust, ..self.clone() }
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
        let stream = self.connect().await?;
        let message = self.message(request);
        let sent = Instant::now();
        let (mut from, mut to) = tokio::io::split(stream);
        let write = async {
            let written = async {
                to.write_all(&message).await?;
                to.flush().await
            };
            // A failed write is not the end: the peer may have answered before it stopped listening. Reading tells.
            written.await.err()
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

    async fn connect(&self) -> Result<Stream, Failure> {
        self.open().await.map_err(|error| Failure::Connect(error.to_string()))
    }

    async fn open(&self) -> std::io::Result<Stream> {
        if let Some(path) = unix_path(&self.base) {
            return Ok(Stream::Unix(UnixStream::connect(path).await?));
        }
        let host = self.base.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
        let tls = match (self.base.scheme(), &self.trust) {
            ("http", _) => None,
            ("https", Some(trust)) => Some(trust.to(host, Protocol::Http1).map_err(std::io::Error::other)?),
            ("https", None) => return Err(untrusted()),
            _ => {
                return Err(std::io::Error::other(format!(
                    "{} is not http://, https:// or unix:",
                    credentials::shown(&self.base)
                )));
            }
        };
        let port = self.base.port_or_known_default().unwrap_or(80);
        let stream = match self.source {
            Some(source) => connect_from(source, host, port).await?,
            None => TcpStream::connect((host, port)).await?,
        };
        // Small requests must not wait for acknowledgements; without it they are merely slower.
        let _ = stream.set_nodelay(true);
        Ok(match tls {
            None => Stream::Tcp(stream),
            Some(tls) => Stream::Tls(Box::new(tls.over(stream).await?)),
        })
    }

    /// The request as it goes over the wire.
    fn message(&self, request: &Request) -> Vec<u8> {
        let prefix = if unix_path(&self.base).is_some() { "" } else { self.base.path().trim_end_matches('/') };
        let mut head = format!("{} {prefix}{} HTTP/1.1\r\n", request.method, request.path);
        let has = |name: &str| request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !has("host") {
            let _ = write!(head, "Host: {}\r\n", host(&self.base));
        }
        if let Some(authorization) = credentials::authorization(&self.base).filter(|_| !has("authorization")) {
            let _ = write!(head, "Authorization: {authorization}\r\n");
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
    if let Some(loopback) = addresses.find(|address| matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback())) {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        if let Ok(stream) = socket.connect(loopback).await {
            return Ok(stream);
        }
    }
    // The name may have another address, from which no source can be chosen.
    TcpStream::connect((host, port)).await
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
