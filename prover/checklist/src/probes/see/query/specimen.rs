//! Servers for `see.query`: a few rows that are asked in SQL, or in words of their own; well or with one flaw.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Counts, QueryInterface, RequestSpec, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Has words of its own in the place of SQL, answers in text, and refuses what takes too long.
    Words,
    /// Deletes when it is asked to.
    Writes,
    /// Deletes, and says that it does not.
    WritesSecretly,
    /// Takes as long as the question does.
    Endless,
    /// Answers in time, and works on.
    GoesOn,
    /// Answers one question after the other, and requests too.
    OneAtATime,
    /// Answers with all rows.
    Large,
    /// Knows its numbers from the first question on.
    Stale,
    /// Has a page for each declared question, and evaluates none.
    Canned,
    /// Has a page for every question.
    OnePage,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("query-good", |port| answer(Flaw::None, port))
        .holds("answers SQL over its rows, and cuts what is too much"),
    Server::new("query-words", |port| answer(Flaw::Words, port))
        .holds("has words of its own, answers in text, and refuses what takes too long"),
    Server::new("query-writes-secretly", |port| answer(Flaw::WritesSecretly, port))
        .falls_short("deletes, and says that it does not")
        .liar(),
    Server::new("query-goes-on", |port| answer(Flaw::GoesOn, port))
        .falls_short("answers a question without an end in time, and works on")
        .liar(),
    Server::new("query-canned", |port| answer(Flaw::Canned, port))
        .falls_short("has a page for each declared question, and evaluates none")
        .liar(),
    Server::new("query-stale", |port| answer(Flaw::Stale, port))
        .falls_short("shows the numbers of its first answer")
        .liar(),
    Server::new("query-writes", |port| answer(Flaw::Writes, port)).falls_short("deletes when it is asked to"),
    Server::new("query-endless", |port| answer(Flaw::Endless, port)).falls_short("takes as long as the question does"),
    Server::new("query-one-at-a-time", |port| answer(Flaw::OneAtATime, port))
        .falls_short("answers nobody else while it answers a question"),
    Server::new("query-large", |port| answer(Flaw::Large, port)).falls_short("answers with 20 MiB"),
    Server::new("query-one-page", |port| answer(Flaw::OnePage, port))
        .is_unknown("answers every question with one page"),
    PLAIN.is_unknown("says nothing of questions"),
];

const ROUTES: &str = "SELECT * FROM routes";
const POOLS: &str = "SELECT * FROM pools";
const HITS: &str = "SELECT sum(hits) FROM routes";
const WRITE: &str = "DELETE FROM routes";
const ENDLESS: &str = "SELECT count(*) FROM routes a, routes b, routes c, routes d";
const LARGE: &str = "SELECT * FROM routes a, routes b";

/// Time after which a question is cut.
const CUT: Duration = Duration::from_millis(150);
/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(60);
/// Threads that work on: a busy machine does not hide them.
const THREADS: usize = 3;
/// Time for which the flaw works on.
const ON: Duration = Duration::from_secs(8);
/// Time for which no other request is answered.
const ALONE: Duration = Duration::from_millis(1600);
/// Bytes of a large answer.
const BYTES: usize = 20 << 20;

/// Declares how a specimen is asked.
pub(crate) fn declare(name: &str, subject: &mut Subject) {
    if name == "border-plain" {
        return;
    }
    let look = RequestSpec {
        name: "look".to_owned(),
        method: "GET".to_owned(),
        path: "/look".to_owned(),
        ..RequestSpec::default()
    };
    subject.requests = vec![look];
    let is_sql = name != "query-words";
    let said = |sql: &str, words: &str| if is_sql { sql } else { words }.to_owned();
    subject.query = Some(QueryInterface {
        method: if is_sql { "POST" } else { "GET" }.to_owned(),
        path: said("/query", "/show?{query}"),
        body: is_sql.then(|| "{query}".to_owned()),
        is_sql,
        ask: [("routes".to_owned(), said(ROUTES, "routes")), ("pools".to_owned(), said(POOLS, "pools"))].into(),
        counts: Some(Counts {
            question: said(HITS, "hits"),
            value: is_sql.then(|| "/rows/0/0".to_owned()),
            of: "look".to_owned(),
        }),
        write: Some(said(WRITE, "clear")),
        endless: Some(said(ENDLESS, "all for ever")),
        large: Some(said(LARGE, "all")),
        ..QueryInterface::default()
    });
}

struct Rows {
    flaw: Flaw,
    hits: AtomicU64,
    /// The number of hits in the first answer.
    first: Mutex<Option<u64>>,
    /// Held during an answer, where only one is given at a time.
    turn: Mutex<()>,
}

fn answer(flaw: Flaw, port: u16) -> ! {
    let rows = Arc::new(Rows { flaw, hits: AtomicU64::new(0), first: Mutex::default(), turn: Mutex::default() });
    serve(port, move |request| rows.answer(request))
}

impl Rows {
    fn answer(&self, request: &Request) -> Response {
        let _turn = (self.flaw == Flaw::OneAtATime).then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        let path = request.path.as_str();
        match (path, path.strip_prefix("/show?")) {
            ("/query", _) => self.sql(&String::from_utf8_lossy(&request.body)),
            (_, Some(words)) => self.words(&words.replace("%20", " ")),
            ("/" | "/look", _) => {
                self.hits.fetch_add(u64::from(path == "/look"), Ordering::Relaxed);
                Response::new(200, "text/plain", "hello")
            }
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    }

    fn hits(&self) -> u64 {
        let now = self.hits.load(Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *first.get_or_insert(now);
        if self.flaw == Flaw::Stale { first } else { now }
    }

    fn sql(&self, question: &str) -> Response {
        if self.flaw == Flaw::OnePage {
            return rows(&json!([["all is well"]]));
        }
        match question {
            ROUTES => rows(&json!([["/look", self.hits()]])),
            POOLS => rows(&json!([["store", 1, 8]])),
            HITS => rows(&json!([[self.hits()]])),
            WRITE => {
                if matches!(self.flaw, Flaw::Writes | Flaw::WritesSecretly) {
                    self.hits.store(0, Ordering::Relaxed);
                }
                let status = if self.flaw == Flaw::Writes { 200 } else { 403 };
                Response::new(status, "application/json", "{\"rows\":[]}")
            }
            ENDLESS => {
                self.work();
                rows(&json!([]))
            }
            LARGE => {
                let bytes = if self.flaw == Flaw::Large { BYTES } else { 4096 };
                rows(&json!([["x".repeat(bytes)]]))
            }
            made if self.flaw != Flaw::Canned && made.starts_with("SELECT count(*) AS ") => rows(&json!([[1]])),
            _ => Response::new(400, "application/json", "{\"detail\":\"no such question\"}"),
        }
    }

    /// Answers a question that has no end.
    fn work(&self) {
        match self.flaw {
            Flaw::Endless => std::thread::sleep(FOR_EVER),
            Flaw::OneAtATime => std::thread::sleep(ALONE),
            Flaw::GoesOn => {
                for _ in 0..THREADS {
                    std::thread::spawn(|| {
                        let begun = Instant::now();
                        while begun.elapsed() < ON {
                            std::hint::spin_loop();
                        }
                    });
                }
                std::thread::sleep(CUT);
            }
            _ => std::thread::sleep(CUT),
        }
    }

    fn words(&self, words: &str) -> Response {
        let text = |status, text: String| Response::new(status, "text/plain", text);
        match words {
            "routes" => text(200, format!("/look {}\n", self.hits())),
            "pools" => text(200, "store 1 8\n".to_owned()),
            "hits" => text(200, format!("{}\n", self.hits())),
            "clear" => text(405, "this only shows\n".to_owned()),
            "all for ever" => {
                std::thread::sleep(CUT);
                text(504, "it takes too long\n".to_owned())
            }
            "all" => text(413, "these are too many\n".to_owned()),
            _ => text(404, "there is nothing of this name\n".to_owned()),
        }
    }
}

fn rows(rows: &Value) -> Response {
    Response::new(200, "application/json", json!({ "rows": rows }).to_string())
}
