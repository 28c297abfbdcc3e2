//! A leader that is stopped past its lease (SIGSTOP) and goes on: its writes are refused. The control writes without the guard, and does harm.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_work::{Leader, Lease, WorkError};
use store::{Migration, Migrations, Options, Store, StoreError, StoreUrl, args};
use supervision::StopSource;
use vitals::Registry;

/// Maximum time of one step, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(60);
const TTL: Duration = Duration::from_millis(500);
const INSERT: &str = "INSERT INTO writes (fence) VALUES ($1)";
/// Writes that come after one with a higher fence.
const STALE: &str =
    "SELECT COUNT(*) FROM writes WHERE fence < (SELECT MAX(fence) FROM writes AS before WHERE before.id < writes.id)";

async fn open(url: &StoreUrl) -> Store {
    let mut options = Options::default();
    // A process that is stopped in the middle of a transaction holds its locks until the server ends its session.
    options.idle_in_transaction_timeout = TTL;
    let store = Store::open(url, options).await.unwrap();
    let schema = "CREATE TABLE writes (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fence BIGINT NOT NULL); \
                  CREATE TABLE ends (n BIGINT NOT NULL)";
    let service = Migrations::new(vec![Migration::both(1, "writes", schema)]);
    store.migrate(&evenkeel_work::add_schema(service)).await.unwrap();
    store
}

async fn number(store: &Store, sql: &'static str) -> i64 {
    let read = store.read(|tx| Box::pin(async move { tx.fetch_one(sql, args![]).await?.at(0) })).await;
    read.unwrap_or_else(|error: StoreError| panic!("{error}"))
}

async fn write(store: &Store, lease: &Lease, is_guarded: bool) -> Result<(), WorkError> {
    let written = store.write(|tx| {
        let lease = lease.clone();
        Box::pin(async move {
            if is_guarded {
                lease.guard(tx).await?;
            }
            tx.execute(INSERT, args![lease.fence()]).await?;
            Ok(())
        })
    });
    written.await
}

/// Leads until the stop. A task of its own writes, and goes on past the end of the lease, as a thread of a pool would.
async fn lead(store: &Store, stop: supervision::Stop, is_guarded: bool) {
    let work = |lease: Lease| {
        let store = store.clone();
        async move {
            tokio::spawn(async move {
                loop {
                    // A refusal ends nothing here: the guard has to refuse each write.
                    let _ = write(&store, &lease, is_guarded).await;
                    tokio::time::sleep(Duration::from_millis(15)).await;
                }
            });
            std::future::pending::<()>().await;
        }
    };
    Leader::new(store, "writer").ttl(TTL).run(&Registry::new(), stop, work).await;
}

/// Not a test of its own: a process that leads until there is a row in the table `ends`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another test runs it as a process of its own"]
async fn process() {
    let Ok(url) = std::env::var("WORK_URL") else { return };
    let store = open(&url.parse().unwrap()).await;
    let is_guarded = std::env::var_os("WORK_UNGUARDED").is_none();
    let source = StopSource::new();
    let end = async {
        let begun = Instant::now();
        while number(&store, "SELECT COUNT(*) FROM ends").await == 0 && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        source.request();
    };
    tokio::join!(lead(&store, source.listen(), is_guarded), end);
}

/// Ends the process also when the test fails while it is stopped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Stops a leading process past its lease, leads here, and lets the process go on; returns the number of its writes that came too late.
async fn late_writes(url: &str, is_guarded: bool) -> i64 {
    let store = open(&url.parse().unwrap()).await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "leader::process", "--ignored", "--nocapture"]).env("WORK_URL", url);
    if !is_guarded {
        command.env("WORK_UNGUARDED", "1");
    }
    let mut child = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let pid = child.0.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    let begun = Instant::now();
    let until = async |sql: &'static str, least: i64| {
        while number(&store, sql).await < least {
            assert!(begun.elapsed() < PATIENCE, "{sql} stays below {least}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    until("SELECT COUNT(*) FROM writes", 3).await;
    signal("-STOP");
    let first = number(&store, "SELECT MAX(fence) FROM writes").await;
    let source = StopSource::new();
    let (stop, leading) = (source.listen(), store.clone());
    let successor = tokio::spawn(async move { lead(&leading, stop, true).await });
    // The successor has written under a higher fence.
    until("SELECT MAX(fence) FROM writes", first + 1).await;
    let writes = number(&store, "SELECT COUNT(*) FROM writes").await;
    signal("-CONT");
    // Both have had the time for many writes.
    until("SELECT COUNT(*) FROM writes", writes + 20).await;
    let ended: Result<u64, StoreError> =
        store.write(|tx| Box::pin(async move { tx.execute("INSERT INTO ends VALUES (1)", args![]).await })).await;
    ended.unwrap();
    let status = tokio::task::spawn_blocking(move || child.0.wait().unwrap()).await.unwrap();
    assert!(status.success());
    source.request();
    successor.await.unwrap();
    number(&store, STALE).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_leader_stopped_past_its_lease_writes_nothing_when_it_goes_on() {
    let database = store::testing::FreshDatabase::make();
    assert_eq!(late_writes(&database.url_text(), true).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w14_a_leader_without_the_guard_does_write_past_its_lease() {
    let database = store::testing::FreshDatabase::make();
    assert!(late_writes(&database.url_text(), false).await > 0, "the test could not fail");
}
