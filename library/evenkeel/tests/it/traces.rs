//! Traces of a service, from its callers through it to its dependency and the collector.

use std::time::{Duration, Instant};

use evenkeel::axum::http::HeaderMap;
use evenkeel::prelude::*;
use evenkeel::{Failed, Running};
use tokio::net::TcpListener;

use crate::collector::Collector;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A dependency that answers with the trace headers that it got.
async fn echo() -> Running {
    let text =
        |headers: &HeaderMap, name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let routes = Router::new().route(
        "/echo",
        get(async move |headers: HeaderMap| {
            format!("{} {}", text(&headers, "traceparent"), text(&headers, "tracestate"))
        }),
    );
    let running = Service::new(build_info!()).routes(move |_context| routes).start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    running
}

/// A service that calls the dependency, and one route that fails.
async fn service(dependency: &Running, collector: &str, more: &[&str]) -> Running {
    let url = dependency.url("/");
    let call = async |State(context): State<Context>| {
        let answer = context.client().dependency("echo").get("/echo").send().await.unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let fail = async || StatusCode::INTERNAL_SERVER_ERROR;
    let endpoint = format!("--otlp-endpoint={collector}");
    let arguments: Vec<&str> = ANYWHERE.into_iter().chain([&*endpoint]).chain(more.iter().copied()).collect();
    let running = Service::new(build_info!())
        .dependency("echo", move |_settings| Dependency::http(&url))
        .routes(move |context| {
            Router::new().route("/call/{id}", get(call)).route("/fail", get(fail)).with_state(context.clone())
        })
        .start(arguments)
        .await
        .unwrap();
    running.ready().await.unwrap();
    running
}

#[tokio::test]
async fn a_sampled_request_is_exported_with_its_call_whose_span_the_dependency_continues() {
    let (collector, url) = Collector::start().await;
    let dependency = echo().await;
    let settings = ["--otlp-headers=x-key=a%20b", "--service-name=books", "--resource-attributes=service.version=7"];
    let running = service(&dependency, &url, &settings).await;
    let call = running.client();
    let call = call.get(&running.url("/call/7")).header("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    let answer = call.header("tracestate", "rojo=1,ot=th:8").header("x-request-id", "r-7").send().await.unwrap();
    let received = String::from_utf8(answer.body.to_vec()).unwrap();
    running.stop().await.unwrap();
    dependency.stop().await.unwrap();

    let spans = collector.spans();
    let [client, server] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&*server.name, server.kind, &*server.parent), ("GET /call/{id}", 2, CALLER));
    assert_eq!((server.text("http.route"), server.text("url.path")), (Some("/call/{id}"), Some("/call/7")));
    assert_eq!((server.text("http.response.status_code"), server.text("request.id")), (Some("200"), Some("r-7")));
    assert_eq!((&*client.name, client.kind, &client.parent), ("GET", 3, &server.id));
    assert_eq!(
        (client.text("service.peer.name"), client.text("http.response.status_code")),
        (Some("echo"), Some("200"))
    );
    assert_eq!(received, format!("00-{TRACE}-{}-01 rojo=1,ot=th:8", client.id));
    assert!(spans.iter().all(|span| span.trace == TRACE && span.state == "rojo=1,ot=th:8"), "{spans:?}");
    let resource = collector.resource();
    for (name, value) in [("service.name", "books"), ("service.version", "7")] {
        assert!(resource.contains(&(name.to_owned(), value.to_owned())), "{resource:?}");
    }
    let headers = &collector.headers()[0];
    assert!(headers["content-type"] == "application/x-protobuf" && headers["x-key"] == "a b", "{headers:?}");
}

#[tokio::test]
async fn of_requests_that_are_not_sampled_the_failed_one_is_exported() {
    let (collector, url) = Collector::start().await;
    let dependency = echo().await;
    let running = service(&dependency, &url, &["--traces-sampler=always_off"]).await;
    for path in ["/call/1", "/fail", "/call/2"] {
        running.client().get(&running.url(path)).send().await.unwrap();
    }
    running.stop().await.unwrap();
    let spans = collector.spans();
    let [failed] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&*failed.name, failed.text("sampling.reason")), ("GET /fail", Some("error")));
    assert_eq!((failed.text("error.type"), &*failed.state), (Some("500"), ""));
}

#[tokio::test]
async fn a_collector_that_takes_connections_and_never_answers_changes_no_answer_and_the_service_ends() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let dependency = echo().await;
    let running = service(&dependency, &url, &["--traces-sampler=always_on", "--traces-schedule-delay=1"]).await;
    for n in 0..50 {
        let answer = running.client().get(&running.url(&format!("/call/{n}"))).send().await.unwrap();
        assert_eq!(answer.status, 200);
    }
    let began = Instant::now();
    let stopped = running.stop().await.unwrap();
    assert!(stopped.parts_aborted.is_empty(), "{stopped:?}");
    // 2 s for the last batches; the rest is for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn wrong_settings_of_traces_are_reported_before_the_start() {
    let arguments = ["--otlp-protocol=grpc", "--traces-sampler-arg=2", "--otlp-endpoint=collector:4317"];
    let Err(Failed::Settings(refused)) = Service::new(build_info!()).start(arguments).await else {
        panic!("it starts");
    };
    let text = refused.to_string();
    for expected in ["OTEL_EXPORTER_OTLP_PROTOCOL", "4318", "OTEL_TRACES_SAMPLER_ARG", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

/// Reads an export by OpenTelemetry's own messages, and prints its spans as JSON: a line each.
const READ: &str = "
import json, sys
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = ExportTraceServiceRequest.FromString(sys.stdin.buffer.read())
for resource in request.resource_spans:
    for scope in resource.scope_spans:
        for span in scope.spans:
            attributes = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
            print(json.dumps([span.name, span.kind, span.trace_id.hex(), span.trace_state, span.flags, attributes['http.request.method'],
                              span.end_time_unix_nano >= span.start_time_unix_nano > 1700000000000000000]))
";

#[tokio::test]
#[ignore = "needs OpenTelemetry's Python package: make setup-tests-long"]
async fn the_python_package_of_opentelemetry_reads_an_export() {
    use std::io::Write;
    let (collector, url) = Collector::start().await;
    let dependency = echo().await;
    let running = service(&dependency, &url, &[]).await;
    let call = running.client();
    let call = call.get(&running.url("/call/7")).header("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    call.header("tracestate", "a=1").send().await.unwrap();
    running.stop().await.unwrap();
    let python = match std::env::var_os("EVENKEEL_TEST_PYTHON") {
        Some(python) => python.into(),
        None => std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/python"),
    };
    let read = std::process::Command::new(python)
        .args(["-c", READ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut read = read.expect("Python is there: make setup-tests-long");
    read.stdin.take().unwrap().write_all(&collector.bodies()[0]).unwrap();
    let output = read.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "[\"GET\", 3, \"{TRACE}\", \"a=1\", 257, \"GET\", true]\n[\"GET /call/{{id}}\", 2, \"{TRACE}\", \"a=1\", 769, \"GET\", true]\n"
    );
    assert_eq!(lines, expected);
}
