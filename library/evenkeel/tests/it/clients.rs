//! The clients that stand out and the requests in flight, in the health document and in SQL, and in no metric.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use evenkeel::client::Client;
use evenkeel::prelude::*;
use evenkeel::url::Url;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

/// Sends requests for a path from an address of this host, one after the other, and reads the answers.
async fn send(from: u8, service: &Url, path: &str, times: usize) {
    let port = service.port().expect("a test binds to a port");
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new([127, 0, 0, from].into(), 0)).unwrap();
    let mut connection = socket.connect(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port)).await.unwrap();
    let last = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let requests = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(times - 1) + &last;
    connection.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    connection.read_to_end(&mut answers).await.unwrap();
    let answers = String::from_utf8_lossy(&answers);
    assert_eq!(answers.matches("HTTP/1.1 ").count(), times, "{answers}");
}

async fn text(client: &Client, url: &Url) -> String {
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status.as_u16(), 200, "{url}");
    String::from_utf8_lossy(&answer.body).into_owned()
}

async fn json(client: &Client, url: &Url) -> Value {
    serde_json::from_str(&text(client, url).await).unwrap()
}

#[tokio::test]
async fn clients_that_stand_out_are_named_in_health_and_sql_and_in_no_metric() {
    let routes = || Router::new().route("/hello", get(async || "hello"));
    let running = Service::new(build_info!()).routes(move |_| routes()).start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let url = running.url("/hello");
    send(2, &url, "/hello", 3).await;
    send(3, &url, "/hello", 40).await;
    send(4, &url, "/nowhere", 2).await;
    let client = running.client();

    let health = json(&client, &running.admin_url("/health?part=clients")).await;
    let rows = health["vitals"]["clients"].as_array().unwrap();
    let of = |address: &str| {
        let row = rows.iter().find(|row| row["client"] == address && row["listener"] == "public");
        row.unwrap_or_else(|| panic!("{address} is not in {health}"))
    };
    assert_eq!((&of("127.0.0.3")["requests_at_least"], &of("127.0.0.3")["requests_at_most"]), (&40.into(), &40.into()));
    assert_eq!(of("127.0.0.4")["failures_at_most"], 0, "no route is there that could have failed");
    assert_eq!(of("127.0.0.2")["trace_id"].as_str().unwrap().len(), 32);

    let mut asked = running.admin_url("/debug/query");
    asked.set_query(Some("name=noisy-clients"));
    let noisy = json(&client, &asked).await;
    // The order is also that of the times, which a busy machine decides.
    let of_three = noisy["rows"].as_array().unwrap().iter().find(|row| row[0] == "127.0.0.3");
    assert_eq!(of_three.map(|row| &row[1]), Some(&40.into()), "{noisy}");

    let whole = text(&client, &running.admin_url("/health")).await;
    let metrics = text(&client, &running.admin_url("/metrics")).await;
    assert!(metrics.contains("http_clients_listed{listener=\"public\"} 3"), "{metrics}");
    assert!(!whole.contains("127.0.0.3") && !metrics.contains("127.0.0.3"));
    running.stop().await.unwrap();
}

/// Asks for the requests in flight of the public listener until there are this many.
async fn in_flight(client: &Client, url: &Url, count: usize) -> Vec<Value> {
    loop {
        let health = json(client, url).await;
        let mut rows = health["vitals"]["requests"].as_array().cloned().unwrap_or_default();
        rows.retain(|row| row["listener"] == "public");
        // A handler that has just begun is not at its call yet.
        let has_begun = |row: &Value| match row["http_route"].as_str() {
            Some("/calls") => row["step"] == "call",
            _ => row["step"] != "admission",
        };
        if rows.len() == count && rows.iter().all(has_begun) {
            return rows;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_are_listed_with_their_step_until_they_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bank = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let gate = Arc::new(Notify::new());
    let routes = {
        let gate = gate.clone();
        move |context: &Context| {
            let client = context.client().clone();
            let waits = async move || gate.notified().await;
            let calls = async move || _ = client.dependency("bank").get("/").send().await;
            Router::new().route("/waits/{id}", get(waits)).route("/calls", get(calls))
        }
    };
    let service = Service::new(build_info!()).dependency("bank", move |_: &_| Dependency::http(&bank)).routes(routes);
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let (client, listed) = (running.client(), running.admin_url("/health?part=requests"));
    assert_eq!(in_flight(&client, &listed, 0).await, [] as [Value; 0]);

    let (waits, calls) = (running.url("/waits/7"), running.url("/calls"));
    let waiting = tokio::spawn(async move { send(2, &waits, "/waits/7", 1).await });
    let calling = tokio::spawn(async move { send(3, &calls, "/calls", 1).await });
    let rows = in_flight(&client, &listed, 2).await;
    let of = |route: &str| rows.iter().find(|row| row["http_route"] == route).unwrap_or_else(|| panic!("{rows:?}"));
    let (waits, calls) = (of("/waits/{id}"), of("/calls"));
    assert_eq!((&waits["step"], &waits["http_request_method"]), (&"handler".into(), &"GET".into()));
    assert_eq!(calls["step"], "call");
    assert_eq!((waits["trace_id"].as_str().unwrap().len(), waits["request_id"].as_str().unwrap().len()), (32, 32));
    let seconds = |name: &str| waits[name].as_f64().unwrap_or_else(|| panic!("{waits}"));
    assert!(seconds("age") >= 0.0 && seconds("deadline_left") > 1.0, "{waits}");

    let mut asked = running.admin_url("/debug/query");
    asked.set_query(Some("name=stuck-requests"));
    let stuck = json(&client, &asked).await;
    assert_eq!((stuck["rows"].as_array().unwrap().len(), &stuck["columns"][2]), (2, &"step".into()), "{stuck}");

    gate.notify_waiters();
    waiting.await.unwrap();
    assert_eq!(in_flight(&client, &listed, 1).await[0]["http_route"], "/calls");
    drop(silent);
    calling.await.unwrap();
    in_flight(&client, &listed, 0).await;
    running.stop().await.unwrap();
}
