//! Clients that move money against a ledger that is being disturbed, and the check that nothing was lost and nothing doubled.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::running::{NO_BANK, reserved_address};
use serde_json::{Value as Json, json};

const CLIENTS: u64 = 16;
pub(crate) const GIVE_UP: Duration = Duration::from_secs(60);

/// A ledger as a process of its own; dropping it kills it.
pub(crate) struct Ledger {
    pub(crate) public: SocketAddr,
    admin: SocketAddr,
    database: String,
    rail: String,
    child: Child,
}

impl Ledger {
    pub(crate) fn start(database: &str) -> Self {
        Self::start_with(database, NO_BANK)
    }

    /// With the partner bank at this URL.
    pub(crate) fn start_with(database: &str, rail: &str) -> Self {
        let (public, admin) = (reserved_address(), reserved_address());
        let child = Self::spawn(public, admin, database, rail);
        let ledger = Self { public, admin, database: database.to_owned(), rail: rail.to_owned(), child };
        ledger.wait_until_ready();
        ledger
    }

    fn spawn(public: SocketAddr, admin: SocketAddr, database: &str, rail: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_ledger"))
            .env("HOST", "127.0.0.1")
            .env("PORT", public.port().to_string())
            .env("ADMIN_ADDR", admin.to_string())
            .env("DATABASE_URL", database)
            .env("RAIL_URL", rail)
            .env("RUST_LOG", "error")
            // What went wrong is worth reading when a client is answered with a 500.
            .stdout(std::env::var_os("SHOW_LOGS").map_or_else(Stdio::null, |_| Stdio::inherit()))
            .spawn()
            .unwrap()
    }

    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(self.public, self.admin, &self.database, &self.rail);
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let started = Instant::now();
        while !matches!(exchange(self.admin, "GET", "/readyz", None), Some((200, _))) {
            assert!(started.elapsed() < GIVE_UP, "the ledger does not become ready");
            std::thread::yield_now();
        }
    }
}

impl Ledger {
    /// A document of the public listener.
    pub(crate) fn get(&self, path: &str) -> Json {
        exchange(self.public, "GET", path, None).unwrap().1
    }

    /// The sum of the daily changes of an account, and the number of their postings.
    fn days(&self, account: &str) -> (i64, i64) {
        let (_, days) = exchange(self.admin, "GET", &format!("/accounts/{account}/days"), None).unwrap();
        let sum = |column: &str| days.as_array().unwrap().iter().map(|day| day[column].as_i64().unwrap()).sum();
        (sum("change"), sum("postings"))
    }

    /// Waits until the projection has so many postings of the account, and checks that it has no more and that their sum is right.
    pub(crate) fn check_days(&self, account: &str, sum: i64, postings: usize) {
        let (started, postings) = (Instant::now(), i64::try_from(postings).unwrap());
        while self.days(account).1 < postings {
            assert!(started.elapsed() < GIVE_UP, "{:?} of {postings} postings are folded", self.days(account));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.days(account), (sum, postings), "the projection is the fold of the postings");
    }

    /// Checks the invariants of the books.
    pub(crate) fn check_books(&self) {
        let (status, books) = exchange(self.admin, "GET", "/invariants", None).unwrap();
        assert_eq!((status, &books["holds"]), (200, &Json::Bool(true)), "{books}");
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One exchange on a connection of its own; none when there was no whole answer.
fn exchange(address: SocketAddr, method: &str, path: &str, post: Option<(&str, &Json)>) -> Option<(u16, Json)> {
    let mut socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let (key, body) = post.map(|(key, body)| (key, body.to_string())).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\nidempotency-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    (announced.parse() == Ok(body.len())).then(|| (status, serde_json::from_str(body).unwrap_or(Json::Null)))
}

/// Sends until there is an answer that is not "try again": with the same key that is safe.
pub(crate) fn insist(address: SocketAddr, path: &str, key: &str, body: &Json) -> Json {
    let started = Instant::now();
    loop {
        match exchange(address, "POST", path, Some((key, body))) {
            Some((201 | 202, answer)) => return answer,
            Some((503 | 504, _)) | None => {}
            Some(other) => panic!("{path} with {key}: {other:?}"),
        }
        assert!(started.elapsed() < GIVE_UP, "no answer to {key}");
        std::thread::yield_now();
    }
}

pub(crate) fn open_account(address: SocketAddr, key: &str, overdraft: i64) -> String {
    let account = insist(address, "/v1/accounts", key, &json!({ "currency": "EUR", "overdraft": overdraft }));
    account["id"].as_str().unwrap().to_owned()
}

fn every_transfer(address: SocketAddr) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = exchange(address, "GET", &format!("/v1/transfers?limit=200{cursor}"), None).unwrap();
        assert_eq!(status, 200);
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

/// A transfer that was acknowledged: its key, its request, its answer.
type Acknowledged = (String, Json, Json);

/// Clients at work.
pub(crate) struct Clients {
    address: SocketAddr,
    from: String,
    to: String,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Opens two accounts and lets sixteen clients move money between them, each key until it is acknowledged.
    pub(crate) fn start(ledger: &Ledger) -> Self {
        let address = ledger.public;
        let (from, to) = (open_account(address, "from", 1_000_000_000), open_account(address, "to", 0));
        let acknowledged: Arc<Mutex<Vec<Acknowledged>>> = Arc::default();
        let (count, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let threads = (0..CLIENTS)
            .map(|client| {
                let (from, to) = (from.clone(), to.clone());
                let (acknowledged, count, stop) = (acknowledged.clone(), count.clone(), stop.clone());
                std::thread::spawn(move || {
                    for number in 0u64.. {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let key = format!("client-{client}-{number}");
                        let body = json!({ "from": from, "to": to, "amount": 1 + (number % 7) as i64 });
                        let transfer = insist(address, "/v1/transfers", &key, &body);
                        acknowledged.lock().unwrap().push((key, body, transfer));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self { address, from, to, acknowledged, count, stop, threads }
    }

    /// Waits until so many transfers were acknowledged.
    pub(crate) fn wait_for(&self, transfers: u64) {
        let started = Instant::now();
        while self.count.load(Ordering::Relaxed) < transfers {
            assert!(started.elapsed() < 2 * GIVE_UP, "too few transfers get through");
            assert!(!self.threads.iter().any(JoinHandle::is_finished), "a client has given up");
            std::thread::yield_now();
        }
    }

    /// Returns the number of acknowledged transfers.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Stops the clients, and checks that exactly what was acknowledged is there, once, and folded once.
    pub(crate) fn stop_and_check(self, ledger: &Ledger) -> usize {
        self.stop_and_check_beside(ledger, 0)
    }

    /// The same, with so many further transfers that others made.
    pub(crate) fn stop_and_check_beside(self, ledger: &Ledger, others: usize) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|client| client.join().unwrap());
        let (address, acknowledged) = (self.address, self.acknowledged.lock().unwrap());
        let there = every_transfer(address);
        let distinct: HashSet<&String> = there.iter().collect();
        assert_eq!(distinct.len(), there.len(), "a transfer is listed twice");
        let ours: HashSet<String> =
            acknowledged.iter().map(|(_, _, transfer)| transfer["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ours.len(), acknowledged.len(), "two keys got one transfer");
        // Every key was insisted on until it was acknowledged: what is there is exactly what was acknowledged.
        let there: HashSet<String> = there.into_iter().collect();
        assert!(ours.is_subset(&there), "an acknowledged transfer is not there");
        assert_eq!(there.len(), ours.len() + others, "a transfer is there that nobody asked for");
        for (key, body, transfer) in acknowledged.iter().step_by(17) {
            assert_eq!(insist(address, "/v1/transfers", key, body), *transfer, "a repetition got another answer");
        }
        let sum: i64 = acknowledged.iter().map(|(_, _, transfer)| transfer["amount"].as_i64().unwrap()).sum();
        for (id, balance) in [(&self.from, -sum), (&self.to, sum)] {
            let (_, account) = exchange(address, "GET", &format!("/v1/accounts/{id}"), None).unwrap();
            assert_eq!(account["balance"], balance);
            ledger.check_days(id, balance, acknowledged.len());
        }
        ledger.check_books();
        acknowledged.len()
    }
}
