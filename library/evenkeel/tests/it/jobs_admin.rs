//! The requests about jobs in `docs/guide/admin.md`, and the subcommand `jobs`, against a service with a job, a dead letter and a schedule.

use evenkeel::Running;
use evenkeel::prelude::*;
use evenkeel::settings::NoSettings;
use evenkeel::vitals::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin_page::{Row, rows, send};

const JSON: &str = "application/json";

#[derive(Serialize, Deserialize)]
struct Letter {
    n: i64,
}
impl Job for Letter {
    const KIND: &'static str = "letter";
}

fn service() -> Service<NoSettings, Store> {
    Service::new(build_info!()).store(Vec::new()).jobs(|context| {
        let fails = async |_: Letter, _: JobContext| Err::<(), _>(JobError::permanent("no such address"));
        let yearly = Schedule::new("yearly", "0 0 1 1 *");
        Workers::new(context.store()).handle(fails).schedule(yearly, |_slot| Letter { n: 2 }.job())
    })
}

struct Started {
    running: Running<NoSettings, Store>,
    context: Context<NoSettings, Store>,
    database: String,
    _folder: tempfile::TempDir,
}

async fn start() -> Started {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/jobs.db", folder.path().display());
    let arguments = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0", &database];
    let running = service().start(arguments).await.unwrap();
    let context = running.ready().await.unwrap();
    Started { running, context, database, _folder: folder }
}

impl Started {
    /// Adds a job for the far future, or one that fails at once.
    async fn add(&self, n: i64, later: bool) -> i64 {
        let added: Result<_, WorkError> = self
            .context
            .store()
            .write(|tx| {
                let seconds = if later { 86_400 } else { 0 };
                let job = Letter { n }.job().after(std::time::Duration::from_secs(seconds));
                Box::pin(async move { enqueue(tx, job).await })
            })
            .await;
        added.unwrap().id
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.running.client().get(&self.running.admin_url(path)).send().await.unwrap();
        assert_eq!(answer.status.as_u16(), 200, "{path}: {answer:?}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Waits for the dead letter of a job that failed.
    async fn dead_letter(&self) -> i64 {
        for _ in 0..3_000 {
            if let Some(id) = self.get("/dead-letters").await["dead_letters"][0]["id"].as_i64() {
                return id;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the job did not become a dead letter");
    }

    /// The events of operators on the bus.
    fn events(&self) -> Vec<Event> {
        let past = self.context.registry().bus().after(0).events;
        past.iter().filter(|event| event.part == "jobs").map(|event| Event::clone(event)).collect()
    }

    /// The answer's status, for a request of the page to this id or name.
    async fn ask(&self, row: &Row, media_type: &str, id: i64, name: &str, body: Option<&str>) -> (u16, Value) {
        let path = row.path.replace("ID", &id.to_string()).replace("NAME", name);
        let body = body.map(|body| body.replace("[1]", &format!("[{id}]")).replace("\"1\"", &format!("\"{id}\"")));
        let answer =
            send(&self.running.client(), row, &self.running.admin_url(&path), media_type, body.as_deref()).await;
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

#[tokio::test]
async fn every_request_about_jobs_is_answered_as_the_page_says_and_changes_are_events() {
    let started = start().await;
    let rows: Vec<Row> = rows().into_iter().filter(Row::is_of_jobs).collect();
    assert!(rows.len() >= 18, "{rows:?}");
    let (mut changes, mut expected) = (0, Vec::new());
    for row in &rows {
        let id = match row.path {
            "/jobs/ID" | "/jobs/retry" | "/jobs/cancel" => started.add(1, true).await,
            path if path.starts_with("/dead-letters") => {
                started.add(1, false).await;
                started.dead_letter().await
            }
            _ => 0,
        };
        let name = if row.path.starts_with("/schedules") { "yearly" } else { "mail" };
        let Some(body) = row.body else {
            assert_eq!(started.ask(row, JSON, id, name, None).await.0, 200, "{row:?}");
            continue;
        };
        let unsigned = body.replace("\"author\"", "\"signed\"");
        let unreasoned = body.replace('…', "");
        for (media_type, wrong, status) in
            [(JSON, "{", 400), ("text/plain", body, 415), (JSON, &*unsigned, 422), (JSON, &*unreasoned, 422)]
        {
            assert_eq!(started.ask(row, media_type, id, name, Some(wrong)).await.0, status, "{row:?} with {wrong}");
        }
        assert_eq!(started.events().len(), changes, "a refused change is no event");
        let (status, answer) = started.ask(row, JSON, id, name, Some(body)).await;
        if body.contains("ids") {
            assert_eq!((status, &answer), (200, &json!({ "changed": 1 })), "{row:?}");
            let none = body.replace("[1]", "[]");
            assert_eq!(started.ask(row, JSON, id, name, Some(&none)).await.0, 422);
        } else {
            assert_eq!(status, 204, "{row:?}: {answer}");
        }
        changes += 1;
        expected.push(started.events().last().unwrap().state.clone());
        let event = started.events().pop().unwrap();
        assert!(event.reason.contains("ada") && event.reason.contains('…'), "{event:?}");
    }
    assert_eq!(started.events().len(), changes);
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(expected.len(), changes, "each change has a name of its own: {expected:?}");
    for path in ["/jobs/4711", "/dead-letters/4711"] {
        let answer = started.running.client().get(&started.running.admin_url(path)).send().await.unwrap();
        assert_eq!(answer.status.as_u16(), 404);
    }
    let unknown = Row { method: "PUT", path: "/schedules/NAME/pause", body: None };
    let signed = r#"{"author": "ada", "reason": "why"}"#;
    assert_eq!(started.ask(&unknown, JSON, 0, "hourly", Some(signed)).await.0, 404);
    started.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_list_is_filtered_and_paged_and_a_wrong_filter_is_refused() {
    let started = start().await;
    let first = started.add(1, true).await;
    let second = started.add(2, true).await;
    let page = started.get("/jobs?state=scheduled&limit=1").await;
    assert_eq!((&page["jobs"][0]["id"], &page["next"]), (&json!(first), &json!(first)));
    assert!(page["jobs"][0]["payload"].is_null(), "a list has no payloads");
    let page = started.get(&format!("/jobs?queue=default&after={first}")).await;
    assert_eq!((&page["jobs"][0]["id"], &page["next"]), (&json!(second), &Value::Null));
    assert_eq!(started.get(&format!("/jobs/{second}")).await["payload"], json!({ "n": 2 }));
    for query in ["state=lost", "limit=0", "limit=101"] {
        let url = started.running.admin_url(&format!("/jobs?{query}"));
        assert_eq!(started.running.client().get(&url).send().await.unwrap().status.as_u16(), 422, "{query}");
    }
    for query in ["after=x", "colour=red"] {
        let url = started.running.admin_url(&format!("/jobs?{query}"));
        assert_eq!(started.running.client().get(&url).send().await.unwrap().status.as_u16(), 400, "{query}");
    }
    started.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_subcommand_changes_jobs_beside_a_running_service() {
    let started = start().await;
    let id = started.add(1, true).await;
    let run = async |arguments: Vec<String>| {
        let database = started.database.clone();
        let code = tokio::task::spawn_blocking(move || {
            let arguments = ["evenkeel".to_owned(), "jobs".to_owned()].into_iter().chain(arguments).chain([database]);
            format!("{:?}", service().main_with(arguments.map(Into::into)))
        });
        code.await.unwrap()
    };
    let change =
        |action: &str, target: &str| [action, target, "--author=ada", "--reason=a drill"].map(str::to_owned).to_vec();
    let (done, usage) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::from(2)));
    assert_eq!(run(change("pause-kind", "letter")).await, done);
    assert_eq!(started.get("/kinds").await, json!({ "paused": ["letter"] }));
    assert_eq!(run(change("retry", &id.to_string())).await, done);
    assert_eq!(started.get("/jobs?state=ready").await["jobs"][0]["id"], json!(id));
    assert_eq!(run(vec!["list".to_owned()]).await, done);
    assert_eq!(run(vec!["show".to_owned(), id.to_string()]).await, done);
    assert_eq!(run(change("cancel", &id.to_string())).await, done);
    assert_eq!(started.get("/jobs").await["jobs"], json!([]));
    assert_eq!(run(vec!["cancel".to_owned(), id.to_string(), "--author=ada".to_owned()]).await, usage);
    started.running.stop().await.unwrap();
}
