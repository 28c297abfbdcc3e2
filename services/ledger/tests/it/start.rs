//! A start that takes long can be watched, and ended.

use std::process::Command;
use std::sync::Arc;

use evenkeel::store::testing::PrivatePostgres;
use evenkeel::store::{Options, Store, StoreError, args};
use tokio::sync::Notify;

use crate::running::{GIVE_UP, Ledger, NO_BANK, eventually};

/// The lock of migrations: the first eight bytes of SHA-256("evenkeel").
const LOCK: i64 = 7_310_874_283_846_521_957;

#[tokio::test]
async fn probes_answer_and_sigterm_ends_a_ledger_that_waits_for_another_instance_to_migrate() {
    let server = PrivatePostgres::start();
    let store = Store::open(&server.url_text().parse().unwrap(), Options::default()).await.unwrap();
    let held = Arc::new(Notify::new());
    let holding = tokio::spawn({
        let (store, held) = (store.clone(), held.clone());
        async move {
            let hold = store.read(|tx| {
                let held = held.clone();
                Box::pin(async move {
                    tx.fetch_one("SELECT CAST(1 AS BIGINT) AS one FROM pg_advisory_xact_lock($1)", args![LOCK]).await?;
                    held.notify_one();
                    std::future::pending::<Result<(), StoreError>>().await
                })
            });
            hold.await
        }
    });
    held.notified().await;

    let mut ledger = Ledger::spawn_on(&server.url_text(), NO_BANK);
    eventually("the admin listener answers", async || ledger.probe("/livez").await == Some(200)).await;
    for (path, expected) in [("/startupz", 503), ("/readyz", 503), ("/health", 200), ("/metrics", 200)] {
        assert_eq!(ledger.probe(path).await, Some(expected), "{path}");
    }
    assert!(std::net::TcpStream::connect(ledger.address()).is_err(), "it takes connections before it is ready");
    assert!(Command::new("kill").args(["-TERM", &ledger.process().to_string()]).status().unwrap().success());
    let since = std::time::Instant::now();
    let code = loop {
        if let Some(status) = ledger.ended() {
            break status.code();
        }
        assert!(since.elapsed() < GIVE_UP, "SIGTERM does not end the start");
        tokio::task::yield_now().await;
    };
    assert_eq!(code, Some(0));
    holding.abort();
}
