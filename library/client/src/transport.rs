//! One exchange over the pool of connections: a request goes out, a whole answer comes back, within its bounds.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use resilience::Deadline;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tower::{BoxError, Service};
use url::Url;

use crate::bounds::whole_millis;
use crate::propagate::propagate;
use crate::{Bounds, Error, Response};

/// How long a connection is kept for its next call.
const IDLE: Duration = Duration::from_secs(30);
/// The least that HTTP/1 parsing needs for a head.
const LEAST_HEAD: u32 = 8 * 1024;

/// The connections, and how to make them.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    pool: Pool<Bounded<HttpsConnector<HttpConnector>>, Full<Bytes>>,
}

/// What goes out in every attempt of a call.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Whom TLS trusts.
#[derive(Debug)]
pub(crate) enum Roots<'a> {
    /// The authorities that browsers trust, as Mozilla lists them.
    Public,
    /// These alone, as PEM.
    Only(&'a [u8]),
}

impl Transport {
    /// # Errors
    /// What is wrong with the roots.
    pub(crate) fn new(bounds: &Bounds, roots: &Roots<'_>, http2_only: bool) -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let builder = match roots {
            Roots::Public => HttpsConnectorBuilder::new().with_webpki_roots(),
            Roots::Only(pem) => HttpsConnectorBuilder::new().with_tls_config(trusting(pem)?),
        };
        let https = builder.https_or_http().enable_all_versions().wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(bounds.idle_per_host)
            .http1_max_buf_size(bounds.head_bytes.max(LEAST_HEAD) as usize)
            .http2_max_header_list_size(bounds.head_bytes)
            .http2_only(http2_only)
            .build(Bounded { inner: https, bound: bounds.connect });
        Ok(Self { pool })
    }

    /// One attempt. Cancel-safe: a dropped one closes its connection, or resets its stream.
    pub(crate) async fn exchange(&self, out: Outgoing, bounds: &Bounds, total: Deadline) -> Result<Response, Error> {
        let url = shown(&out.url);
        let mut request = http::Request::new(Full::new(out.body));
        *request.method_mut() = out.method;
        *request.uri_mut() = out
            .url
            .as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| Error::Malformed { url: url.clone(), cause: error.to_string() })?;
        *request.headers_mut() = out.headers;
        request.headers_mut().entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        propagate(request.headers_mut(), bounds.tells_deadline.then_some(total));

        let late = |what, bound| Error::Timeout { url: url.clone(), what, bound };
        // The error names the bound that is the sooner one.
        let left = whole_millis(total.left());
        let (what, within) =
            if bounds.first_byte < left { ("first byte", bounds.first_byte) } else { ("whole answer", left) };
        let first_byte = total.min(Deadline::after(bounds.first_byte));
        let answer = tokio::time::timeout_at(first_byte.at(), self.pool.request(request))
            .await
            .map_err(|_| late(what, within))?
            .map_err(|error| failed(&url, &error))?;
        let (head, body) = answer.into_parts();
        let body = tokio::time::timeout_at(total.at(), read(body, bounds, &url))
            .await
            .map_err(|_| late("whole answer", left))??;
        let mut answer = Response { status: head.status, headers: head.headers, body, url };
        decompress(&mut answer, bounds.answer_bytes)?;
        Ok(answer)
    }
}

/// A configuration of TLS that trusts these authorities and nobody else.
fn trusting(pem: &[u8]) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("a certificate to trust cannot be read: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate to trust is no authority: {error}"))?;
    }
    if roots.is_empty() {
        return Err("no certificate to trust: expected PEM with at least one BEGIN CERTIFICATE".to_owned());
    }
    Ok(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

async fn read(mut body: hyper::body::Incoming, bounds: &Bounds, url: &str) -> Result<Bytes, Error> {
    let (bound, url) = (bounds.answer_bytes, || url.to_owned());
    // A length that is declared is judged before the body comes: it may never come.
    if body.size_hint().lower() > bound as u64 {
        return Err(Error::TooLarge { url: url(), bound });
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
            return Err(Error::TooLarge { url: url(), bound });
        }
        bytes.extend_from_slice(&data);
    }
}

/// Undoes the one coding that is asked for; what is decompressed has the same bound as what came.
fn decompress(answer: &mut Response, bound: usize) -> Result<(), Error> {
    let Some(coding) = answer.headers.get(header::CONTENT_ENCODING) else { return Ok(()) };
    // An answer to HEAD, a 204 and a 304 say how the body would be coded, and have none.
    if answer.body.is_empty() || coding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    if !coding.as_bytes().eq_ignore_ascii_case(b"gzip") && !coding.as_bytes().eq_ignore_ascii_case(b"x-gzip") {
        let cause = format!("its body is coded as {coding:?}, which was not asked for");
        return Err(Error::Unexpected { url: answer.url.clone(), cause });
    }
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(&answer.body[..]).take((bound as u64).saturating_add(1));
    decoder.read_to_end(&mut plain).map_err(|error| Error::Broken {
        url: answer.url.clone(),
        cause: format!("its gzip cannot be decompressed: {error}"),
    })?;
    if plain.len() > bound {
        return Err(Error::TooLarge { url: answer.url.clone(), bound });
    }
    answer.body = plain.into();
    answer.headers.remove(header::CONTENT_ENCODING);
    answer.headers.remove(header::CONTENT_LENGTH);
    Ok(())
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
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// A connector whose connections, handshakes included, are there in time.
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
