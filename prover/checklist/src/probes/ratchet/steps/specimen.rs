//! Servers for `ratchet.steps`: orders of two calls to `DEPENDENCY_URL`, kept in the file `STEPS_DATA`, well or with one flaw.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::probes::call::specimen::DEPENDENCY;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{RequestSpec, State, Steps, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Sends no keys, and names what it wants in the path of a PUT.
    ByPath,
    /// Begins anew after a crash, under the same keys.
    Restarts,
    /// Repeats a call under another key.
    Rekeys,
    /// Leaves orders alone that were under way when it was killed.
    Abandons,
    /// Leaves the stock reserved when an order fails.
    Dirty,
    /// Reserves again what it finds at its start.
    Doubles,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("steps-good", |port| work(Flaw::None, port))
        .holds("writes each step down, and goes on from the last one"),
    Server::new("steps-by-path", |port| work(Flaw::ByPath, port))
        .holds("repeats a call as the same PUT instead of under a key"),
    Server::new("steps-restarts", |port| work(Flaw::Restarts, port))
        .falls_short("begins anew after a crash, under the same keys")
        .liar(),
    Server::new("steps-rekeys", |port| work(Flaw::Rekeys, port))
        .falls_short("goes on from its last step, and repeats its call under another key")
        .liar(),
    Server::new("steps-dirty", |port| work(Flaw::Dirty, port))
        .falls_short("shows a failed order as refused, and leaves its stock reserved")
        .liar(),
    Server::new("steps-abandons", |port| work(Flaw::Abandons, port))
        .falls_short("leaves orders alone that were under way when it was killed"),
    Server::new("steps-doubles", |port| work(Flaw::Doubles, port))
        .falls_short("reserves again what it finds at its start"),
    DEPENDENCY.is_called(),
];

/// Orders at a time.
const WORKERS: usize = 6;
/// The whole call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Wait of a worker that finds nothing.
const IDLE: Duration = Duration::from_millis(5);
/// Orders under this name are refused in the second step.
const BAD: &str = "nobody";

/// Declares a specimen's orders, but for the dependency that they call.
pub(crate) fn declare(subject: &mut Subject, folder: &std::path::Path) {
    let prices = || vec!["prices".to_owned()];
    subject.state = State::Durable;
    subject.env.insert("STEPS_DATA".to_owned(), folder.join("orders").display().to_string());
    subject.work = vec![RequestSpec {
        name: "order".to_owned(),
        method: "POST".to_owned(),
        path: "/orders".to_owned(),
        json: Some(json!({ "to": "ann" })),
        save: [("order".to_owned(), "/id".to_owned())].into(),
        read: Some("/orders/{order}".to_owned()),
        done: [("/state".to_owned(), json!("done"))].into(),
        uses: prices(),
        later: prices(),
        expect: Some(202),
        steps: Some(Steps {
            fails: [("/to".to_owned(), json!(BAD))].into(),
            undone: [("/state".to_owned(), json!("refused"))].into(),
            effect: Some("/stock".to_owned()),
            value: "/reserved".to_owned(),
        }),
        ..RequestSpec::default()
    }];
}

/// All orders by their ids: `to`, `state`, and `reserved`, which is the number of times that stock was reserved for it.
type Orders = BTreeMap<u64, Map<String, Value>>;

struct Shop {
    flaw: Flaw,
    orders: Mutex<Orders>,
    /// Orders that a worker has.
    taken: Mutex<Vec<u64>>,
}

fn work(flaw: Flaw, port: u16) -> ! {
    let shop = Arc::new(Shop { flaw, orders: Mutex::new(read(flaw)), taken: Mutex::default() });
    for _ in 0..WORKERS {
        let shop = Arc::clone(&shop);
        std::thread::spawn(move || {
            loop {
                match shop.next() {
                    Some((id, state)) => shop.step(id, &state),
                    None => std::thread::sleep(IDLE),
                }
            }
        });
    }
    serve(port, move |request| shop.answer(request))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shop {
    /// Takes an order that is in one of its steps.
    fn next(&self) -> Option<(u64, String)> {
        let (orders, mut taken) = (lock(&self.orders), lock(&self.taken));
        let is_next = |(id, order): &(&u64, &Map<String, Value>)| {
            matches!(order["state"].as_str(), Some("new" | "priced")) && !taken.contains(id)
        };
        let (id, order) = orders.iter().find(is_next)?;
        taken.push(*id);
        Some((*id, order["state"].as_str().unwrap_or_default().to_owned()))
    }

    /// Does one step of an order.
    fn step(&self, id: u64, state: &str) {
        let (path, next) = if state == "new" { ("price", "priced") } else { ("ship", "done") };
        let to = lock(&self.orders).get(&id).map(|order| order["to"].clone());
        let is_refused = state == "priced" && to == Some(json!(BAD));
        if !is_refused && !self.call(path, id) {
            lock(&self.taken).retain(|taken| *taken != id);
            return;
        }
        let mut orders = lock(&self.orders);
        if let Some(order) = orders.get_mut(&id) {
            order.insert("state".to_owned(), json!(if is_refused { "refused" } else { next }));
            if is_refused && self.flaw != Flaw::Dirty {
                order.insert("reserved".to_owned(), json!(0));
            }
        }
        write(&orders);
        lock(&self.taken).retain(|taken| *taken != id);
    }

    /// Calls the dependency; true when it answers that it is done.
    fn call(&self, path: &str, id: u64) -> bool {
        let key = match self.flaw {
            Flaw::Rekeys => format!("{path}-{id}-{}", std::process::id()),
            _ => format!("{path}-{id}"),
        };
        send(&match self.flaw {
            Flaw::ByPath => format!(
                "PUT /{path}/{id} HTTP/1.1\r\nHost: dependency\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ),
            _ => format!(
                "POST /{path} HTTP/1.1\r\nHost: dependency\r\nIdempotency-Key: {key}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ),
        })
    }

    fn answer(&self, request: &Request) -> Response {
        let mut orders = lock(&self.orders);
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/orders") => {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let id = orders.last_key_value().map_or(101, |(id, _)| id + 1);
                let order = json!({ "to": body["to"], "state": "new", "reserved": 1 });
                orders.insert(id, order.as_object().cloned().unwrap_or_default());
                write(&orders);
                answered(202, &json!({ "id": id }))
            }
            ("GET", "/stock") => {
                let reserved: u64 = orders.values().filter_map(|order| order["reserved"].as_u64()).sum();
                answered(200, &json!({ "reserved": reserved }))
            }
            ("GET", "/") => Response::new(200, "text/plain", "hello"),
            ("GET", path) => {
                let id = path.trim_start_matches("/orders/").parse::<u64>().unwrap_or_default();
                match orders.get(&id) {
                    Some(order) => answered(200, &json!({ "state": order["state"] })),
                    None => Response::new(404, "text/plain", "nothing here"),
                }
            }
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    }
}

/// Sends a request to the dependency; true when it is answered with 200.
fn send(request: &str) -> bool {
    let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let Ok(address) = address.parse() else { return false };
    let Ok(mut stream) = TcpStream::connect_timeout(&address, TIMEOUT) else { return false };
    let mut answer = Vec::new();
    let _ = stream.set_read_timeout(Some(TIMEOUT));
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    answer.starts_with(b"HTTP/1.1 200 ")
}

fn answered(status: u16, json: &Value) -> Response {
    Response::new(status, "application/json", json.to_string())
}

fn file() -> String {
    std::env::var("STEPS_DATA").unwrap_or_else(|_| "/dev/null".to_owned())
}

/// Writes all orders as one file, whole or not at all.
fn write(orders: &Orders) {
    let (file, orders) = (file(), orders.iter().map(|(id, order)| (id.to_string(), Value::Object(order.clone()))));
    let beside = format!("{file}.new");
    let text = Value::Object(orders.collect()).to_string();
    let _ = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &file));
}

/// The orders of earlier runs.
fn read(flaw: Flaw) -> Orders {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let orders: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let order = |(id, order): (String, Value)| Some((id.parse().ok()?, order.as_object()?.clone()));
    let mut orders: Orders = orders.into_iter().filter_map(order).collect();
    for order in orders.values_mut().filter(|order| order["state"] == "priced") {
        match flaw {
            Flaw::Restarts => drop(order.insert("state".to_owned(), json!("new"))),
            Flaw::Abandons => drop(order.insert("state".to_owned(), json!("lost"))),
            Flaw::Doubles => drop(order.insert("reserved".to_owned(), json!(2))),
            _ => {}
        }
    }
    orders
}
