//! Servers for `ratchet.dead-letters`: a worker that does one work after the other, gives up what fails three times, and keeps it in the file
//! `LETTERS_DATA`; well or with one flaw.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{DeadLetters, Lever, RequestSpec, State, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Shows a payload as the text of a JSON document, and apart from the list.
    Apart,
    /// Repeats what fails before it does anything else.
    Blocks,
    /// Forgets what failed three times.
    Discards,
    /// Has its dead letters in memory.
    Forgets,
    /// Keeps no reason.
    Mute,
    /// Shows nothing of the payload.
    Bare,
    /// Shows an edit, and retries what it had before.
    Unedited,
    /// Puts what was dropped back when it looks through its works again.
    Undead,
    /// Takes what failed three times for done.
    Pretends,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("letters-good", |port| work(Flaw::None, port))
        .holds("keeps what failed three times with its reason, and goes on"),
    Server::new("letters-apart", |port| work(Flaw::Apart, port))
        .holds("lists dead letters without their payload, and shows it as text"),
    Server::new("letters-unedited", |port| work(Flaw::Unedited, port))
        .falls_short("shows an edit, and retries what it had before")
        .liar(),
    Server::new("letters-undead", |port| work(Flaw::Undead, port))
        .falls_short("puts what was dropped back a while later")
        .liar(),
    Server::new("letters-pretends", |port| work(Flaw::Pretends, port))
        .falls_short("takes what failed three times for done")
        .liar(),
    Server::new("letters-blocks", |port| work(Flaw::Blocks, port))
        .falls_short("repeats what fails before anything else"),
    Server::new("letters-discards", |port| work(Flaw::Discards, port)).falls_short("forgets what failed three times"),
    Server::new("letters-forgets", |port| work(Flaw::Forgets, port)).falls_short("has its dead letters in memory"),
    Server::new("letters-mute", |port| work(Flaw::Mute, port)).falls_short("keeps no reason"),
    Server::new("letters-bare", |port| work(Flaw::Bare, port)).falls_short("shows nothing of what failed"),
    PLAIN.is_unknown("has no work that is declared"),
];

/// The word that no work can be done with.
const BAD: &str = "nobody";
/// Attempts.
const ATTEMPTS: u64 = 3;
/// Wait between two attempts.
const PAUSE: Duration = Duration::from_millis(40);
/// Wait of a worker that finds nothing.
const IDLE: Duration = Duration::from_millis(5);
/// Time after which what was dropped is put back by the flaw.
const BACK: Duration = Duration::from_millis(200);

/// Declares a specimen's work and its dead letters.
pub(crate) fn declare(name: &str, subject: &mut Subject, folder: &Path) {
    if name == "border-plain" {
        return;
    }
    let lever = |method: &str, path: &str, json: Option<Value>| {
        Some(Lever { method: method.to_owned(), path: path.to_owned(), json })
    };
    let is_apart = name == "letters-apart";
    let mend: BTreeMap<String, Value> = [("/to".to_owned(), json!("ann"))].into();
    subject.state = State::Durable;
    subject.env.insert("LETTERS_DATA".to_owned(), folder.join("letters").display().to_string());
    subject.work = vec![RequestSpec {
        name: "send".to_owned(),
        method: "POST".to_owned(),
        path: "/letters".to_owned(),
        json: Some(json!({ "to": BAD })),
        save: [("letter".to_owned(), "/id".to_owned())].into(),
        read: Some("/letters/{letter}".to_owned()),
        done: [("/state".to_owned(), json!("done"))].into(),
        dead: mend.clone(),
        expect: Some(202),
        ..RequestSpec::default()
    }];
    subject.dead_letters = Some(DeadLetters {
        list: "/dead".to_owned(),
        rows: "/rows".to_owned(),
        show: is_apart.then(|| "/dead/{id}".to_owned()),
        id: "/id".to_owned(),
        reason: "/reason".to_owned(),
        payload: "/payload".to_owned(),
        mend,
        edit: lever("PUT", "/dead/{id}", Some(json!({ "payload": "{payload}", "by": "{author}", "why": "{reason}" }))),
        retry: lever("POST", "/dead/{id}/retry", None),
        drop: lever("DELETE", "/dead/{id}", None),
    });
}

/// A dropped letter: the moment, its number and its entry.
type Dropped = (Instant, u64, Map<String, Value>);

/// All works by their ids: `to`, `state`, `attempts`, `from` in milliseconds since the start.
type Works = BTreeMap<u64, Map<String, Value>>;

struct Office {
    flaw: Flaw,
    begun: Instant,
    works: Mutex<Works>,
    dropped: Mutex<Vec<Dropped>>,
}

fn work(flaw: Flaw, port: u16) -> ! {
    let office = Arc::new(Office { flaw, begun: Instant::now(), works: Mutex::new(read()), dropped: Mutex::default() });
    let worker = Arc::clone(&office);
    std::thread::spawn(move || {
        loop {
            worker.work();
            std::thread::sleep(IDLE);
        }
    });
    serve(port, move |request| office.answer(request))
}

impl Office {
    fn works(&self) -> MutexGuard<'_, Works> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// Makes one attempt of the first work that is due.
    fn work(&self) {
        let now = self.now();
        let mut works = self.works();
        if self.flaw == Flaw::Undead {
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            for (_, id, work) in dropped.extract_if(.., |(at, ..)| at.elapsed() > BACK) {
                works.insert(id, work);
            }
        }
        let is_due = |work: &Map<String, Value>| {
            work["state"] == "waiting" && (self.flaw == Flaw::Blocks || work["from"].as_u64() <= Some(now))
        };
        let Some((_, work)) = works.iter_mut().find(|(_, work)| is_due(work)) else { return };
        let attempts = work["attempts"].as_u64().unwrap_or_default() + 1;
        let change = |work: &mut Map<String, Value>, name: &str, value: Value| {
            work.insert(name.to_owned(), value);
        };
        change(work, "attempts", json!(attempts));
        change(work, "from", json!(now + u64::try_from(PAUSE.as_millis()).unwrap_or_default()));
        if work["to"] != BAD || self.flaw == Flaw::Pretends && attempts == ATTEMPTS {
            change(work, "state", json!("done"));
        } else if self.flaw != Flaw::Blocks && attempts == ATTEMPTS {
            change(work, "state", json!(if self.flaw == Flaw::Discards { "gone" } else { "dead" }));
        }
        self.write(&works);
    }

    fn answer(&self, request: &Request) -> Response {
        let path = request.path.trim_matches('/').split('/').collect::<Vec<_>>();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut works = self.works();
        let id = |text: &str| text.parse::<u64>().unwrap_or_default();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["letters"]) => {
                let id = works.last_key_value().map_or(1, |(id, _)| id + 1);
                let work = json!({ "to": body["to"], "old": body["to"], "state": "waiting", "attempts": 0, "from": 0 });
                works.insert(id, work.as_object().cloned().unwrap_or_default());
                self.write(&works);
                answered(202, &json!({ "id": id }))
            }
            ("GET", ["letters", letter]) => match works.get(&id(letter)) {
                Some(work) => answered(200, &json!({ "state": work["state"] })),
                None => Response::new(404, "text/plain", "nothing here"),
            },
            ("GET", ["dead"]) => {
                let dead = works.iter().filter(|(_, work)| work["state"] == "dead");
                let rows: Vec<Value> = dead.map(|(id, work)| self.row(*id, work, self.flaw == Flaw::Apart)).collect();
                answered(200, &json!({ "rows": rows }))
            }
            ("GET", [""]) => Response::new(200, "text/plain", "hello"),
            (method, ["dead", letter, rest @ ..]) => {
                let id = id(letter);
                let Some(work) = works.get_mut(&id).filter(|work| work["state"] == "dead") else {
                    return Response::new(404, "text/plain", "nothing here");
                };
                match (method, rest) {
                    ("GET", []) => return answered(200, &self.row(id, work, false)),
                    ("PUT", []) => {
                        let payload = match &body["payload"] {
                            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
                            other => other.clone(),
                        };
                        work.insert("to".to_owned(), payload["to"].clone());
                    }
                    ("POST", ["retry"]) => {
                        let to = if self.flaw == Flaw::Unedited { &work["old"] } else { &work["to"] };
                        let again = json!({ "to": to, "old": to, "state": "waiting", "attempts": 0, "from": 0 });
                        *work = again.as_object().cloned().unwrap_or_default();
                    }
                    ("DELETE", []) => {
                        let dropped = (Instant::now(), id, work.clone());
                        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).push(dropped);
                        works.remove(&id);
                    }
                    _ => return Response::new(405, "text/plain", "not here"),
                }
                self.write(&works);
                Response::new(204, "text/plain", "")
            }
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    }

    /// A dead letter as it is shown.
    fn row(&self, id: u64, work: &Map<String, Value>, is_short: bool) -> Value {
        let reason = if self.flaw == Flaw::Mute { "" } else { "there is nobody of this name" };
        let mut row = json!({ "id": id, "reason": reason, "attempts": work["attempts"] });
        let payload = json!({ "letter": id, "to": work["to"] });
        if !is_short {
            row["payload"] = match self.flaw {
                Flaw::Apart => json!(payload.to_string()),
                Flaw::Bare => json!({ "letter": id }),
                _ => payload,
            };
        }
        row
    }

    /// Writes all works as one file, whole or not at all.
    fn write(&self, works: &Works) {
        let file = file();
        let kept = |(id, work): (&u64, &Map<String, Value>)| {
            (self.flaw != Flaw::Forgets || work["state"] != "dead")
                .then(|| (id.to_string(), Value::Object(work.clone())))
        };
        let text = Value::Object(works.iter().filter_map(kept).collect()).to_string();
        let beside = format!("{file}.new");
        let _ = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &file));
    }
}

fn answered(status: u16, json: &Value) -> Response {
    Response::new(status, "application/json", json.to_string())
}

fn file() -> String {
    std::env::var("LETTERS_DATA").unwrap_or_else(|_| "/dev/null".to_owned())
}

/// The works of earlier runs.
fn read() -> Works {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let works: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let work = |(id, work): (String, Value)| Some((id.parse().ok()?, work.as_object()?.clone()));
    let mut works: Works = works.into_iter().filter_map(work).collect();
    // Times are of the earlier run.
    works.values_mut().for_each(|work| drop(work.insert("from".to_owned(), json!(0))));
    works
}
