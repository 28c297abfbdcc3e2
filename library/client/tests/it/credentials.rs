//! Credentials are sent to their own origin only, and never shown.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use evenkeel_client::{Client, Declaration, Endpoints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use url::Url;
use vitals::Registry;

use crate::server::{serve, whole};

/// A server that keeps the heads of its requests, and answers each like this.
async fn heads(answer: String) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            kept.lock().unwrap().push(String::from_utf8(head).unwrap().to_lowercase());
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (port, heads)
}

/// `svc:hunter2`.
const BASIC: &str = "authorization: basic c3zjomh1bnrlcji=";

#[tokio::test]
async fn user_and_password_of_a_url_are_sent_as_basic_authorization() {
    let (port, heads) = heads("200 OK".to_owned()).await;
    let client = Client::default();
    let url: Url = format!("http://svc:hunter2@127.0.0.1:{port}/a").parse().unwrap();
    client.get(&url).send().await.unwrap();
    client.get(&url).header("authorization", "Bearer mine").send().await.unwrap();
    let endpoints: Endpoints = format!("http://svc:hunter2@127.0.0.1:{port}/api").parse().unwrap();
    let below = endpoints.url().join("/api/by-url").unwrap();
    client.declare(Declaration::new("bank", endpoints)).unwrap();
    client.dependency("bank").get("/by-name").send().await.unwrap();
    client.get(&below).send().await.unwrap();
    client.dependency("bank").get("/mine").header("authorization", "Bearer mine").send().await.unwrap();
    let elsewhere: Url = format!("http://127.0.0.1:{port}/b").parse().unwrap();
    client.get(&elsewhere).send().await.unwrap();
    let heads = heads.lock().unwrap();
    for (head, (path, basic)) in heads.iter().zip([
        ("/a", true),
        ("/a", false),
        ("/api/by-name", true),
        ("/api/by-url", true),
        ("/api/mine", false),
        ("/b", false),
    ]) {
        assert!(head.starts_with(&format!("get {path} ")) && head.contains(BASIC) == basic, "{head}");
        assert_eq!(head.matches("authorization").count(), usize::from(path != "/b"), "{head}");
        assert!(!head.contains("svc"), "{head}");
    }
    assert_eq!(heads.len(), 6);
}

#[tokio::test]
async fn nothing_that_may_be_a_secret_follows_a_redirect_to_another_origin_or_dependency() {
    let (there, heard) = heads("200 OK".to_owned()).await;
    for status in [301, 302, 303, 307, 308] {
        let (here, _) = heads(format!("{status} Elsewhere\r\nlocation: http://127.0.0.1:{there}/there")).await;
        let url: Url = format!("http://svc:SECRET@127.0.0.1:{here}/").parse().unwrap();
        let client = Client::default();
        let mut call = client.post(&url).json(&1).redirects(1).header("accept", "text/plain");
        for name in
            ["authorization", "cookie", "host", "proxy-authorization", "x-api-key", "x-anything", "idempotency-key"]
        {
            call = call.header(name, "SECRET");
        }
        assert_eq!(call.send().await.unwrap().status, 200);
        let head = heard.lock().unwrap().pop().unwrap();
        assert!(!head.contains("secret") && !head.contains("authorization"), "{status}: {head}");
        assert!(head.contains("accept: text/plain") && head.contains(&format!("host: 127.0.0.1:{there}")), "{head}");
    }
    // Two dependencies behind one gateway are apart as well.
    let (gateway, heard) = heads("302 Found\r\nlocation: /fraud/x".to_owned()).await;
    let client = Client::default();
    for (name, user) in [("payments", "svc:hunter2@"), ("fraud", "")] {
        let endpoints: Endpoints = format!("http://{user}127.0.0.1:{gateway}/{name}").parse().unwrap();
        client.declare(Declaration::new(name, endpoints)).unwrap();
    }
    client.dependency("payments").get("/").header("x-api-key", "SECRET").redirects(1).send().await.unwrap();
    let heads = heard.lock().unwrap();
    assert!(heads[0].contains(BASIC) && heads[0].contains("secret"), "{}", heads[0]);
    assert!(
        heads[1].starts_with("get /fraud/x") && !heads[1].contains(BASIC) && !heads[1].contains("secret"),
        "{}",
        heads[1]
    );
}

#[tokio::test]
async fn headers_stay_within_their_own_origin() {
    let (here, heard) = heads("307 Again\r\nlocation: /again".to_owned()).await;
    let url: Url = format!("http://svc:hunter2@127.0.0.1:{here}/").parse().unwrap();
    Client::default().get(&url).header("x-api-key", "mine").redirects(1).send().await.unwrap();
    let heads = heard.lock().unwrap();
    assert!(heads[1].contains("x-api-key: mine") && heads[1].contains(BASIC), "{}", heads[1]);
}

/// Keeps every event and span as text.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Visit for Kept {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        event.record(&mut self.clone());
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _id: &span::Id, _context: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }
}

#[tokio::test]
async fn a_password_is_in_no_log_no_error_no_debug_and_no_vitals() {
    let kept = Kept::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(kept.clone()));
    let server = serve("127.0.0.1:0", None, async |_| http::Response::new(whole("well"))).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let registry = Registry::new();
    let mut events = registry.bus().listen();
    let mut said = String::new();
    for http2 in [false, true] {
        let client = Client::builder();
        let client = if http2 { client.http2_prior_knowledge() } else { client }.build();
        client.register(&registry);
        let endpoints: Endpoints = format!("http://svc:SECRET@{}/api", server.address).parse().unwrap();
        write!(said, "{endpoints:?} {endpoints}").unwrap();
        client.declare(Declaration::new(format!("well-{http2}"), endpoints.clone())).unwrap();
        let twice = client.declare(Declaration::new("again", endpoints)).unwrap_err();
        write!(said, "{twice} {twice:?}").unwrap();
        for text in
            [format!("http://svc:SECRET@{}/x?token=SECRET", server.address), format!("http://svc:SECRET@{closed}/")]
        {
            let url: Url = text.parse().unwrap();
            let call = client.get(&url).header("x-api-key", "SECRET").body("text/plain", "SECRET");
            write!(said, "{call:?}").unwrap();
            match call.send().await {
                Ok(answer) => write!(said, "{answer:?}").unwrap(),
                Err(error) => write!(said, "{error} {error:?}").unwrap(),
            }
        }
        client.dependency(&format!("well-{http2}")).get("/").send().await.unwrap();
        let lost = client.dependency(&format!("well-{http2}")).get("/../../x").send().await.unwrap_err();
        write!(said, "{client:?} {lost} {:?}", client.dependency(&format!("well-{http2}"))).unwrap();
    }
    write!(said, "{:?}", registry.snapshot().into_iter().map(|table| table.rows).collect::<Vec<_>>()).unwrap();
    while let Ok(event) = events.try_recv() {
        write!(said, "{event:?}").unwrap();
    }
    let logged = kept.0.lock().unwrap().clone();
    assert!(logged.contains("message=attempt"), "each attempt is logged at debug: {logged}");
    assert!(logged.contains("127.0.0.1"), "the subscriber hears the crates below: {logged}");
    for (what, text) in [("logs", &logged), ("texts", &said)] {
        for line in text.lines() {
            assert!(!line.contains("SECRET") && !line.contains("U0VDUkVU"), "{what}: {line}");
        }
    }
}
