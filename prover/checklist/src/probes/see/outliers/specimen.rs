//! Servers for `see.outliers`: clients are counted by their address, well or with one flaw.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, locked, serve_connection};
use crate::specimen::{Server, Specimen};
use crate::subject::{Outliers, QueryInterface, RequestSpec, Subject};

/// The list of clients that a specimen keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Space-saving lists of a fixed size, as JSON.
    Heaviest,
    /// The last requests, of which it counts anew for each question; as lines of text.
    Sample,
    /// The first clients alone.
    First,
    /// The last clients alone.
    Last,
    /// All, in more memory for each.
    All,
    /// All, in little memory.
    AllSmall,
    /// As the first, and answers every question with those by requests.
    OneList,
    /// The sums of all clients.
    Totals,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("outliers-good", |port| answer(Kept::Heaviest, port))
        .holds("keeps the heaviest clients by each weight in lists of a fixed size"),
    Server::new("outliers-sample", |port| answer(Kept::Sample, port))
        .holds("keeps the last requests, counts them for each question, and answers in lines of text with ports"),
    Server::new("outliers-full", |port| answer(Kept::First, port))
        .falls_short("its table is full after a flood, and takes no new client")
        .liar(),
    Server::new("outliers-last", |port| answer(Kept::Last, port))
        .falls_short("a flood pushes the client that stands out from its table")
        .liar(),
    Server::new("outliers-grows", |port| answer(Kept::All, port))
        .falls_short("keeps 32 KiB for each client, and names the first ones")
        .liar(),
    Server::new("outliers-one-list", |port| answer(Kept::OneList, port))
        .falls_short("has one list for all questions")
        .liar(),
    Server::new("outliers-totals", |port| answer(Kept::Totals, port)).falls_short("shows the sums of all clients"),
    Server::new("outliers-all", |port| answer(Kept::AllSmall, port)).is_unknown("keeps all clients, which are small"),
    PLAIN.is_unknown("says nothing of clients"),
];

/// Clients of a list.
const SLOTS: usize = 256;
/// Requests of the sample.
const SAMPLE: usize = 4096;
/// Bytes that the flaw keeps for each client.
const BYTES: usize = 32 << 10;
/// Clients that an answer names.
const NAMED: usize = 50;
/// Duration of the slow request.
const SLOW: Duration = Duration::from_millis(120);

/// Declares how a specimen is asked.
pub(crate) fn declare(name: &str, subject: &mut Subject) {
    if name == "border-plain" {
        return;
    }
    let request = |name: &str| RequestSpec {
        name: name.to_owned(),
        method: "GET".to_owned(),
        path: format!("/{name}"),
        ..RequestSpec::default()
    };
    subject.requests = vec![request("look"), request("slow")];
    let interface =
        QueryInterface { method: "GET".to_owned(), path: "/clients?{query}".to_owned(), ..QueryInterface::default() };
    subject.outliers = Some(Outliers {
        interface,
        rate: "requests".to_owned(),
        errors: Some("failures".to_owned()),
        latency: Some("latency".to_owned()),
        all: Some("all".to_owned()),
        of: "look".to_owned(),
        fails: Some("/missing".to_owned()),
        slow: Some("slow".to_owned()),
    });
}

/// Requests, failures, microseconds.
type Counts = [u64; 3];

#[derive(Default)]
struct Clients {
    counts: HashMap<IpAddr, Counts>,
    /// One for each weight: the most that each client can have.
    heaviest: [HashMap<IpAddr, u64>; 3],
    /// The clients, or the requests of the sample, in their order.
    order: VecDeque<(IpAddr, Counts)>,
    ballast: Vec<Vec<u8>>,
}

fn answer(kept: Kept, port: u16) -> ! {
    let clients = Arc::new(Mutex::new(Clients::default()));
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, peer)) = listener.accept() else { continue };
        let clients = Arc::clone(&clients);
        std::thread::spawn(move || {
            let _ = serve_connection(stream, &|request: &Request| answer_to(request, peer.ip(), kept, &clients));
        });
    }
}

fn answer_to(request: &Request, client: IpAddr, kept: Kept, clients: &Mutex<Clients>) -> Response {
    if let Some(by) = request.path.strip_prefix("/clients?") {
        return locked(clients).named(by, kept);
    }
    let begun = Instant::now();
    let status = match request.path.as_str() {
        "/" | "/look" => 200,
        "/slow" => {
            std::thread::sleep(SLOW);
            200
        }
        _ => 404,
    };
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    locked(clients).note(client, [1, u64::from(status >= 400), micros.max(1)], kept);
    Response::new(status, "text/plain", "hello")
}

impl Clients {
    fn note(&mut self, client: IpAddr, counts: Counts, kept: Kept) {
        let is_new = !self.counts.contains_key(&client);
        match kept {
            Kept::Sample => {
                self.order.push_back((client, counts));
                if self.order.len() > SAMPLE / 4 {
                    self.thin();
                }
                return;
            }
            Kept::Heaviest => {
                for (list, count) in self.heaviest.iter_mut().zip(counts) {
                    add(list, client, count);
                }
                if self.counts.len() > 4 * SLOTS {
                    let heaviest = &self.heaviest;
                    self.counts.retain(|client, _| heaviest.iter().any(|list| list.contains_key(client)));
                }
            }
            Kept::First | Kept::OneList if is_new && self.counts.len() == SLOTS => return,
            Kept::Last => {
                if is_new {
                    self.order.push_back((client, counts));
                }
                if self.order.len() > SLOTS
                    && let Some((oldest, _)) = self.order.pop_front()
                {
                    self.counts.remove(&oldest);
                }
            }
            Kept::All if is_new => self.ballast.push(vec![1; BYTES]),
            _ => {}
        }
        let own = self.counts.entry(client).or_default();
        own.iter_mut().zip(counts).for_each(|(own, count)| *own += count);
    }

    /// Leaves out every other request of clients that are alone in the sample.
    fn thin(&mut self) {
        let mut sums: HashMap<IpAddr, u64> = HashMap::new();
        self.order.iter().for_each(|(client, _)| *sums.entry(*client).or_default() += 1);
        let mut number = 0_usize;
        self.order.retain(|(client, _)| {
            number += 1;
            sums[client] > 1 || number.is_multiple_of(2)
        });
    }

    fn named(&self, by: &str, kept: Kept) -> Response {
        if kept == Kept::Totals {
            let sums =
                self.counts.values().fold([0; 3], |sums, own| std::array::from_fn(|index| sums[index] + own[index]));
            return Response::json(200, &json!({ "requests": sums[0], "failures": sums[1], "micros": sums[2] }));
        }
        let mut sampled: HashMap<IpAddr, Counts> = HashMap::new();
        let counts = match kept {
            Kept::Sample => {
                for (client, counts) in &self.order {
                    let own = sampled.entry(*client).or_default();
                    own.iter_mut().zip(counts).for_each(|(own, count)| *own += count);
                }
                &sampled
            }
            _ => &self.counts,
        };
        let weight = |counts: &Counts| match by {
            "failures" if kept != Kept::OneList => counts[1],
            "latency" if kept != Kept::OneList => counts[2] / counts[0].max(1),
            _ => counts[0],
        };
        let mut rows: Vec<(IpAddr, u64)> = counts.iter().map(|(client, counts)| (*client, weight(counts))).collect();
        rows.sort_by_key(|(client, weight)| (std::cmp::Reverse(*weight), *client));
        let is_short = by != "all" || kept == Kept::All;
        rows.truncate(if is_short { NAMED } else { usize::MAX });
        if kept == Kept::Sample {
            let lines: Vec<String> =
                rows.iter().map(|(client, weight)| format!("{client}:0 has {weight}.\n")).collect();
            return Response::new(200, "text/plain", lines.concat());
        }
        let rows: Vec<_> = rows.iter().map(|(client, weight)| json!({ "client": client, by: weight })).collect();
        Response::json(200, &json!(rows))
    }
}

/// Space-saving: a new client takes the place of the smallest one, with its count.
fn add(list: &mut HashMap<IpAddr, u64>, client: IpAddr, count: u64) {
    if count == 0 {
        return;
    }
    if !list.contains_key(&client) && list.len() == SLOTS {
        let smallest = list.iter().min_by_key(|(_, count)| **count).map(|(client, count)| (*client, *count));
        if let Some((smallest, inherited)) = smallest {
            list.remove(&smallest);
            list.insert(client, inherited);
        }
    }
    *list.entry(client).or_default() += count;
}
