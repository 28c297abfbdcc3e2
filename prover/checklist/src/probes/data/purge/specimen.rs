//! Servers for `data.purge`: notes in memory that are kept for `PURGE_KEEP_MS`, well or with one flaw.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::clause::data::purge::BATCHES;
use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Expires, RequestSpec, State, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Drops the notes of one tenth of a second as a whole, as partitions are dropped.
    Partitions,
    /// Deletes all old notes at once.
    Whole,
    /// Never deletes.
    Keeps,
    /// Deletes all notes when the first ones are old.
    Young,
    /// Keeps the last notes for as long as no other one comes.
    Forgets,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("purge-good", |port| keep(Flaw::None, port)).holds("deletes old notes twenty at a time"),
    Server::new("purge-partitions", |port| keep(Flaw::Partitions, port))
        .holds("drops the notes of a tenth of a second as a whole"),
    Server::new("purge-whole", |port| keep(Flaw::Whole, port))
        .holds_but_for(&[BATCHES], "deletes all old notes in one step, which may be a small one"),
    Server::new("purge-young", |port| keep(Flaw::Young, port))
        .falls_short("deletes young notes together with old ones")
        .liar(),
    Server::new("purge-forgets", |port| keep(Flaw::Forgets, port))
        .falls_short("deletes old notes only when others come")
        .liar(),
    Server::new("purge-keeps", |port| keep(Flaw::Keeps, port)).falls_short("deletes nothing"),
    PLAIN.is_unknown("has nothing that is declared to expire"),
];

/// Notes of one batch.
const BATCH: usize = 20;
/// Pause between two batches.
const PAUSE: Duration = Duration::from_millis(60);
/// The time of a partition.
const PARTITION: Duration = Duration::from_millis(10);

/// Declares a specimen's notes.
pub(crate) fn declare(name: &str, subject: &mut Subject) {
    if name == "border-plain" {
        return;
    }
    subject.state = State::Durable;
    subject.work = vec![RequestSpec {
        name: "note".to_owned(),
        method: "POST".to_owned(),
        path: "/notes".to_owned(),
        save: [("note".to_owned(), "/id".to_owned())].into(),
        read: Some("/notes/{note}".to_owned()),
        expect: Some(201),
        expires: Some(Expires {
            env: [("PURGE_KEEP_MS".to_owned(), "1200".to_owned())].into(),
            keep: Duration::from_millis(1200),
        }),
        ..RequestSpec::default()
    }];
}

#[derive(Default)]
struct Notes {
    made: usize,
    /// The oldest one first.
    kept: VecDeque<(usize, Instant)>,
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(flaw: Flaw, port: u16) -> ! {
    let millis = std::env::var("PURGE_KEEP_MS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_600_000);
    let keep = Duration::from_millis(millis);
    let notes = Arc::new(Mutex::new(Notes::default()));
    let kept = Arc::clone(&notes);
    std::thread::spawn(move || {
        loop {
            let pause = purge(flaw, keep, &kept);
            std::thread::sleep(pause);
        }
    });
    serve(port, move |request| {
        let mut notes = lock(&notes);
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/notes") => {
                notes.made += 1;
                let id = notes.made;
                notes.kept.push_back((id, Instant::now()));
                Response::new(201, "application/json", json!({ "id": id }).to_string())
            }
            ("GET", "/") => Response::new(200, "text/plain", "hello"),
            ("GET", path) => {
                let id = path.trim_start_matches("/notes/").parse::<usize>().unwrap_or_default();
                match notes.kept.iter().any(|(kept, _)| *kept == id) {
                    true => Response::new(200, "application/json", json!({ "id": id }).to_string()),
                    false => Response::new(404, "text/plain", "nothing here"),
                }
            }
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    })
}

/// Deletes what is old, and returns the pause after it.
fn purge(flaw: Flaw, keep: Duration, notes: &Mutex<Notes>) -> Duration {
    let mut notes = lock(notes);
    let age = |at: Option<&(usize, Instant)>| at.map(|(_, made)| made.elapsed()).unwrap_or_default();
    let is_old = age(notes.kept.front()) > keep;
    let old = notes.kept.iter().take_while(|(_, made)| made.elapsed() > keep).count();
    // All but the youngest of a run of notes: whole when the last one is old.
    let all_are_old = age(notes.kept.back()) > keep;
    let gone = match flaw {
        Flaw::None => old.min(BATCH),
        Flaw::Partitions => old,
        Flaw::Whole if all_are_old => old,
        Flaw::Young if is_old => notes.kept.len(),
        Flaw::Forgets => old.min(notes.kept.len().saturating_sub(BATCH)),
        Flaw::Whole | Flaw::Young | Flaw::Keeps => 0,
    };
    notes.kept.drain(..gone);
    if flaw == Flaw::Partitions { PARTITION } else { PAUSE }
}
