//! Objectives of a running service.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::{Failed, Running};

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

async fn running(objective: Objective) -> Result<Running, Failed> {
    let answer = async |Path(id): Path<u16>| StatusCode::from_u16(id).unwrap();
    Service::new(build_info!())
        .routes(move |_context| Router::new().route("/answer/{id}", get(answer)))
        .objective(objective)
        .start(ANYWHERE)
        .await
}

/// The counts of bad answers and of all, of one kind of objective.
async fn counts<D: evenkeel::Database>(
    running: &Running<evenkeel::settings::NoSettings, D>,
    kind: &str,
) -> [String; 2] {
    let answer = running.client().get(&running.admin_url("/metrics")).send().await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    ["objective_bad_total", "objective_events_total"].map(|metric| {
        let is_it = |line: &&str| line.starts_with(metric) && line.contains(&format!(r#"kind="{kind}""#));
        let line = text.lines().find(is_it).unwrap_or_else(|| panic!("{metric} of {kind} is not in\n{text}"));
        line.rsplit_once(' ').unwrap().1.to_owned()
    })
}

#[tokio::test]
async fn answers_of_the_route_are_counted_from_zero() {
    let objective = Objective::route("GET /answer/{id}").availability(99.0).p99(Duration::from_secs(60));
    let running = running(objective).await.unwrap();
    running.ready().await.unwrap();
    assert_eq!(counts(&running, "availability").await, ["0", "0"]);
    for status in [200, 404, 500, 503] {
        running.client().get(&running.url(&format!("/answer/{status}"))).send().await.unwrap();
    }
    running.client().get(&running.url("/elsewhere")).send().await.unwrap();
    assert_eq!(counts(&running, "availability").await, ["2", "4"]);
    assert_eq!(counts(&running, "latency").await, ["0", "2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn calls_to_a_dependency_are_counted_with_those_that_have_no_answer() {
    let answer = async |Path(status): Path<u16>| StatusCode::from_u16(status).unwrap();
    let bank = Service::new(build_info!()).routes(move |_context| Router::new().route("/{status}", get(answer)));
    let bank = bank.start(ANYWHERE).await.unwrap();
    bank.ready().await.unwrap();
    let url = bank.url("/");
    let service = || {
        let url = url.clone();
        Service::new(build_info!()).dependency("bank", move |_| Dependency::http(&url))
    };
    let objective = |name: &str| Objective::dependency(name).availability(90.0).p99(Duration::from_secs(60));
    let running = service().objective(objective("bank")).start(ANYWHERE).await.unwrap();
    let context = running.ready().await.unwrap();
    let call = async |status: u16| {
        let _ = context.client().dependency("bank").get(&format!("/{status}")).repeatable(false).send().await;
    };
    for status in [200, 404, 500] {
        call(status).await;
    }
    assert_eq!(counts(&running, "availability").await, ["1", "3"]);
    bank.stop().await.unwrap();
    call(200).await;
    assert_eq!(counts(&running, "availability").await, ["2", "4"]);
    assert_eq!(counts(&running, "latency").await, ["0", "2"]);
    running.stop().await.unwrap();

    let running = service().objective(objective("mint")).start(ANYWHERE).await.unwrap();
    let error = running.ready().await.unwrap_err().to_string();
    assert!(error.contains("no dependency \"mint\""), "{error}");
    running.stop().await.unwrap_err();
}

#[cfg(feature = "sqlite")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Letter {
    fails: bool,
}

#[cfg(feature = "sqlite")]
impl Job for Letter {
    const KIND: &'static str = "letter";
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn attempts_of_jobs_are_counted_by_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/jobs.db", folder.path().display());
    let handler = async |letter: Letter, _context| match letter.fails {
        false => Ok(()),
        true => Err(JobError::permanent("no such address")),
    };
    let running = Service::new(build_info!())
        .store(Vec::new())
        .jobs(move |context| Workers::new(context.store()).handle(handler))
        .objective(Objective::job("letter").availability(90.0).p99(Duration::from_secs(60)))
        .objective(Objective::job("parcel").availability(90.0).without_alerts())
        .start(ANYWHERE.into_iter().chain([&*database]))
        .await
        .unwrap();
    let context = running.ready().await.unwrap();
    for fails in [false, true, false] {
        let enqueued =
            context.store().write(|tx| Box::pin(async move { enqueue(tx, &Letter { fails }).await.map(drop) }));
        enqueued.await.map_err(|error: WorkError| error).unwrap();
    }
    // The first of the table is that of letters; the other one stays at zero.
    let since = std::time::Instant::now();
    while counts(&running, "availability").await != ["1", "3"] {
        assert!(since.elapsed() < Duration::from_secs(30), "{:?}", counts(&running, "availability").await);
        tokio::task::yield_now().await;
    }
    assert_eq!(counts(&running, "latency").await, ["0", "2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_objective_that_cannot_be_held_is_an_error_of_the_start() {
    let error = running(Objective::route("GET /answer/{id}").availability(100.0)).await.unwrap_err().to_string();
    assert!(error.contains("no budget"), "{error}");
    let running = running(Objective::route("GET /answers").availability(99.0)).await.unwrap();
    let error = running.ready().await.unwrap_err().to_string();
    assert!(error.contains("no route \"/answers\""), "{error}");
    running.stop().await.unwrap_err();
}
