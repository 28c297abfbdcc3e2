//! Servers for `life.leader`: instances on the same files `LEADER_DATA`, one of which counts the works that both are asked for, well or with one
//! flaw.

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Response, locked, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Figure, Leader, RequestSpec, State, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Shows its term as metrics.
    Metrics,
    /// Works from its memory, without a look at its lease.
    Zombie,
    /// Says that it leads for as long as it lives.
    Boasts,
    /// Has the same fence in every term.
    Fenceless,
    /// Leads beside others.
    Crowd,
    /// Keeps its lease for ever.
    Forever,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("leader-good", |port| work(Flaw::None, port)).holds("looks at its lease where it writes"),
    Server::new("leader-metrics", |port| work(Flaw::Metrics, port)).holds("shows its term as metrics"),
    Server::new("leader-zombie", |port| work(Flaw::Zombie, port))
        .falls_short("works from its memory after a pause, before it looks at its lease")
        .liar(),
    Server::new("leader-boasts", |port| work(Flaw::Boasts, port))
        .falls_short("says that it leads after its lease is over, and does nothing")
        .liar(),
    Server::new("leader-fenceless", |port| work(Flaw::Fenceless, port))
        .falls_short("has the same fence in every term")
        .liar(),
    Server::new("leader-crowd", |port| work(Flaw::Crowd, port)).falls_short("leads beside others"),
    Server::new("leader-forever", |port| work(Flaw::Forever, port)).falls_short("keeps its lease for ever"),
    PLAIN.is_unknown("has no leader that is declared"),
];

/// Time of a lease.
const TTL: Duration = Duration::from_millis(400);
/// Between two rounds.
const ROUND: Duration = Duration::from_millis(5);

/// Declares a specimen's leader; `run` starts the second instance on a port.
pub(crate) fn declare(name: &str, subject: &mut Subject, folder: &std::path::Path, run: String, port: u16) {
    subject.state = State::Durable;
    if name == "border-plain" {
        return;
    }
    subject.env.insert("LEADER_DATA".to_owned(), folder.join("works").display().to_string());
    subject.requests.push(RequestSpec {
        name: "work".to_owned(),
        method: "POST".to_owned(),
        path: "/works".to_owned(),
        expect: Some(202),
        ..RequestSpec::default()
    });
    let (leads, fence) = match name {
        "leader-metrics" => ("works_leader 1", "works_fence "),
        _ => ("\"leads\":true", "\"fence\":"),
    };
    subject.leader = Some(Leader {
        run: Some(run),
        env: [].into(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        admin: None,
        read: "/leader".to_owned(),
        leads: leads.to_owned(),
        fence: Some(fence.to_owned()),
        request: "work".to_owned(),
        effect: Figure { read: "/done".to_owned(), value: "/works".to_owned(), admin: false },
        within: Duration::from_secs(4),
    });
}

/// The term of this instance, as it remembers it.
struct Term {
    flaw: Flaw,
    leads: bool,
    fence: u64,
    /// The works that it has counted or found counted.
    counted: u64,
    renewed: Instant,
}

fn work(flaw: Flaw, port: u16) -> ! {
    let term = Term { flaw, leads: false, fence: 0, counted: 0, renewed: Instant::now() };
    let term = Arc::new(Mutex::new(term));
    let working = term.clone();
    std::thread::spawn(move || {
        loop {
            locked(&working).round();
            std::thread::sleep(ROUND);
        }
    });
    serve(port, move |request| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/works") => {
            alone(|| write("asked", &[number("asked") + 1]));
            Response::json(202, &json!({}))
        }
        ("GET", "/done") => Response::json(200, &json!({ "works": number("done") })),
        ("GET", "/leader") => {
            let term = locked(&term);
            let leads = term.leads || flaw == Flaw::Boasts && term.fence > 0;
            match flaw {
                Flaw::Metrics => {
                    let text = format!("works_leader {}\nworks_fence {}\n", u8::from(leads), term.fence);
                    Response::new(200, "text/plain", text)
                }
                _ => Response::json(200, &json!({ "fence": term.fence, "leads": leads })),
            }
        }
        ("GET", "/") => Response::new(200, "text/plain", "hello"),
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

impl Term {
    fn round(&mut self) {
        match (self.flaw, self.leads) {
            (Flaw::Crowd, _) => {
                (self.leads, self.fence) = (true, 1);
                work_alone();
            }
            (_, false) if lease()[1] >= now() => {}
            (_, false) => self.take(),
            (Flaw::Zombie, true) => {
                let asked = number("asked");
                if asked > self.counted {
                    alone(|| write("done", &[number("done") + asked - self.counted]));
                    self.counted = asked;
                }
                self.renew();
            }
            (_, true) => {
                // Without a lock where there is nothing to do: one that is paused would keep it.
                if number("asked") > number("done") {
                    alone(|| {
                        if self.holds() {
                            write("done", &[number("asked")]);
                        }
                    });
                }
                self.renew();
            }
        }
    }

    /// Takes the lease when it is over.
    fn take(&mut self) {
        alone(|| {
            let [fence, until, _] = lease();
            if until < now() {
                self.fence = if self.flaw == Flaw::Fenceless { 1 } else { fence + 1 };
                self.leads = true;
                (self.counted, self.renewed) = (number("done"), Instant::now());
                write("lease", &[self.fence, self.end(), u64::from(std::process::id())]);
            }
        });
    }

    /// Renews it, or notes that another one has it.
    fn renew(&mut self) {
        if self.renewed.elapsed() < TTL / 4 {
            return;
        }
        alone(|| {
            self.leads = self.holds();
            if self.leads {
                self.renewed = Instant::now();
                write("lease", &[self.fence, self.end(), u64::from(std::process::id())]);
            }
        });
    }

    fn holds(&self) -> bool {
        let [fence, until, holder] = lease();
        fence == self.fence && holder == u64::from(std::process::id()) && until >= now()
    }

    fn end(&self) -> u64 {
        match self.flaw {
            Flaw::Forever => u64::MAX,
            _ => now() + TTL.as_millis() as u64,
        }
    }
}

/// Counts all works that are not counted.
fn work_alone() {
    if number("asked") > number("done") {
        alone(|| write("done", &[number("asked")]));
    }
}

/// Does something while no other instance does.
fn alone(work: impl FnOnce()) {
    if let Ok(file) = File::create(name("lock")) {
        let _ = flock(&file, FlockOperation::LockExclusive);
        work();
    }
}

/// The fence, the end in milliseconds since 1970, and the process that holds it.
fn lease() -> [u64; 3] {
    let text = std::fs::read_to_string(name("lease")).unwrap_or_default();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    [(); 3].map(|()| numbers.next().unwrap_or_default())
}

fn number(of: &str) -> u64 {
    std::fs::read_to_string(name(of)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default()
}

/// Writes numbers as one file, whole or not at all.
fn write(to: &str, numbers: &[u64]) {
    let text = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let beside = name("new");
    let _ = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, name(to)));
}

fn name(of: &str) -> String {
    format!("{}.{of}", std::env::var("LEADER_DATA").unwrap_or_else(|_| "/nonexistent/works".to_owned()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
