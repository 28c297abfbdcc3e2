//! A server that experiments ask, break and mend.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than any timeout of an experiment.
const HANG: Duration = Duration::from_secs(3);

/// The server; it ends with the test's process.
pub(crate) struct Shop {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    broken: bool,
    flaky: u32,
    /// Method and target of every request that acts, in order.
    asked: Vec<String>,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(connection, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Everything that was asked and is no look: what experiments do must be the same too.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn read(connection: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if connection.read(&mut byte).unwrap_or(0) == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn serve(mut connection: TcpStream, state: &Mutex<State>) {
    let Some(request) = read(&mut connection) else { return };
    if request.method != "GET" && request.method != "HEAD" {
        state.lock().unwrap().asked.push(format!("{} {}", request.method, request.target));
    }
    let answer = answer(&request, state);
    let _ = connection.write_all(&answer);
}

fn answer(request: &Request, state: &Mutex<State>) -> Vec<u8> {
    let text = |status: &str, kind: &str, body: &[u8]| plain(status, &format!("Content-Type: {kind}\r\n"), body);
    let broken = state.lock().unwrap().broken;
    let path = request.target.split('?').next().unwrap_or_default();
    match path {
        "/break" | "/mend" => {
            state.lock().unwrap().broken = path == "/break";
            text("200 OK", "application/json", b"{\"done\": true}")
        }
        "/sometimes" if broken => Vec::new(),
        _ if broken => text("503 Service Unavailable", "text/plain", b"broken"),
        "/" | "/page" => text("200 OK", "text/html; charset=utf-8", b"<h1>The shop</h1>"),
        "/health" if request.method == "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n".to_vec(),
        "/health" | "/catalogue/health" | "/sometimes" => text("200 OK", "text/plain", b"ok"),
        "/status" | "/breaker/status" => {
            let body = br#"{"state": "closed", "items": [{"name": "a", "n": 1}, {"name": "b", "n": 2.0}], "none": null}"#;
            text("200 OK", "application/json", body)
        }
        "/query" => text("200 OK", "text/plain", request.target.as_bytes()),
        "/echo" => {
            let of = |name: &str| request.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.clone());
            let echo = serde_json::json!({
                "method": request.method, "type": of("content-type"), "length": of("content-length"),
                "token": of("x-token"), "accept": of("accept"), "packed": of("accept-encoding"), "body": request.body,
            });
            text("200 OK", "application/json", echo.to_string().as_bytes())
        }
        "/redirect" => plain("302 Found", "Location: /health\r\n", b""),
        "/redirect-to-echo" => plain("302 Found", "Location: /echo\r\n", b""),
        "/redirect-kept" => plain("307 Temporary Redirect", "Location: /echo\r\n", b""),
        // "packed" by gzip
        "/packed" => plain(
            "200 OK",
            "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
            &[
                0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff, 0x2b, 0x48, 0x4c, 0xce, 0x4e, 0x4d, 0x01, 0x00, 0x10, 0xb4, 0xf6, 0x21, 0x06, 0x00, 0x00, 0x00,
            ],
        ),
        "/latin" => text("200 OK", "text/plain", b"caf\xe9"),
        "/utf8" => text("200 OK", "text/plain; charset=UTF-8", "café".as_bytes()),
        "/json-with-charset" => text("200 OK", "application/json; charset=utf-8", b"{\"a\": 1}"),
        "/twice" => plain("200 OK", "X-One: a\r\nx-one: b\r\nContent-Type: text/plain\r\n", b"twice"),
        "/nothing" => b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec(),
        "/chunks" => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n".to_vec()
        }
        "/flaky" => {
            let mut state = state.lock().unwrap();
            state.flaky += 1;
            if state.flaky < 3 { Vec::new() } else { text("200 OK", "text/plain", b"at last") }
        }
        "/error" => text("500 Internal Server Error", "text/plain", b"no"),
        "/hang" => {
            std::thread::sleep(HANG);
            Vec::new()
        }
        "/hangup" => Vec::new(),
        _ => text("404 Not Found", "text/plain", b"not here"),
    }
}

fn plain(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
