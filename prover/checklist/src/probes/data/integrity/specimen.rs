//! Servers for `data.integrity`: accounts as lines of the file `INTEGRITY_DATA`, whose parts must add up, checked well or with one flaw.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::clause::data::integrity::{CHECKED, CHECKSUMS};
use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Response, locked, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Damage, Integrity, RequestSpec, State, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Shows its alarm as a metric with a label, and not as a document.
    Metric,
    /// Keeps an alarm until people end it.
    Sticks,
    /// Checks once, at its start.
    Once,
    /// Counts what is wrong without a name.
    Nameless,
    /// Never checks.
    Blind,
    /// Checks that parts add up, and no checksum.
    Unsummed,
    /// Names every row, well or not.
    Lists,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("integrity-good", |port| keep(Flaw::None, port)).holds("checks every row again and again"),
    Server::new("integrity-metric", |port| keep(Flaw::Metric, port))
        .holds("names a wrong row in the label of a metric"),
    Server::new("integrity-sticks", |port| keep(Flaw::Sticks, port))
        .holds_but_for(&[CHECKSUMS, CHECKED], "keeps an alarm until people end it"),
    Server::new("integrity-once", |port| keep(Flaw::Once, port)).falls_short("checks once, at its start").liar(),
    Server::new("integrity-nameless", |port| keep(Flaw::Nameless, port))
        .falls_short("counts wrong rows, and names none")
        .liar(),
    Server::new("integrity-unsummed", |port| keep(Flaw::Unsummed, port))
        .falls_short("does not look at the checksums that it writes")
        .liar(),
    Server::new("integrity-blind", |port| keep(Flaw::Blind, port)).falls_short("never checks"),
    Server::new("integrity-lists", |port| keep(Flaw::Lists, port)).is_unknown("names every row, well or not"),
    PLAIN.is_unknown("has no invariant that is declared"),
];

/// Time between two checks.
const ROUND: Duration = Duration::from_millis(30);

/// Declares a specimen's accounts: lines of an id, two parts, their sum, a note and its length.
pub(crate) fn declare(name: &str, subject: &mut Subject, folder: &std::path::Path) {
    subject.state = State::Durable;
    if name == "border-plain" {
        return;
    }
    let file = folder.join("accounts").display().to_string();
    subject.env.insert("INTEGRITY_DATA".to_owned(), file.clone());
    subject.requests.push(RequestSpec {
        name: "open".to_owned(),
        method: "POST".to_owned(),
        path: "/accounts".to_owned(),
        save: [("account".to_owned(), "/id".to_owned())].into(),
        expect: Some(201),
        ..RequestSpec::default()
    });
    let swap = |from: &str, to: &str| {
        format!("sed 's/^{{account}} {from}$/{{account}} {to}/' {file} > {file}.new && mv {file}.new {file}")
    };
    let damage = |to: &str| Damage { command: swap("1 2 3 note 4", to), repair: swap(to, "1 2 3 note 4") };
    subject.integrity = Some(Integrity {
        env: [("INTEGRITY_ROUNDS".to_owned(), "1".to_owned())].into(),
        damage: damage("1 2 9 note 4"),
        corruption: Some(damage("1 2 3 notes 4")),
        alarm: "/alarms".to_owned(),
        names: "{account}".to_owned(),
    });
}

/// The state in memory: how many accounts were opened, and the alarm.
#[derive(Default)]
struct Books {
    opened: usize,
    wrong: Vec<String>,
}

fn keep(flaw: Flaw, port: u16) -> ! {
    let books = Arc::new(Mutex::new(Books::default()));
    let checking = books.clone();
    std::thread::spawn(move || {
        loop {
            // Under the lock, so that no line is read that is half written.
            let mut books = locked(&checking);
            let wrong = wrong(flaw);
            if flaw == Flaw::Sticks {
                books.wrong.extend(wrong);
            } else {
                books.wrong = wrong;
            }
            drop(books);
            if flaw == Flaw::Once {
                return;
            }
            std::thread::sleep(ROUND);
        }
    });
    serve(port, move |request| {
        let mut books = locked(&books);
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/accounts") => {
                books.opened += 1;
                // Another one after each start.
                let id = format!("account-{}-{}", std::process::id(), books.opened);
                let text = format!("{}{id} 1 2 3 note 4\n", std::fs::read_to_string(file()).unwrap_or_default());
                let _ = std::fs::write(file(), text);
                Response::json(201, &json!({ "id": id }))
            }
            ("GET", "/alarms") if flaw == Flaw::Nameless => Response::json(200, &json!({ "wrong": books.wrong.len() })),
            ("GET", "/alarms") if flaw == Flaw::Metric => {
                let line = |id: &String| format!("wrong_rows{{row=\"{id}\"}} 1\n");
                Response::new(200, "text/plain", books.wrong.iter().map(line).collect::<String>())
            }
            ("GET", "/alarms") => {
                let status = if books.wrong.is_empty() { 200 } else { 503 };
                Response::json(status, &json!({ "wrong": books.wrong }))
            }
            ("GET", "/") => Response::new(200, "text/plain", "hello"),
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    })
}

fn file() -> String {
    std::env::var("INTEGRITY_DATA").unwrap_or_else(|_| "/dev/null".to_owned())
}

/// The ids of rows that are wrong.
fn wrong(flaw: Flaw) -> Vec<String> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let is_wrong = |words: &[&str]| {
        let number = |place: usize| words.get(place).and_then(|word| word.parse::<usize>().ok());
        let adds_up = number(1).zip(number(2)).map(|(one, other)| one + other) == number(3);
        let is_whole = flaw == Flaw::Unsummed || words.get(4).map(|note| note.len()) == number(5);
        flaw == Flaw::Lists || flaw != Flaw::Blind && !(adds_up && is_whole)
    };
    let rows = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    rows.filter(|words| is_wrong(words)).filter_map(|words| words.first().map(|id| (*id).to_owned())).collect()
}
