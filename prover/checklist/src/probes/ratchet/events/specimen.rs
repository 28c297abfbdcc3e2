//! Servers for `ratchet.events`: orders as lines of the file `EVENTS_DATA`, and a count of them in another one, well or with one flaw.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clause::ratchet::events::REBUILD;
use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, locked, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Events, Figure, Lever, Old, RequestSpec, State, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Takes numbers before it writes, and lets readers see only what is below the lowest number that is not written.
    Watermark,
    /// Takes numbers before it writes, and lets readers see all that is written.
    Skips,
    /// Reads the last events in the order of their texts.
    Shuffles,
    /// Writes events after their answers, some at a time.
    Forgets,
    /// Marks events that were read.
    Marks,
    /// Counts the last events again after a start.
    Doubles,
    /// Acknowledges a rebuild and does nothing.
    Pretends,
    /// Cannot read an event in the old form, and stops before it.
    Stops,
    /// Leaves events in the old form out of the count.
    Ignores,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("events-good", |port| work(Flaw::None, port)).holds("numbers events as it writes them"),
    Server::new("events-watermark", |port| work(Flaw::Watermark, port))
        .holds("numbers events before it writes them, and reads below the lowest one that is not written"),
    Server::new("events-skips", |port| work(Flaw::Skips, port))
        .falls_short("numbers events before it writes them, and reads all that are written")
        .liar(),
    Server::new("events-doubles", |port| work(Flaw::Doubles, port))
        .falls_short("folds the last events again after a start")
        .liar(),
    Server::new("events-ignores", |port| work(Flaw::Ignores, port))
        .falls_short("reads events in an old form, and leaves them out of its projection")
        .liar(),
    Server::new("events-pretends", |port| work(Flaw::Pretends, port))
        .holds_but_for(&[REBUILD], "acknowledges a rebuild at once, which does not show"),
    Server::new("events-shuffles", |port| work(Flaw::Shuffles, port)).falls_short("has no order of its last events"),
    Server::new("events-forgets", |port| work(Flaw::Forgets, port))
        .falls_short("acknowledges events before they are written"),
    Server::new("events-marks", |port| work(Flaw::Marks, port)).falls_short("marks events that were read"),
    Server::new("events-stops", |port| work(Flaw::Stops, port)).falls_short("stops at an event in an old form"),
    PLAIN.is_unknown("has no event log that is declared"),
];

/// Events of one page.
const PAGE: usize = 20;
/// The time that a transaction takes, for one event in `SLOW` of them.
const SLOW: u64 = 5;
const TRANSACTION: Duration = Duration::from_millis(12);
/// Wait of the fold that finds nothing.
const IDLE: Duration = Duration::from_millis(2);
/// Events that are not written yet, at most, by [`Flaw::Forgets`].
const MEMORY: usize = 40;
/// Events that are counted again after a start, by [`Flaw::Doubles`].
const AGAIN: usize = 3;

/// Declares a specimen's events.
pub(crate) fn declare(name: &str, subject: &mut Subject, folder: &std::path::Path) {
    subject.state = State::Durable;
    if name == "border-plain" {
        return;
    }
    let file = folder.join("events").display().to_string();
    subject.env.insert("EVENTS_DATA".to_owned(), file.clone());
    subject.requests.push(RequestSpec {
        name: "order".to_owned(),
        method: "POST".to_owned(),
        path: "/orders".to_owned(),
        save: [("order".to_owned(), "/id".to_owned())].into(),
        expect: Some(201),
        ..RequestSpec::default()
    });
    subject.events = Some(Events {
        read: "/events?after={after}".to_owned(),
        rows: String::new(),
        cursor: "/n".to_owned(),
        id: "/order".to_owned(),
        end: None,
        append: "order".to_owned(),
        projection: Some(Figure { read: "/count".to_owned(), value: "/orders".to_owned(), admin: false }),
        rebuild: Some(Lever { method: "POST".to_owned(), path: "/count/rebuild".to_owned(), json: None }),
        old: Old::Command(format!(
            "n=$(wc -l < {file}); echo \"{{\\\"n\\\":$((n + 1000)),\\\"old\\\":$n}}\" >> {file}"
        )),
    });
}

/// The state beside the files.
struct Shop {
    flaw: Flaw,
    /// The numbers of events that are not written yet; the lock of the file.
    open: Mutex<BTreeSet<u64>>,
    next: AtomicU64,
    /// Events that are acknowledged, and will be written.
    late: Mutex<Vec<Value>>,
}

fn work(flaw: Flaw, port: u16) -> ! {
    if flaw == Flaw::Doubles {
        write_count(count().saturating_sub(AGAIN), count_of_orders());
    }
    let last = lines().iter().filter_map(|event| event["n"].as_u64()).max().unwrap_or_default();
    let shop = std::sync::Arc::new(Shop {
        flaw,
        open: Mutex::default(),
        next: AtomicU64::new(last + 1),
        late: Mutex::default(),
    });
    let folding = shop.clone();
    std::thread::spawn(move || {
        loop {
            folding.fold();
            std::thread::sleep(IDLE);
        }
    });
    serve(port, move |request| shop.answer(request))
}

impl Shop {
    fn answer(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/orders") => Response::json(201, &json!({ "id": self.append() })),
            ("POST", "/count/rebuild") => {
                if self.flaw != Flaw::Pretends {
                    let _held = locked(&self.open);
                    write_count(0, 0);
                    // Long enough to be seen.
                    std::thread::sleep(IDLE * 10);
                }
                Response::new(204, "text/plain", "")
            }
            ("GET", "/count") => Response::json(200, &json!({ "orders": count_of_orders() })),
            ("GET", "/") => Response::new(200, "text/plain", "hello"),
            ("GET", path) if path.starts_with("/events?after=") => {
                let after = path.trim_start_matches("/events?after=").parse::<u64>().unwrap_or_default();
                Response::json(200, &Value::Array(self.page(after)))
            }
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    }

    /// Appends an event in what is a transaction; its id.
    fn append(&self) -> String {
        let is_early = matches!(self.flaw, Flaw::Watermark | Flaw::Skips);
        let number = || self.next.fetch_add(1, Ordering::Relaxed);
        let mut early = None;
        if is_early {
            let mut open = locked(&self.open);
            let number = number();
            open.insert(number);
            early = Some(number);
        }
        if early.is_some_and(|number| number % SLOW == 0) {
            std::thread::sleep(TRANSACTION);
        }
        let mut open = locked(&self.open);
        // A command may have appended one.
        let last = lines().iter().filter_map(|event| event["n"].as_u64()).max().unwrap_or_default();
        self.next.fetch_max(last + 1, Ordering::Relaxed);
        let number = early.unwrap_or_else(number);
        let id = format!("order-{number}");
        let event = json!({ "n": number, "order": id, "version": 2 });
        let mut late = locked(&self.late);
        if self.flaw == Flaw::Forgets && late.len() < MEMORY {
            late.push(event);
        } else {
            late.drain(..).chain([event]).for_each(|event| write(&event));
        }
        open.remove(&number);
        id
    }

    /// All events that may be read, in their order.
    fn readable(&self) -> Vec<Value> {
        let open = locked(&self.open);
        let mut events = lines();
        events.extend(locked(&self.late).iter().cloned());
        if matches!(self.flaw, Flaw::Watermark | Flaw::Skips) {
            events.sort_by_key(|event| event["n"].as_u64());
        }
        if self.flaw == Flaw::Watermark {
            let lowest = open.first().copied().unwrap_or(u64::MAX);
            events.retain(|event| event["n"].as_u64() < Some(lowest));
        }
        if self.flaw == Flaw::Stops {
            let known = events.iter().position(|event| event["old"].is_u64()).unwrap_or(events.len());
            events.truncate(known);
        }
        // Brings events in the old form to the present one.
        for event in &mut events {
            if let Some(old) = event["old"].as_u64() {
                *event = json!({ "n": event["n"], "order": format!("order-{old}-of-old"), "version": 2 });
            }
        }
        events
    }

    fn page(&self, after: u64) -> Vec<Value> {
        let events = self.readable();
        let mut page: Vec<Value> =
            events.into_iter().filter(|event| event["n"].as_u64() > Some(after)).take(PAGE).collect();
        if self.flaw == Flaw::Shuffles && page.len() > 2 {
            let end = page.len() - 1;
            page[..end].sort_by_key(|event| event["order"].as_str().map(|text| text.chars().rev().collect::<String>()));
        }
        if self.flaw == Flaw::Marks {
            let reads = self.next.fetch_add(0, Ordering::Relaxed);
            page.iter_mut().for_each(|event| event["read_at"] = json!(reads));
        }
        page
    }

    /// Counts what is new.
    fn fold(&self) {
        let events = self.readable();
        let _held = locked(&self.open);
        let (folded, orders) = (count(), count_of_orders());
        if events.len() > folded {
            let new = &events[folded..];
            let is_counted = |event: &&Value| {
                let is_old = event["order"].as_str().is_some_and(|order| order.ends_with("-of-old"));
                self.flaw != Flaw::Ignores || !is_old
            };
            write_count(events.len(), orders + new.iter().filter(is_counted).count());
        }
    }
}

fn file() -> String {
    std::env::var("EVENTS_DATA").unwrap_or_else(|_| "/dev/null".to_owned())
}

fn lines() -> Vec<Value> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn write(event: &Value) {
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file());
    let _ = opened.and_then(|mut file| file.write_all(format!("{event}\n").as_bytes()));
}

/// The events that are folded.
fn count() -> usize {
    counted().0
}

fn count_of_orders() -> usize {
    counted().1
}

fn counted() -> (usize, usize) {
    let text = std::fs::read_to_string(format!("{}.count", file())).unwrap_or_default();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

/// Writes the cursor and the count as one file, whole or not at all.
fn write_count(folded: usize, orders: usize) {
    let (file, beside) = (format!("{}.count", file()), format!("{}.count.new", file()));
    let _ = std::fs::write(&beside, format!("{folded} {orders}")).and_then(|()| std::fs::rename(&beside, &file));
}
