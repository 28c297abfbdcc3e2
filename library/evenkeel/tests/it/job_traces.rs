//! The trace of a request goes on in its jobs: to their calls, and to the collector.

use std::sync::Arc;

use evenkeel::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::collector::Collector;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[derive(Serialize, Deserialize)]
struct Letter;

impl Job for Letter {
    const KIND: &'static str = "letter";
    const QUEUE: &'static str = "letters";
}

async fn ask(State(context): State<Context<evenkeel::settings::NoSettings, Store>>) -> StatusCode {
    let asked = context.store().write(|tx| Box::pin(async move { enqueue(tx, &Letter).await }));
    asked.await.map_or(StatusCode::INTERNAL_SERVER_ERROR, |_| StatusCode::ACCEPTED)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_of_a_job_is_a_span_of_the_request_that_enqueued_it_and_the_parent_of_its_calls() {
    let (collector, url) = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let done = Arc::new(Notify::new());
    let (peer, ended) = (url.parse().unwrap(), done.clone());
    let service = Service::new(build_info!())
        .store(Vec::new())
        .dependency("printer", move |_settings| Dependency::http(&peer))
        .routes(|context| Router::new().route("/ask", post(ask)).with_state(context.clone()))
        .jobs(move |context| {
            let (client, ended) = (context.client().clone(), ended.clone());
            Workers::new(context.store()).handle(move |_: Letter, _job| {
                let (client, ended) = (client.clone(), ended.clone());
                async move {
                    // Any answer does.
                    client.dependency("printer").get("/letters").send().await?;
                    ended.notify_one();
                    Ok::<_, JobError>(())
                }
            })
        });
    let database = format!("--database-url=sqlite:{}/jobs.db", folder.path().display());
    let endpoint = format!("--otlp-endpoint={url}");
    let running = service.start(ANYWHERE.into_iter().chain([&*database, &*endpoint])).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    let call = client.post(&running.url("/ask"));
    let answer = call.header("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01")).send().await.unwrap();
    assert_eq!(answer.status, 202);
    done.notified().await;
    running.stop().await.unwrap();

    let spans = collector.spans();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:?}"));
    let (request, attempt) = (find("POST /ask"), find("process letters"));
    let call = spans.iter().find(|span| span.text("service.peer.name") == Some("printer")).unwrap();
    assert!([request, attempt, call].iter().all(|span| span.trace == TRACE), "{spans:?}");
    assert_eq!((attempt.kind, &attempt.parent), (5, &request.id));
    assert_eq!((call.kind, &call.parent), (3, &attempt.id));
    assert_eq!((attempt.text("job.kind"), attempt.text("job.attempt")), (Some("letter"), Some("1")));
    assert!(attempt.text("messaging.message.id").unwrap().starts_with("msg_"));
}
