//! A Unix socket is spoken to like a port.

use std::io::Write;
use std::os::unix::net::UnixListener;

use keel_wire::endpoint::Endpoint;
use keel_wire::http::{Client, Request};
use keel_wire::raw::RawConnection;
use keel_wire::testing::PATIENCE;

#[tokio::test]
async fn requests_and_bare_connections_reach_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && std::io::Read::read(&mut connection, &mut byte).unwrap_or(0) > 0 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let _ = write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
        }
    });
    let url = format!("unix:{}", path.display()).parse().unwrap();
    let exchange = Client::new(url, PATIENCE).send(Request::get("/x")).await;
    assert_eq!(exchange.answer().unwrap().text(), "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");

    let mut connection = RawConnection::connect(Endpoint::from(path), None, PATIENCE).await.unwrap();
    connection.write(b"GET / HTTP/1.1\r\n\r\n", PATIENCE).await.unwrap();
    assert_eq!(connection.listen_answer(PATIENCE).await.status(), Some(200));
}
