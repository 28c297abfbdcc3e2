//! A plain threaded HTTP/1.1 server with as few defences as possible; each specimen adds or leaves out what it is about.
//!
//! A thread a connection, keep-alive, bodies by Content-Length or chunked. No limits, no timeouts.
#![allow(dead_code, reason = "each specimen uses what it needs")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request as it came.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Answer of a specimen; Content-Length and Date are added.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into() }
    }

    pub(crate) fn json(status: u16, json: &serde_json::Value) -> Self {
        Self::new(status, "application/json", json.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Locks what a thread that has panicked may have left.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves for ever, a thread a connection; `handle` must be safe to call from many at once.
pub(crate) fn serve(port: u16, handle: impl Fn(&Request) -> Response + Send + Sync + 'static) -> ! {
    let handle = Arc::new(handle);
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // Its descriptors are spent: there is nothing to do until one is closed.
            std::thread::sleep(std::time::Duration::from_millis(20));
            continue;
        };
        let handle = Arc::clone(&handle);
        std::thread::spawn(move || {
            let _ = serve_connection(stream, &*handle);
        });
    }
}

/// Serves one connection until its end.
pub(crate) fn serve_connection(
    stream: TcpStream,
    handle: &(impl Fn(&Request) -> Response + ?Sized),
) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        write_response(&mut writer, &request, &handle(&request))?;
        if close {
            break;
        }
    }
    Ok(())
}

/// Reads one request; none at the end of the connection.
pub(crate) fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next().unwrap_or_default().into(),
        path: words.next().unwrap_or_default().into(),
        ..Request::default()
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            request.headers.push((name.trim().into(), value.trim().into()));
        }
    }
    if let Some(length) = request.header("content-length").and_then(|value| value.parse().ok()) {
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
    } else if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk)?;
            request.body.extend(chunk);
            reader.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    }
    Ok(Some(request))
}

/// Writes one response.
pub(crate) fn write_response(writer: &mut impl Write, request: &Request, response: &Response) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", response.status, response.body.len());
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    writer.write_all(head.as_bytes())?;
    if request.method != "HEAD" {
        writer.write_all(&response.body)?;
    }
    writer.flush()
}
