//! A server of a few lines on a free loopback port, for what no well-behaved server would do.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Far beyond what any of this takes, so that only a fault reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Calls `serve` with every connection, on a thread each; ends with the test's process.
pub(crate) fn start(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
    let address = listener.local_addr().expect("a bound listener has an address");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(connection));
        }
    });
    address
}

/// Answers every request of a connection with these bytes.
pub(crate) fn answering(answer: &'static [u8]) -> SocketAddr {
    start(move |mut connection| {
        while !request(&mut connection).is_empty() {
            if connection.write_all(answer).is_err() {
                return;
            }
        }
    })
}

/// Answers the one request of a connection with these bytes and closes.
pub(crate) fn answering_once(answer: &'static [u8]) -> SocketAddr {
    start(move |mut connection| {
        request(&mut connection);
        let _ = connection.write_all(answer);
    })
}

/// Reads one request: its head, and its body by Content-Length. Empty at the end of the connection.
pub(crate) fn request(connection: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if connection.read(&mut byte).unwrap_or(0) == 0 {
            return String::new();
        }
        text.push(byte[0]);
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let length = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if connection.read_exact(&mut body).is_ok() {
        text.push_str(&String::from_utf8_lossy(&body));
    }
    text
}

/// Reads to the end, and so keeps the connection open as long as the peer does.
pub(crate) fn hold(mut connection: TcpStream) {
    let mut sink = [0; 4096];
    while connection.read(&mut sink).is_ok_and(|length| length > 0) {}
}
