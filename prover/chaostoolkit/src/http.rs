//! The http provider: one request as the `requests` package makes it, and what came back.
//!
//! Redirects are followed, compressed bodies are unpacked, and the text of a body has the encoding that its headers say.

use std::io::Read;
use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::failure::Failure;
use super::python;
use super::seconds::seconds;
use super::substitution::Names;
use crate::value::{Map, Value};
use keel_input::credentials;
use keel_wire::http1::{AnswerReader, Head};

/// The most bytes of a body that are kept, unpacked or not.
pub(super) const MAX_BODY: usize = 8 << 20;
/// The most redirects that are followed, as in the reference.
const MAX_REDIRECTS: usize = 30;
/// The most times that a request is tried again.
const MAX_RETRIES: i64 = 100;

/// Sends it.
pub(super) async fn run(provider: &Value, names: &Names) -> Result<Value, Failure> {
    let mut request = Request::new(provider, names)?;
    let retries = match provider.get("max_retries") {
        Some(Value::Int(retries)) => (*retries).clamp(0, MAX_RETRIES),
        _ => 0,
    };
    for _ in 0..=MAX_REDIRECTS {
        let answer = request.tried(retries).await?;
        match answer.redirect(&request.url) {
            Some(to) => request.follow(answer.head.status.as_u16(), to)?,
            None => return answer.output(),
        }
    }
    Err(Failure::fatal(format!("Exceeded {MAX_REDIRECTS} redirects.")))
}

struct Request {
    /// As the experiment says it, for messages: without credentials.
    said: String,
    url: Url,
    method: Method,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    connect: Option<Duration>,
    read: Option<Duration>,
}

/// Why a try brought no answer.
enum Trouble {
    /// No connection could be made.
    Connect(String),
    /// No answer came on it.
    Read(String),
    /// No answer came in time.
    Slow,
    /// An answer began, and did not come in time.
    Stalled(String),
    /// An answer began, and broke.
    Broken(String),
}

struct Answer {
    head: Head,
    body: Vec<u8>,
}

impl Request {
    fn new(provider: &Value, names: &Names) -> Result<Self, Failure> {
        let said = python::text(&names.substitute(provider.get("url").unwrap_or(&Value::Null)));
        let method = provider.text("method").unwrap_or("GET").to_uppercase();
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| Failure::fatal(format!("{method:?} is no method")))?;
        let headers = names.substitute(provider.get("headers").unwrap_or(&Value::Null));
        let timeout = names.substitute(provider.get("timeout").unwrap_or(&Value::Null));
        let arguments = provider.get("arguments").unwrap_or(&Value::Null);
        let arguments =
            if arguments.is_truthy() && !names.is_empty() { names.substitute(arguments) } else { arguments.clone() };
        let (connect, read) = timeouts(&timeout)?;
        let written = said;
        let said = credentials::shown_text(&written);
        let mut url = Url::parse(&written).map_err(|error| Failure::fatal(format!("Invalid URL {said:?}: {error}")))?;
        if url.scheme() != "http" {
            return Err(Failure::fatal(format!("{said}: keel speaks http without TLS only")));
        }
        let mut request =
            Self { said, url: url.clone(), method, headers: fields(&headers)?, body: Vec::new(), connect, read };
        // As the reference has it: before an Authorization that the experiment says.
        if let Some(authorization) = credentials::authorization(&url) {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            request.headers.push(("Authorization".to_owned(), authorization));
        }
        if request.method == Method::GET {
            if let Some(query) = pairs(&arguments).filter(|query| !query.is_empty()) {
                let query = url.query().map_or_else(|| query.clone(), |there| format!("{there}&{query}"));
                url.set_query(Some(&query));
                request.url = url;
            }
        } else if request.header("content-type") == Some("application/json") && names_json(&headers) {
            if arguments != Value::Null {
                request.body = python::json(&arguments).into_bytes();
            }
        } else if let Some(form) = pairs(&arguments).filter(|form| !form.is_empty()) {
            if matches!(arguments, Value::Map(_)) && request.header("content-type").is_none() {
                request.headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
            }
            request.body = form.into_bytes();
        }
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(said, _)| said.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Connections are tried again, and so are answers that do not come where the method allows it.
    async fn tried(&self, retries: i64) -> Result<Answer, Failure> {
        let connect = |problem: String| Failure::Activity(format!("failed to connect to {}: {problem}", self.said));
        let repeatable = matches!(self.method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "TRACE");
        let mut left = retries;
        loop {
            let trouble = match self.send().await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Connect(_) if left > 0 => left -= 1,
                Trouble::Read(_) | Trouble::Slow if left > 0 && repeatable => left -= 1,
                Trouble::Connect(problem) | Trouble::Read(problem) | Trouble::Stalled(problem) => {
                    return Err(connect(problem));
                }
                // With retries allowed, the reference reports what used them up as a failed connection.
                Trouble::Slow if retries > 0 && repeatable => return Err(connect("no answer in time".to_owned())),
                Trouble::Slow => return Err(Failure::Activity("activity took too long to complete".to_owned())),
                Trouble::Broken(problem) => {
                    return Err(Failure::fatal(format!("the answer of {}: {problem}", self.said)));
                }
            }
        }
    }

    async fn send(&self) -> Result<Answer, Trouble> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let connecting = TcpStream::connect((host, port));
        let mut stream = within(self.connect, connecting)
            .await
            .ok_or_else(|| Trouble::Connect("no connection in time".to_owned()))?
            .map_err(|error| Trouble::Connect(error.to_string()))?;
        stream.write_all(&self.bytes()).await.map_err(|error| Trouble::Read(error.to_string()))?;
        let mut reader = AnswerReader::new(&self.method, MAX_BODY);
        let mut piece = vec![0; 64 << 10];
        while !reader.is_done() {
            let begun = reader.head.is_some();
            let length = match within(self.read, stream.read(&mut piece)).await {
                None if begun => return Err(Trouble::Stalled("the body did not come in time".to_owned())),
                None => return Err(Trouble::Slow),
                Some(Err(error)) if begun => return Err(Trouble::Broken(error.to_string())),
                Some(Err(error)) => return Err(Trouble::Read(error.to_string())),
                Some(Ok(length)) => length,
            };
            let outcome = if length == 0 { reader.end() } else { reader.take(&piece[..length]).map(drop) };
            outcome.map_err(
                |problem| if reader.head.is_some() { Trouble::Broken(problem) } else { Trouble::Read(problem) },
            )?;
            if reader.body_length > MAX_BODY as u64 {
                return Err(Trouble::Broken(format!("the body is longer than {MAX_BODY} bytes")));
            }
        }
        let head = reader.head.ok_or_else(|| Trouble::Read("no answer".to_owned()))?;
        Ok(Answer { head, body: reader.body })
    }

    fn bytes(&self) -> Vec<u8> {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut head = format!("{} {}{query} HTTP/1.1\r\n", self.method, self.url.path());
        let mut line = |name: &str, value: &str| {
            if self.header(name).is_none() {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        line("Host", &format!("{}{port}", self.url.host_str().unwrap_or_default()));
        line("User-Agent", concat!("keel/", env!("CARGO_PKG_VERSION")));
        line("Accept-Encoding", "gzip, deflate");
        line("Accept", "*/*");
        line("Connection", "close");
        if !self.body.is_empty() || !matches!(self.method, Method::GET | Method::HEAD) {
            line("Content-Length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }

    /// Follows a redirect as the reference does.
    fn follow(&mut self, status: u16, to: Url) -> Result<(), Failure> {
        if to.scheme() != "http" {
            return Err(Failure::fatal(format!(
                "{} leads to {}, and keel speaks no TLS",
                self.said,
                credentials::shown(&to)
            )));
        }
        let becomes_get = match status {
            303 | 302 => self.method != Method::HEAD,
            301 => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
        }
        if !matches!(status, 307 | 308) {
            self.body.clear();
            let of_body = ["content-length", "content-type", "transfer-encoding"];
            self.headers.retain(|(name, _)| !of_body.contains(&name.to_ascii_lowercase().as_str()));
        }
        if to.host_str() != self.url.host_str() {
            self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        }
        self.url = to;
        Ok(())
    }
}

impl Answer {
    fn redirect(&self, from: &Url) -> Option<Url> {
        let status = self.head.status.as_u16();
        let location = self.head.headers.get("location").filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308))?;
        from.join(location.to_str().ok()?).ok()
    }

    fn output(self) -> Result<Value, Failure> {
        let mut headers = Map::default();
        for (name, value) in &self.head.written {
            let value = latin1(value);
            let same = headers.iter().find(|(there, _)| there.eq_ignore_ascii_case(name));
            let same = same.map(|(name, there)| (name.to_owned(), python::text(there)));
            match same {
                Some((name, there)) => headers.set(name, format!("{there}, {value}")),
                None => headers.set(name.clone(), value),
            }
        }
        let content_type =
            self.head.headers.get("content-type").map(|value| latin1(value.as_bytes())).unwrap_or_default();
        let body = self.unpacked().map_err(Failure::fatal)?;
        let body = if content_type == "application/json" {
            serde_json::from_slice(&body).map_err(|error| Failure::fatal(format!("the body is no JSON: {error}")))?
        } else {
            Value::Text(text(&body, &content_type))
        };
        let status = Value::Int(i64::from(self.head.status.as_u16()));
        Ok(Value::Map([("status", status), ("headers", headers.into()), ("body", body)].into_iter().collect()))
    }

    fn unpacked(&self) -> Result<Vec<u8>, String> {
        let coding =
            self.head.headers.get("content-encoding").map(|coding| latin1(coding.as_bytes()).to_ascii_lowercase());
        let mut reader: Box<dyn Read + '_> = match coding.as_deref() {
            Some("gzip" | "x-gzip") => Box::new(flate2::read::MultiGzDecoder::new(self.body.as_slice())),
            Some("deflate") if self.body.first().is_some_and(|byte| byte & 0x0f == 8) => {
                Box::new(flate2::read::ZlibDecoder::new(self.body.as_slice()))
            }
            Some("deflate") => Box::new(flate2::read::DeflateDecoder::new(self.body.as_slice())),
            _ => return Ok(self.body.clone()),
        };
        let mut body = Vec::new();
        reader
            .by_ref()
            .take(MAX_BODY as u64 + 1)
            .read_to_end(&mut body)
            .map_err(|error| format!("the body cannot be unpacked: {error}"))?;
        if body.len() > MAX_BODY { Err(format!("the body is longer than {MAX_BODY} bytes")) } else { Ok(body) }
    }
}

async fn within<T>(limit: Option<Duration>, what: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, what).await.ok(),
        None => Some(what.await),
    }
}

/// One number for both, or a pair: connecting, and the wait between two pieces of the answer.
fn timeouts(timeout: &Value) -> Result<(Option<Duration>, Option<Duration>), Failure> {
    let one = |value: &Value| match value {
        Value::Null => Ok(None),
        value => seconds(value).map(Some).ok_or_else(|| Failure::fatal("the timeout of a request must be a number")),
    };
    match timeout {
        Value::List(both) => match both.as_slice() {
            [connect, read] => Ok((one(connect)?, one(read)?)),
            _ => Err(Failure::fatal("a list of timeouts must be made of two: connect and read")),
        },
        single => Ok((one(single)?, one(single)?)),
    }
}

fn fields(headers: &Value) -> Result<Vec<(String, String)>, Failure> {
    let Some(map) = headers.as_map() else { return Ok(Vec::new()) };
    let field = |(name, value): (&str, &Value)| match value {
        Value::Null => None,
        Value::Text(value) if !value.contains(['\r', '\n']) => Some(Ok((name.to_owned(), value.clone()))),
        other => Some(Err(Failure::fatal(format!("the header {name} must be a text of one line, and is {other:?}")))),
    };
    map.iter().filter_map(field).collect()
}

/// Returns true if the experiment spells the header so that the reference sends arguments as JSON.
fn names_json(headers: &Value) -> bool {
    headers.text("Content-Type") == Some("application/json")
}

/// Arguments as a query or a form: lists repeat their key, nulls are left out.
fn pairs(arguments: &Value) -> Option<String> {
    let map = match arguments {
        Value::Text(text) => return Some(text.clone()),
        Value::Map(map) => map,
        _ => return None,
    };
    let mut pairs = Vec::new();
    for (key, value) in map.iter() {
        let values = if let Value::List(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
        for value in values.iter().filter(|value| **value != Value::Null) {
            pairs.push(format!("{}={}", python::quote_plus(key), python::quote_plus(&python::text(value))));
        }
    }
    Some(pairs.join("&"))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The charset that the header says; for `text/*` without one ISO-8859-1 (RFC 2616, as the reference has it); else UTF-8.
fn text(body: &[u8], content_type: &str) -> String {
    let charset = content_type.split(';').skip(1).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
    });
    match charset.as_deref() {
        Some("iso-8859-1" | "latin-1" | "latin1") => latin1(body),
        None if content_type.contains("text") => latin1(body),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn request(provider: &str) -> Result<Request, Failure> {
        Request::new(&serde_json::from_str(provider).unwrap(), &Names::default())
    }

    #[test]
    fn credentials_of_the_url_are_sent_and_shown_in_no_message() {
        let request =
            request(r#"{"url": "http://ann:s3cret@127.0.0.1:1/x", "headers": {"authorization": "Bearer x"}}"#);
        let request = request.ok().unwrap();
        let text = String::from_utf8(request.bytes()).unwrap();
        // The reference puts those of the URL before a header.
        assert!(text.contains("Authorization: Basic YW5uOnMzY3JldA==\r\n") && !text.contains("Bearer"), "{text}");
        assert_eq!(request.said, "http://***@127.0.0.1:1/x");
    }

    #[test]
    fn a_url_that_is_wrong_shows_no_credentials() {
        for url in ["http://ann:s3cret@127.0.0.1:x/", "https://ann:s3cret@127.0.0.1/"] {
            let told = format!("{:?}", request(&format!(r#"{{"url": "{url}"}}"#)).err().unwrap());
            assert!(!told.contains("s3cret") && told.contains("***"), "{told}");
        }
    }
}
