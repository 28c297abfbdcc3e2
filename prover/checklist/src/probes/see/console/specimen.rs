//! Servers for `see.console`: a page with a number and a breaker, and levers; well or with one flaw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Act, Console, Number, RequestSpec, Shown, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Shows JSON, and takes levers as JSON with a token.
    Token,
    /// Shows the numbers of its first page.
    Stale,
    /// Shows the lever as pulled, and goes on as before.
    Pretends,
    /// Acts on GET.
    ActsOnGet,
    /// Acts for a page of another origin.
    Foreign,
    /// Acts for anybody.
    Anybody,
    /// Refuses a lever without an identity, and acts all the same.
    RefusesAndActs,
    /// Writes nothing down.
    Silent,
    /// Writes the reason down, and not who it was.
    Nameless,
    /// Answers a page later the more requests there are.
    Slow,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("console-good", |port| answer(Flaw::None, port))
        .holds("shows its number, acts for an operator alone, and writes it down"),
    Server::new("console-token", |port| answer(Flaw::Token, port))
        .holds("shows JSON, and takes levers as JSON with the token of an operator"),
    Server::new("console-pretends", |port| answer(Flaw::Pretends, port))
        .falls_short("shows the lever as pulled, and goes on as before")
        .liar(),
    Server::new("console-stale", |port| answer(Flaw::Stale, port))
        .falls_short("shows the numbers of its first page")
        .liar(),
    Server::new("console-refuses-and-acts", |port| answer(Flaw::RefusesAndActs, port))
        .falls_short("answers 403 without an identity, and acts all the same")
        .liar(),
    Server::new("console-acts-on-get", |port| answer(Flaw::ActsOnGet, port)).falls_short("acts on GET"),
    Server::new("console-foreign", |port| answer(Flaw::Foreign, port)).falls_short("acts for a page of another origin"),
    Server::new("console-anybody", |port| answer(Flaw::Anybody, port)).falls_short("acts without an identity"),
    Server::new("console-silent", |port| answer(Flaw::Silent, port)).falls_short("writes nothing down"),
    Server::new("console-nameless", |port| answer(Flaw::Nameless, port))
        .falls_short("writes the reason down, and not who it was"),
    Server::new("console-slow", |port| answer(Flaw::Slow, port))
        .falls_short("answers its page late while others are served"),
    PLAIN.is_unknown("says nothing of a console"),
];

const TOKEN: &str = "Bearer operator-0123456789abcdef";
/// Time that the slow page takes.
const LATE: Duration = Duration::from_millis(1300);
/// Requests after which it does.
const MANY: u64 = 60;

/// Declares the console of a specimen.
pub(crate) fn declare(name: &str, subject: &mut Subject) {
    if name == "border-plain" {
        return;
    }
    let request = |name: &str, path: &str| RequestSpec {
        name: name.to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        ..RequestSpec::default()
    };
    subject.requests = vec![request("look", "/look"), request("ask the bank", "/bank")];
    let has_token = name == "console-token";
    let act = |path: &str, has_identity: bool| {
        let body = match (has_token, has_identity) {
            (true, _) => "{\"why\": \"{reason}\"}",
            (false, true) => "by={author}&why={reason}",
            (false, false) => "why={reason}",
        };
        let token = ("authorization".to_owned(), TOKEN.to_owned());
        let headers = (has_token && has_identity).then_some(token).into_iter().collect();
        Act { method: "POST".to_owned(), path: path.to_owned(), headers, body: body.to_owned() }
    };
    let page = if has_token { "/state" } else { "/console" }.to_owned();
    let pattern = if has_token { "\"look\":([0-9]+)" } else { "<th>look</th><td>([0-9]+)<" }.to_owned();
    let port = subject.url.port().unwrap_or_default();
    let read = "import re,urllib.request as u; print(re.search(rb'look\\D+([0-9]+)', u.urlopen('http://127.0.0.1:PORT/number').read())[1].decode())";
    subject.console = Some(Console {
        page: page.clone(),
        number: Some(Number { page: page.clone(), pattern, of: "look".to_owned() }),
        lever: Some(act("/trip", true)),
        release: Some(act("/release", true)),
        anonymous: Some(act("/trip", false)),
        shows: Some(Shown { page, pattern: "forced open".to_owned() }),
        stops: Some("ask the bank".to_owned()),
        terminal: Some(format!("python3 -c \"{}\"", read.replace("PORT", &port.to_string()))),
    });
}

struct Desk {
    flaw: Flaw,
    looks: AtomicU64,
    requests: AtomicU64,
    /// True while the page shows the lever as pulled.
    is_shown: AtomicBool,
    /// True while the bank is not asked.
    is_open: AtomicBool,
}

fn answer(flaw: Flaw, port: u16) -> ! {
    let desk = Arc::new(Desk {
        flaw,
        looks: AtomicU64::new(0),
        requests: AtomicU64::new(0),
        is_shown: AtomicBool::new(false),
        is_open: AtomicBool::new(false),
    });
    serve(port, move |request| desk.answer(request))
}

impl Desk {
    fn answer(&self, request: &Request) -> Response {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        match path {
            "/look" => {
                self.looks.fetch_add(1, Ordering::Relaxed);
                self.requests.fetch_add(1, Ordering::Relaxed);
                Response::new(200, "text/plain", "hello")
            }
            "/bank" if self.is_open.load(Ordering::Relaxed) => Response::new(503, "text/plain", "not now"),
            "/" | "/bank" => {
                self.requests.fetch_add(1, Ordering::Relaxed);
                Response::new(200, "text/plain", "hello")
            }
            "/console" | "/state" | "/number" => self.page(path),
            "/trip" | "/release" => self.lever(request, path, query),
            _ => Response::new(404, "text/plain", "nothing here"),
        }
    }

    fn page(&self, path: &str) -> Response {
        if self.flaw == Flaw::Slow && self.requests.load(Ordering::Relaxed) > MANY {
            std::thread::sleep(LATE);
        }
        let looks = if self.flaw == Flaw::Stale { 0 } else { self.looks.load(Ordering::Relaxed) };
        let breaker = if self.is_shown.load(Ordering::Relaxed) { "forced open" } else { "closed" };
        match path {
            "/console" => {
                // What nobody has asked for yet has no row.
                let row = format!("<tr><th>look</th><td>{looks}</td></tr>");
                let row = if looks == 0 && self.flaw != Flaw::Stale { "" } else { &row };
                let html = format!("<h1>Desk</h1><table>{row}</table><p>{breaker}</p>");
                Response::new(200, "text/html", html)
            }
            _ => Response::new(200, "application/json", format!("{{\"look\":{looks},\"bank\":\"{breaker}\"}}")),
        }
    }

    fn lever(&self, request: &Request, path: &str, query: &str) -> Response {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let form = if body.is_empty() { query.to_owned() } else { body };
        let has_identity = match self.flaw {
            Flaw::Token => request.header("authorization") == Some(TOKEN),
            _ => form.contains("by="),
        };
        if request.method != "POST" && self.flaw != Flaw::ActsOnGet {
            return Response::new(405, "text/plain", "send POST");
        }
        if request.header("origin").is_some() && self.flaw != Flaw::Foreign {
            return Response::new(403, "text/plain", "a page of another origin sent it");
        }
        if !has_identity && !matches!(self.flaw, Flaw::Anybody | Flaw::RefusesAndActs) {
            return Response::new(403, "text/plain", "who are you?");
        }
        let is_pulled = path == "/trip";
        self.is_shown.store(is_pulled, Ordering::Relaxed);
        self.is_open.store(is_pulled && self.flaw != Flaw::Pretends, Ordering::Relaxed);
        match self.flaw {
            Flaw::Silent => {}
            Flaw::Nameless => println!("{path}: {}", form.split("why=").nth(1).unwrap_or_default()),
            _ => println!("{path}: {form}"),
        }
        match has_identity {
            true => Response::new(204, "text/plain", ""),
            false => Response::new(if self.flaw == Flaw::Anybody { 204 } else { 403 }, "text/plain", ""),
        }
    }
}
