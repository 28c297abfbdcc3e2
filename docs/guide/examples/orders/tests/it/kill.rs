//! The program as a process of its own, killed with SIGKILL and started again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use evenkeel::client::{Client, Response};
use evenkeel::prelude::*;

#[tokio::test]
async fn an_order_outlives_a_kill_and_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    let first = program.order("key-1").await;
    assert_eq!(first.status, StatusCode::CREATED);
    drop(program);

    let program = Program::start(folder.path());
    let again = program.order("key-1").await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = program.order("key-2").await;
    assert_eq!(other.status, StatusCode::CREATED);
    assert_ne!(other.body, first.body);
}

/// The process. Dropping it kills it.
struct Program {
    child: Child,
    url: Url,
}

impl Program {
    /// Starts it, and returns when it is ready: it then logs the address of its public listener.
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orders"))
            .args(["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0", "--stock-url=http://127.0.0.1:1"])
            .arg(format!("--database-url=sqlite:{}/orders.db", folder.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.into_iter().find(|line| line.contains(r#""ready""#)).expect("it becomes ready");
        let (_, rest) = ready.split_once(r#""public":""#).unwrap();
        let (address, _) = rest.split_once('"').unwrap();
        Self { child, url: format!("http://{address}/orders").parse().unwrap() }
    }

    async fn order(&self, key: &str) -> Response {
        let client = Client::default();
        let call = client.post(&self.url).idempotency_key(key).body("application/json", r#"{"item": "pen"}"#);
        call.send().await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
