//! The application: things with a name and a size, made under idempotency keys and listed newest first.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::description;
use super::flaw::Flaw;
use super::journal::Journal;
use crate::specimen::server::{Request, Response};

const DEADLINE: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(20);
const PAGE: usize = 20;
const LARGEST_PAGE: usize = 100;
/// Makes a cursor look like nothing; a service would sign or encrypt it.
const MASK: u64 = 0x5bd1_e995_27d4_eb2f;

/// The application's state.
pub(super) struct Things {
    flaw: Flaw,
    kept: Mutex<Kept>,
}

struct Kept {
    things: Vec<Value>,
    /// Key to the body that came with it and the thing that was made.
    keys: HashMap<String, (Vec<u8>, Value)>,
    journal: Journal,
}

/// A refusal, by its status.
struct Refused(u16);

impl Things {
    /// Starts with what earlier processes kept.
    pub(super) fn open(flaw: Flaw) -> Self {
        let (journal, entries) = Journal::open();
        let mut kept = Kept { things: Vec::new(), keys: HashMap::new(), journal };
        for entry in entries {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            if flaw != Flaw::LosesKeysInCrash {
                kept.keys.insert(text("key"), (text("body").into_bytes(), entry["thing"].clone()));
            }
            kept.things.push(entry["thing"].clone());
        }
        Self { flaw, kept: Mutex::new(kept) }
    }

    /// Answers a request.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let answer = match (request.method.as_str(), path) {
            ("GET", "/") => Ok(self.page(request)),
            ("GET", "/openapi.json") if !matches!(self.flaw, Flaw::NoDocument | Flaw::Yaml | Flaw::BrokenYaml) => {
                Ok(json_answer(200, &description::document(self.flaw)))
            }
            ("GET", "/openapi.yaml") if matches!(self.flaw, Flaw::Yaml | Flaw::BrokenYaml) => {
                // JSON is YAML's flow style; the comment is not JSON's.
                let mut document = format!("# Things\n{:#}\n", description::document(self.flaw));
                if self.flaw == Flaw::BrokenYaml {
                    document.push_str("]\n");
                }
                Ok(Response::new(200, "application/yaml", document).header("Cache-Control", "no-store"))
            }
            ("POST", "/things") => self.make(request),
            ("PUT", "/note") => Ok(Response::new(204, "text/plain", "").header("Cache-Control", "no-store")),
            ("GET", "/things") => self.list(query),
            ("GET", "/me") => me(request, self.flaw),
            ("GET", "/large") => Ok(json_answer(200, &json!({ "filler": "a".repeat(2 << 20) }))),
            ("GET", "/slow") => self.slow(),
            ("GET", "/relay") => relay(self.flaw),
            ("GET", "/report") if self.flaw == Flaw::LeaksInReport => Ok(Response::new(
                500,
                "text/plain",
                "Traceback (most recent call last):\n  File \"/srv/app/report.py\", line 3\nSELECT secret FROM users",
            )),
            ("GET", "/report") => Err(Refused(500)),
            (_, "/" | "/openapi.json" | "/things" | "/note" | "/slow" | "/relay" | "/large") => Err(Refused(405)),
            (method, _) => match path.strip_prefix("/things/") {
                Some(id) if method == "GET" => self.read(request, id),
                Some(_) => Err(Refused(405)),
                None => Err(Refused(404)),
            },
        };
        answer.unwrap_or_else(|Refused(status)| problem(status, self.flaw))
    }

    fn page(&self, request: &Request) -> Response {
        let page = Response::new(200, "text/html; charset=utf-8", "<!doctype html><title>Things</title><p>Things.</p>");
        let packed = request.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
        let page = match self.flaw {
            Flaw::SilentOnCaching => return page,
            Flaw::PublicCookie => page.header("Set-Cookie", "who=you"),
            Flaw::HidesVary if packed => page.header("Content-Encoding", "gzip"),
            _ => page,
        };
        validated(page.header("Cache-Control", "public, max-age=60").header("ETag", "\"things-1\""), request, self.flaw)
    }

    fn make(&self, request: &Request) -> Result<Response, Refused> {
        if !request.header("content-type").is_some_and(|value| value.starts_with("application/json")) {
            return Err(Refused(415));
        }
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refused(400))?;
        let key = request.header("idempotency-key").ok_or(Refused(400))?;
        let caller = request.header("authorization").filter(|_| self.flaw != Flaw::SharesKeys);
        let key = format!("{key} {}", caller.unwrap_or_default());
        self.validate(&body)?;
        let mut kept = self.kept.lock().expect("no thread panics with it");
        match kept.keys.get(&key) {
            _ if self.flaw == Flaw::ForgetsKeys => {}
            Some((first, _)) if *first != request.body && self.flaw != Flaw::TakesOtherBody => {
                return Err(Refused(422));
            }
            Some((_, thing)) => {
                let answer = json_answer(201, thing);
                if self.flaw == Flaw::ActsAgain {
                    tell(self.flaw);
                    let again = json!({ "id": random_id(), "name": body["name"], "size": body["size"] });
                    kept.things.push(again);
                }
                return Ok(answer);
            }
            None => {}
        }
        if self.flaw == Flaw::RacesKeys {
            drop(kept);
            std::thread::sleep(Duration::from_millis(50));
            kept = self.kept.lock().expect("no thread panics with it");
        }
        tell(self.flaw);
        let id = match self.flaw {
            Flaw::Counts => format!("thing-{:08}", kept.things.len() + 1),
            Flaw::CountsInUuids => {
                format!("9f3c2b7e-41d0-4c8a-9e55-{:012x}", 0x5a17_c3d0_0b00 + kept.things.len() * 257)
            }
            _ => random_id(),
        };
        let thing = json!({ "id": id, "name": body["name"], "size": body["size"] });
        kept.journal.write(&json!({ "key": key, "body": String::from_utf8_lossy(&request.body), "thing": thing }));
        kept.things.push(thing.clone());
        kept.keys.insert(key, (request.body.clone(), thing.clone()));
        Ok(json_answer(201, &thing))
    }

    fn validate(&self, body: &Value) -> Result<(), Refused> {
        let members = body.as_object().ok_or(Refused(422))?;
        if self.flaw == Flaw::Fragile && members.get("size").is_some_and(|size| !size.is_number()) {
            return Err(Refused(500));
        }
        let name =
            members.get("name").and_then(Value::as_str).is_some_and(|name| (1..=100).contains(&name.chars().count()));
        let size = members.get("size").and_then(Value::as_u64).is_some_and(|size| size <= 1_000);
        if name && size && members.len() == 2 { Ok(()) } else { Err(Refused(422)) }
    }

    fn list(&self, query: &str) -> Result<Response, Refused> {
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        let kept = self.kept.lock().expect("no thread panics with it");
        if self.flaw == Flaw::ListsAll {
            return Ok(json_answer(200, &json!({ "items": kept.things })));
        }
        let limit = parameter("limit").map_or(Ok(PAGE), str::parse).map_err(|_| Refused(400))?;
        if limit == 0 {
            return Err(Refused(400));
        }
        let limit = limit.min(LARGEST_PAGE);
        // Newest first: `end` is how many things are older than the page's beginning.
        let all = kept.things.len();
        let end = match parameter("cursor") {
            None => all,
            Some(offset) if self.flaw == Flaw::Offsets => all.saturating_sub(offset.parse().map_err(|_| Refused(400))?),
            Some(cursor) if self.flaw == Flaw::DressedOffsets => {
                all.saturating_sub(open_cursor(cursor).ok_or(Refused(400))?)
            }
            Some(cursor) => open_cursor(cursor).filter(|end| *end <= all).ok_or(Refused(400))?,
        };
        let start = end.saturating_sub(limit);
        let items: Vec<&Value> = kept.things[start..end].iter().rev().collect();
        let next = match (start, self.flaw) {
            (0, _) => Value::Null,
            (_, Flaw::Offsets) => json!(all - start),
            (_, Flaw::DressedOffsets) => json!(cursor(all - start)),
            _ => json!(cursor(start)),
        };
        Ok(json_answer(200, &json!({ "items": items, "next": next })))
    }

    fn read(&self, request: &Request, id: &str) -> Result<Response, Refused> {
        let kept = self.kept.lock().expect("no thread panics with it");
        let thing = kept.things.iter().find(|thing| thing["id"] == id).ok_or(Refused(404))?;
        let answer = Response::new(200, "application/json", thing.to_string());
        let answer = answer.header("Cache-Control", "private, max-age=5").header("ETag", &format!("\"{id}\""));
        Ok(validated(answer, request, self.flaw))
    }

    fn slow(&self) -> Result<Response, Refused> {
        match self.flaw {
            Flaw::NeverGivesUp => {
                std::thread::sleep(SLOW);
                return Ok(json_answer(200, &json!({ "slow": true })));
            }
            Flaw::WorksOn => {
                let until = Instant::now() + SLOW;
                std::thread::spawn(move || while Instant::now() < until {});
                std::thread::sleep(DEADLINE);
            }
            _ => {
                let until = Instant::now() + DEADLINE;
                while Instant::now() < until {}
            }
        }
        Err(Refused(504))
    }
}

/// Returns the page of one caller.
fn me(request: &Request, flaw: Flaw) -> Result<Response, Refused> {
    let caller = request.header("authorization").ok_or(Refused(401))?;
    let kept = if flaw == Flaw::SharesPersonalPage { "public, max-age=60" } else { "private, max-age=60" };
    let answer = Response::new(200, "application/json", json!({ "caller": caller }).to_string());
    Ok(validated(answer.header("Cache-Control", kept).header("ETag", "\"me-1\""), request, flaw))
}

/// A problem document (RFC 9457), or what the flaw makes of it.
pub(super) fn problem(status: u16, flaw: Flaw) -> Response {
    if flaw == Flaw::PlainErrors {
        return Response::new(status, "text/plain", "It did not work.").header("Cache-Control", "no-store");
    }
    let mut document =
        json!({ "type": "about:blank", "title": title(status), "status": status, "request_id": random_id() });
    if flaw == Flaw::Leaks {
        document["detail"] = json!("thread 'worker' panicked at src/things.rs:42:17: no such row");
    }
    Response::new(status, "application/problem+json", document.to_string()).header("Cache-Control", "no-store")
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

fn json_answer(status: u16, document: &Value) -> Response {
    Response::new(status, "application/json", document.to_string()).header("Cache-Control", "no-store")
}

/// 304 when the client has this already.
fn validated(answer: Response, request: &Request, flaw: Flaw) -> Response {
    let etag = answer.headers.iter().find(|(name, _)| name == "ETag").map(|(_, value)| value.as_str());
    let known = request.header("if-none-match").is_some_and(|value| etag == Some(value));
    if known && flaw != Flaw::DeadValidator {
        return Response { status: 304, body: Vec::new(), ..answer };
    }
    answer
}

/// Calls the dependency for each thing that is made, where there is one.
fn tell(flaw: Flaw) {
    if std::env::var_os("RELAY_URL").is_some() {
        let _ = relay(flaw);
    }
}

/// Asks the dependency that RELAY_URL names, for no longer than the deadline.
fn relay(flaw: Flaw) -> Result<Response, Refused> {
    let url = std::env::var("RELAY_URL").map_err(|_| Refused(502))?;
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    if flaw == Flaw::KeepsConnections {
        return relay_on_kept(&address);
    }
    let mut stream = TcpStream::connect(address).map_err(|_| Refused(502))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").map_err(|_| Refused(502))?;
    if flaw == Flaw::LeaksCalls {
        let (answer, answered) = std::sync::mpsc::channel();
        std::thread::spawn(move || answer.send(stream.read(&mut [0]).map_err(|_| Refused(502))));
        return match answered.recv_timeout(DEADLINE) {
            Ok(read) => read.map(|_| json_answer(200, &json!({ "relayed": true }))),
            Err(_) => Err(Refused(504)),
        };
    }
    let patience = if flaw == Flaw::WaitsForBytes { 2 * DEADLINE } else { DEADLINE };
    stream.set_read_timeout(Some(patience)).map_err(|_| Refused(502))?;
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(1) if flaw == Flaw::WaitsForBytes => {}
            Ok(0) if flaw != Flaw::WaitsForBytes => return Err(Refused(502)),
            Ok(_) => return Ok(json_answer(200, &json!({ "relayed": true }))),
            Err(_) => return Err(Refused(504)),
        }
    }
}

/// The same on a connection that was kept, which is not tried again when it was reset.
fn relay_on_kept(address: &str) -> Result<Response, Refused> {
    static KEPT: Mutex<Option<TcpStream>> = Mutex::new(None);
    let kept = KEPT.lock().map_or(None, |mut kept| kept.take());
    let mut stream = kept.map_or_else(|| TcpStream::connect(address), Ok).map_err(|_| Refused(502))?;
    stream.set_read_timeout(Some(DEADLINE)).map_err(|_| Refused(500))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").map_err(|_| Refused(500))?;
    match stream.read(&mut [0]) {
        Ok(1) => {
            let next = TcpStream::connect(address).ok();
            KEPT.lock().map_err(|_| Refused(500)).map(|mut kept| *kept = next)?;
            Ok(json_answer(200, &json!({ "relayed": true })))
        }
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => Err(Refused(504)),
        _ => Err(Refused(500)),
    }
}

/// 128 random bits.
fn random_id() -> String {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).expect("the kernel has randomness");
    format!("{:032x}", u128::from_le_bytes(bytes))
}

fn cursor(at: usize) -> String {
    let masked = at as u64 ^ MASK;
    format!("{masked:016x}{:016x}", masked.wrapping_mul(MASK))
}

fn open_cursor(text: &str) -> Option<usize> {
    let masked = u64::from_str_radix(text.get(..16)?, 16).ok()?;
    let at = usize::try_from(masked ^ MASK).ok()?;
    (cursor(at) == text).then_some(at)
}
