//! A collector of traces for tests, with a reader of protobuf of its own: nothing of it is the library's.

use std::sync::{Arc, Mutex};

use evenkeel::axum::Router;
use evenkeel::axum::body::Bytes;
use evenkeel::axum::http::{HeaderMap, StatusCode};
use evenkeel::axum::routing::post;
use tokio::net::TcpListener;

/// A span as the collector read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Span {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// A collector on a free port of this host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector {
    requests: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Collector {
    /// Starts it; returns it with its URL.
    pub(crate) async fn start() -> (Self, String) {
        let collector = Self::default();
        let keep = collector.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            keep.requests.lock().unwrap().push((headers, body));
            StatusCode::OK
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { evenkeel::axum::serve(listener, routes).await });
        (collector, url)
    }

    /// The headers of each export.
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        self.requests.lock().unwrap().iter().map(|(headers, _)| headers.clone()).collect()
    }

    /// The body of each export.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        requests.iter().flat_map(|(_, body)| below(body, &[1, 2, 2])).map(|span| read(&span)).collect()
    }

    /// The attributes of the service.
    pub(crate) fn resource(&self) -> Vec<(String, String)> {
        let requests = self.requests.lock().unwrap();
        requests.iter().flat_map(|(_, body)| below(body, &[1, 1, 1])).map(|pair| attribute(&pair)).collect()
    }
}

/// A value of a protobuf field.
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

fn read(span: &[u8]) -> Span {
    let bytes = |field| below(span, &[field]).into_iter().next().unwrap_or_default();
    let text = |field| String::from_utf8(bytes(field)).unwrap();
    let hex = |field| bytes(field).iter().map(|byte| format!("{byte:02x}")).collect();
    let number = |field| {
        let known = fields(span).into_iter().find(|(known, _)| *known == field);
        known.map_or(0, |(_, value)| if let Value::Number(number) = value { number } else { 0 })
    };
    Span {
        trace: hex(1),
        id: hex(2),
        state: text(3),
        parent: hex(4),
        name: text(5),
        kind: number(6),
        attributes: below(span, &[9]).iter().map(|pair| attribute(pair)).collect(),
    }
}

/// A `KeyValue` whose value is a text or a number.
fn attribute(pair: &[u8]) -> (String, String) {
    let (mut key, mut text) = (String::new(), String::new());
    for (field, value) in fields(pair) {
        match (field, value) {
            (1, Value::Bytes(bytes)) => key = String::from_utf8(bytes).unwrap(),
            (2, Value::Bytes(any)) => {
                for (_, value) in fields(&any) {
                    text = match value {
                        Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
                        Value::Number(number) => number.to_string(),
                    };
                }
            }
            _ => {}
        }
    }
    (key, text)
}

/// The messages at a path of field numbers.
fn below(message: &[u8], path: &[u64]) -> Vec<Vec<u8>> {
    let Some((field, rest)) = path.split_first() else { return vec![message.to_vec()] };
    let found = fields(message).into_iter().filter(|(known, _)| known == field);
    let inner = found.filter_map(|(_, value)| if let Value::Bytes(bytes) = value { Some(bytes) } else { None });
    inner.flat_map(|bytes| below(&bytes, rest)).collect()
}

/// The fields of a message: <https://protobuf.dev/programming-guides/encoding/>.
fn fields(mut message: &[u8]) -> Vec<(u64, Value)> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)),
            1 => Value::Bytes(take(&mut message, 8)),
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                Value::Bytes(take(&mut message, length))
            }
            5 => Value::Bytes(take(&mut message, 4)),
            kind => panic!("a field of kind {kind}"),
        };
        found.push((tag >> 3, value));
    }
    found
}

fn take(message: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = message.split_at(length);
    *message = rest;
    taken.to_vec()
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let byte = take(message, 1)[0];
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    number
}
