//! Servers for `ratchet.jobs`: a service that writes jobs into the file `JOBS_DATA` and does them by calls to `DEPENDENCY_URL`, well or with
//! one flaw.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::probes::call::specimen::DEPENDENCY;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Keeps jobs in memory, and only their ends on disk.
    Forgets,
    /// Leaves jobs alone that were under way when it was killed.
    Abandons,
    /// Repeats a failed job at once.
    Insists,
    /// Starts every job at once.
    Rushes,
    /// Makes a job of each repeat.
    Doubles,
    /// Takes a job for done after three failures.
    GivesUp,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("jobs-good", |port| work(Flaw::None, port))
        .holds("has its jobs on disk, and four workers that back off"),
    Server::new("jobs-gives-up", |port| work(Flaw::GivesUp, port))
        .falls_short("takes a job for done after three failures")
        .liar(),
    Server::new("jobs-forgets", |port| work(Flaw::Forgets, port)).falls_short("has its jobs in memory"),
    Server::new("jobs-abandons", |port| work(Flaw::Abandons, port))
        .falls_short("leaves jobs alone that were under way when it was killed"),
    Server::new("jobs-insists", |port| work(Flaw::Insists, port)).falls_short("repeats failed jobs at once"),
    Server::new("jobs-rushes", |port| work(Flaw::Rushes, port)).falls_short("starts every job at once"),
    Server::new("jobs-doubles", |port| work(Flaw::Doubles, port)).falls_short("makes a job of each repeat"),
    Server::new("jobs-checks-health", checked)
        .holds("calls its dependency's health too, without a key, beside its jobs"),
    DEPENDENCY.is_called(),
];

/// Workers of a service that bounds them.
const WORKERS: usize = 4;
/// The whole call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Wait of a worker that finds nothing.
const IDLE: Duration = Duration::from_millis(5);

/// A job that waits.
struct Waiting {
    id: String,
    failures: u32,
    from: Instant,
}

#[derive(Default)]
struct Jobs {
    /// True for a job that is done.
    known: BTreeMap<String, bool>,
    queue: VecDeque<Waiting>,
}

/// Wait between two checks of the dependency's health.
const CHECK: Duration = Duration::from_secs(2);

fn checked(port: u16) -> ! {
    std::thread::spawn(|| {
        loop {
            send("GET /health HTTP/1.1\r\nHost: dependency\r\nConnection: close\r\n\r\n");
            std::thread::sleep(CHECK);
        }
    });
    work(Flaw::None, port)
}

fn work(flaw: Flaw, port: u16) -> ! {
    let jobs = Arc::new(Mutex::new(read(flaw)));
    if flaw != Flaw::Rushes {
        for _ in 0..WORKERS {
            let jobs = Arc::clone(&jobs);
            std::thread::spawn(move || {
                loop {
                    match next(&jobs) {
                        Some(waiting) => attempt(flaw, &jobs, waiting),
                        None => std::thread::sleep(IDLE),
                    }
                }
            });
        }
    } else {
        let jobs = Arc::clone(&jobs);
        std::thread::spawn(move || {
            loop {
                match next(&jobs) {
                    Some(waiting) => {
                        let jobs = Arc::clone(&jobs);
                        std::thread::spawn(move || attempt(flaw, &jobs, waiting));
                    }
                    None => std::thread::sleep(IDLE),
                }
            }
        });
    }
    serve(port, move |request| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/jobs") => accept(flaw, &jobs, request),
        ("GET", "/") => Response::new(200, "text/plain", "hello"),
        ("GET", path) => match lock(&jobs).known.get(path.trim_start_matches("/jobs/")) {
            Some(done) => {
                let state = if *done { "done" } else { "waiting" };
                Response::new(200, "application/json", format!("{{\"state\":\"{state}\"}}"))
            }
            None => Response::new(404, "text/plain", "nothing here"),
        },
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

fn lock(jobs: &Mutex<Jobs>) -> MutexGuard<'_, Jobs> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(flaw: Flaw, jobs: &Mutex<Jobs>, request: &Request) -> Response {
    let mut id = request.header("idempotency-key").unwrap_or("none").to_owned();
    let mut jobs = lock(jobs);
    if flaw == Flaw::Doubles {
        id = format!("{id}-{}", jobs.known.len());
    }
    if !jobs.known.contains_key(&id) {
        if flaw != Flaw::Forgets {
            write(&format!("ask {id}"));
        }
        jobs.known.insert(id.clone(), false);
        jobs.queue.push_back(Waiting { id: id.clone(), failures: 0, from: Instant::now() });
    }
    Response::new(202, "application/json", format!("{{\"id\":\"{id}\"}}"))
}

/// Takes the first job whose time has come.
fn next(jobs: &Mutex<Jobs>) -> Option<Waiting> {
    let mut jobs = lock(jobs);
    let now = Instant::now();
    let place = jobs.queue.iter().position(|waiting| waiting.from <= now)?;
    jobs.queue.remove(place)
}

fn attempt(flaw: Flaw, jobs: &Mutex<Jobs>, waiting: Waiting) {
    let Waiting { id, failures, .. } = waiting;
    if flaw == Flaw::Abandons {
        write(&format!("begin {id}"));
    }
    if call(&id) || flaw == Flaw::GivesUp && failures == 2 {
        write(&format!("done {id}"));
        lock(jobs).known.insert(id, true);
        return;
    }
    if flaw == Flaw::Abandons {
        write(&format!("ask {id}"));
    }
    let wait = match flaw {
        Flaw::Insists => Duration::from_millis(10),
        _ => Duration::from_millis(100) * 2_u32.pow(failures.min(4)),
    };
    lock(jobs).queue.push_back(Waiting { id, failures: failures + 1, from: Instant::now() + wait });
}

/// Calls the dependency under the job's key; true when it says that it is done.
fn call(id: &str) -> bool {
    send(&format!(
        "POST /pay HTTP/1.1\r\nHost: dependency\r\nIdempotency-Key: {id}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ))
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

fn file() -> String {
    std::env::var("JOBS_DATA").unwrap_or_else(|_| "/dev/null".to_owned())
}

fn write(line: &str) {
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file());
    let _ = opened.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
}

/// The jobs of earlier runs; those that are not done wait again.
fn read(flaw: Flaw) -> Jobs {
    let mut jobs = Jobs::default();
    let mut begun = BTreeMap::new();
    for line in std::fs::read_to_string(file()).unwrap_or_default().lines() {
        let Some((word, id)) = line.split_once(' ') else { continue };
        jobs.known.insert(id.to_owned(), word == "done");
        begun.insert(id.to_owned(), word == "begin");
    }
    let is_abandoned = |id: &String| flaw == Flaw::Abandons && begun.get(id) == Some(&true);
    let waits = |(id, done): (&String, &bool)| !done && !is_abandoned(id);
    let left: Vec<String> =
        jobs.known.iter().filter(|(id, done)| waits((id, done))).map(|(id, _)| id.clone()).collect();
    jobs.queue = left.into_iter().map(|id| Waiting { id, failures: 0, from: Instant::now() }).collect();
    jobs
}
