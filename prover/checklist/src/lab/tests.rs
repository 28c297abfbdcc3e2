#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use keel_proxy::Fault;
use keel_wire::http::{Answer, Failure};

use super::*;
use crate::subject::{Dependency, Operation, State};
use crate::testing::reserved_port;

/// Not a test: the service that the tests here examine. The test binary starts itself with it.
///
/// `GET /ready` and `GET /` answer 200, `GET /rail` the variable `RAIL_URL`, `POST /things` an id, `GET /exit` ends it,
/// `GET /unready` answers 503, anything else repeats the request's first line and body.
#[test]
#[ignore = "it is the service that other tests start"]
fn service() {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    println!("listening on {port}");
    for connection in listener.incoming().flatten() {
        std::thread::spawn(move || answer(connection));
    }
}

fn answer(mut connection: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let text = match first.rsplit_once(' ')?.0 {
        "GET /exit" => std::process::exit(9),
        "GET /rail" => std::env::var("RAIL_URL").unwrap_or_default(),
        "POST /things" => r#"{"id":"t1","number":7}"#.to_owned(),
        other => format!("{other} {}", String::from_utf8_lossy(&body)),
    };
    let status = if first.starts_with("GET /unready") { "503 Service Unavailable" } else { "200 OK" };
    write!(connection, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len()).ok()
}

fn run_service() -> String {
    let binary = std::env::current_exe().unwrap();
    format!("'{}' --exact lab::tests::service --ignored --nocapture", binary.display())
}

fn subject() -> Subject {
    let port = reserved_port();
    Subject {
        name: "service".to_owned(),
        run: run_service(),
        url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        operation: Operation::Foreground,
        trust: None,
        plain: None,
        renew_certificate: None,
        admin: None,
        ready: Some("/ready".to_owned()),
        health: None,
        metrics: None,
        openapi: None,
        workdir: std::env::temp_dir(),
        repository: None,
        data: Vec::new(),
        state: State::Unsaid,
        env: [("PORT".to_owned(), port.to_string())].into(),
        deadline: Duration::from_secs(20),
        start_timeout: Duration::from_secs(20),
        drain_timeout: Duration::from_secs(20),
        steady: Duration::from_secs(5),
        soak: Duration::from_secs(5),
        decisions: None,
        dependencies: Dependencies::Unsaid,
        load: None,
        ops: None,
        requests: Vec::new(),
        work: Vec::new(),
        dead_letters: None,
        quarantine: None,
        query: None,
        outliers: None,
        errors: None,
        console: None,
        events: None,
        integrity: None,
        leader: None,
    }
}

/// Itself again, as what the subject calls.
fn rail() -> Dependency {
    let port = reserved_port();
    Dependency {
        name: "rail".to_owned(),
        env: "RAIL_URL".to_owned(),
        url: format!("http://127.0.0.1:{port}/v1").parse().unwrap(),
        run: Some(run_service()),
        ready: Some("/livez".to_owned()),
        env_of_run: [("PORT".to_owned(), port.to_string())].into(),
        many: None,
        value: None,
        sets: BTreeMap::new(),
        listen: None,
        named: None,
        trip: None,
        release: None,
    }
}

async fn failure(subject: Subject) -> StartFailure {
    Lab::open(subject).await.unwrap().ensure_running().await.unwrap_err()
}

async fn get(client: &Client, path: &str) -> Option<String> {
    client.send(Request::get(path)).await.answer().map(Answer::text)
}

#[tokio::test]
async fn a_subject_is_started_once_and_again_when_it_has_died() {
    let mut lab = Lab::open(subject()).await.unwrap();
    let started = lab.ensure_running().await.unwrap().unwrap();
    assert!(started.listening <= started.ready);
    assert!(lab.is_ready().await);
    assert!(lab.ensure_running().await.unwrap().is_none());

    let first = lab.process().pid();
    assert!(get(&lab.http(), "/exit").await.is_none());
    assert_eq!(lab.process().wait(Duration::from_secs(20)).await, Some(Exit::Code(9)));
    assert!(lab.ensure_running().await.unwrap().is_some());
    assert_ne!(lab.process().pid(), first);
    assert!(
        lab.earlier_output.iter().any(|line| line.text.starts_with("listening")),
        "output of the first run is kept"
    );
}

#[tokio::test]
async fn a_command_that_ends_fails_at_once_with_its_last_words() {
    let failure = failure(Subject { run: "echo no database >&2; exit 4".to_owned(), ..subject() }).await;
    assert!(failure.reason.contains("with exit code 4"), "{failure}");
    assert_eq!(failure.output, ["no database"]);
}

#[tokio::test]
async fn a_command_that_never_listens_fails_after_the_start_timeout() {
    let start_timeout = Duration::from_millis(50);
    let failure = failure(Subject { run: "sleep 1000".to_owned(), start_timeout, ..subject() }).await;
    assert!(failure.reason.contains("nothing listens on"), "{failure}");
}

#[tokio::test]
async fn a_port_of_another_program_is_refused() {
    let subject = subject();
    let _other = TcpListener::bind(("127.0.0.1", subject.url.port().unwrap())).unwrap();
    let failure = failure(subject).await;
    assert!(failure.reason.contains("something else listens on"), "{failure}");
}

#[tokio::test]
async fn a_service_that_goes_into_the_background_is_reported_and_killed() {
    let subject = subject();
    let url = subject.url.clone();
    // Without any trace of where it came from: a session of its own, and an environment without the mark.
    let run = format!(
        "setsid env -i PORT=\"$PORT\" {} & while ! cat /proc/net/tcp | grep -qi \":$(printf %04X $PORT) .* 0A\"; do :; done",
        subject.run
    );
    let failure = failure(Subject { run, ready: Some("/unready".to_owned()), ..subject }).await;
    assert!(failure.reason.contains("stay in the foreground"), "{failure}");
    while ready::accepts(&url).await {}
}

#[tokio::test]
async fn dependencies_are_reached_through_their_proxies() {
    let subject = Subject { dependencies: Dependencies::Declared(vec![rail()]), ..subject() };
    let mut lab = Lab::open(subject).await.unwrap();
    lab.ensure_running().await.unwrap();
    let address = lab.proxy("rail").unwrap().address();
    let given = get(&lab.http(), "/rail").await.unwrap();
    assert_eq!(given, format!("http://{address}/v1"));

    let through = Client::new(given.parse().unwrap(), Duration::from_secs(20));
    assert_eq!(get(&through, "/x").await.unwrap(), "GET /v1/x ");
    lab.proxy("rail").unwrap().set(Fault::Down).await;
    assert!(matches!(through.send(Request::get("/x")).await.outcome, Err(Failure::Connect(_))));
    lab.ensure_running().await.unwrap();
    assert_eq!(get(&through, "/x").await.unwrap(), "GET /v1/x ", "the fault is taken away");
    assert!(lab.proxy("unheard-of").is_none());
}

#[tokio::test]
async fn a_dependency_that_cannot_start_is_named() {
    let dependency = Dependency { run: Some("exit 3".to_owned()), ..rail() };
    let failure =
        Lab::open(Subject { dependencies: Dependencies::Declared(vec![dependency]), ..subject() }).await.unwrap_err();
    assert!(failure.reason.starts_with("dependency `rail` (`exit 3`) ended with exit code 3"), "{failure}");
}

#[tokio::test]
async fn values_that_the_mix_saves_are_filled_into_later_requests() {
    let spec = |method: &str, path: &str| RequestSpec {
        method: method.to_owned(),
        path: path.to_owned(),
        ..RequestSpec::default()
    };
    let save = [("thing".to_owned(), "/id".to_owned()), ("number".to_owned(), "/number".to_owned())].into();
    let requests = vec![
        RequestSpec { save, ..spec("POST", "/things") },
        spec("GET", "/things/{thing}?n={number}"),
        RequestSpec { slow: true, ..spec("GET", "/slow") },
        RequestSpec { crash: true, ..spec("GET", "/exit") },
    ];
    let mut lab = Lab::open(Subject { requests, ..subject() }).await.unwrap();
    lab.ensure_running().await.unwrap();
    assert_eq!(lab.harmless().path, "/things/t1?n=7");
    let sent = lab.send_mix().await;
    assert_eq!(sent.len(), 2, "neither the slow one nor the crash");
    assert_eq!(sent[1].1.answer().unwrap().text(), "GET /things/t1?n=7 ");
}

#[tokio::test]
async fn a_start_may_be_changed_for_one_run() {
    let mut lab = Lab::open(subject()).await.unwrap();
    let port = lab.launch().env["PORT"].clone();
    lab.start_with(|launch| drop(launch.env.insert("RAIL_URL".to_owned(), "changed".to_owned()))).await.unwrap();
    assert_eq!(get(&lab.http(), "/rail").await.unwrap(), "changed");
    lab.stop().await;
    assert!(!lab.is_ready().await);
    assert!(lab.earlier_output.iter().any(|line| line.text == format!("listening on {port}")));
    lab.ensure_running().await.unwrap();
    assert_eq!(get(&lab.http(), "/rail").await.unwrap(), "");
}

#[tokio::test]
async fn a_request_that_is_not_answered_as_declared_is_no_control() {
    let mut lab = Lab::open(subject()).await.unwrap();
    lab.ensure_running().await.unwrap();
    let spec = |path: &str| RequestSpec { name: path.to_owned(), path: path.to_owned(), ..RequestSpec::default() };
    let control = lab.control(&spec("/")).await.unwrap();
    assert!(control.what().contains("answered 200, as declared"), "{control:?}");
    let failed = lab.control(&spec("/unready")).await.unwrap_err();
    assert!(failed.what.contains("answered 503 by itself") && failed.exchange.is_some(), "{failed:?}");
    let failed = lab.absent(Request::get("/things/never-made")).await.unwrap_err();
    assert!(failed.what.contains("nothing is known to be there"), "everything is answered 200 here: {failed:?}");
}

#[test]
fn a_cookie_of_an_answer_is_saved_as_a_pair_for_later_requests() {
    let spec = RequestSpec { save: [("session".to_owned(), "cookie:sid".to_owned())].into(), ..RequestSpec::default() };
    let saved = |headers: &[(&str, &str)]| Lab::saved_of(&spec, &crate::testing::exchange::answered(303, headers, ""));
    assert_eq!(saved(&[("set-cookie", "sid=a=b; Path=/; HttpOnly")])["session"], "sid=a=b");
    assert!(saved(&[("set-cookie", "other=sid; Path=/")]).is_empty());
}
