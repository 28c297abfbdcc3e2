//! The requests about runs, events, subscriptions and leases in `docs/guide/admin.md`, against a service with a ratchet that waits.

use std::time::Duration;

use evenkeel::Running;
use evenkeel::prelude::*;
use evenkeel::settings::NoSettings;
use evenkeel::work::run::start_as;
use evenkeel::work::{Event, Expect, LeaseStore, Ratchet, Ratchets, RunInput, Subscription, Subscriptions, append};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin_page::{Row, rows, send};

const JSON: &str = "application/json";

#[derive(Serialize, Deserialize)]
struct Order {}
impl RunInput for Order {
    const KIND: &'static str = "order";
}

struct Started {
    running: Running<NoSettings, Store>,
    context: Context<NoSettings, Store>,
    _folder: tempfile::TempDir,
}

async fn start() -> Started {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/runs.db", folder.path().display());
    let service = Service::new(build_info!()).store(Vec::new()).jobs(|context| {
        let order = Ratchet::<Order>::new().wait("go", Duration::from_secs(3600));
        Ratchets::new(context.store()).with(order).handle_in(Workers::new(context.store()))
    });
    let running = service.start(["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0", &database]).await.unwrap();
    let context = running.ready().await.unwrap();
    Started { running, context, _folder: folder }
}

impl Started {
    async fn ask(&self, row: &Row, id: &str, body: Option<&str>) -> (u16, Value) {
        let named = |text: &str| text.replace("ID", id).replace("NAME", id);
        let (path, body) = (named(row.path), body.map(named));
        let answer = send(&self.running.client(), row, &self.running.admin_url(&path), JSON, body.as_deref()).await;
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Starts a run, and waits until it waits.
    async fn run(&self, id: &'static str) {
        let begun: Result<_, WorkError> =
            self.context.store().write(|tx| Box::pin(async move { start_as(tx, id, &Order {}).await })).await;
        begun.unwrap();
        let get = Row { method: "GET", path: "/runs/ID", body: None };
        for _ in 0..3_000 {
            if self.ask(&get, id, None).await.1["run"]["state"] == "waiting" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the run {id} does not wait");
    }

    /// Makes a run need a decision, as one does that fits no step any more.
    async fn stop(&self, id: &'static str) {
        let stop = "UPDATE evenkeel_run SET state = 5 WHERE message_id = $1";
        let stopped: Result<u64, StoreError> =
            self.context.store().write(|tx| Box::pin(async move { tx.execute(stop, args![id]).await })).await;
        assert_eq!(stopped.unwrap(), 1);
    }

    fn events(&self) -> usize {
        let past = self.context.registry().bus().after(0).events;
        past.iter().filter(|event| ["runs", "subscriptions", "leases"].contains(&event.part)).count()
    }
}

#[tokio::test]
async fn every_request_about_runs_subscriptions_and_leases_is_answered_as_the_page_says_and_changes_are_events() {
    let started = start().await;
    let store = started.context.store();
    let daily = Subscription::fold("daily", |_tx, _event| Box::pin(async { Ok(()) }));
    Subscriptions::new(store).with(daily).catch_up("daily").await.unwrap();
    let fence = LeaseStore::new(store).take("night", "me", Duration::from_secs(3600)).await.unwrap().unwrap();
    let rows: Vec<Row> = rows().into_iter().filter(Row::is_of_runs).collect();
    assert!(rows.len() >= 12, "{rows:?}");
    let ids = ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"];
    for (row, id) in rows.iter().filter(|row| row.path.starts_with("/runs/")).zip(ids) {
        started.run(id).await;
        match (row.body, row.path) {
            (Some(_), "/runs/ID/cancel") | (None, _) => {}
            _ => started.stop(id).await,
        }
    }
    let mut ids = ids.iter();
    let mut changes = 0;
    for row in &rows {
        let id = match row.path {
            path if path.starts_with("/runs/") => *ids.next().unwrap(),
            path if path.starts_with("/leases") => "night",
            _ => "daily",
        };
        let Some(body) = row.body else {
            assert_eq!(started.ask(row, id, None).await.0, 200, "{row:?}");
            continue;
        };
        let body = body.replace('7', &fence.to_string());
        for wrong in [body.replace("\"author\"", "\"signed\""), body.replace('…', "")] {
            assert_eq!(started.ask(row, id, Some(&wrong)).await.0, 422, "{row:?} with {wrong}");
        }
        let missing = if row.path.starts_with("/leases") { 409 } else { 404 };
        if !row.path.ends_with("/version") {
            assert_eq!(started.ask(row, "nobody", Some(&body)).await.0, missing, "{row:?}");
        }
        assert_eq!(started.events(), changes, "a refused change is no event");
        assert_eq!(started.ask(row, id, Some(&body)).await.0, 204, "{row:?}");
        changes += 1;
        assert_eq!(started.events(), changes);
    }
    let list = |path| Row { method: "GET", path, body: None };
    let (_, stopped) = started.ask(&list("/runs?kind=order&state=needs_decision"), "", None).await;
    assert_eq!(stopped["runs"].as_array().map(Vec::len), Some(1), "only the run of another version waits: {stopped}");
    assert_eq!(stopped["runs"][0]["version"], 2);
    let (status, _) = started.ask(&list("/runs?state=lost"), "", None).await;
    assert_eq!(status, 422);
    let (_, leases) = started.ask(&list("/leases"), "", None).await;
    assert_eq!(
        (leases["leases"][0]["left_seconds"].as_f64(), leases["leases"][0]["fence"].as_i64()),
        (Some(0.0), Some(fence))
    );
    let (_, subscriptions) = started.ask(&list("/subscriptions"), "", None).await;
    assert_eq!(subscriptions["subscriptions"][0]["state"], "active");
    started.running.stop().await.unwrap();
}

#[derive(Serialize, Deserialize)]
struct Ordered {
    number: i64,
}
impl Event for Ordered {
    const KIND: &'static str = "ordered";
}

#[tokio::test]
async fn events_are_read_page_by_page_in_their_order_and_a_wrong_position_is_refused() {
    let started = start().await;
    let appended: Result<_, WorkError> = started
        .context
        .store()
        .write(|tx| {
            let orders: Vec<Ordered> = (0..150).map(|number| Ordered { number }).collect();
            Box::pin(async move { append(tx, "orders", Expect::NoStream, &orders).await })
        })
        .await;
    appended.unwrap();
    let page = async |after: &str| {
        let path = format!("/events?after={after}");
        let url = started.running.admin_url(&path);
        let row = Row { method: "GET", path: "/events", body: None };
        let answer = send(&started.running.client(), &row, &url, JSON, None).await;
        (answer.status.as_u16(), serde_json::from_slice::<Value>(&answer.body).unwrap_or_default())
    };
    let (status, first) = page("").await;
    assert_eq!((status, first["events"].as_array().map(Vec::len)), (200, Some(100)));
    assert_eq!((&first["events"][7]["payload"]["number"], &first["events"][7]["version"]), (&json!(7), &json!(8)));
    let next = first["next"].as_str().unwrap();
    assert_eq!(first["events"][99]["cursor"], next);
    let (_, second) = page(next).await;
    assert_eq!((second["events"].as_array().map(Vec::len), &second["next"]), (Some(50), &Value::Null));
    assert_eq!(second["events"][0]["payload"]["number"], 100);
    assert_eq!(second["events"][49]["cursor"], second["end"]);
    let (status, problem) = page("yesterday").await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap_or_default().contains("no position in the event log"), "{problem}");
    started.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_change_that_does_not_fit_the_state_of_a_run_is_refused() {
    let started = start().await;
    started.run("r1").await;
    let signed = r#"{"confirm": "ID", "author": "ada", "reason": "why"}"#;
    for path in ["/runs/ID/resume", "/runs/ID/undo", "/runs/ID/abandon"] {
        let row = Row { method: "POST", path, body: None };
        let (status, problem) = started.ask(&row, "r1", Some(signed)).await;
        assert_eq!(status, 409, "{path}");
        assert!(
            problem["detail"].as_str().unwrap_or_default().starts_with("nothing was changed: only a run"),
            "{problem}"
        );
    }
    assert_eq!(started.events(), 0);
    started.running.stop().await.unwrap();
}
