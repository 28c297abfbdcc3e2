//! Reports of failures: groups, their reports, and what is in none of them.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

use evenkeel::client::Client;
use evenkeel::prelude::*;
use evenkeel::url::Url;
use serde_json::Value;
use tokio::sync::Notify;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
/// A secret in a header and in a body.
const MARKER: &str = "m4rk3r-0f-4-s3cr3t";

#[derive(Debug, thiserror::Error)]
#[error("the order cannot be stored")]
struct OrderError(#[source] Error);

fn routes(context: &Context) -> Router {
    let client = context.client().clone();
    let context = context.clone();
    let fails = async |_body: String| {
        evenkeel::note_error(&OrderError(Error::new(ErrorKind::StorageFull, "password=hunter22 at disk 7")));
        evenkeel::tracing::warn!(disk = 7, "no room");
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let panics = async || -> StatusCode { panic!("no such drawer") };
    let calls = async move || match client.dependency("bank").get("/balance").send().await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => context.refusal(&error).into_response(),
    };
    Router::new()
        .route("/fails/{id}", post(fails))
        .route("/panics", get(panics))
        .route("/calls", get(calls))
        .route("/works", get(async || "works"))
        .route("/unavailable", get(async || StatusCode::SERVICE_UNAVAILABLE))
}

async fn json(client: &Client, url: &Url) -> Value {
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status.as_u16(), 200, "{url}");
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn equal_failures_are_one_group_with_one_report_that_explains_them_and_has_no_secret() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bank = Url::parse(&format!("http://{}", nobody.local_addr().unwrap())).unwrap();
    drop(nobody);
    let service = Service::new(build_info!()).dependency("bank", move |_: &_| Dependency::http(&bank)).routes(routes);
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    for id in 0..20 {
        let call = client.post(&running.url(&format!("/fails/{id}?token={MARKER}&page=2")));
        let call = call.body("application/json", format!("{{\"note\":\"{MARKER}\"}}")).header("x-note", MARKER);
        let answer = call.header("user-agent", "test/1").header("authorization", &format!("Bearer {MARKER}")).send();
        assert_eq!(answer.await.unwrap().status.as_u16(), 500);
    }
    for path in ["/panics", "/calls", "/works", "/unavailable", "/nowhere"] {
        client.get(&running.url(path)).send().await.unwrap();
    }

    let all = json(&client, &running.admin_url("/debug/errors")).await;
    let groups = all["errors"].as_array().unwrap();
    assert_eq!(groups.len(), 4, "{all}");
    let of = |name: &str| groups.iter().find(|group| group["name"] == name).unwrap_or_else(|| panic!("{name}: {all}"));
    let group = of("/fails/{id}");
    assert_eq!((&group["count"], &group["report_count"]), (&20.into(), &1.into()), "{group}");
    assert!(group["kind"].as_str().unwrap().ends_with("OrderError"), "{group}");
    assert!(group["place"].as_str().unwrap().contains("tests/it/errors.rs:"), "{group}");
    assert_eq!(of("/panics")["kind"], "panic");
    assert_eq!(of("/panics")["message"], "no such drawer");
    assert_eq!(of("/unavailable")["kind"], "status 503");

    let fingerprint = group["fingerprint"].as_str().unwrap();
    let one = json(&client, &running.admin_url(&format!("/debug/errors/{fingerprint}"))).await;
    let report = &one["reports"][0];
    assert_eq!(report["causes"][0], "the order cannot be stored");
    assert_eq!(report["causes"][1], "password=[redacted] at disk 7");
    let work = &report["work"];
    assert_eq!(
        (&work["route"], &work["method"], &work["status"]),
        (&"/fails/{id}".into(), &"POST".into(), &500.into())
    );
    assert_eq!((&work["path"], &work["query"]), (&"/fails/0".into(), &"token=[redacted]&page=2".into()));
    assert_eq!(
        (&work["headers"]["content-type"], &work["headers"]["user-agent"]),
        (&"application/json".into(), &"test/1".into())
    );
    assert!(work["deadline_left_ms"].as_f64().unwrap() > 0.0 && work["id"].as_str().is_some(), "{work}");
    assert_eq!(report["trace"]["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(
        (&report["service"]["name"], &report["service"]["version"]),
        (&"evenkeel".into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert!(report["load"]["in_flight_limit"].as_u64().is_some(), "{report}");
    assert_eq!(report["policies"][0]["name"], "bank", "{report}");
    assert!(report["events"].as_array().is_some_and(|events| !events.is_empty()), "{report}");
    assert!(!one.to_string().contains(MARKER) && !all.to_string().contains(MARKER), "{one}");

    let fingerprint = of("/calls")["fingerprint"].as_str().unwrap();
    let one = json(&client, &running.admin_url(&format!("/debug/errors/{fingerprint}"))).await;
    let steps = one["reports"][0]["steps"].as_array().unwrap().clone();
    let call = steps.iter().find(|step| step["step"] == "call").unwrap_or_else(|| panic!("{one}"));
    assert_eq!((&call["peer"], &call["attempt"], &call["outcome"]), (&"bank".into(), &1.into(), &"connect".into()));
    assert!(call["at_ms"].as_f64().is_some() && call["took_ms"].as_f64().is_some(), "{call}");

    let mut asked = running.admin_url("/debug/query");
    asked.set_query(Some("sql=SELECT failures, kind FROM errors ORDER BY failures DESC"));
    let rows = json(&client, &asked).await;
    assert_eq!(rows["rows"][0][0], 20, "{rows}");
    let part = json(&client, &running.admin_url("/health?part=errors,error_reports")).await;
    assert_eq!(part["vitals"]["errors"].as_array().unwrap().len(), 4);
    assert_eq!(part["vitals"]["error_reports"][0]["failures"], 23);
    let metrics = client.get(&running.admin_url("/metrics")).send().await.unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains("error_reports_failures_total 23") && !metrics.contains(fingerprint), "{metrics}");
    let page = |path: &str| running.admin_url(path);
    let shown = client.get(&page("/console/errors")).send().await.unwrap();
    let shown = String::from_utf8_lossy(&shown.body).into_owned();
    assert!(shown.contains(&format!("/console/errors/{fingerprint}")), "{shown}");
    let shown = client.get(&page(&format!("/console/errors/{fingerprint}"))).send().await.unwrap();
    let shown = String::from_utf8_lossy(&shown.body).into_owned();
    assert!(shown.contains("bank") && shown.contains("Report of"), "{shown}");
    let shown = client.get(&page("/console/errors/0000")).send().await.unwrap();
    assert_eq!(shown.status.as_u16(), 404);
    let unknown = client.get(&running.admin_url("/debug/errors/0000")).send().await.unwrap();
    assert_eq!(unknown.status.as_u16(), 404);
    running.stop().await.unwrap();
}

/// A Sentry that keeps the envelopes that it gets.
async fn sentry(envelopes: Arc<Mutex<Vec<(String, String)>>>, got: Arc<Notify>) -> String {
    let keep = async move |headers: evenkeel::axum::http::HeaderMap, body: String| {
        let key = headers.get("x-sentry-auth").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        envelopes.lock().unwrap().push((key.unwrap_or_default(), body));
        got.notify_one();
        "{}"
    };
    let routes = Router::new().route("/api/42/envelope/", post(keep));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { evenkeel::axum::serve(listener, routes).await });
    format!("http://k3y@{address}/42")
}

#[tokio::test]
async fn reports_go_to_a_sentry_once_for_equal_failures_and_the_last_ones_before_the_end() {
    let (envelopes, got) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
    let dsn = sentry(envelopes.clone(), got.clone()).await;
    let bank = Url::parse("http://127.0.0.1:1").unwrap();
    let service = Service::new(build_info!()).dependency("bank", move |_: &_| Dependency::http(&bank)).routes(routes);
    let dsn = format!("--sentry-dsn={dsn}");
    let running = service.start([ANYWHERE[0], ANYWHERE[1], ANYWHERE[2], &dsn]).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    for _ in 0..20 {
        let call = client.post(&running.url("/fails/7")).body("text/plain", MARKER).header("x-note", MARKER);
        assert_eq!(call.send().await.unwrap().status.as_u16(), 500);
    }
    got.notified().await;
    client.get(&running.url("/panics")).send().await.unwrap();
    running.stop().await.unwrap();
    let envelopes = envelopes.lock().unwrap();
    assert_eq!(envelopes.len(), 2, "{envelopes:?}");
    assert!(envelopes.iter().all(|(key, body)| key.ends_with("sentry_key=k3y") && !body.contains(MARKER)));
    let event: Value = serde_json::from_str(envelopes[0].1.lines().nth(2).unwrap()).unwrap();
    assert_eq!(event["exception"]["values"][1]["value"], "the order cannot be stored", "{event}");
    assert_eq!(event["transaction"], "POST /fails/{id}");
    assert!(envelopes[1].1.contains("no such drawer"));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn an_attempt_of_a_job_that_fails_is_a_failure_with_its_calls() {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Letter;

    impl Job for Letter {
        const KIND: &'static str = "letter";
        const QUEUE: &'static str = "letters";
    }

    let folder = tempfile::tempdir().unwrap();
    let (tried, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let bank = Url::parse("http://127.0.0.1:1").unwrap();
    let (tries, ends) = (tried.clone(), ended.clone());
    let service = Service::new(build_info!())
        .store(Vec::new())
        .dependency("bank", move |_settings| Dependency::http(&bank))
        .routes(|context| {
            let store = context.store().clone();
            let ask = async move || {
                let asked = store.write(|tx| Box::pin(async move { enqueue(tx, &Letter).await }));
                asked.await.map_or(StatusCode::INTERNAL_SERVER_ERROR, |_| StatusCode::ACCEPTED)
            };
            Router::new().route("/ask", post(ask))
        })
        .jobs(move |context| {
            let (client, tries, ends) = (context.client().clone(), tries.clone(), ends.clone());
            Workers::new(context.store()).handle(move |_: Letter, _job| {
                let (client, tries, ends) = (client.clone(), tries.clone(), ends.clone());
                async move {
                    tries.notify_one();
                    let answer = client.dependency("bank").get("/").send().await;
                    ends.notify_one();
                    answer?;
                    Ok::<_, JobError>(())
                }
            })
        });
    let database = format!("--database-url=sqlite:{}/jobs.db", folder.path().display());
    let running = service.start(ANYWHERE.into_iter().chain([&*database])).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    assert_eq!(client.post(&running.url("/ask")).send().await.unwrap().status.as_u16(), 202);
    tried.notified().await;
    ended.notified().await;
    let group = loop {
        let all = json(&client, &running.admin_url("/debug/errors")).await;
        if let Some(group) = all["errors"].as_array().and_then(|groups| groups.first()) {
            break group.clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&group["work"], &group["name"]), (&"job".into(), &"letter".into()), "{group}");
    assert!(group["kind"].as_str().unwrap().starts_with("call to bank"), "{group}");
    running.stop().await.unwrap();
}
