//! A ledger that runs for one test, on ports and a database of its own.

use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel::axum::http::Method;
use evenkeel::client::{Client, Declaration, Response};
use evenkeel::resilience::Rules;
use evenkeel::store::testing::{PrivatePgBouncer, PrivatePostgres};
use serde_json::{Value as Json, json};

/// Time after which a test gives up waiting.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(60);
/// Address at which no bank listens.
pub(crate) const NO_BANK: &str = "http://127.0.0.1:1";
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A running ledger. Dropping it kills it.
pub(crate) struct Ledger {
    public: SocketAddr,
    admin: SocketAddr,
    client: Client,
    database: String,
    rail: String,
    child: Child,
    _store: Option<Database>,
}

/// Database of a ledger, which ends after the ledger does.
enum Database {
    Sqlite { _folder: tempfile::TempDir },
    Postgres { _server: PrivatePostgres },
    Pooled { _pooler: PrivatePgBouncer, _server: PrivatePostgres },
}

/// The database that `LEDGER_TEST_DATABASE` asks for.
fn asked_for() -> Option<(String, Database)> {
    match std::env::var("LEDGER_TEST_DATABASE").as_deref() {
        Ok("postgres") => {
            let server = PrivatePostgres::start();
            Some((server.url_text(), Database::Postgres { _server: server }))
        }
        Ok("pgbouncer") => {
            let server = PrivatePostgres::start();
            let pooler = server.behind_pgbouncer();
            Some((pooler.url_text(), Database::Pooled { _pooler: pooler, _server: server }))
        }
        Ok("" | "sqlite") | Err(_) => None,
        Ok(other) => panic!("LEDGER_TEST_DATABASE is {other:?}, not sqlite, postgres or pgbouncer"),
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that no other test is given: a socket stays bound to it and never listens. With `SO_REUSEADDR` on both sides
/// the ledger can listen there, and again after it was killed.
pub(crate) fn reserved_address() -> SocketAddr {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

fn spawn(public: SocketAddr, admin: SocketAddr, database: &str, rail: &str) -> Child {
    program(public, admin, database, rail).env("RUST_LOG", "error").stdout(Stdio::null()).spawn().unwrap()
}

fn program(public: SocketAddr, admin: SocketAddr, database: &str, rail: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ledger"));
    program
        .env("HOST", "127.0.0.1")
        .env("PORT", public.port().to_string())
        .env("ADMIN_ADDR", admin.to_string())
        .env("DATABASE_URL", database)
        .env("RAIL_URL", rail);
    program
}

impl Ledger {
    /// With the partner bank at this URL; ready. On SQLite, unless `LEDGER_TEST_DATABASE` is `postgres` or `pgbouncer`.
    pub(crate) async fn start(rail: &str) -> Self {
        if let Some((database, store)) = asked_for() {
            return Self::start_on(&database, store, rail).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}/ledger.db", folder.path().display());
        Self::start_on(&database, Database::Sqlite { _folder: folder }, rail).await
    }

    /// On a PostgreSQL of its own, behind PgBouncer when `LEDGER_TEST_DATABASE` asks for that, with the partner bank at this URL; ready.
    pub(crate) async fn start_on_postgresql(rail: &str) -> Self {
        if let Some((database, store)) = asked_for() {
            return Self::start_on(&database, store, rail).await;
        }
        let server = PrivatePostgres::start();
        let database = server.url_text();
        Self::start_on(&database, Database::Postgres { _server: server }, rail).await
    }

    async fn start_on(database: &str, store: Database, rail: &str) -> Self {
        let mut ledger = Self::spawn_on(database, rail);
        ledger._store = Some(store);
        ledger.is_ready().await;
        ledger
    }

    /// A process on this database, which may not be ready.
    pub(crate) fn spawn_on(database: &str, rail: &str) -> Self {
        Self::of(|public, admin| spawn(public, admin, database, rail), database, rail)
    }

    fn of(start: impl FnOnce(SocketAddr, SocketAddr) -> Child, database: &str, rail: &str) -> Self {
        let (public, admin) = (reserved_address(), reserved_address());
        let client = Client::default();
        for (name, address) in [("public", public), ("admin", admin)] {
            // A test asks again and again what it waits for; a guard would leave alone what is not up yet.
            client.declare(Declaration::new(name, &url(address, "/")).rules(Rules::NONE)).unwrap();
        }
        Self {
            public,
            admin,
            client,
            database: database.to_owned(),
            rail: rail.to_owned(),
            child: start(public, admin),
            _store: None,
        }
    }

    /// Without a bank, with these settings, on SQLite; ready. Its output is piped, and [`Ledger::output`] takes it.
    pub(crate) async fn start_piped(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}/ledger.db", folder.path().display());
        let start = |public, admin| {
            let mut program = program(public, admin, &database, NO_BANK);
            program.envs(settings.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut ledger = Self::of(start, &database, NO_BANK);
        ledger._store = Some(Database::Sqlite { _folder: folder });
        ledger.is_ready().await;
        ledger
    }

    /// Takes the standard output and the standard error of a piped ledger.
    pub(crate) fn output(&mut self) -> (ChildStdout, ChildStderr) {
        (self.child.stdout.take().unwrap(), self.child.stderr.take().unwrap())
    }

    /// Asks the process to stop; returns its exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let mut code = None;
        eventually("the ledger has ended", async || {
            code = self.ended();
            code.is_some()
        })
        .await;
        code.unwrap().code()
    }

    /// The status of a path of the admin listener; none when there is no answer.
    pub(crate) async fn probe(&self, path: &str) -> Option<u16> {
        self.client.get(&url(self.admin, path)).send().await.ok().map(|answer| answer.status.as_u16())
    }

    /// The process.
    /// The address of its database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Returns the exit status if the process has ended.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGKILL, then a new process on the same store.
    pub(crate) async fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(self.public, self.admin, &self.database, &self.rail);
        self.is_ready().await;
    }

    /// SIGTERM, then a new process on the same store.
    pub(crate) async fn stop_and_start_again(&mut self) {
        assert_eq!(self.stop().await, Some(0));
        self.child = spawn(self.public, self.admin, &self.database, &self.rail);
        self.is_ready().await;
    }

    /// Kills the database; it does not come back.
    pub(crate) fn kill_database(&mut self) {
        self._store = None;
    }

    async fn is_ready(&self) {
        let readiness = url(self.admin, "/readyz");
        eventually("the ledger is ready", async || {
            self.client.get(&readiness).send().await.is_ok_and(|answer| answer.status.is_success())
        })
        .await;
    }

    /// Returns the address of the public listener.
    pub(crate) fn address(&self) -> SocketAddr {
        self.public
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(&url(self.public, path)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Json) -> Response {
        self.client.post(&url(self.public, path)).header("idempotency-key", key).json(body).send().await.unwrap()
    }

    /// A new account's id.
    pub(crate) async fn account(&self, key: &str, overdraft: i64) -> String {
        self.account_in("EUR", key, overdraft).await
    }

    /// The id of a new account of this currency.
    pub(crate) async fn account_in(&self, currency: &str, key: &str, overdraft: i64) -> String {
        let answer = self.post("/v1/accounts", key, &json!({ "currency": currency, "overdraft": overdraft })).await;
        answer.json::<Json>().unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn balance(&self, account: &str) -> i64 {
        self.get(&format!("/v1/accounts/{account}")).await.json::<Json>().unwrap()["balance"].as_i64().unwrap()
    }

    /// Returns true if all invariants of the books hold.
    pub(crate) async fn books_are_right(&self) -> bool {
        let answer = self.client.get(&url(self.admin, "/invariants")).send().await.unwrap();
        answer.status == 200 && answer.json::<Json>().unwrap()["holds"] == true
    }

    /// An order to the admin listener.
    pub(crate) async fn order(&self, method: Method, path: &str, body: &Json) -> Response {
        self.client.call(method, &url(self.admin, path)).json(body).send().await.unwrap()
    }

    /// Returns the address of the admin listener.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The health document.
    pub(crate) async fn health(&self) -> Json {
        self.client.get(&url(self.admin, "/health")).send().await.unwrap().json().unwrap()
    }

    /// The metrics in the format that `accept` asks for.
    pub(crate) async fn metrics(&self, accept: &str) -> String {
        let answer = self.client.get(&url(self.admin, "/metrics")).header("accept", accept).send().await.unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// Returns the policy of the calls to the bank from the health document.
    pub(crate) async fn policy(&self) -> Json {
        let health = self.health().await;
        let policies = health["vitals"]["policy"].as_array().unwrap();
        policies.iter().find(|policy| policy["name"] == "rail").unwrap().clone()
    }

    /// Calls to the bank that have ended, however.
    pub(crate) async fn calls(&self) -> i64 {
        let health = self.health().await;
        let peers = health["vitals"]["client"].as_array().cloned().unwrap_or_default();
        let ended = |peer: &Json| peer["calls_answered"].as_i64().unwrap() + peer["calls_failed"].as_i64().unwrap();
        peers.iter().map(ended).sum()
    }
}

fn url(address: SocketAddr, path: &str) -> evenkeel::url::Url {
    format!("http://{address}{path}").parse().unwrap()
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < GIVE_UP, "{what}: not within {GIVE_UP:?}");
        tokio::time::sleep(LOOK).await;
    }
}
