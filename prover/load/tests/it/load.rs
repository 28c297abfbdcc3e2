//! Load on servers that behave, that misbehave, and that stall.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use keel_load::profile::Profile;
use keel_load::threshold::Threshold;
use keel_load::{Kind, Live, Outcome, Plan, Protocol, Report, Validity, Watch, hdr_log, page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const SECOND: Duration = Duration::from_secs(1);

/// Requests that a server has seen.
#[derive(Clone, Default)]
struct Seen {
    peers: Arc<Mutex<Vec<IpAddr>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// A server that answers each request with what `answer` makes of its number; nothing closes the connection.
async fn server(answer: impl Fn(usize) -> Option<Vec<u8>> + Send + Sync + 'static) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let told = seen.clone();
    tokio::spawn(async move {
        while let Ok((client, peer)) = listener.accept().await {
            told.peers.lock().unwrap().push(peer.ip());
            tokio::spawn(serve(client, told.clone(), Arc::clone(&answer)));
        }
    });
    (address, seen)
}

async fn serve(mut client: TcpStream, seen: Seen, answer: Arc<impl Fn(usize) -> Option<Vec<u8>>>) {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = client.read(&mut piece).await {
        read.extend_from_slice(&piece[..length]);
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(read.drain(..end + 4).collect()).unwrap();
            let body =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
            while read.len() < body {
                let length = client.read(&mut piece).await.unwrap();
                read.extend_from_slice(&piece[..length]);
            }
            let body = String::from_utf8(read.drain(..body).collect()).unwrap();
            let number = {
                let mut heads = seen.heads.lock().unwrap();
                heads.push(head + &body);
                heads.len()
            };
            let Some(answer) = answer(number) else { return };
            if client.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn plan(address: SocketAddr, rate: f64, lasts: Duration) -> Plan {
    Plan::new(format!("http://{address}").parse().unwrap(), Profile::constant(rate, lasts))
}

async fn sent(plan: Plan) -> Report {
    keel_load::run(plan, Watch::default(), std::future::pending()).await.unwrap()
}

#[tokio::test]
async fn every_arrival_of_the_schedule_is_sent_once() {
    let (address, seen) = server(|_| Some(OK.to_vec())).await;
    let mut plan = plan(address, 200.0, SECOND);
    plan.kinds = vec![
        Kind { weight: 3, ..Kind::get("look", "/look/{n}") },
        Kind::post("pay", "/pay", &serde_json::json!({"id": "{key}"})),
    ];
    let report = sent(plan).await;
    assert_eq!((report.intended, report.sent, report.total().expected()), (200, 200, 200));
    let (look, pay) = (report.kind("look").unwrap().count(), report.kind("pay").unwrap().count());
    assert!(look + pay == 200 && (120..180).contains(&look), "{look} {pay}");
    let heads = seen.heads.lock().unwrap();
    let keys: BTreeSet<&str> =
        heads.iter().filter_map(|head| head.split("idempotency-key: ").nth(1)?.lines().next()).collect();
    assert_eq!(keys.len() as u64, pay, "every key is unique");
    assert!(keys.iter().all(|key| heads.iter().any(|head| head.ends_with(&format!("{{\"id\":\"{key}\"}}")))));
    assert!(seen.peers.lock().unwrap().len() <= 64, "connections are kept");
}

#[tokio::test]
async fn a_server_that_stalls_is_charged_for_all_who_would_have_asked() {
    // One of the answers takes half a second, on the one connection there is: closed-loop figures would hide it.
    let stall = Duration::from_millis(500);
    let (address, _) = server(move |number| {
        if number == 50 {
            std::thread::sleep(stall);
        }
        Some(OK.to_vec())
    })
    .await;
    let mut plan = plan(address, 100.0, 2 * SECOND);
    plan.connections = 1;
    // The server stalls on a thread of its own.
    let report = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(sent(plan))
    })
    .await
    .unwrap();
    let total = report.total();
    assert_eq!(total.expected(), 200);
    // A quarter of all requests were to be sent while it stalled; their mean wait is a quarter of a second.
    assert!(total.latency().quantile(0.9) >= Duration::from_millis(200), "{}", report.text());
    assert!(total.service().quantile(0.9) < total.latency().quantile(0.9), "{}", report.text());
}

#[tokio::test]
async fn each_way_to_fail_is_an_outcome_of_its_own() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(sent(plan(closed, 20.0, SECOND / 2)).await.total().of(Outcome::Refused), 10);
    for (answer, outcome) in [
        (Some(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec()), Outcome::Status(5)),
        (Some(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n".to_vec()), Outcome::Status(4)),
        (Some(b"SSH-2.0-what\r\n\r\n".to_vec()), Outcome::Broken),
        (Some(Vec::new()), Outcome::Timeout),
        (None, Outcome::Reset),
    ] {
        let (address, _) = server(move |_| answer.clone()).await;
        let mut plan = plan(address, 20.0, SECOND / 2);
        plan.timeout = Duration::from_millis(200);
        let report = sent(plan).await;
        assert_eq!(report.total().outcomes(), [(outcome, 10)], "{}", report.text());
    }
}

#[tokio::test]
async fn any_expected_status_is_no_error() {
    let (address, _) = server(|_| Some(b"HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n".to_vec())).await;
    let mut plan = plan(address, 20.0, SECOND / 2);
    plan.kinds = vec![Kind { expect: Some(409), ..Kind::get("again", "/") }];
    assert_eq!(sent(plan).await.total().expected(), 10);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closes_costs_no_error() {
    let (address, seen) = server(|number| (number % 3 != 0).then(|| OK.to_vec())).await;
    let mut plan = plan(address, 50.0, SECOND / 2);
    plan.connections = 1;
    let report = sent(plan).await;
    // Every third request is lost by a close without an answer, and sent again on a new connection.
    assert!(report.total().of(Outcome::Reset) <= 1, "{}", report.text());
    assert!(seen.heads.lock().unwrap().len() > 25);
}

#[tokio::test]
async fn a_write_whose_connection_closes_without_an_answer_is_not_sent_again_in_secret() {
    let (address, seen) = server(|number| (number % 3 != 0).then(|| OK.to_vec())).await;
    let mut plan = plan(address, 50.0, SECOND / 2);
    plan.connections = 1;
    plan.kinds = vec![Kind::post("pay", "/", &serde_json::json!({}))];
    let report = sent(plan).await;
    let heads = seen.heads.lock().unwrap();
    let keys: BTreeSet<&String> = heads.iter().collect();
    assert_eq!((heads.len(), keys.len(), report.attempts), (25, 25, 25), "{}", report.text());
    assert_eq!((report.total().of(Outcome::Reset), report.total().expected()), (8, 17), "{}", report.text());
}

#[tokio::test]
async fn retries_are_immediate_and_keep_their_key() {
    let busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let (address, seen) = server(|_| Some(busy.to_vec())).await;
    let mut plan = plan(address, 20.0, SECOND / 2);
    plan.kinds = vec![Kind::post("pay", "/", &serde_json::json!({}))];
    plan.retries = 3;
    let report = sent(plan).await;
    assert_eq!((report.sent, report.attempts, report.total().count()), (10, 40, 10));
    let heads = seen.heads.lock().unwrap();
    let keys: BTreeSet<&String> = heads.iter().collect();
    assert_eq!((heads.len(), keys.len()), (40, 10));
}

#[tokio::test]
async fn connections_come_from_many_addresses() {
    let (address, seen) = server(|_| Some(OK.to_vec())).await;
    let mut plan = plan(address, 100.0, SECOND / 2);
    (plan.sources, plan.keep_alive) = (5, false);
    plan.connections = 50;
    let report = sent(plan).await;
    assert_eq!(report.total().expected(), 50, "{}", report.text());
    let peers: BTreeSet<IpAddr> = seen.peers.lock().unwrap().iter().copied().collect();
    let expected: BTreeSet<IpAddr> = (1..=5).map(|last| IpAddr::from([127, 0, 1, last])).collect();
    assert_eq!(peers, expected);
    assert_eq!(seen.peers.lock().unwrap().len(), 50, "a new connection for each request");
}

#[tokio::test]
async fn http_2_is_spoken_with_several_requests_on_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            *count.lock().unwrap() += 1;
            tokio::spawn(async move {
                let mut server = h2::server::handshake(client).await.unwrap();
                while let Some(Ok((request, mut respond))) = server.accept().await {
                    let status = if request.uri().path() == "/yes" { 200 } else { 404 };
                    let answer = http::Response::builder().status(status).body(()).unwrap();
                    respond.send_response(answer, false).unwrap().send_data("hello".into(), true).unwrap();
                }
            });
        }
    });
    let mut plan = plan(address, 200.0, SECOND / 2);
    plan.kinds = vec![Kind::get("yes", "/yes"), Kind::get("no", "/no")];
    (plan.protocol, plan.connections) = (Protocol::Http2 { streams: 10 }, 2);
    let report = sent(plan).await;
    assert_eq!(report.kind("yes").unwrap().errors(), 0.0, "{}", report.text());
    assert_eq!(report.kind("no").unwrap().errors(), 1.0, "{}", report.text());
    assert_eq!(report.total().count(), 100);
    assert!(*connections.lock().unwrap() <= 2);
}

#[tokio::test]
async fn live_figures_and_completed_requests_are_published_while_the_load_runs() {
    let (address, _) = server(|_| Some(OK.to_vec())).await;
    let (sender, mut figures) = tokio::sync::watch::channel(Live::default());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bodies);
    let watch = Watch {
        live: Some(sender),
        observer: Some(Arc::new(move |completed| {
            assert!(completed.intended <= completed.done && completed.sent <= completed.done);
            seen.lock().unwrap().push((completed.filling.number, completed.body.to_vec()));
        })),
        bodies: true,
    };
    let running = keel_load::run(plan(address, 50.0, 2 * SECOND), watch, std::future::pending());
    let (report, live) = tokio::join!(running, async {
        figures.changed().await.unwrap();
        figures.borrow().clone()
    });
    assert!(live.done > 0 && live.p99.is_some() && live.errors() == 0.0, "{live:?}");
    assert_eq!(report.unwrap().total().count(), 100);
    let mut bodies = bodies.lock().unwrap().clone();
    bodies.sort();
    assert!(bodies.iter().map(|(number, _)| *number).eq(1..=100) && bodies.iter().all(|(_, body)| body == b"hello"));
}

#[tokio::test]
async fn a_run_that_is_stopped_tells_what_it_has() {
    let (address, seen) = server(|_| Some(OK.to_vec())).await;
    let heard = async {
        while seen.heads.lock().unwrap().len() < 5 {
            tokio::task::yield_now().await;
        }
    };
    let began = Instant::now();
    let report = keel_load::run(plan(address, 50.0, 600 * SECOND), Watch::default(), heard).await.unwrap();
    assert!(report.ended_early && report.total().count() >= 4, "{}", report.text());
    assert!(began.elapsed() < 60 * SECOND);
}

#[tokio::test]
async fn requests_without_an_answer_are_reported_when_the_run_is_stopped() {
    let (address, seen) = server(|_| Some(Vec::new())).await;
    let heard = async {
        while seen.heads.lock().unwrap().len() < 4 {
            tokio::task::yield_now().await;
        }
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&told);
    let observer = move |completed: &keel_load::Completed<'_>| observed.lock().unwrap().push(completed.outcome);
    let watch = Watch { observer: Some(Arc::new(observer)), ..Watch::default() };
    let mut plan = plan(address, 50.0, 600 * SECOND);
    (plan.connections, plan.timeout) = (4, 300 * SECOND);
    let report = keel_load::run(plan, watch, heard).await.unwrap();
    assert_eq!(report.total().of(Outcome::Timeout), 4, "{}", report.text());
    assert_eq!(report.total().count(), report.intended, "each arrival has an outcome: {}", report.text());
    assert_eq!(told.lock().unwrap().len() as u64, report.intended);
}

#[tokio::test]
async fn a_generator_that_falls_behind_says_so() {
    let (address, _) = server(|_| Some(OK.to_vec())).await;
    // The observer holds the generator's own thread up: what a machine without time to spare does.
    let watch =
        Watch { observer: Some(Arc::new(|_| std::thread::sleep(Duration::from_millis(30)))), ..Watch::default() };
    let report = keel_load::run(plan(address, 100.0, SECOND), watch, std::future::pending()).await.unwrap();
    assert!(matches!(report.validity, Validity::Behind { late, .. } if late > 0.01), "{}", report.text());
    assert!(report.text().contains("INVALID") && report.json()["valid"] == false);
}

#[tokio::test]
async fn addresses_take_turns_on_kept_connections_too() {
    let (address, seen) = server(|_| Some(OK.to_vec())).await;
    let mut plan = plan(address, 100.0, SECOND);
    plan.sources = 20;
    assert_eq!(sent(plan).await.total().expected(), 100);
    let peers: BTreeSet<IpAddr> = seen.peers.lock().unwrap().iter().copied().collect();
    assert_eq!(peers.len(), 20);
}

#[tokio::test]
async fn a_generator_that_is_behind_with_every_connection_busy_says_so_too() {
    let (address, _) = server(|_| Some(OK.to_vec())).await;
    let watch =
        Watch { observer: Some(Arc::new(|_| std::thread::sleep(Duration::from_millis(30)))), ..Watch::default() };
    let mut plan = plan(address, 100.0, SECOND);
    plan.connections = 1;
    let report = keel_load::run(plan, watch, std::future::pending()).await.unwrap();
    assert!(matches!(report.validity, Validity::Behind { .. }), "{}", report.text());
}

#[tokio::test]
async fn a_burst_beyond_the_connections_waits_in_its_latency_and_not_in_the_generators_lag() {
    let (address, _) = server(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Some(OK.to_vec())
    })
    .await;
    let mut plan = plan(address, 1.0, SECOND);
    plan.profile = Profile::Replay(vec![Duration::ZERO; 30]);
    plan.connections = 3;
    // The server sleeps on a thread of its own.
    let report = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(sent(plan))
    })
    .await
    .unwrap();
    let latency = report.total().latency().quantile(0.9);
    assert!(latency >= Duration::from_millis(300) && report.lag.max() < latency, "{}", report.text());
}

#[tokio::test]
async fn only_this_machine_is_loaded() {
    for target in ["http://192.0.2.1/", "http://example.test/", "https://127.0.0.1/"] {
        let plan = Plan::new(target.parse().unwrap(), Profile::constant(1.0, SECOND));
        let refused = keel_load::run(plan, Watch::default(), std::future::pending()).await.unwrap_err();
        assert!(refused.to_string().contains(target), "{refused}");
    }
}

#[tokio::test]
async fn a_plan_that_cannot_be_carried_out_is_refused() {
    let base = || Plan::new("http://127.0.0.1:9/".parse().unwrap(), Profile::constant(1.0, SECOND));
    for (plan, told) in [
        (Plan { profile: Profile::constant(1e9, SECOND), ..base() }, "500000"),
        (Plan { kinds: Vec::new(), ..base() }, "nothing would be sent"),
        (Plan { connections: 0, ..base() }, "1 to 10000"),
        (Plan { retries: 11, ..base() }, "at most 10"),
        (Plan { kinds: vec![Kind::get("x", "look")], ..base() }, "slash"),
    ] {
        let mistake = plan.check().unwrap_err().to_string();
        assert!(mistake.contains(told), "{mistake}");
    }
}

#[tokio::test]
async fn a_report_is_judged_plotted_and_logged() {
    let (address, _) = server(|number| {
        let status = if number % 10 == 0 { "500 No" } else { "200 OK" };
        Some(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes())
    })
    .await;
    let report = sent(plan(address, 100.0, SECOND)).await;
    let met = |text: &str| text.parse::<Threshold>().unwrap().judge(&report.figures());
    assert!(met("errors<=10%").met && !met("errors<10%").met && met("errors<11%").measured == "10.000 %");
    assert!(met("p99<30s").met && met("kind:/ p50>1us").met && !met("max<1us").met);
    assert!(met("goodput>=90/s").met && !met("goodput>90/s").met);
    assert!(!met("kind:other errors<100%").met, "what was not measured is not met");

    let page = page::page(&report, &[met("p99<30s")]);
    assert!(page.contains("<polyline") && page.contains("p99&lt;30s") && !page.contains("<script"));

    let mut log = Vec::new();
    hdr_log::write(&report, SystemTime::now(), &mut log).unwrap();
    let mut recorded = 0;
    for entry in hdrhistogram::serialization::interval_log::IntervalLogIterator::new(&log) {
        if let hdrhistogram::serialization::interval_log::LogEntry::Interval(interval) = entry.unwrap() {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).unwrap();
            let all: hdrhistogram::Histogram<u64> =
                hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            recorded += all.len();
        }
    }
    assert_eq!(recorded, 100);
}
