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
async fn counts(running: &Running, kind: &str) -> [String; 2] {
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
async fn an_objective_that_cannot_be_held_is_an_error_of_the_start() {
    let error = running(Objective::route("GET /answer/{id}").availability(100.0)).await.unwrap_err().to_string();
    assert!(error.contains("no budget"), "{error}");
    let running = running(Objective::route("GET /answers").availability(99.0)).await.unwrap();
    let error = running.ready().await.unwrap_err().to_string();
    assert!(error.contains("no route \"/answers\""), "{error}");
    running.stop().await.unwrap_err();
}
