//! Toxiproxy's HTTP interface, request by request: status, body, and what it brings about.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use keel_input::seed::Seed;
use keel_proxy::Fleet;
use keel_proxy::api::{self, Shown};
use keel_wire::http::{Answer, Client, Request};
use keel_wire::raw::{Ended, RawConnection};
use keel_wire::testing::{self, PATIENCE};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// A fleet and its interface.
struct Api {
    client: Client,
    address: SocketAddr,
    upstream: String,
    _serving: tokio::task::JoinSet<()>,
}

impl Api {
    async fn start() -> Self {
        Self::showing(Shown::default()).await
    }

    async fn showing(shown: Shown) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = tokio::task::JoinSet::new();
        let fleet = Arc::new(Fleet::new(Seed(1)));
        serving.spawn(async move {
            let Err(error) = api::serve(listener, fleet, shown).await;
            panic!("{error}");
        });
        let client = Client::new(format!("http://{address}").parse().unwrap(), PATIENCE);
        Self { client, address, upstream: testing::serve_answer(ANSWER).to_string(), _serving: serving }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::new(Method::from_bytes(method.as_bytes()).unwrap(), path).body(body.to_owned());
        self.client.send(request).await.outcome.unwrap()
    }

    /// Asks, and compares the status, and the body where it is JSON.
    #[track_caller]
    fn expect<'a>(
        &'a self,
        method: &'a str,
        path: &'a str,
        body: &'a str,
        status: u16,
    ) -> impl Future<Output = Value> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.ask(method, path, body).await;
            assert_eq!(answer.status.as_u16(), status, "{place}: {method} {path} {body}: {}", answer.text());
            answer.json().unwrap_or_default()
        }
    }

    /// Makes a proxy in front of the upstream, and gives its address.
    async fn proxy(&self, name: &str) -> SocketAddr {
        let wanted = json!({"name": name, "listen": "localhost:0", "upstream": self.upstream}).to_string();
        let made = self.expect("POST", "/proxies", &wanted, 201).await;
        made["listen"].as_str().unwrap().parse().unwrap()
    }
}

async fn connect(address: SocketAddr) -> RawConnection {
    RawConnection::connect(address, None, PATIENCE).await.unwrap()
}

async fn ask(connection: &mut RawConnection) -> Option<u16> {
    connection.write(ASK, PATIENCE).await.unwrap();
    connection.listen_answer(PATIENCE).await.status()
}

#[tokio::test]
async fn mistakes_are_reported_with_the_status_and_words_of_toxiproxy() {
    let api = Api::start().await;
    api.proxy("p").await;
    api.expect("POST", "/proxies/p/toxics", r#"{"type":"latency"}"#, 200).await;
    for (method, path, body, status, error) in [
        ("POST", "/proxies", "", 400, "bad request body: EOF"),
        ("POST", "/proxies", "{}", 400, "missing required field: name"),
        ("POST", "/proxies", r#"{"name":"q"}"#, 400, "missing required field: upstream"),
        ("POST", "/proxies", r#"{"name":"p","upstream":"x:1","listen":"localhost:0"}"#, 409, "proxy already exists"),
        (
            "POST",
            "/proxies",
            r#"{"name":"q","upstream":"x:1","listen":"local373"}"#,
            500,
            "listen tcp: address local373: missing port in address",
        ),
        ("GET", "/proxies/q", "", 404, "proxy not found"),
        ("POST", "/proxies/q", "{}", 404, "proxy not found"),
        ("PATCH", "/proxies/q", "{}", 404, "proxy not found"),
        ("DELETE", "/proxies/q", "", 404, "proxy not found"),
        ("GET", "/proxies/q/toxics", "", 404, "proxy not found"),
        ("POST", "/proxies/q/toxics", "{}", 404, "proxy not found"),
        ("DELETE", "/proxies/q/toxics/t", "", 404, "proxy not found"),
        ("POST", "/proxies/p/toxics", "", 400, "bad request body: EOF"),
        ("POST", "/proxies/p/toxics", r#"{"type":"walrus"}"#, 400, "invalid toxic type"),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"latency","stream":"walrustream"}"#,
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        ("POST", "/proxies/p/toxics", r#"{"type":"latency"}"#, 409, "toxic already exists"),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"slicer","name":"latency_downstream","stream":"upstream"}"#,
            409,
            "toxic already exists",
        ),
        ("GET", "/proxies/p/toxics/t", "", 404, "toxic not found"),
        ("PATCH", "/proxies/p/toxics/t", "{}", 404, "toxic not found"),
        ("DELETE", "/proxies/p/toxics/t", "", 404, "toxic not found"),
        ("GET", "/groups/g", "", 404, "group not found"),
        ("POST", "/groups", r#"{"name":"g","proxies":["p","q"]}"#, 404, "proxy not found: q"),
    ] {
        let answer = api.ask(method, path, body).await;
        let told = answer.text();
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}: {told}");
        assert_eq!(told, format!("{}\n", json!({"error": error, "status": status})), "{method} {path} {body}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for (path, body) in [
        ("/proxies", "[1]"),
        ("/proxies", r#"{"name":5}"#),
        ("/proxies/p", r#"{"enabled":"yes"}"#),
        ("/proxies/p/toxics", r#"{"type":"latency","name":"x","attributes":{"latency":1.5}}"#),
        ("/proxies/p/toxics", r#"{"type":"latency","name":"x","attributes":[]}"#),
        ("/proxies/p/toxics", r#"{"type":"latency","name":"x","toxicity":"1"}"#),
        ("/proxies/p/toxics/latency_downstream", r#"{"attributes":{"latency":"1"}}"#),
        ("/populate", "{}"),
    ] {
        let told = api.expect("POST", path, body, 400).await;
        assert!(told["error"].as_str().unwrap().starts_with("bad request body: "), "{path} {body}: {told}");
    }
    assert_eq!(api.expect("GET", "/proxies/p/toxics", "", 200).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn unknown_paths_and_browsers_are_refused() {
    let api = Api::start().await;
    for path in ["/", "/nothing", "/proxies/", "/proxies//toxics", "/metrics", "/proxies/a/toxics/b/c"] {
        let answer = api.ask("GET", path, "").await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (404, "404 page not found\n"), "{path}");
    }
    for (method, path) in [("PUT", "/proxies"), ("GET", "/reset"), ("GET", "/populate"), ("POST", "/version")] {
        api.expect(method, path, "", 405).await;
    }
    let browser = Request::get("/proxies").header("user-agent", "Mozilla/5.0 (X11)");
    let refused = api.client.send(browser).await.outcome.unwrap();
    assert_eq!((refused.status.as_u16(), refused.text().as_str()), (403, "User agent not allowed\n"));
    let version = api.ask("GET", "/version", "").await;
    assert_eq!(version.text(), format!("{{\"version\": \"{}\"}}\n", api::VERSION));
    assert_eq!(version.header("content-type"), "application/json;charset=utf-8");
    assert_eq!(version.header("x-toxiproxy-request-id").len(), 20);
    let large = "x".repeat(api::MAX_BODY + 1);
    api.expect("POST", "/proxies", &large, 400).await;
}

#[tokio::test]
async fn a_proxy_is_shown_as_toxiproxy_shows_it() {
    let api = Api::start().await;
    assert_eq!(api.ask("GET", "/proxies", "").await.text(), "{}");
    let body = r#"{"Name":"p","LISTEN":"localhost:0","upstream":"x:1","enabled":false,"more":1} and more"#;
    let made = api.ask("POST", "/proxies", body).await;
    let shown = r#"{"name":"p","listen":"localhost:0","upstream":"x:1","enabled":false,"toxics":[]}"#;
    assert_eq!((made.status.as_u16(), made.text().as_str()), (201, shown));
    assert_eq!(made.header("content-type"), "application/json");
    assert_eq!(api.ask("GET", "/proxies/p", "").await.text(), shown);
    assert_eq!(api.ask("GET", "/proxies", "").await.text(), format!("{{\"p\":{shown}}}"));
    let toxic = api.ask("POST", "/proxies/p/toxics", r#"{"type":"latency","attributes":{"jitter":5.0}}"#).await;
    assert_eq!(
        toxic.text(),
        r#"{"attributes":{"latency":0,"jitter":5},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#
    );
    let partly = r#"{"type":"noop","stream":"Upstream","toxicity":0.2}"#;
    let noop = r#"{"attributes":{},"name":"noop_upstream","type":"noop","stream":"upstream","toxicity":0.2}"#;
    assert_eq!(api.ask("POST", "/proxies/p/toxics", partly).await.text(), noop);
    let both = api.ask("GET", "/proxies/p/toxics", "").await.text();
    assert_eq!(both, format!("[{noop},{}]", toxic.text()), "the upstream's stream comes first");
    assert_eq!(api.ask("GET", "/proxies/p/toxics/noop_upstream", "").await.text(), noop);
}

#[tokio::test]
async fn a_toxic_keeps_what_an_update_does_not_say() {
    let api = Api::start().await;
    api.proxy("p").await;
    let body = r#"{"type":"latency","attributes":{"latency":100,"jitter":10}}"#;
    api.expect("POST", "/proxies/p/toxics", body, 200).await;
    for (method, body, attributes, toxicity) in [
        ("PATCH", r#"{"attributes":{"latency":1000},"toxicity":0.5}"#, json!({"latency": 1000, "jitter": 10}), 0.5),
        ("POST", r#"{"attributes":{"latency":500}}"#, json!({"latency": 500, "jitter": 10}), 0.5),
        ("POST", "{}", json!({"latency": 500, "jitter": 10}), 0.5),
    ] {
        let toxic = api.expect(method, "/proxies/p/toxics/latency_downstream", body, 200).await;
        assert_eq!((&toxic["attributes"], toxic["toxicity"].as_f64()), (&attributes, Some(toxicity)), "{body}");
    }
    api.expect("DELETE", "/proxies/p/toxics/latency_downstream", "", 204).await;
    assert_eq!(api.expect("GET", "/proxies/p/toxics", "", 200).await, json!([]));
}

#[tokio::test]
async fn a_proxy_is_disabled_moved_deleted_and_its_port_is_free_then() {
    let api = Api::start().await;
    let address = api.proxy("p").await;
    let mut open = connect(address).await;
    assert_eq!(ask(&mut open).await, Some(200));
    let taken = json!({"name": "q", "listen": address.to_string(), "upstream": "x:1"}).to_string();
    let told = api.expect("POST", "/proxies", &taken, 500).await;
    assert_eq!(told["error"], format!("listen tcp {address}: bind: address already in use"));

    assert_eq!(api.expect("POST", "/proxies/p", r#"{"enabled":false}"#, 200).await["enabled"], false);
    assert_eq!(open.listen(1, PATIENCE).await.ended, Ended::Closed, "in order");
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(api.expect("PATCH", "/proxies/p", r#"{"enabled":true}"#, 200).await["listen"], address.to_string());
    assert_eq!(ask(&mut connect(address).await).await, Some(200));

    let mut open = connect(address).await;
    assert_eq!(ask(&mut open).await, Some(200));
    api.expect("POST", "/proxies/p", &json!({"listen": format!("localhost:{}", address.port())}).to_string(), 200)
        .await;
    assert_eq!(ask(&mut open).await, Some(200), "a name for the same address changes nothing");
    let moved = api.expect("POST", "/proxies/p", r#"{"listen":"127.0.0.1:0"}"#, 200).await;
    assert_eq!(open.listen(1, PATIENCE).await.ended, Ended::Closed);
    let moved: SocketAddr = moved["listen"].as_str().unwrap().parse().unwrap();
    assert_eq!(ask(&mut connect(moved).await).await, Some(200));

    api.expect("DELETE", "/proxies/p", "", 204).await;
    assert!(TcpStream::connect(moved).await.is_err());
    assert!(TcpListener::bind(moved).await.is_ok());
}

#[tokio::test]
async fn populate_makes_replaces_and_leaves_what_is_the_same() {
    let api = Api::start().await;
    assert_eq!(api.ask("POST", "/populate", "[]").await.text(), r#"{"proxies":null}"#);
    let one = api.proxy("one").await;
    api.expect("POST", "/proxies/one/toxics", r#"{"type":"latency"}"#, 200).await;
    let two = api.proxy("two").await;
    let same = format!("localhost:{}", one.port());
    let wanted = json!([
        {"name": "one", "listen": same, "upstream": api.upstream},
        {"name": "two", "listen": "127.0.0.1:0", "upstream": "x:1"},
        {"name": "three", "listen": "127.0.0.1:0", "upstream": "x:1", "enabled": false},
    ]);
    let made = api.expect("POST", "/populate", &wanted.to_string(), 201).await;
    let told = |at: usize, field: &str| made["proxies"][at][field].clone();
    assert_eq!((told(0, "listen"), told(0, "toxics")[0]["type"].clone()), (json!(one.to_string()), json!("latency")));
    assert_ne!(told(1, "listen"), json!(two.to_string()));
    assert_eq!((told(2, "enabled"), told(2, "listen")), (json!(false), json!("127.0.0.1:0")));

    let nameless = json!([{"name": "four", "upstream": "x:1"}, {"upstream": "x:1"}]).to_string();
    let told = api.ask("POST", "/populate", &nameless).await;
    assert_eq!(
        told.text(),
        r#"{"error":"missing required field: name at proxy 2","status":400,"proxies":null}"#,
        "nothing is made"
    );
    assert_eq!(told.header("content-type"), "application/json");
    let bad = json!([
        {"name": "five", "listen": "localhost:0", "upstream": "x:1"},
        {"name": "six", "listen": "local373", "upstream": "x:1"},
        {"name": "seven", "listen": "localhost:0", "upstream": "x:1"},
    ]);
    let told = api.expect("POST", "/populate", &bad.to_string(), 500).await;
    assert_eq!(told["proxies"].as_array().unwrap().len(), 1);
    let all = api.expect("GET", "/proxies", "", 200).await;
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["five", "one", "three", "two"]);
}

#[tokio::test]
async fn reset_enables_everything_and_takes_every_toxic_away() {
    let api = Api::start().await;
    let address = api.proxy("p").await;
    api.expect("POST", "/proxies/p/toxics", r#"{"type":"timeout","stream":"upstream"}"#, 200).await;
    api.expect("POST", "/proxies/p", r#"{"enabled":false}"#, 200).await;
    api.expect("POST", "/groups", r#"{"name":"g","proxies":["p"]}"#, 201).await;
    api.expect("POST", "/groups/g/partition", "", 200).await;
    api.expect("POST", "/reset", "", 204).await;
    let shown = api.expect("GET", "/proxies/p", "", 200).await;
    assert_eq!((&shown["enabled"], &shown["toxics"]), (&json!(true), &json!([])));
    assert_eq!(ask(&mut connect(address).await).await, Some(200));
}

#[tokio::test]
async fn a_group_is_paused_and_goes_on_where_it_was() {
    let api = Api::start().await;
    let (a, b) = (api.proxy("a").await, api.proxy("b").await);
    let mut open = [connect(a).await, connect(b).await];
    for connection in &mut open {
        assert_eq!(ask(connection).await, Some(200));
    }
    let made = api.expect("POST", "/groups", r#"{"name":"both","proxies":["b","a"]}"#, 201).await;
    assert_eq!(made, json!({"name": "both", "proxies": ["a", "b"], "hold": "flowing"}));
    assert_eq!(api.expect("POST", "/groups/both/pause", "", 200).await["hold"], "paused");
    let mut late = connect(a).await;
    for connection in open.iter_mut().chain([&mut late]) {
        connection.write(ASK, PATIENCE).await.unwrap();
        assert_eq!(connection.listen(1, std::time::Duration::from_millis(30)).await.ended, Ended::StillOpen);
    }
    assert_eq!(api.expect("GET", "/groups", "", 200).await["both"]["hold"], "paused");
    api.expect("POST", "/groups/both/resume", "", 200).await;
    for connection in open.iter_mut().chain([&mut late]) {
        assert_eq!(connection.listen_answer(PATIENCE).await.status(), Some(200));
    }
    api.expect("DELETE", "/groups/both", "", 204).await;
}

#[tokio::test]
async fn a_partition_ends_with_a_reset_of_what_was_cut_off() {
    let api = Api::start().await;
    let address = api.proxy("a").await;
    let mut open = connect(address).await;
    assert_eq!(ask(&mut open).await, Some(200));
    api.expect("POST", "/groups", r#"{"name":"g","proxies":["a"]}"#, 201).await;
    api.expect("POST", "/groups", r#"{"name":"h","proxies":["a"]}"#, 201).await;
    api.expect("POST", "/groups/h/pause", "", 200).await;
    api.expect("POST", "/groups/g/partition", "", 200).await;
    open.write(ASK, PATIENCE).await.unwrap();
    let mut late = connect(address).await;
    late.write(ASK, PATIENCE).await.unwrap();
    let brief = std::time::Duration::from_millis(30);
    assert_eq!(open.listen(1, brief).await.ended, Ended::StillOpen, "nobody is told");
    api.expect("DELETE", "/groups/h", "", 204).await;
    assert_eq!(open.listen(1, brief).await.ended, Ended::StillOpen, "the strictest group counts");
    api.expect("POST", "/groups/g/resume", "", 200).await;
    assert_eq!(open.listen(1, PATIENCE).await.ended, Ended::Reset);
    assert_eq!(late.listen_answer(PATIENCE).await.status(), Some(200), "who came later waits in the queue");
}

#[tokio::test]
async fn metrics_count_bytes_both_ways() {
    let api = Api::showing(Shown { proxies: true, runtime: true }).await;
    let address = api.proxy("p").await;
    assert_eq!(ask(&mut connect(address).await).await, Some(200));
    let text = api.ask("GET", "/metrics", "").await.text();
    for (metric, stream, bytes) in [
        ("received", "upstream", ASK.len()),
        ("sent", "upstream", ASK.len()),
        ("received", "downstream", ANSWER.len()),
        ("sent", "downstream", ANSWER.len()),
    ] {
        let line = format!(
            "toxiproxy_proxy_{metric}_bytes_total{{direction=\"{stream}\",listener=\"{address}\",proxy=\"p\",upstream=\"{}\"}} {bytes}\n",
            api.upstream
        );
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(text.contains("# TYPE toxiproxy_proxy_sent_bytes_total counter\n"), "{text}");
    assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
}

#[tokio::test]
async fn names_in_paths_may_be_escaped() {
    let api = Api::start().await;
    let body = json!({"name": "my proxy", "upstream": "x:1", "listen": "localhost:0"}).to_string();
    api.expect("POST", "/proxies", &body, 201).await;
    assert_eq!(api.expect("GET", "/proxies/my%20proxy", "", 200).await["name"], "my proxy");
    let _ = api.address;
}
