//! A ledger small enough to be seen to be right, or wrong in one way, for the tests of histories: `ledger FLAW PORT FOLDER`.
//!
//! - `POST /transfers/ID/FROM/TO/AMOUNT` moves money once for each ID: 201, or 409 when FROM's overdraft would be passed;
//! - `GET /balances` answers `a 100` lines, `GET /transfers` the ids that have happened, one a line as often as they have.
//!
//! Every transfer is a line in `FOLDER/log`, and is answered when the line is with the operating system: SIGKILL does not lose it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

const ACCOUNTS: [&str; 3] = ["a", "b", "c"];
const AT_FIRST: i64 = 100;
const FLOOR: i64 = -50;
/// Reads are answered from a copy that is made again after so many transfers, when they are stale.
const STALE_FOR: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// Answers when the line is in its own buffer.
    LosesOnKill,
    /// Does not look whether it knows the id.
    DoublesOnRetry,
    /// Answers reads from a copy.
    ReadsStale,
}

struct Ledger {
    flaw: Flaw,
    log: BufWriter<File>,
    balances: BTreeMap<String, i64>,
    copy: BTreeMap<String, i64>,
    happened: Vec<String>,
}

impl Ledger {
    fn open(flaw: Flaw, folder: &str) -> std::io::Result<Self> {
        let path = format!("{folder}/log");
        let log = BufWriter::new(OpenOptions::new().create(true).append(true).open(&path)?);
        let balances: BTreeMap<_, _> = ACCOUNTS.map(|name| (name.to_owned(), AT_FIRST)).into();
        let mut ledger = Self { flaw, log, copy: balances.clone(), balances, happened: Vec::new() };
        for line in BufReader::new(File::open(&path)?).lines() {
            let line = line?;
            if let [id, from, to, amount] = line.split(' ').collect::<Vec<_>>()[..] {
                ledger.apply(id, from, to, amount.parse().unwrap_or(0));
            }
        }
        ledger.copy = ledger.balances.clone();
        Ok(ledger)
    }

    fn transfer(&mut self, id: &str, from: &str, to: &str, amount: i64) -> std::io::Result<u16> {
        if self.flaw != Flaw::DoublesOnRetry && self.happened.iter().any(|known| known == id) {
            return Ok(201);
        }
        if self.balances.get(from).is_none_or(|balance| balance - amount < FLOOR) {
            return Ok(409);
        }
        writeln!(self.log, "{id} {from} {to} {amount}")?;
        if self.flaw != Flaw::LosesOnKill {
            self.log.flush()?;
        }
        self.apply(id, from, to, amount);
        Ok(201)
    }

    fn apply(&mut self, id: &str, from: &str, to: &str, amount: i64) {
        *self.balances.entry(from.to_owned()).or_default() -= amount;
        *self.balances.entry(to.to_owned()).or_default() += amount;
        self.happened.push(id.to_owned());
        if self.happened.len().is_multiple_of(STALE_FOR) {
            self.copy = self.balances.clone();
        }
    }

    fn answer(&mut self, method: &str, path: &str) -> std::io::Result<(u16, String)> {
        Ok(match (method, path.split('/').skip(1).collect::<Vec<_>>().as_slice()) {
            ("POST", ["transfers", id, from, to, amount]) => {
                (self.transfer(id, from, to, amount.parse().unwrap_or(0))?, String::new())
            }
            ("GET", ["balances"]) => {
                let balances = if self.flaw == Flaw::ReadsStale { &self.copy } else { &self.balances };
                (200, balances.iter().map(|(name, balance)| format!("{name} {balance}\n")).collect())
            }
            ("GET", ["transfers"]) => (200, self.happened.join("\n")),
            _ => (404, String::new()),
        })
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flaw, port, folder] = &arguments[..] else { return Err(std::io::Error::other("ledger FLAW PORT FOLDER")) };
    let flaw = match flaw.as_str() {
        "none" => Flaw::None,
        "loses-on-kill" => Flaw::LosesOnKill,
        "doubles-on-retry" => Flaw::DoublesOnRetry,
        "reads-stale" => Flaw::ReadsStale,
        other => return Err(std::io::Error::other(format!("no flaw is called {other}"))),
    };
    let ledger = Arc::new(Mutex::new(Ledger::open(flaw, folder)?));
    for connection in TcpListener::bind(format!("127.0.0.1:{port}"))?.incoming().flatten() {
        let ledger = Arc::clone(&ledger);
        std::thread::spawn(move || serve(&connection, &ledger));
    }
    Ok(())
}

/// One request a connection.
fn serve(mut connection: &TcpStream, ledger: &Mutex<Ledger>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, body) = ledger.lock().unwrap_or_else(PoisonError::into_inner).answer(method, path)?;
    write!(connection, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
