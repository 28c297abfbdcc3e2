//! Logs of the ledger with a blocked standard output.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use crate::running::{NO_BANK, eventually, reserved_address};
use evenkeel::client::Client;
use evenkeel::url::Url;
use serde_json::Value as Json;

/// The most requests until the queue of 4 MiB is full; each makes some lines.
const MAX_REQUESTS: usize = 20_000;

/// Ends a process when a test has failed.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "fills a queue of 4 MiB"]
async fn requests_are_answered_with_a_blocked_output_and_the_log_reports_lost_lines() {
    let (folder, public, admin) = (tempfile::tempdir().unwrap(), reserved_address(), reserved_address());
    let child = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .env("HOST", "127.0.0.1")
        .env("PORT", public.port().to_string())
        .env("ADMIN_ADDR", admin.to_string())
        .env("DATABASE_URL", format!("sqlite:{}/ledger.db", folder.path().display()))
        .env("RAIL_URL", NO_BANK)
        .env("RUST_LOG", "debug")
        .env("LOG_RATE", "0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ledger = Killed(child);
    let mut output = ledger.0.stdout.take().unwrap();
    let client = Client::default();
    let url = |address: std::net::SocketAddr, path: &str| Url::parse(&format!("http://{address}{path}")).unwrap();
    let readiness = url(admin, "/readyz");
    eventually("the ledger is ready", async || {
        client.get(&readiness).send().await.is_ok_and(|answer| answer.status.is_success())
    })
    .await;

    let mut lost = 0;
    for number in 0..MAX_REQUESTS {
        let answer = client.get(&url(public, "/v1/accounts/acc_nothing")).send().await.unwrap();
        assert_eq!(answer.status, 404, "request {number}");
        if number % 200 == 0 {
            let health: Json = client.get(&url(admin, "/health")).send().await.unwrap().json().unwrap();
            lost = health["vitals"]["logs"][0]["dropped"].as_u64().unwrap();
        }
        if lost > 0 {
            break;
        }
    }
    assert!(lost > 0, "{MAX_REQUESTS} requests filled no queue");

    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    });
    let process = ledger.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(ledger.0.wait().unwrap().code(), Some(0));
    let text = reader.join().unwrap();
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: u64 =
        lines.iter().filter(|line| line["message"] == "lines lost").filter_map(|line| line["lost"].as_u64()).sum();
    assert!(told >= lost, "{told} lines are reported as lost, and {lost} were");
    assert!(lines.iter().any(|line| line["message"] == "stopped"), "the last lines are there");
}
