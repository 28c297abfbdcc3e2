//! Servers for `border.validation`: notes with a text and a number of stars, and a page that lists them.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Takes any JSON.
    TakesAnything,
    /// Reads the JSON at the beginning of a body, and nothing behind it.
    ReadsTheBeginning,
    /// Fails on a value of another type.
    Fails,
    /// Refuses without the name of the field.
    NamesNothing,
    /// Shows texts as they were sent.
    Unescaped,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("validation-sound", |port| notes(Flaw::None, port)).holds("checks each field, names it, and escapes"),
    Server::new("validation-takes-anything", |port| notes(Flaw::TakesAnything, port)).falls_short("takes any JSON"),
    Server::new("validation-reads-the-beginning", |port| notes(Flaw::ReadsTheBeginning, port))
        .falls_short("takes a body with something behind its JSON")
        .liar(),
    Server::new("validation-fails", |port| notes(Flaw::Fails, port)).falls_short("answers 500 to a wrong type"),
    Server::new("validation-names-nothing", |port| notes(Flaw::NamesNothing, port))
        .falls_short("refuses without a word about the field")
        .liar(),
    Server::new("validation-unescaped", |port| notes(Flaw::Unescaped, port))
        .falls_short("validates everything, and shows texts as they were sent")
        .liar(),
    PLAIN.is_unknown("nothing is declared about its writes"),
];

fn notes(flaw: Flaw, port: u16) -> ! {
    let kept: Mutex<Vec<String>> = Mutex::default();
    serve(port, move |request| answer(flaw, &kept, request))
}

fn answer(flaw: Flaw, kept: &Mutex<Vec<String>>, request: &Request) -> Response {
    let mut kept = kept.lock().expect("no thread panics with it");
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => {
            let escaped = |text: &String| match flaw {
                Flaw::Unescaped => format!("<li>{text}"),
                _ => format!("<li>{}", text.replace('&', "&amp;").replace('<', "&lt;")),
            };
            Response::new(200, "text/html; charset=utf-8", kept.iter().map(escaped).collect::<String>())
        }
        ("POST", "/notes") => match read(flaw, &request.body) {
            Ok(text) => {
                kept.push(text);
                Response::new(201, "application/json", "{}")
            }
            Err((status, detail)) => {
                let detail = if flaw == Flaw::NamesNothing { "the body cannot be used" } else { detail };
                let document = json!({ "title": "Unusable", "status": status, "detail": detail });
                Response::new(status, "application/problem+json", document.to_string())
            }
        },
        _ => Response::new(404, "application/problem+json", "{}"),
    }
}

/// The text of a note, or the refusal.
fn read(flaw: Flaw, body: &[u8]) -> Result<String, (u16, &'static str)> {
    let document: Value = match flaw {
        Flaw::ReadsTheBeginning => {
            let first = serde_json::Deserializer::from_slice(body).into_iter().next();
            first.and_then(Result::ok).ok_or((400, "no JSON"))?
        }
        _ => serde_json::from_slice(body).map_err(|_| (400, "no JSON"))?,
    };
    if flaw == Flaw::TakesAnything {
        return Ok(document["text"].as_str().unwrap_or_default().to_owned());
    }
    let wrong = if flaw == Flaw::Fails { 500 } else { 422 };
    document["stars"].as_u64().ok_or((wrong, "stars: it is a whole number"))?;
    document["text"].as_str().map(str::to_owned).ok_or((wrong, "text: it is a text"))
}
