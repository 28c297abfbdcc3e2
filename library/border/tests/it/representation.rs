//! Representations of answers and bodies, from the view of a client: entity tags, codings, OPTIONS, pages of other origins.

use std::io::{Read, Write};
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::{get, post};
use evenkeel_border::{Border, ContentCoding, CrossOrigin, Limits, Listener, RouteRules};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vitals::Registry;

use crate::server::Server;

const SHOP: &str = "https://shop.example";

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

async fn send(server: &Server, head: &str, body: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let (line, fields) = head.split_once('\n').unwrap_or((head, ""));
    let mut request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for field in fields.lines().filter(|field| !field.is_empty()) {
        request += &format!("{field}\r\n");
    }
    if !body.is_empty() {
        request += &format!("content-length: {}\r\n", body.len());
    }
    socket.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}

async fn server() -> Server {
    let public = || [(header::CACHE_CONTROL, "public, max-age=60")];
    let page = move || async move { (public(), "a line of the page\n".repeat(200)) };
    let routes = Router::new()
        .route("/page", get(page))
        .route("/list", get(async || "a line of the list\n".repeat(200)).post(async || "made"))
        .route("/keep", post(async |body: axum::body::Bytes| body))
        .route("/take", post(async |body: String| body).put(async |body: String| body));
    let rules = vec![
        RouteRules::of("GET /list").compress().cross_origin(CrossOrigin::of(&[SHOP])),
        RouteRules::of("POST /take").content_codings(&[ContentCoding::Gzip]).body_bytes(100_000),
        RouteRules::of("PUT /take").if_match(),
        RouteRules::of("POST /keep").coded_as_sent(),
    ];
    let registry = Registry::new();
    let border = Border::new("public", Limits::default(), &registry).declaring(rules, &[], &registry).unwrap();
    let routes = border.around(routes);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    Server { address, stop, done, registry }
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn head_says_the_same_as_get_in_each_coding_and_has_no_body() {
    let server = server().await;
    for coding in ["", "accept-encoding: gzip\n"] {
        let whole = send(&server, &format!("GET /page\n{coding}"), b"").await;
        let head = send(&server, &format!("HEAD /page\n{coding}"), b"").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        for name in ["content-length", "content-encoding", "content-type", "etag", "vary", "cache-control"] {
            assert_eq!(head.field(name), whole.field(name), "{name} {coding}");
        }
        assert_eq!(whole.field("content-length"), Some(whole.body.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn a_cache_that_has_the_page_gets_304_and_the_other_coding_is_another_page() {
    let server = server().await;
    let coded = send(&server, "GET /page\naccept-encoding: gzip", b"").await;
    let mut unpacked = String::new();
    GzDecoder::new(&coded.body[..]).read_to_string(&mut unpacked).unwrap();
    let plain = send(&server, "GET /page", b"").await;
    assert_eq!(unpacked.as_bytes(), plain.body);
    let tag = coded.field("etag").unwrap();
    let again = send(&server, &format!("GET /page\naccept-encoding: gzip\nif-none-match: {tag}"), b"").await;
    assert_eq!((again.status, again.body.len(), again.field("etag")), (304, 0, Some(tag)));
    let other = send(&server, &format!("GET /page\nif-none-match: {tag}"), b"").await;
    assert_eq!(other.status, 200);
    let expected = send(&server, "GET /page\nif-match: \"other\"", b"").await;
    assert_eq!((expected.status, expected.field("content-type")), (412, Some("application/problem+json")));
}

#[tokio::test]
async fn only_a_declared_route_compresses_what_is_not_public() {
    let server = server().await;
    let list = send(&server, "GET /list\naccept-encoding: gzip", b"").await;
    assert_eq!((list.field("content-encoding"), list.field("cache-control")), (Some("gzip"), Some("no-store")));
    assert_eq!(list.field("etag"), None, "nobody keeps it");
}

#[tokio::test]
async fn options_lists_the_methods_of_a_path_and_an_unknown_path_has_none() {
    let server = server().await;
    let list = send(&server, "OPTIONS /list", b"").await;
    assert_eq!((list.status, list.field("allow")), (204, Some("GET, POST, HEAD, OPTIONS")));
    let put = send(&server, "PUT /list", b"").await;
    assert_eq!((put.status, put.field("allow")), (405, Some("GET, POST, HEAD, OPTIONS")));
    assert_eq!(send(&server, "OPTIONS /nothing", b"").await.status, 404);
}

#[tokio::test]
async fn a_page_of_a_declared_origin_may_call_the_declared_method_and_nothing_else() {
    let server = server().await;
    let ask = async |origin: &str, method: &str, path: &str| {
        send(&server, &format!("OPTIONS {path}\norigin: {origin}\naccess-control-request-method: {method}"), b"").await
    };
    let allowed = ask(SHOP, "GET", "/list").await;
    assert_eq!((allowed.status, allowed.field("access-control-allow-origin")), (204, Some(SHOP)));
    assert_eq!(allowed.field("access-control-allow-methods"), Some("GET"));
    for (origin, method, path) in
        [("https://evil.example", "GET", "/list"), (SHOP, "POST", "/list"), (SHOP, "GET", "/page")]
    {
        let refused = ask(origin, method, path).await;
        assert_eq!(refused.field("access-control-allow-origin"), None, "{origin} {method} {path}");
    }
    let read = send(&server, &format!("GET /list\norigin: {SHOP}"), b"").await;
    assert_eq!(read.field("access-control-allow-origin"), Some(SHOP));
    let none = send(&server, "GET /list", b"").await;
    assert!(none.head.contains("vary: origin") && none.field("access-control-allow-origin").is_none(), "{}", none.head);
    assert_eq!(
        send(&server, &format!("GET /page\norigin: {SHOP}"), b"").await.field("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn a_compressed_body_is_decoded_where_that_is_declared_and_refused_elsewhere() {
    let server = server().await;
    let text = "a line of the body\n".repeat(100);
    let sent = packed(text.as_bytes());
    let taken = send(&server, "POST /take\ncontent-encoding: gzip", &sent).await;
    assert_eq!((taken.status, taken.body), (200, text.into_bytes()));
    for (head, sent, status) in [
        ("POST /take\ncontent-encoding: br", &sent[..], 415),
        ("POST /list\ncontent-encoding: gzip", &sent[..], 415),
        ("POST /take\ncontent-encoding: gzip", &packed(&vec![b'0'; 1 << 20])[..], 413),
        ("POST /take\ncontent-encoding: gzip", b"not gzip", 400),
    ] {
        let refused = send(&server, head, sent).await;
        assert_eq!(
            (refused.status, refused.field("content-type")),
            (status, Some("application/problem+json")),
            "{head}"
        );
    }
    assert_eq!(send(&server, "POST /keep\ncontent-encoding: gzip", &sent).await.body, sent);
    let refused = send(&server, "POST /take\ncontent-encoding: br", &sent).await;
    assert_eq!(refused.field("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_write_without_the_tag_of_what_it_changes_is_refused_where_the_tag_is_required() {
    let server = server().await;
    assert_eq!(send(&server, "PUT /take", b"x").await.status, 428);
    assert_eq!(send(&server, "PUT /take\nif-match: \"a\"", b"x").await.status, 200);
}
