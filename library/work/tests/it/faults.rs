//! Faults of the database while workers run. Short forms run in `make test`, long ones in `make test-long`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use evenkeel_work::{Enqueued, Job, WorkError};
use store::testing::{FreshDatabase, PrivatePostgres};
use store::{Options, Store};

use crate::unreliable_port::{Faults, UnreliablePort};
use crate::workload::{Exact, LEASE, PATIENCE, Running, all_done_once, enqueue, live, number, open, run};

/// Commits that are cut off in the short form.
const CUTS: u32 = 8;

async fn commits_are_cut_off(jobs: i64, cuts: u32) {
    let database = FreshDatabase::make();
    let direct = open(&database.url(), Options::default()).await;
    enqueue(&direct, jobs).await;
    let port = UnreliablePort::open(&database, Faults::with_pass(3)).await;
    let store = Store::open(&port.url, Options::default()).await.unwrap();
    port.faults.cut.store(cuts, Ordering::SeqCst);
    let workers = Running::start(&store);
    all_done_once(&direct, jobs, "commits without an answer").await;
    workers.stop().await;
    let was_cut = port.faults.was_cut.load(Ordering::SeqCst);
    assert!(was_cut >= 4, "{was_cut} commits were cut off, too few to show anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_w3_commits_without_an_answer_lose_and_double_nothing() {
    commits_are_cut_off(30, CUTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make test-long"]
async fn w1_w3_many_commits_without_an_answer_lose_and_double_nothing() {
    commits_are_cut_off(1_000, 200).await;
}

/// Enqueues one job with a unique key.
async fn enqueue_unique(store: &Store) -> Result<Enqueued, WorkError> {
    store.write(|tx| Box::pin(evenkeel_work::enqueue(tx, Exact { n: 1 }.job().unique("one")))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_w7_an_enqueue_without_an_answer_is_unknown_and_its_repetition_leaves_one_job() {
    let database = FreshDatabase::make();
    let direct = open(&database.url(), Options::default()).await;
    let port = UnreliablePort::open(&database, Faults::default()).await;
    let store = Store::open(&port.url, Options::default()).await.unwrap();
    // One commit that the server did, and one that it never got.
    for (cuts, done) in [(1, true), (2, false)] {
        run(&direct, "DELETE FROM evenkeel_job").await.unwrap();
        port.faults.cut.store(cuts, Ordering::SeqCst);
        let first = enqueue_unique(&store).await;
        assert!(matches!(first, Err(WorkError::Unknown(_))), "{first:?}");
        port.faults.cut.store(0, Ordering::SeqCst);
        assert_eq!(live(&direct).await, Some(i64::from(done)));
        let again = enqueue_unique(&store).await.unwrap();
        assert_eq!(again.is_duplicate, done);
        assert_eq!(live(&direct).await, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w3_w17_a_network_that_stalls_past_the_lease_doubles_nothing() {
    let database = FreshDatabase::make();
    let direct = open(&database.url(), Options::default()).await;
    enqueue(&direct, 40).await;
    let port = UnreliablePort::open(&database, Faults::default()).await;
    let store = Store::open(&port.url, Options::default()).await.unwrap();
    let workers = Running::start(&store);
    let begun = Instant::now();
    while number(&direct, "SELECT COUNT(*) FROM effects").await < Some(5) {
        assert!(begun.elapsed() < PATIENCE, "the workers do nothing");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    port.faults.stall();
    // Meanwhile a worker beside it takes the jobs whose leases end.
    let beside = Running::start(&direct);
    tokio::time::sleep(LEASE).await;
    all_done_once(&direct, 40, "a network that stalls").await;
    port.faults.go_on();
    workers.stop().await;
    beside.stop().await;
    all_done_once(&direct, 40, "a network that goes on").await;
}

async fn server_crashes(jobs: i64, crashes: usize) {
    let postgres = PrivatePostgres::start();
    let store = open(&postgres.url(), Options::default()).await;
    enqueue(&store, jobs).await;
    let workers = Running::start(&store);
    let mut crashed = 0;
    for _ in 0..crashes {
        // One server process that is killed makes PostgreSQL end all others and recover from its log.
        let victim = "SELECT CAST(pid AS BIGINT) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                      ORDER BY random() LIMIT 1";
        let begun = Instant::now();
        let victim = loop {
            if let Some(victim) = number(&store, victim).await {
                break victim;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not come back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let killed = std::process::Command::new("kill").args(["-9", &victim.to_string()]).status().unwrap();
        crashed += usize::from(killed.success());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    all_done_once(&store, jobs, "a server that crashes").await;
    workers.stop().await;
    assert!(crashed > 0, "no server process was killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_w3_w17_a_database_server_that_crashes_while_jobs_run_loses_and_doubles_nothing() {
    server_crashes(40, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by make test-long"]
async fn w1_w3_w17_a_database_server_that_crashes_many_times_loses_and_doubles_nothing() {
    server_crashes(2_000, 40).await;
}

/// Makes one write in five on a table of jobs fail with these codes of PostgreSQL, and counts the failures.
const FAILING: &str = "DO $$ BEGIN
    CREATE SEQUENCE failures;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
        IF random() < 0.2 THEN
            PERFORM nextval('failures');
            RAISE EXCEPTION 'injected' USING ERRCODE =
                (ARRAY['40001', '40P01', '53100', '55P03', '57014'])[1 + floor(random() * 5)::int];
        END IF;
        RETURN NULL;
    END $body$;
    CREATE TRIGGER fail AFTER UPDATE OR DELETE ON evenkeel_job FOR EACH STATEMENT EXECUTE FUNCTION fail();
END $$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w3_w17_conflicts_deadlocks_full_disks_locks_and_timeouts_double_nothing_and_cost_no_job() {
    let database = FreshDatabase::make();
    let store = open(&database.url(), Options::default()).await;
    enqueue(&store, 40).await;
    run(&store, FAILING).await.unwrap();
    let workers = Running::start(&store);
    all_done_once(&store, 40, "injected errors").await;
    workers.stop().await;
    let failures = number(&store, "SELECT last_value FROM failures").await;
    assert!(failures >= Some(5), "{failures:?} errors were injected");
}

/// A step forward of the database's clock ends all leases at once, also those of handlers that run.
async fn leases_end(store: &Store, jobs: i64) {
    enqueue(store, jobs).await;
    let workers = Running::start(store);
    let (begun, mut ended) = (Instant::now(), 0);
    while live(store).await > Some(0) {
        assert!(begun.elapsed() < PATIENCE, "work is left");
        ended += run(store, "UPDATE evenkeel_job SET lease_until = 1 WHERE state = 1").await.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    all_done_once(store, jobs, "a step of the clock").await;
    workers.stop().await;
    assert!(ended > 0, "no lease was ended");
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w3_w9_a_clock_that_steps_past_all_leases_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/work.db", folder.path().display()).parse().unwrap();
    leases_end(&open(&url, Options::default()).await, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w3_w9_a_clock_that_steps_past_all_leases_doubles_nothing_on_postgres() {
    let database = FreshDatabase::make();
    leases_end(&open(&database.url(), Options::default()).await, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w17_one_connection_is_enough_for_claims_handlers_heartbeats_and_ends() {
    let database = FreshDatabase::make();
    let mut options = Options::default();
    options.connections = Some(1);
    let store = open(&database.url(), options).await;
    enqueue(&store, 30).await;
    let workers = Running::start(&store);
    all_done_once(&store, 30, "a pool of one connection").await;
    workers.stop().await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_a_full_disk_refuses_new_jobs_and_loses_none_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/work.db", folder.path().display()).parse().unwrap();
    let store = open(&url, Options::default()).await;
    enqueue(&store, 20).await;
    // SQLite refuses further pages as on a full disk; the only connection that writes keeps the bound.
    let bound = async |pages: &'static str| {
        let set = store.write(|tx| Box::pin(async move { tx.fetch_one(pages, store::args![]).await.map(drop) }));
        set.await.map_err(|error: store::StoreError| error).unwrap();
    };
    bound("PRAGMA max_page_count = 1").await;
    let mut refused = None;
    for _ in 0..200 {
        let padding = "INSERT INTO evenkeel_job_error (message_id, attempt, happened_at, error) VALUES ('padding', 1, 1, hex(randomblob(1000)))";
        if let Err(error) = run(&store, padding).await {
            refused = Some(WorkError::from(error));
            break;
        }
    }
    assert!(matches!(refused, Some(WorkError::Retry(_))), "a full disk is an error to repeat later: {refused:?}");
    let workers = Running::start(&store);
    tokio::time::sleep(Duration::from_millis(100)).await;
    bound("PRAGMA max_page_count = 1000000").await;
    all_done_once(&store, 20, "a full disk").await;
    workers.stop().await;
}
