//! Servers for `border.compress`, which compress answers and unpack bodies, soundly or with one flaw.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::clause::border::compress as clause;
use crate::probes::border::specimen::{PLAIN, SOUND};
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};

const PAGE: &str = "<!doctype html><title>packed</title><p>hello, hello, hello";
/// The most that a body may unpack to, in bytes.
const BOUND: u64 = 64 << 10;
/// Duration of the work on an unpacked body.
const WORK: Duration = Duration::from_millis(100);

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Takes q=0 for a wish.
    Forced,
    /// Compresses what is compressed already.
    Twice,
    /// Does not say what the answer depends on.
    NoVary,
    /// Compresses its metrics alone, and does not say what they depend on.
    Metrics,
    /// Compresses another page.
    Other,
    /// Unpacks every body.
    Unbounded,
    /// Keeps what it is sent, and unpacks nothing. No flaw.
    Keeps,
    /// Repeats the query beside a token that stays the same.
    Guessable,
    /// Repeats the query beside a token that is another one each time.
    Masked,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("border-packed", |port| pack(Flaw::None, port))
        .holds("codes as asked for, unpacks within bounds, and packs what everybody gets"),
    Server::new("border-packed-masked", |port| pack(Flaw::Masked, port))
        .holds("repeats the query beside a token that is another one each time"),
    Server::new("border-packed-forced", |port| pack(Flaw::Forced, port)).falls_short("takes q=0 for a wish"),
    Server::new("border-packed-twice", |port| pack(Flaw::Twice, port))
        .falls_short("compresses what is compressed already")
        .liar(),
    Server::new("border-packed-no-vary", |port| pack(Flaw::NoVary, port))
        .falls_short("does not say what the answer depends on"),
    Server::new("border-packed-metrics", |port| pack(Flaw::Metrics, port))
        .falls_short("compresses its metrics alone, without Vary")
        .liar(),
    Server::new("border-packed-other", |port| pack(Flaw::Other, port)).falls_short("compresses another page"),
    Server::new("border-packed-unbounded", |port| pack(Flaw::Unbounded, port))
        .falls_short("unpacks bodies without a limit"),
    Server::new("border-packed-guessable", |port| pack(Flaw::Guessable, port))
        .falls_short("repeats the query beside a token that stays the same"),
    Server::new("border-packed-kept", |port| pack(Flaw::Keeps, port))
        .holds_but_for(&[clause::BOUNDED], "keeps what it is sent, and unpacks nothing"),
    SOUND.does_not_apply("compresses nothing, and takes no compressed body"),
    PLAIN.is_unknown("compresses nothing, and nothing is declared about its writes"),
];

fn pack(flaw: Flaw, port: u16) -> ! {
    serve(port, move |request| answer(flaw, request))
}

/// Answers a request.
fn answer(flaw: Flaw, request: &Request) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") if flaw == Flaw::Metrics => Response::new(200, "text/html", PAGE),
        ("GET", "/metrics") if flaw == Flaw::Metrics => {
            page(flaw, "/metrics", request.header("accept-encoding").unwrap_or_default())
        }
        ("GET", path) if path == "/" || path.starts_with("/?") => {
            page(flaw, path, request.header("accept-encoding").unwrap_or_default())
        }
        ("POST", "/things") => take(flaw, request),
        _ => Response::new(404, "text/plain", "nothing here"),
    }
}

fn page(flaw: Flaw, path: &str, accepted: &str) -> Response {
    static SHOWN: AtomicUsize = AtomicUsize::new(0);
    let token = match flaw {
        Flaw::Masked => 12_345_678 + SHOWN.fetch_add(1, Ordering::Relaxed),
        _ => 12_345_678,
    };
    let page = match flaw {
        Flaw::Guessable | Flaw::Masked => {
            format!("{PAGE}<form action=\"{path}\"><input name=\"csrf_token\" value=\"{token}\"></form>")
        }
        _ => PAGE.to_owned(),
    };
    let wanted = accepted.contains("gzip") && (flaw == Flaw::Forced || !accepted.contains("q=0"));
    let answer = match (wanted, flaw) {
        (false, _) => Response::new(200, "text/html", page),
        (true, Flaw::Twice) => Response::new(200, "text/html", packed(&packed(page.as_bytes()))),
        (true, Flaw::Other) => Response::new(200, "text/html", packed(b"something else")),
        (true, _) => Response::new(200, "text/html", packed(page.as_bytes())),
    };
    let answer = if wanted { answer.header("Content-Encoding", "gzip") } else { answer };
    if matches!(flaw, Flaw::NoVary | Flaw::Metrics) { answer } else { answer.header("Vary", "Accept-Encoding") }
}

fn take(flaw: Flaw, request: &Request) -> Response {
    if flaw == Flaw::Keeps {
        return Response::new(201, "text/plain", "kept");
    }
    let bound = if flaw == Flaw::Unbounded { u64::MAX } else { BOUND + 1 };
    let mut body = Vec::new();
    match request.header("content-encoding") {
        None => body.clone_from(&request.body),
        Some("gzip") => {
            let unpacked = GzDecoder::new(request.body.as_slice()).take(bound).read_to_end(&mut body);
            if unpacked.is_err() {
                return Response::new(400, "text/plain", "not gzip");
            }
            std::thread::sleep(WORK);
        }
        Some(_) => return Response::new(415, "text/plain", "only gzip"),
    }
    if flaw != Flaw::Unbounded && body.len() as u64 > BOUND {
        return Response::new(413, "text/plain", "too much");
    }
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(_) => Response::new(201, "text/plain", "made"),
        Err(_) => Response::new(400, "text/plain", "not JSON"),
    }
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a vector takes every write")
}
