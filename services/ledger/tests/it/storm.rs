//! The books under storms: conflicts, deadlocks, statement timeouts, sessions that are terminated, commits whose answer is lost, locks
//! of another process. Each request gets its one answer in the end, and never a 500.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evenkeel::store::sqlx::postgres::PgConnectOptions;
use evenkeel::store::sqlx::{self, AssertSqlSafe, ConnectOptions, PgConnection};
use evenkeel::store::testing::PrivatePostgres;
use evenkeel::store::{Options, Store, StoreError, args};

use crate::bank::{Clients, Ledger};

/// Acknowledged transfers of a storm.
const TRANSFERS: u64 = 400;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs statements one by one on a connection of its own, each until it meets no deadlock with the load.
fn as_operator(postgres: &PrivatePostgres, statements: &[String]) {
    block_on(async {
        let mut connection = connect(postgres).await;
        for statement in statements {
            while let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await {
                let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
                assert_eq!(code, "40P01", "{statement}: {error}");
            }
        }
    });
}

async fn connect(postgres: &PrivatePostgres) -> PgConnection {
    postgres.url_text().parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
}

/// A storm of errors that the server raises in a third of all transfers and of all answers that are recorded.
fn storm_of(code: &str) {
    const ON: [&str; 2] = ["INSERT ON transfers", "UPDATE ON evenkeel_idempotency"];
    let postgres = PrivatePostgres::start();
    let ledger = Ledger::start(&postgres.url_text());
    let function = format!(
        "CREATE FUNCTION storm() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF random() < 0.33 THEN RAISE EXCEPTION 'storm' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
    );
    let trigger = |on| format!("CREATE TRIGGER storm BEFORE {on} FOR EACH ROW EXECUTE FUNCTION storm()");
    as_operator(&postgres, &[&[function][..], &ON.map(trigger)].concat());
    let clients = Clients::start(&ledger);
    clients.wait_for(TRANSFERS);
    as_operator(&postgres, &ON.map(|on| format!("DROP TRIGGER storm {}", &on[on.find("ON").unwrap_or_default()..])));
    clients.stop_and_check(&ledger);
}

#[test]
fn the_books_are_right_after_a_storm_of_serialization_failures() {
    storm_of("40001");
}

#[test]
fn the_books_are_right_after_a_storm_of_deadlocks() {
    storm_of("40P01");
}

#[test]
fn the_books_are_right_after_a_storm_of_statement_timeouts() {
    storm_of("57014");
}

/// A number from 0 to `below`, from a generator that needs no crate (xorshift, Marsaglia 2003).
fn random(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

/// Terminates one session of others after the other until told to stop; returns how many there were.
async fn terminate_at_random(postgres: &PrivatePostgres, stop: &AtomicBool) -> u64 {
    let mut connection = connect(postgres).await;
    let (mut state, mut terminated) = (0x9e37_79b9_7f4a_7c15, 0);
    while !stop.load(Ordering::Relaxed) {
        let one = "SELECT COUNT(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
                   WHERE datname = 'ledger' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS one";
        let count: i64 = sqlx::query_scalar(one).fetch_one(&mut connection).await.unwrap();
        terminated += count.unsigned_abs();
        tokio::time::sleep(Duration::from_millis(20 + random(&mut state, 200))).await;
    }
    terminated
}

/// Load for a while, or for so many transfers, with sessions terminated at random.
fn terminated_at_random(postgres: &PrivatePostgres, database: &str, lasts: impl Fn(&Clients) -> bool) {
    let ledger = Ledger::start(database);
    let clients = Clients::start(&ledger);
    let (stop, started) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let terminated = std::thread::scope(|scope| {
        let terminating = scope.spawn(|| block_on(terminate_at_random(postgres, &stop)));
        while lasts(&clients) {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        terminating.join().unwrap()
    });
    let transfers = clients.stop_and_check(&ledger);
    println!(
        "{transfers} transfers, {terminated} sessions terminated in {:?}: none lost, none doubled, no 500",
        started.elapsed()
    );
    assert!(terminated > 0);
}

#[test]
fn the_books_are_right_after_sessions_were_terminated_at_random() {
    let postgres = PrivatePostgres::start();
    terminated_at_random(&postgres, &postgres.url_text(), |clients| clients.count() < TRANSFERS);
}

/// `SOAK=10m make soak` makes it last.
#[test]
#[ignore = "it takes as long as SOAK says, 20 s by default"]
fn the_books_are_right_after_a_soak_behind_pgbouncer_with_sessions_terminated_at_random() {
    let soak = std::env::var("SOAK").unwrap_or_else(|_| "20s".to_owned());
    let soak = evenkeel::parse_duration(&soak).expect("SOAK is a duration, such as 10m");
    let postgres = PrivatePostgres::start();
    let pooler = postgres.behind_pgbouncer();
    let started = Instant::now();
    terminated_at_random(&postgres, &pooler.url_text(), |_| started.elapsed() < soak);
}

/// A relay in front of PostgreSQL that resets one connection in `every` right behind a COMMIT: the server gets it, and the client
/// never learns what came of it.
fn resetting_relay(postgres: &PrivatePostgres, every: u64, resets: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = format!("{}/.s.PGSQL.5432", postgres.url_text().split_once("host=").unwrap().1);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = UnixStream::connect(&socket) else { return };
            let resets = resets.clone();
            std::thread::spawn(move || relay(client, server, every, &resets));
        }
    });
    format!("postgres://test@127.0.0.1:{port}/ledger?sslmode=disable")
}

fn relay(mut client: TcpStream, mut server: UnixStream, every: u64, resets: &AtomicU64) {
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let answers = std::thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
    let (mut bytes, mut commits) = (vec![0; 64 << 10], 0);
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        commits += u64::from(bytes[..length].windows(6).any(|six| six == b"COMMIT"));
        if commits == every {
            resets.fetch_add(1, Ordering::Relaxed);
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.write_all(&bytes[..length]);
            break;
        }
        if server.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    // The server must have read the COMMIT before it learns that nobody is there.
    let _ = server.shutdown(Shutdown::Write);
    let _ = answers.join();
}

#[test]
fn the_books_are_right_after_connections_were_reset_behind_commits() {
    let postgres = PrivatePostgres::start();
    let resets = Arc::new(AtomicU64::new(0));
    let ledger = Ledger::start(&resetting_relay(&postgres, 7, resets.clone()));
    let clients = Clients::start(&ledger);
    clients.wait_for(TRANSFERS);
    clients.stop_and_check(&ledger);
    assert!(resets.load(Ordering::Relaxed) > 10, "{resets:?}");
}

#[test]
fn the_books_are_right_while_another_process_locks_the_file_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/ledger.db", folder.path().display());
    let ledger = Ledger::start(&database);
    let clients = Clients::start(&ledger);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                let other = Store::open(&database.parse().unwrap(), Options::default()).await.unwrap();
                let mut state = 0x9e37_79b9_7f4a_7c15;
                while !stop.load(Ordering::Relaxed) {
                    let held = Duration::from_millis(random(&mut state, 60));
                    let locked: Result<(), StoreError> = other
                        .write(|tx| {
                            Box::pin(async move {
                                tx.fetch_one("SELECT COUNT(*) FROM accounts", args![]).await?;
                                tokio::time::sleep(held).await;
                                Ok(())
                            })
                        })
                        .await;
                    locked.unwrap();
                    // SQLite has no queue: whoever locks again at once keeps everybody else out.
                    tokio::time::sleep(Duration::from_millis(20 + random(&mut state, 100))).await;
                }
            });
        });
        clients.wait_for(TRANSFERS / 4);
        stop.store(true, Ordering::Relaxed);
    });
    clients.stop_and_check(&ledger);
}
