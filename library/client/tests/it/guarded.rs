//! Calls behind the policy of their peer, and their headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use evenkeel_client::{Bounds, Client, Declaration, Error, Response, default_rules};
use http::{Method, StatusCode};
use resilience::breaker::{BreakerRules, Position, Window};
use resilience::budget::BudgetRules;
use resilience::bulkhead::BulkheadRules;
use resilience::hedge::HedgeRules;
use resilience::policy::GroupRules;
use resilience::retry::RetryRules;
use resilience::{Backoff, Criticality, Deadline, FallbackOutcome, Rules, decode_timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

const MILLI: Duration = Duration::from_millis(1);

/// A peer that gives one answer after the other, the last one for ever, and records the requests it read. In the place of an empty one the
/// caller gets none, and the next is served.
struct Peer {
    url: Url,
    requests: mpsc::UnboundedReceiver<String>,
    count: Arc<AtomicUsize>,
    _ends_with_it: JoinSet<()>,
}

impl Peer {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (tell, requests) = mpsc::unbounded_channel();
        let count = Arc::new(AtomicUsize::new(0));
        let (counted, mut tasks, mut unanswered) = (Arc::clone(&count), JoinSet::new(), Vec::new());
        tasks.spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.unwrap());
                }
                tell.send(String::from_utf8(head).unwrap()).unwrap();
                let answer = answers[counted.fetch_add(1, Relaxed).min(answers.len() - 1)];
                if answer.is_empty() {
                    unanswered.push(socket);
                    continue;
                }
                let length = answer.split_once('|').map_or(0, |(_, body)| body.len());
                let (head, body) = answer.split_once('|').unwrap_or((answer, ""));
                let sent = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                socket.write_all(sent.as_bytes()).await.unwrap();
            }
        });
        Self { url, requests, count, _ends_with_it: tasks }
    }

    fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    fn heard(&mut self) -> String {
        self.requests.try_recv().expect("a request")
    }
}

/// Retries that are paid for and come soon.
fn retrying() -> Rules {
    let budget = BudgetRules::default().floor(1000.0);
    let retry = RetryRules::default().backoff(Backoff::new(MILLI, MILLI)).budget(budget);
    default_rules().retry(retry)
}

#[tokio::test]
async fn only_calls_that_are_idempotent_or_have_a_key_are_retried() {
    for (method, key, attempts) in [
        (Method::GET, None, 2),
        (Method::PUT, None, 2),
        (Method::DELETE, None, 2),
        (Method::POST, Some("key-1"), 2),
        (Method::POST, None, 1),
        (Method::PATCH, None, 1),
    ] {
        let (client, peer) = (Client::default(), Peer::start(&["500 Down", "200 OK"]).await);
        client.declare(Declaration::new("bank", &peer.url).rules(retrying())).unwrap();
        let call = client.call(method.clone(), &peer.url);
        let call = if let Some(key) = key { call.idempotency_key(key) } else { call };
        let status = call.send().await.unwrap().status.as_u16();
        let expected = if attempts == 2 { 200 } else { 500 };
        assert_eq!((status, peer.count()), (expected, attempts), "{method} {key:?}");
    }
}

#[tokio::test]
async fn an_attempt_has_all_that_is_left_and_the_error_names_the_bound_that_passed() {
    let client = Client::new(Bounds::default());
    let mut peer = Peer::start(&["200 OK", ""]).await;
    client.get(&peer.url).total_timeout(4000 * MILLI).send().await.unwrap();
    let told = peer.heard();
    let told = told.lines().find_map(|line| line.strip_prefix("grpc-timeout: ")).expect("the header");
    // Not the half of it, so that another attempt would have the other half.
    assert!(decode_timeout(told).unwrap() > 2000 * MILLI, "{told}");
    for (total, task) in [(100, 60_000), (60_000, 100)] {
        let call = client.get(&peer.url).total_timeout(total * MILLI).send();
        let error = Deadline::after(task * MILLI).scope(call).await.expect("the call ends first").unwrap_err();
        assert!(error.to_string().ends_with("gave no whole answer within 100ms"), "{error}");
    }
}

#[tokio::test]
async fn only_slow_calls_with_safe_methods_are_hedged() {
    let hedge = HedgeRules::default().minimum_calls(2).at_least(20 * MILLI);
    let one_try = retrying().retry.unwrap().attempts(1);
    let rules = retrying().hedge(hedge).retry(one_try);
    for (method, key, twice) in [
        (Method::GET, None, true),
        (Method::PUT, None, false),
        (Method::DELETE, None, false),
        (Method::POST, Some("key-1"), false),
        (Method::POST, None, false),
    ] {
        let (client, peer) = (Client::default(), Peer::start(&["200 OK", "200 OK", "", "200 OK"]).await);
        client.declare(Declaration::new("bank", &peer.url).rules(rules.clone())).unwrap();
        let call = || {
            let call = client.call(method.clone(), &peer.url).total_timeout(300 * MILLI);
            if let Some(key) = key { call.idempotency_key(key) } else { call }
        };
        for _ in 0..2 {
            assert_eq!(call().send().await.unwrap().status, 200);
        }
        let answer = call().send().await.map(|answer| answer.status.as_u16()).map_err(|error| error.kind());
        let expected = if twice { (Ok(200), 4) } else { (Err("timeout"), 3) };
        assert_eq!((answer, peer.count()), expected, "{method} {key:?}");
    }
}

#[tokio::test]
async fn retry_after_of_a_refusal_is_waited_for_or_ends_the_call() {
    let client = Client::default();
    let peer = Peer::start(&["503 Busy\r\nretry-after: 3600", "200 OK"]).await;
    client.declare(Declaration::new("bank", &peer.url).rules(retrying())).unwrap();
    let answer = client.get(&peer.url).send().await.unwrap();
    assert_eq!((answer.status, peer.count()), (StatusCode::SERVICE_UNAVAILABLE, 1), "an hour is longer than the call");
    let peer = Peer::start(&["429 Busy\r\nretry-after: 0", "200 OK"]).await;
    client.declare(Declaration::new("other-bank", &peer.url).rules(retrying())).unwrap();
    assert_eq!(client.get(&peer.url).send().await.unwrap().status, 200);
}

#[tokio::test]
async fn the_breaker_of_a_failing_peer_opens_and_that_of_another_stays_closed() {
    let client = Client::default();
    let (sick, well) = (Peer::start(&["500 Down"]).await, Peer::start(&["200 OK"]).await);
    let breaker = BreakerRules::default().window(Window::Calls(10)).minimum_calls(2);
    client.declare(Declaration::new("sick", &sick.url).rules(default_rules().breaker(breaker))).unwrap();
    for _ in 0..2 {
        assert_eq!(client.post(&sick.url).send().await.unwrap().status, 500);
    }
    let error = client.post(&sick.url).send().await.unwrap_err();
    assert!(matches!(&error, Error::Refused { after: Some(_), .. }) && error.nothing_was_sent(), "{error:?}");
    assert!(error.to_string().contains("the circuit breaker of sick is open; worth another attempt in"), "{error}");
    assert_eq!(sick.count(), 2);
    assert_eq!(client.post(&well.url).send().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_hanging_group_leaves_the_others_their_permits() {
    let client = Client::default();
    let peer = Peer::start(&["200 OK"]).await;
    let one = BulkheadRules::default().permits(1).queue(0);
    let groups = vec![GroupRules::new("batch", one)];
    let policy = client.declare(Declaration::new("bank", &peer.url).rules(default_rules().groups(groups))).unwrap();
    let batch = policy.group("batch").unwrap();
    let hang = tokio::spawn(async move { batch.call(|_| std::future::pending::<Result<Response, Error>>()).await });
    while policy.bulkhead().load().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let error = client.get(&peer.url).group("batch").send().await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && error.to_string().contains("bank/batch"), "{error}");
    assert_eq!(client.get(&peer.url).send().await.unwrap().status, 200);
    hang.abort();
    assert!(hang.await.is_err());
    assert_eq!(client.get(&peer.url).group("batch").send().await.unwrap().status, 200);
    let error = client.get(&peer.url).group("bulk").send().await.unwrap_err();
    assert!(error.to_string().contains("bank has no group \"bulk\"; its rules name [\"batch\"]"), "{error}");
}

#[tokio::test]
async fn a_call_sends_its_timeout_which_is_never_beyond_the_deadline_of_its_task() {
    let client = Client::default();
    let mut peer = Peer::start(&["200 OK"]).await;
    let told = |request: &str| {
        let value = request.lines().find_map(|line| line.strip_prefix("grpc-timeout: ")).expect("the header");
        decode_timeout(value).unwrap()
    };
    client.post(&peer.url).send().await.unwrap();
    let own = told(&peer.heard());
    assert!(own <= Duration::from_secs(10) && own > Duration::from_secs(5), "{own:?}");
    let task = Deadline::after(Duration::from_secs(2));
    task.scope(client.post(&peer.url).header("grpc-timeout", "1H").send()).await.unwrap().unwrap();
    let inherited = told(&peer.heard());
    assert!(inherited <= Duration::from_secs(2), "{inherited:?}");
}

#[tokio::test]
async fn a_call_inherits_the_criticality_of_its_task_unless_one_is_set() {
    let client = Client::default();
    let mut peer = Peer::start(&["200 OK"]).await;
    let told = |request: String| request.lines().find_map(|line| line.strip_prefix("criticality: ").map(str::to_owned));
    client.get(&peer.url).send().await.unwrap();
    assert_eq!(told(peer.heard()), None);
    for criticality in Criticality::ALL {
        criticality.scope(client.get(&peer.url).send()).await.unwrap();
        assert_eq!(told(peer.heard()).as_deref(), Some(criticality.name()));
    }
    let less = client.get(&peer.url).header("criticality", "sheddable").send();
    Criticality::Critical.scope(less).await.unwrap();
    assert_eq!(told(peer.heard()).as_deref(), Some("sheddable"));
}

#[tokio::test]
async fn a_redirect_is_followed_only_when_asked_and_never_takes_credentials_elsewhere() {
    let mut there = Peer::start(&["200 OK|there"]).await;
    let here = Peer::start(Box::leak(Box::new([&*format!("302 Found\r\nlocation: {}", there.url).leak()]))).await;
    let client = Client::default();
    assert_eq!(client.post(&here.url).send().await.unwrap().status, 302);
    assert_eq!(there.count(), 0);
    let call = client.post(&here.url).header("authorization", "Bearer secret").json(&1).redirects(1);
    assert_eq!(&call.send().await.unwrap().body[..], b"there");
    let heard = there.heard();
    assert!(heard.starts_with("GET / HTTP/1.1") && !heard.contains("secret"), "{heard}");
    assert!(!heard.contains("content-type"), "{heard}");
}

#[tokio::test]
async fn redirects_without_end_or_to_nowhere_end_in_the_answer_or_a_clear_error() {
    let client = Client::default();
    let round = Peer::start(&["307 Again\r\nlocation: /"]).await;
    let answer = client.get(&round.url).redirects(5).send().await.unwrap();
    assert_eq!((answer.status.as_u16(), round.count()), (307, 6));
    for (answer, told) in [
        ("302 Found", "without a Location"),
        ("302 Found\r\nlocation: http://[", "no URL"),
        ("302 Found\r\nlocation: file:///etc/passwd", "file://"),
    ] {
        let peer = Peer::start(Box::leak(Box::new([answer]))).await;
        let error = client.get(&peer.url).redirects(5).send().await.unwrap_err();
        assert!(matches!(&error, Error::Unexpected { .. }) && error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn an_unrequested_content_coding_is_an_error() {
    let peer = Peer::start(&["200 OK\r\ncontent-encoding: br|abc"]).await;
    let error = Client::default().get(&peer.url).send().await.unwrap_err();
    assert!(matches!(&error, Error::Unexpected { .. }) && error.to_string().contains("br"), "{error}");
}

#[tokio::test]
async fn more_calls_than_the_client_makes_at_once_wait_for_as_long_as_they_have() {
    let client = Client::new(Bounds::default().at_once(1));
    let (never, well) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Peer::start(&["200 OK"]).await);
    let hanging: Url = format!("http://{}/", never.local_addr().unwrap()).parse().unwrap();
    let (first, second) = tokio::join!(
        client.post(&hanging).total_timeout(100 * MILLI).send(),
        client.post(&well.url).total_timeout(10 * MILLI).send(),
    );
    assert_eq!(first.unwrap_err().kind(), "timeout");
    let error = second.unwrap_err();
    assert!(error.nothing_was_sent() && error.to_string().contains("1 calls under way"), "{error}");
    assert_eq!(client.post(&well.url).send().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_default_is_given_for_a_failure_and_for_an_answer_that_is_one() {
    let client = Client::default();
    let (sick, well) = (Peer::start(&["500 Down|sick"]).await, Peer::start(&["200 OK|well"]).await);
    let policy = client.declare(Declaration::new("sick", &sick.url)).unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone: Url = format!("http://{gone}/").parse().unwrap();
    let default = async |_: &Error| Some(Response::new(StatusCode::OK, "default"));
    let text =
        |outcome: Result<FallbackOutcome<Response, Error>, Error>| outcome.map(|outcome| outcome.into_value().body);
    assert_eq!(text(client.post(&well.url).send_or(default).await).unwrap(), "well");
    assert_eq!(text(client.post(&gone).send_or(default).await).unwrap(), "default");
    let given = client.post(&sick.url).send_or(default).await.unwrap();
    let FallbackOutcome::Fallback { value, cause } = given else { panic!("{given:?}") };
    assert!(value.body == "default" && cause.to_string().contains("500"), "{cause}");
    // Nothing to give, or no fallback by the rules: the answer as it is, or the error.
    let nothing = client.post(&sick.url).send_or(async |_| None).await.unwrap();
    assert!(matches!(nothing, FallbackOutcome::Failed { .. }), "{nothing:?}");
    assert_eq!(client.post(&gone).send_or(async |_| None).await.unwrap_err().kind(), "connect");
    policy.change(default_rules().fallback(false)).unwrap();
    let none = client.post(&sick.url).send_or(default).await.unwrap();
    assert_eq!(none.into_value().body, "sick");
}

#[tokio::test]
async fn a_peer_that_hangs_opens_its_breaker_also_where_every_caller_leaves_before_the_bound() {
    let client = Client::builder().bounds(Bounds::default().total(Duration::from_secs(1))).build();
    let peer = Peer::start(&[""]).await;
    let breaker = BreakerRules::default().window(Window::Calls(10)).minimum_calls(4);
    let policy = client.declare(Declaration::new("bank", &peer.url).rules(default_rules().breaker(breaker))).unwrap();
    for _ in 0..4 {
        let left = tokio::time::timeout(Duration::from_millis(700), client.post(&peer.url).send()).await;
        assert!(left.is_err(), "{left:?}");
    }
    assert_eq!(policy.breaker().position(), Position::Open);
}
