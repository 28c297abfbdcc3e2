//! HTTP exchanges report the request and the answer, for every behaviour of the server.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use http::Method;
use keel_wire::http::{Client, Exchange, Failure, MAX_BODY_KEPT, MAX_BODY_READ, Request};
use keel_wire::testing::{self, PATIENCE};

fn client(address: SocketAddr) -> Client {
    Client::new(format!("http://{address}").parse().unwrap(), PATIENCE)
}

async fn get(address: SocketAddr) -> Exchange {
    client(address).send(Request::get("/")).await
}

fn broken(exchange: &Exchange) -> &str {
    match &exchange.outcome {
        Err(Failure::Broken(reason)) => reason,
        other => panic!("expected a broken answer, got {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let address = testing::serve_answer(
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-length: 8\r\n\r\n{\"id\":1}",
    );
    let exchange = get(address).await;
    let answer = exchange.answer().unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, "application/json"));
    assert_eq!((answer.json().unwrap()["id"].as_u64(), answer.body_length), (Some(1), 8));
    assert!(answer.first_byte <= exchange.took);
    assert!(exchange.came_back().starts_with("201 Created in "), "{}", exchange.came_back());
}

#[tokio::test]
async fn the_request_goes_out_as_it_was_given() {
    let (heard, requests) = mpsc::channel();
    let address = testing::serve(move |mut connection| {
        heard.send(testing::read_request(&mut connection)).unwrap();
        connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let base = Client::new(format!("http://{address}/base/").parse().unwrap(), PATIENCE);
    let request = Request::new(Method::POST, "/a b?c=%zz").header("X-Odd-CASE", "1").header("x-two", "2").body("hi");
    base.send(request).await.outcome.unwrap();
    let expected = format!(
        "POST /base/a b?c=%zz HTTP/1.1\r\nHost: {address}\r\nX-Odd-CASE: 1\r\nx-two: 2\r\nContent-Length: 2\r\n\r\nhi"
    );
    assert_eq!(requests.recv().unwrap(), expected);
}

#[tokio::test]
async fn credentials_of_the_base_are_sent_unless_the_request_has_its_own_and_are_not_shown() {
    let (heard, requests) = mpsc::channel();
    let address = testing::serve(move |mut connection| heard.send(testing::read_request(&mut connection)).unwrap());
    let client = Client::new(format!("http://ann:s3cret@{address}").parse().unwrap(), PATIENCE);
    let exchange = client.send(Request::get("/")).await;
    assert!(requests.recv().unwrap().contains("\r\nAuthorization: Basic YW5uOnMzY3JldA==\r\n"));
    assert!(!exchange.sent().contains("s3cret") && !exchange.sent().contains("Basic"), "{}", exchange.sent());
    client.send(Request::get("/").header("authorization", "Bearer x")).await;
    let own = requests.recv().unwrap();
    assert!(own.contains("authorization: Bearer x") && !own.contains("Basic"), "{own}");
    let tls = Client::new("https://ann:s3cret@127.0.0.1:1".parse().unwrap(), PATIENCE).send(Request::get("/")).await;
    assert!(!tls.came_back().contains("s3cret"), "{}", tls.came_back());
}

#[tokio::test]
async fn a_host_that_was_given_is_not_sent_twice() {
    let (heard, requests) = mpsc::channel();
    let address = testing::serve(move |mut connection| heard.send(testing::read_request(&mut connection)).unwrap());
    let exchange = client(address).send(Request::get("/").header("host", "other.example")).await;
    assert_eq!(broken(&exchange), "the connection ended before an answer");
    assert_eq!(requests.recv().unwrap(), "GET / HTTP/1.1\r\nhost: other.example\r\n\r\n");
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_bound_and_no_more() {
    let address = testing::serve(testing::hold);
    let exchange = client(address).with_timeout(Duration::from_millis(30)).send(Request::get("/")).await;
    assert!(matches!(exchange.outcome, Err(Failure::Timeout(bound)) if bound == Duration::from_millis(30)));
}

#[tokio::test]
async fn a_refused_connection_is_a_failure_of_its_own() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(get(address).await.outcome, Err(Failure::Connect(_))));
}

#[tokio::test]
async fn a_broken_answer_says_how() {
    let exchange = get(testing::serve_one_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n123")).await;
    assert_eq!(broken(&exchange), "the connection ended after 3 of 10 bytes of body");
    let exchange = get(testing::serve_one_answer(b"SSH-2.0-OpenSSH_9\r\n")).await;
    assert!(broken(&exchange).contains("not HTTP/1"));
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_bound() {
    let address = testing::serve(|mut connection| {
        testing::read_request(&mut connection);
        let mut sent = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while sent.is_ok() {
            sent = connection.write_all(&[b'x'; 64 << 10]);
        }
    });
    let exchange = get(address).await;
    let answer = exchange.answer().unwrap();
    assert_eq!(answer.body.len(), MAX_BODY_KEPT);
    assert!(answer.body_length >= MAX_BODY_READ && answer.body_length < MAX_BODY_READ + (1 << 20));
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_was_read_is_seen() {
    let address = testing::serve(|mut connection| {
        connection.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n").unwrap();
        testing::hold(connection);
    });
    // More than the sockets' buffers hold, to a server that does not read it first.
    let request = Request::new(Method::POST, "/").body(vec![b'x'; 32 << 20]);
    assert_eq!(client(address).send(request).await.status().unwrap().as_u16(), 413);
}

#[tokio::test]
async fn the_answer_to_head_is_its_head() {
    let address = testing::serve_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
    let exchange = client(address).send(Request::new(Method::HEAD, "/")).await;
    assert_eq!(exchange.answer().unwrap().body_length, 0);
}
