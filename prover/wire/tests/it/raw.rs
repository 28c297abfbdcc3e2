//! A bare connection does what no well-behaved client would.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use keel_wire::raw::{Connect, Ended, RawConnection};
use keel_wire::testing::{self, PATIENCE};

/// Long enough to be seen, short enough not to be felt.
const BRIEF: Duration = Duration::from_millis(20);

async fn connect(address: SocketAddr) -> RawConnection {
    RawConnection::connect(address, None, PATIENCE).await.unwrap()
}

#[tokio::test]
async fn two_answers_on_one_connection_are_separated() {
    let address = testing::serve(|mut connection| {
        testing::read_request(&mut connection);
        let both = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n";
        connection.write_all(both).unwrap();
        testing::hold(connection);
    });
    let mut connection = connect(address).await;
    connection.write(b"GET / HTTP/1.1\r\n\r\n", PATIENCE).await.unwrap();
    let one = connection.listen_answer(PATIENCE).await;
    assert!(one.text().ends_with("\r\n\r\none"), "{}", one.text());
    assert_eq!((one.status(), one.ended), (Some(200), Ended::StillOpen));
    let two = connection.listen_answer(PATIENCE).await;
    assert_eq!((two.status(), two.ended), (Some(404), Ended::StillOpen));
}

#[tokio::test]
async fn an_orderly_end_and_a_reset_are_distinguished() {
    let closes = testing::serve(|mut connection| connection.write_all(b"bye").unwrap());
    let heard = connect(closes).await.listen(100, PATIENCE).await;
    assert_eq!((heard.bytes.as_slice(), heard.ended), (&b"bye"[..], Ended::Closed));

    let resets = testing::serve(|mut connection| {
        // Closing with unread bytes is a reset.
        let mut one = [0];
        connection.read_exact(&mut one).unwrap();
    });
    let mut connection = connect(resets).await;
    connection.write(b"two bytes or more", PATIENCE).await.unwrap();
    assert_eq!(connection.listen(100, PATIENCE).await.ended, Ended::Reset);
}

#[tokio::test]
async fn an_open_connection_is_listened_to_as_long_as_asked() {
    let address = testing::serve(testing::hold);
    let heard = connect(address).await.listen(100, BRIEF).await;
    assert_eq!((heard.bytes.len(), heard.ended), (0, Ended::StillOpen));
    let sink = testing::serve_answer(b"0123456789");
    let mut connection = connect(sink).await;
    connection.write(b"GET / HTTP/1.1\r\n\r\n", PATIENCE).await.unwrap();
    assert_eq!(connection.listen(4, PATIENCE).await.bytes, b"0123");
    assert_eq!(connection.listen(6, PATIENCE).await.bytes, b"456789");
}

#[tokio::test]
async fn an_answer_that_is_not_http_ends_the_wait() {
    let address = testing::serve_answer(b"220 mail.example ESMTP\r\n");
    let mut connection = connect(address).await;
    connection.write(b"GET / HTTP/1.1\r\n\r\n", PATIENCE).await.unwrap();
    let heard = connection.listen_answer(PATIENCE).await;
    assert_eq!((heard.status(), heard.ended), (None, Ended::StillOpen));
    assert!(heard.text().starts_with("220 mail"));
}

#[tokio::test]
async fn the_source_address_can_be_chosen() {
    let (seen, sources) = mpsc::channel();
    let address = testing::serve(move |connection| seen.send(connection.peer_addr().unwrap()).unwrap());
    let from = IpAddr::V4(Ipv4Addr::new(127, 1, 2, 3));
    let connection = RawConnection::connect(address, Some(SocketAddr::new(from, 0)), PATIENCE).await.unwrap();
    assert_eq!(sources.recv().unwrap(), connection.local_address().unwrap());
    assert_eq!(connection.local_address().unwrap().ip(), from);
}

#[tokio::test]
async fn the_peers_close_shows_while_bytes_are_still_unread() {
    let address = testing::serve(|mut connection| {
        testing::read_request(&mut connection);
        connection.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
    });
    let mut connection = connect(address).await;
    assert_eq!(connection.peer_state(), Ended::StillOpen);
    connection.write(b"GET / HTTP/1.1\r\n\r\n", PATIENCE).await.unwrap();
    assert_eq!(connection.wait_closed(PATIENCE).await, Ended::Closed);
    assert_eq!(connection.listen_answer(PATIENCE).await.status(), Some(408));
}

#[tokio::test]
async fn a_slow_reader_makes_the_server_wait() {
    let (stuck, written) = mpsc::channel();
    let address = testing::serve(move |mut connection| {
        connection.set_write_timeout(Some(BRIEF)).unwrap();
        let mut bytes = 0_usize;
        while let Ok(length) = connection.write(&[0; 4096]) {
            bytes += length;
        }
        stuck.send(bytes).unwrap();
        testing::hold(connection);
    });
    let how = Connect { receive_buffer: Some(2048), ..Connect::default() };
    let connection = RawConnection::connect_with(address, how, PATIENCE).await.unwrap();
    // The server's own buffer takes megabytes; with the small window it is stuck for good.
    assert!(written.recv().unwrap() < 64 << 20);
    drop(connection);
}
