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

/// The time of admission for a route, in milliseconds.
async fn admitted_within(running: &Running, route: &str) -> Option<f64> {
    let answer = running.client().get(&running.admin_url("/metrics")).send().await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let line = text.lines().find(|line| {
        line.starts_with("http_admission_route_objective_seconds") && line.contains(&format!("\"{route}\""))
    });
    line?.rsplit_once(' ')?.1.parse::<f64>().ok().map(|seconds| seconds * 1e3)
}

#[tokio::test]
async fn a_promise_for_nearly_all_answers_is_the_objective_of_admission_where_it_is_shorter() {
    for (percent, ms, expected) in [(99.0, 200, 200.0), (99.0, 60_000, 500.0), (95.0, 200, 500.0)] {
        let objective = Objective::route("GET /answer/{id}").latency(percent, Duration::from_millis(ms));
        let running = running(objective).await.unwrap();
        running.ready().await.unwrap();
        running.client().get(&running.url("/answer/200")).send().await.unwrap();
        let route = if expected == 200.0 { "GET /answer/{id}" } else { "/answer/{id}" };
        assert_eq!(admitted_within(&running, route).await, Some(expected), "{percent} {ms}");
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn rules_and_objectives_of_a_route_that_say_two_times_are_an_error_of_the_start() {
    let service = |rules| {
        Service::new(build_info!())
            .routes(move |_context| Router::new().route("/a", get(async || "a")))
            .objective(Objective::route("GET /a").p99(Duration::from_millis(200)))
            .route(rules)
    };
    let (same, other) = (Duration::from_millis(200), Duration::from_millis(300));
    for rules in [RouteRules::of("GET /a").objective(other), RouteRules::of("GET /a").streaming().loosened("events")] {
        let Err(failed) = service(rules).start(ANYWHERE).await else { panic!("it started") };
        assert!(failed.to_string().contains("admission needs one time"), "{failed}");
    }
    let running = service(RouteRules::of("GET /a").objective(same)).start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_refusal_for_the_rate_of_a_client_counts_for_no_objective_and_one_for_the_rate_of_all_is_bad() {
    use evenkeel::resilience::rate_limit::RateRules;
    let one = RateRules::default().rate(1).per(Duration::from_secs(3600)).burst(1);
    for (rules, expected) in [
        (RouteRules::of("GET /a").client_rate_limit(one), ["0", "1"]),
        (RouteRules::of("GET /a").rate_limit(one), ["2", "3"]),
    ] {
        let running = Service::new(build_info!())
            .routes(move |_context| Router::new().route("/a", get(async || "a")))
            .objective(Objective::route("GET /a").availability(99.0))
            .route(rules)
            .start(ANYWHERE)
            .await
            .unwrap();
        running.ready().await.unwrap();
        for status in [200, 429, 429] {
            assert_eq!(running.client().get(&running.url("/a")).send().await.unwrap().status.as_u16(), status);
        }
        assert_eq!(counts(&running, "availability").await, expected);
        running.stop().await.unwrap();
    }
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
