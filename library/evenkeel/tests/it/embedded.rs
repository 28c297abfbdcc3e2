//! Services inside a test: `Service::start` and its handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel::prelude::*;
use evenkeel::{Failed, Limits, Part, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

/// The status and the body of a path.
async fn get_text<S, D>(running: &Running<S, D>, path: &str) -> (u16, String)
where
    S: evenkeel::clap::Args + Clone + Send + Sync + 'static,
    D: evenkeel::Database,
{
    let answer = running.client().get(&running.url(path)).send().await.unwrap();
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn two_services_run_in_one_test_and_stop_on_their_own() {
    let service = |name: &'static str| {
        Service::new(build_info!()).routes(move |_context| Router::new().route("/name", get(async move || name)))
    };
    let (one, two) = (service("one").start(ANYWHERE).await.unwrap(), service("two").start(ANYWHERE).await.unwrap());
    assert_ne!((one.public(), one.admin()), (two.public(), two.admin()));
    one.ready().await.unwrap();
    two.ready().await.unwrap();
    assert_eq!(get_text(&one, "/name").await, (200, "one".to_owned()));
    assert_eq!(get_text(&two, "/name").await, (200, "two".to_owned()));

    let address = one.public();
    let stopped = one.stop().await.unwrap();
    assert!(stopped.was_ready && stopped.store_closed && stopped.parts_aborted.is_empty(), "{stopped:?}");
    assert_eq!(stopped.started, [Part::AdminListener, Part::BackgroundParts, Part::PublicListener, Part::Readiness]);
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(get_text(&two, "/name").await, (200, "two".to_owned()));
    two.stop().await.unwrap();
}

#[tokio::test]
async fn the_handle_hands_out_the_context_of_the_routes() {
    let running = Service::new(build_info!()).start(ANYWHERE).await.unwrap();
    let context = running.ready().await.unwrap();
    assert!(!context.stop().is_requested());
    running.stop().await.unwrap();
    assert!(context.stop().is_requested());
}

#[tokio::test]
async fn a_startup_error_is_the_error_of_ready_and_of_stop() {
    let duplicate = || Router::new().route("/twice", get(async || ""));
    let service = Service::new(build_info!()).routes(move |_context| duplicate()).routes(move |_context| duplicate());
    let running = service.start(ANYWHERE).await.unwrap();
    let not_ready = running.ready().await.unwrap_err();
    assert!(not_ready.to_string().contains("/twice"), "{not_ready}");
    assert!(matches!(running.stop().await, Err(Failed::Routes { listener: "public", .. })));

    let mistakes = Service::new(build_info!()).start(["--port=none", "--max-in-flight=0"]).await.unwrap_err();
    assert!(mistakes.to_string().starts_with("2 settings are wrong:"), "{mistakes}");
}

#[tokio::test]
async fn dropping_the_handle_stops_the_service() {
    let running = Service::new(build_info!()).start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let address = running.public();
    drop(running);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_that_streams_ends_when_the_drain_begins() {
    let service = Service::new(build_info!()).routes(|context| {
        let stop = context.stop();
        let events = get(async move || {
            let stop = stop.clone();
            let first = futures_util::stream::iter(["first\n"]);
            let never = futures_util::StreamExt::take_until(futures_util::stream::pending(), async move {
                stop.requested().await;
            });
            let last = futures_util::stream::iter(["last\n"]);
            let all = futures_util::StreamExt::chain(futures_util::StreamExt::chain(first, never), last);
            let bytes = futures_util::StreamExt::map(all, Ok::<_, std::convert::Infallible>);
            evenkeel::axum::body::Body::from_stream(bytes)
        });
        Router::new().route("/events", events)
    });
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let mut socket = TcpStream::connect(running.public()).await.unwrap();
    socket.write_all(b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"first\n\r\n") {
        assert_ne!(socket.read_buf(&mut heard).await.unwrap(), 0);
    }
    let stopped = running.stop().await.unwrap();
    socket.read_to_end(&mut heard).await.unwrap();
    let heard = String::from_utf8(heard).unwrap();
    assert!(heard.ends_with("5\r\nlast\n\r\n0\r\n\r\n"), "the answer has its end: {heard:?}");
    assert_eq!(stopped.connections_cut, 0);
}

#[tokio::test]
async fn an_upgraded_connection_says_goodbye_before_the_service_has_stopped() {
    let service = Service::new(build_info!()).routes(|context| {
        let stop = context.stop();
        let socket = get(async move |mut request: evenkeel::axum::extract::Request| {
            let upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>().unwrap();
            let stop = stop.clone();
            tokio::spawn(async move {
                let mut socket = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
                stop.requested().await;
                socket.write_all(b"goodbye").await.unwrap();
            });
            (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "echo")])
        });
        Router::new().route("/socket", socket)
    });
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let mut socket = TcpStream::connect(running.public()).await.unwrap();
    let head = "GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        assert_ne!(socket.read_buf(&mut heard).await.unwrap(), 0);
    }
    assert_eq!(running.stop().await.unwrap().connections_cut, 0);
    socket.read_to_end(&mut heard).await.unwrap();
    assert!(heard.ends_with(b"goodbye"), "{}", String::from_utf8_lossy(&heard));
}

#[tokio::test]
async fn limits_are_changed_in_code_for_the_listener_and_for_single_routes() {
    let length = || post(async |body: String| body.len().to_string());
    let service = Service::new(build_info!())
        .limits(|limits: &mut Limits| limits.body_bytes = 10)
        .routes(move |_context| Router::new().route("/small", length()))
        .routes_with(|limits| limits.body_bytes = 100, move |_context| Router::new().route("/large", length()));
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    for (path, bytes, expected) in
        [("/small", 10, 200), ("/small", 11, 413), ("/large", 100, 200), ("/large", 101, 413)]
    {
        let body = "x".repeat(bytes);
        let answer = client.post(&running.url(path)).body("text/plain", body).send().await.unwrap();
        assert_eq!(answer.status.as_u16(), expected, "{path} with {bytes}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_part_that_fails_for_too_long_ends_the_service_with_its_reason() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let rules = evenkeel::RestartRules::default().give_up_after(Some(std::time::Duration::ZERO));
    let spec = evenkeel::ChildSpec::new("hopeless").rules(rules);
    let service = Service::new(build_info!()).background(spec, move |_context, _stop| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { panic!("it never works") }
    });
    let running = service.start(ANYWHERE).await.unwrap();
    let failed = running.wait().await.unwrap_err();
    assert!(matches!(&failed, Failed::Escalated(escalation) if escalation.child == "hopeless"), "{failed}");
    assert_eq!(runs.load(Ordering::Relaxed), 2, "a first failure is never the last word");
}
