//! Servers for `data.clean`: imports of lines `name=number`, well or with one flaw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{DeadLetters, Lever, Records, RequestSpec, State, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Shows a bad record within a sentence.
    ByText,
    /// Takes what is no number for zero.
    Lenient,
    /// Leaves bad records out, and says nothing.
    Loses,
    /// Stops at the first bad record.
    Stops,
    /// Keeps no reason.
    Mute,
    /// Counts each record of a batch as good.
    Flatters,
    /// Answers a retry as done, and takes nothing.
    Deaf,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("records-good", |port| import(Flaw::None, port))
        .holds("keeps bad records with their reason, and counts both"),
    Server::new("records-by-text", |port| import(Flaw::ByText, port))
        .holds("shows a bad record within a sentence only"),
    Server::new("records-lenient", |port| import(Flaw::Lenient, port))
        .falls_short("takes what is no number for zero")
        .liar(),
    Server::new("records-flatters", |port| import(Flaw::Flatters, port))
        .falls_short("counts each record as a good one")
        .liar(),
    Server::new("records-deaf", |port| import(Flaw::Deaf, port))
        .falls_short("answers the retry of a record as done, and takes nothing")
        .liar(),
    Server::new("records-loses", |port| import(Flaw::Loses, port)).falls_short("leaves bad records out"),
    Server::new("records-stops", |port| import(Flaw::Stops, port)).falls_short("stops at the first bad record"),
    Server::new("records-mute", |port| import(Flaw::Mute, port)).falls_short("keeps no reason"),
    PLAIN.is_unknown("takes no records in that are declared"),
];

/// Declares a specimen's imports.
pub(crate) fn declare(name: &str, subject: &mut Subject) {
    if name == "border-plain" {
        return;
    }
    subject.state = State::Durable;
    subject.metrics = Some("/metrics".to_owned());
    subject.work = vec![RequestSpec {
        name: "import".to_owned(),
        method: "POST".to_owned(),
        path: "/imports".to_owned(),
        body: Some("{records}".to_owned()),
        expect: Some(200),
        records: Some(Records {
            good: "{record}=7".to_owned(),
            bad: ["{record}=seven", "{record}", "{record}=7=8"].map(str::to_owned).into(),
            head: None,
            between: "\n".to_owned(),
            read: "/records/{record}".to_owned(),
            admin: false,
            counters: Some(("records_good_total".to_owned(), "records_bad_total".to_owned())),
        }),
        ..RequestSpec::default()
    }];
    let retry = Lever {
        method: "POST".to_owned(),
        path: "/bad/{id}/retry".to_owned(),
        json: Some(json!({ "record": "{payload}" })),
    };
    subject.quarantine = Some(DeadLetters {
        list: "/bad".to_owned(),
        rows: String::new(),
        show: None,
        id: "/id".to_owned(),
        reason: "/reason".to_owned(),
        payload: "/record".to_owned(),
        mend: BTreeMap::new(),
        edit: None,
        retry: Some(retry),
        drop: None,
    });
}

#[derive(Default)]
struct Books {
    records: BTreeMap<String, u64>,
    /// The text and the reason of each bad record, by its number.
    bad: BTreeMap<u64, (String, &'static str)>,
    number: u64,
    good_total: u64,
    bad_total: u64,
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

fn import(flaw: Flaw, port: u16) -> ! {
    let books = Arc::new(Mutex::new(Books::default()));
    serve(port, move |request| answer(flaw, &mut lock(&books), request))
}

fn read(flaw: Flaw, line: &str) -> Result<(String, u64), &'static str> {
    let Some((name, number)) = line.split_once('=') else { return Err("it has no number") };
    match number.parse() {
        Ok(number) => Ok((name.to_owned(), number)),
        Err(_) if flaw == Flaw::Lenient => Ok((name.to_owned(), 0)),
        Err(_) => Err("it is no number"),
    }
}

fn answer(flaw: Flaw, books: &mut Books, request: &Request) -> Response {
    let path = request.path.trim_matches('/').split('/').collect::<Vec<_>>();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["imports"]) => {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            for line in text.lines() {
                match read(flaw, line) {
                    Ok((name, number)) => {
                        books.good_total += 1;
                        books.records.insert(name, number);
                    }
                    Err(_) if flaw == Flaw::Stops => break,
                    Err(reason) => {
                        *(if flaw == Flaw::Flatters { &mut books.good_total } else { &mut books.bad_total }) += 1;
                        if flaw != Flaw::Loses {
                            books.number += 1;
                            let reason = if flaw == Flaw::Mute { "" } else { reason };
                            books.bad.insert(books.number, (line.to_owned(), reason));
                        }
                    }
                }
            }
            Response::new(200, "text/plain", "imported")
        }
        ("GET", ["records", name]) => match books.records.get(*name) {
            Some(number) => Response::new(200, "text/plain", number.to_string()),
            None => Response::new(404, "text/plain", "nothing here"),
        },
        ("GET", ["bad"]) => {
            let row = |(id, (text, reason)): (&u64, &(String, &'static str))| match flaw {
                Flaw::ByText => json!({ "id": id, "reason": format!("the line \"{text}\" was left out: {reason}") }),
                _ => json!({ "id": id, "reason": reason, "record": text }),
            };
            let rows: Vec<Value> = books.bad.iter().map(row).collect();
            Response::new(200, "application/json", json!(rows).to_string())
        }
        ("POST", ["bad", id, "retry"]) => {
            let id = id.parse().unwrap_or_default();
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            match read(flaw, body["record"].as_str().unwrap_or_default()) {
                Ok((name, number)) if books.bad.remove(&id).is_some() => {
                    if flaw != Flaw::Deaf {
                        books.records.insert(name, number);
                    }
                    Response::new(204, "text/plain", "")
                }
                _ => Response::new(422, "text/plain", "still bad, or not there"),
            }
        }
        ("GET", ["metrics"]) => {
            let (good, bad) = (books.good_total, books.bad_total);
            let text = format!(
                "# TYPE records_good_total counter\nrecords_good_total {good}\n# TYPE records_bad_total counter\nrecords_bad_total {bad}\n"
            );
            Response::new(200, "text/plain; version=0.0.4", text)
        }
        ("GET", [""]) => Response::new(200, "text/plain", "hello"),
        _ => Response::new(404, "text/plain", "nothing here"),
    }
}
