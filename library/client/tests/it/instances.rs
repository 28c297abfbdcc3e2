//! A dependency with many instances: load balancing, ejection, and following changes.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel_client::{Bounds, Check, Client, Declaration, Endpoints, Error, default_rules};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use resilience::TickerRules;
use resilience::breaker::Position;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Notify;
use url::Url;
use vitals::{Registry, TableValue};

/// Timeout far beyond any duration of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// Behaviour of an instance for its calls.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Answers,
    Fails,
    Hangs,
    /// Answers on a signal of the test.
    Waits,
}

/// A server that counts its calls, and answers each with the Host that it was called by.
struct Instance {
    at: SocketAddr,
    calls: Arc<AtomicUsize>,
    does: Arc<Mutex<Does>>,
    go: Arc<Notify>,
}

impl Instance {
    async fn start(does: Does) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (at, does) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(does)));
        let instance = Self { at, calls: Arc::default(), does, go: Arc::default() };
        let (calls, does, go) = (Arc::clone(&instance.calls), Arc::clone(&instance.does), Arc::clone(&instance.go));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (calls, does, go) = (Arc::clone(&calls), Arc::clone(&does), Arc::clone(&go));
                tokio::spawn(async move {
                    let mut bytes = vec![0; 4096];
                    let length = stream.read(&mut bytes).await.unwrap_or(0);
                    if length == 0 {
                        return;
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                    let head = String::from_utf8_lossy(&bytes[..length]).to_lowercase();
                    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
                    let does = *does.lock().unwrap();
                    let status = match does {
                        Does::Answers => "200 OK",
                        Does::Fails => "500 Internal Server Error",
                        Does::Hangs => std::future::pending().await,
                        Does::Waits => {
                            go.notified().await;
                            "200 OK"
                        }
                    };
                    let answer = format!(
                        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{host}",
                        host.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        instance
    }

    fn take(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }
}

async fn three(first: Does) -> [Instance; 3] {
    [Instance::start(first).await, Instance::start(Does::Answers).await, Instance::start(Does::Answers).await]
}

fn list(instances: &[Instance]) -> Endpoints {
    let places: Vec<String> = instances.iter().map(|instance| format!("http://{}", instance.at)).collect();
    places.join(",").parse().unwrap()
}

/// Counts the GETs that are answered 200, of `times`.
async fn ask(client: &Client, url: &Url, times: usize) -> usize {
    let mut good = 0;
    for _ in 0..times {
        good += usize::from(client.get(url).send().await.is_ok_and(|answer| answer.status == 200));
    }
    good
}

#[tokio::test]
async fn calls_are_balanced_and_a_failing_instance_is_ejected_without_a_failed_call() {
    let instances = three(Does::Fails).await;
    let (client, registry) = (Client::default(), Registry::new());
    client.register(&registry);
    let mut events = registry.bus().listen();
    let endpoints = list(&instances);
    // A budget that is not what is tested here.
    let retry = default_rules().retry.map(|retry| retry.budget(retry.budget.floor(1e6)));
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules().retry(retry))).unwrap();
    assert_eq!(ask(&client, endpoints.url(), 100).await, 100, "a further attempt goes to another instance");
    let calls: Vec<usize> = instances.iter().map(Instance::take).collect();
    assert!(calls[0] <= 20 && calls[1] > 20 && calls[2] > 20, "{calls:?}");
    let event = loop {
        let event = events.recv().await.unwrap();
        if event.part == "instance" {
            break event;
        }
    };
    assert_eq!((event.name.as_str(), event.state.as_str()), ("bank", "ejected"));
    assert!(event.reason.starts_with(&instances[0].at.to_string()), "{}", event.reason);
    let table = registry.snapshot().into_iter().find(|table| table.table.name == "instance").unwrap();
    let ejected: BTreeMap<String, bool> =
        table.rows.iter().map(|row| (format!("{:?}", row[1]), row[6] == TableValue::from(true))).collect();
    assert_eq!(ejected.values().filter(|ejected| **ejected).count(), 1, "{ejected:?}");
}

#[tokio::test]
async fn a_hanging_instance_is_ejected_too() {
    let instances = three(Does::Hangs).await;
    let client = Client::new(Bounds::default().total(Duration::from_millis(600)));
    let endpoints = list(&instances);
    // Only the attempts count here: the breaker is of the dependency, and a third of its calls fail.
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules().breaker(None))).unwrap();
    let good = ask(&client, endpoints.url(), 60).await;
    assert!(good >= 55, "{good} of 60");
    let calls = instances[0].take();
    assert!((3..=15).contains(&calls), "{calls}");
}

#[tokio::test]
async fn a_file_is_followed_and_its_last_good_content_stays() {
    let [one, two, three] = three(Does::Answers).await;
    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("bank.list"), folder.path().join("new"));
    let write = |text: String| {
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    write(format!("{}\n", one.at));
    let client = Client::default();
    let endpoints: Endpoints = format!("file+http://{}", path.display()).parse().unwrap();
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules())).unwrap();
    let url = endpoints.url().join("/a").unwrap();
    let begun = Instant::now();
    while ask(&client, &url, 1).await == 0 {
        assert!(begun.elapsed() < PATIENCE, "the file is read soon");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    one.take();
    *one.does.lock().unwrap() = Does::Waits;
    let (caller, to) = (client.clone(), url.clone());
    let held = tokio::spawn(async move { caller.get(&to).send().await });
    let begun = Instant::now();
    while one.calls.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < PATIENCE, "the call is made");
        tokio::task::yield_now().await;
    }
    write(format!("{}\n{}\n", two.at, three.at));
    let begun = Instant::now();
    while three.take() == 0 {
        let answer = tokio::time::timeout(Duration::from_millis(100), client.get(&url).send()).await;
        // Until the file is read the one that waits is called.
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.is_ok()), "no call fails while it changes");
        assert!(begun.elapsed() < PATIENCE, "the file is read again soon");
    }
    one.go.notify_waiters();
    assert_eq!(
        held.await.unwrap().unwrap().status,
        200,
        "a call under way goes on when its instance has left the list"
    );
    one.take();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(ask(&client, &url, 20).await, 20);
    assert_eq!((one.take(), two.take() > 0, three.take() > 0), (0, true, true));
}

/// A name server of one name, with records that can be changed; none is "no such name".
async fn name_server(records: Arc<Mutex<Vec<RData>>>) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bytes = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let Ok(question) = Message::from_vec(&bytes[..length]) else { continue };
            let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            let query = question.queries[0].clone();
            let records = records.lock().unwrap().clone();
            let fits = |record: &RData| {
                matches!((record, query.query_type()), (RData::A(_), RecordType::A) | (RData::SRV(_), RecordType::SRV))
            };
            if records.is_empty() {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            answer.add_answers(
                records.into_iter().filter(fits).map(|data| Record::from_rdata(query.name().clone(), 1, data)),
            );
            answer.add_query(query);
            let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
        }
    });
    at
}

fn service(port: u16, priority: u16, weight: u16) -> RData {
    RData::SRV(SRV::new(priority, weight, port, Name::from_ascii("localhost.").unwrap()))
}

async fn until_called(client: &Client, url: &Url, instance: &Instance) {
    let begun = Instant::now();
    while instance.take() == 0 {
        assert!(begun.elapsed() < PATIENCE, "a change is followed soon");
        let _ = client.get(url).send().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn service_records_are_followed_by_priority_and_weight_and_a_name_that_is_gone_stays() {
    let [one, two, other] = three(Does::Answers).await;
    let records = Arc::new(Mutex::new(vec![
        service(one.at.port(), 1, 9),
        service(two.at.port(), 1, 1),
        service(other.at.port(), 2, 9),
    ]));
    let server = name_server(Arc::clone(&records)).await;
    let client = Client::default();
    let endpoints: Endpoints = format!("srv+http://_http._tcp.bank.test?resolver={server}").parse().unwrap();
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules())).unwrap();
    until_called(&client, endpoints.url(), &one).await;
    two.take();
    assert_eq!(ask(&client, endpoints.url(), 100).await, 100);
    let (ones, twos) = (one.take(), two.take());
    assert!(ones > 3 * twos, "by weight: {ones} and {twos}");
    assert_eq!(other.take(), 0, "a worse priority");
    *records.lock().unwrap() = vec![service(other.at.port(), 1, 0)];
    until_called(&client, endpoints.url(), &other).await;
    // Gone for longer than its time to live: the last good answer stays.
    records.lock().unwrap().clear();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        assert_eq!(ask(&client, endpoints.url(), 5).await, 5);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn addresses_of_a_name_are_called_by_that_name() {
    let one = Instance::start(Does::Answers).await;
    let server = name_server(Arc::new(Mutex::new(vec![RData::A(A(Ipv4Addr::LOCALHOST))]))).await;
    let client = Client::default();
    let endpoints: Endpoints = format!("dns+http://bank.test:{}?resolver={server}", one.at.port()).parse().unwrap();
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules())).unwrap();
    until_called(&client, endpoints.url(), &one).await;
    let answer = client.get(endpoints.url()).send().await.unwrap();
    assert_eq!(answer.body, format!("bank.test:{}", one.at.port()));
}

#[tokio::test]
async fn without_a_known_instance_the_error_holds_the_reason() {
    let server = name_server(Arc::default()).await;
    let client = Client::new(Bounds::default().total(Duration::from_millis(300)));
    let endpoints: Endpoints = format!("dns+http://bank.test:80?resolver={server}").parse().unwrap();
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules().retry(None))).unwrap();
    let begun = Instant::now();
    loop {
        let error = client.get(endpoints.url()).send().await.unwrap_err();
        assert!(matches!(&error, Error::Connect { .. } | Error::Refused { .. }), "{error}");
        if error.to_string().contains("no instance of bank is known: ") && error.to_string().contains("bank.test") {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn disabled_guards_are_off() {
    let instances = three(Does::Answers).await;
    let client = Client::default();
    let endpoints = list(&instances).first_alone();
    client.declare(Declaration::new("bank", endpoints.clone()).rules(default_rules())).unwrap();
    assert_eq!(ask(&client, endpoints.url(), 20).await, 20);
    assert_eq!(instances.iter().map(Instance::take).collect::<Vec<_>>(), [20, 0, 0]);
}

#[tokio::test]
async fn a_check_that_succeeds_ends_the_wait_of_an_open_breaker() {
    let one = Instance::start(Does::Fails).await;
    let client = Client::default();
    let url: Url = format!("http://{}", one.at).parse().unwrap();
    let policy = client.declare(Declaration::new("bank", &url).rules(default_rules())).unwrap();
    while policy.breaker().position() != Position::Open {
        ask(&client, &url, 1).await;
    }
    *one.does.lock().unwrap() = Does::Answers;
    let ticks = TickerRules::every(Duration::from_millis(50));
    let checking = {
        let client = client.clone();
        tokio::spawn(async move { client.check("bank", &Check::at("/livez").every(ticks)).await })
    };
    let begun = Instant::now();
    while ask(&client, &url, 1).await == 0 {
        assert!(begun.elapsed() < Duration::from_secs(2), "sooner than the breaker itself would try");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    checking.abort();
    assert!(client.check("nobody", &Check::at("/livez")).await.unwrap_err().to_string().contains("nobody"));
}
