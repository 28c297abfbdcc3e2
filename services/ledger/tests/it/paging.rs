//! Number of pages, and data of the dashboard, by the generated files in a real Prometheus and a real Alertmanager.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use evenkeel::axum::{self, Json as Body, Router, extract::Path, routing::post};
use evenkeel::client::{Client, Declaration};
use evenkeel::resilience::Rules;
use serde_json::{Value as Json, json};

use crate::prometheus::{Alertmanager, Prometheus};
use crate::running::{Ledger, NO_BANK, eventually};

/// The factor by which all windows and waits are shorter: an hour is a minute.
const FASTER: &str = "60";
/// Requests at a time. On a busy machine more would wait for each other, and be refused.
const WORKERS: usize = 1;
/// Query for the pages that fire now.
const PAGES: &str = r#"ALERTS{severity="page",alertstate="firing"}"#;

/// A webhook that keeps the notifications of each receiver.
#[derive(Clone, Default)]
struct Webhook {
    notifications: Arc<Mutex<Vec<(String, Json)>>>,
}

impl Webhook {
    /// Starts it; returns its URL.
    async fn start(&self) -> String {
        let kept = self.notifications.clone();
        let keep = async move |Path(receiver): Path<String>, Body(notification): Body<Json>| {
            kept.lock().unwrap().push((receiver, notification));
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/{receiver}", post(keep));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }

    /// Notifications of a receiver that something fires.
    fn firing(&self, receiver: &str) -> Vec<Json> {
        let all = self.notifications.lock().unwrap();
        let of_receiver = all.iter().filter(|(to, body)| to == receiver && body["status"] == "firing");
        of_receiver.map(|(_, body)| body.clone()).collect()
    }

    /// Waits until the watchdog has arrived this many times more: each takes an interval of the group.
    async fn watchdogs(&self, more: usize) {
        let before = self.firing("dead-mans-switch").len();
        eventually("the watchdog arrives", async || self.firing("dead-mans-switch").len() >= before + more).await;
    }
}

/// Writes the files for operation to a folder.
fn observe(folder: &std::path::Path, faster: &str) {
    let program = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .args(["observe", "--faster", faster, "--out"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(program.status.success(), "{}", String::from_utf8_lossy(&program.stderr));
}

/// Makes requests to the routes that have objectives, until it is dropped; counts those that are answered.
struct Load {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    answered: Arc<AtomicUsize>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Load {
    async fn start(ledger: &Ledger) -> Self {
        let [from, to] = [ledger.account("from", i64::from(i32::MAX)).await, ledger.account("to", 0).await];
        let (address, answered) = (ledger.address(), Arc::new(AtomicUsize::new(0)));
        let client = Client::default();
        let url = |path: &str| evenkeel::url::Url::parse(&format!("http://{address}{path}")).unwrap();
        client.declare(Declaration::new("ledger", &url("/")).rules(Rules::NONE)).unwrap();
        let worker = |worker: usize| {
            let (client, answered) = (client.clone(), answered.clone());
            let transfer = json!({ "from": from, "to": to, "amount": 1 });
            let payout = json!({ "account": from, "amount": 1, "destination": "DE02" });
            let (transfers, payouts) = (url("/v1/transfers"), url("/v1/payouts"));
            let balance = url(&format!("/v1/accounts/{from}"));
            tokio::spawn(async move {
                for number in 0.. {
                    let key = format!("{worker}-{number}");
                    let calls = [
                        client.post(&transfers).header("idempotency-key", &key).json(&transfer),
                        client.post(&payouts).header("idempotency-key", &format!("p-{key}")).json(&payout),
                        client.get(&balance),
                    ];
                    for call in calls {
                        // While the ledger starts again there is no answer.
                        let is_answered = call.send().await.is_ok();
                        answered.fetch_add(usize::from(is_answered), Ordering::Relaxed);
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            })
        };
        let tasks = (0..WORKERS).map(worker).collect();
        Self { tasks, answered }
    }
}

#[tokio::test]
#[ignore = "runs Prometheus and Alertmanager for two minutes"]
async fn restarts_send_no_page_and_a_killed_database_sends_one() {
    let (folder, webhook) = (tempfile::tempdir().unwrap(), Webhook::default());
    observe(folder.path(), FASTER);
    let url = webhook.start().await;
    let mut routes = std::fs::read_to_string(folder.path().join("alertmanager.example.yml")).unwrap();
    for receiver in ["dead-mans-switch", "page", "ticket"] {
        routes = routes.replace(
            &format!("- name: {receiver}\n"),
            &format!("- name: {receiver}\n  webhook_configs:\n  - url: {url}/{receiver}\n"),
        );
    }
    let alertmanager = Alertmanager::start(&routes);
    let mut ledger = Ledger::start_on_postgresql(NO_BANK).await;
    let sections = format!(
        "rule_files: ['{}']\nalerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['{}']\n",
        folder.path().join("rules.yml").display(),
        alertmanager.address(),
    );
    let prometheus = Prometheus::start(&sections, ledger.admin_address(), "exemplar-storage");
    let load = Load::start(&ledger).await;
    let burns = "count(slo:current_burn_rate:ratio >= 0)";
    eventually("all burn rates are recorded", async || prometheus.number(burns).await == Some(4.0)).await;
    webhook.watchdogs(1).await;

    ledger.stop_and_start_again().await;
    webhook.watchdogs(2).await;
    ledger.kill_and_start_again().await;
    webhook.watchdogs(4).await;
    let fired = prometheus.query(&format!("count_over_time({PAGES}[1h])")).await;
    let failures = r#"sum by (http_route, error_type) (increase(http_server_requests_total{http_response_status_code="5xx"}[1h])) > 0"#;
    let failures = prometheus.query(failures).await;
    assert_eq!((fired, webhook.firing("page")), (Vec::new(), Vec::new()), "{failures:#?}");
    assert!(load.answered.load(Ordering::Relaxed) > 100, "there was load");

    ledger.kill_database();
    eventually("the three objectives of availability page", async || {
        prometheus.number(&format!("count({PAGES})")).await == Some(3.0)
    })
    .await;
    webhook.watchdogs(6).await;
    let pages = webhook.firing("page");
    let [page] = &pages[..] else { panic!("{} pages: {pages:#?}", pages.len()) };
    let names: Vec<_> = page["alerts"].as_array().unwrap().iter().map(|alert| &alert["labels"]["alertname"]).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test]
#[ignore = "runs Prometheus"]
async fn each_query_of_the_dashboard_has_data() {
    let ledger = Ledger::start(NO_BANK).await;
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/ops/rules.yml");
    let sections = format!("rule_files: ['{rules}']\n");
    let prometheus = Prometheus::start(&sections, ledger.admin_address(), "exemplar-storage");
    let _load = Load::start(&ledger).await;
    let dashboard: Json = serde_json::from_str(include_str!("../../ops/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<&str> = queries.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(queries.len() > 10, "{queries:?}");
    for query in queries {
        let has_data = async || {
            let values = prometheus.query(query).await;
            !values.is_empty() && values.iter().all(|series| series["value"][1] != "NaN")
        };
        eventually(query, has_data).await;
    }
}
