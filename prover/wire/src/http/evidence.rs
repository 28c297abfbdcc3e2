//! An exchange as two lines that a person can check.

use std::time::Duration;

use ::http::HeaderMap;

use super::message::{Answer, Failure, Request};

/// The most characters shown of a body.
const MAX_BODY: usize = 200;
/// The most characters shown of a path or a header's value.
const MAX_VALUE: usize = 120;
/// The most headers shown of a request.
const MAX_HEADERS: usize = 8;
/// Characters of a secret that are shown, enough to tell two apart.
const SECRET_SHOWN: usize = 6;

/// Headers of an answer that say something to most readers, in this order.
const TELLING: [&str; 7] =
    ["content-type", "location", "retry-after", "allow", "www-authenticate", "cache-control", "set-cookie"];

/// `POST /v1/transfers · Idempotency-Key: k1 · {"amount":1…`
pub(super) fn sent(request: &Request) -> String {
    let mut parts = vec![format!("{} {}", request.method, cut(&request.path, MAX_VALUE))];
    for (name, value) in request.headers.iter().take(MAX_HEADERS) {
        parts.push(format!("{name}: {}", header_value(name, value)));
    }
    if request.headers.len() > MAX_HEADERS {
        parts.push(format!("… {} more headers", request.headers.len() - MAX_HEADERS));
    }
    if !request.body.is_empty() {
        parts.push(body(&request.body, request.body.len() as u64));
    }
    parts.join(" · ")
}

/// `201 Created in 3.2 ms · content-type: application/json · {"id":…`
pub(super) fn came_back(outcome: &Result<Answer, Failure>, took: Duration) -> String {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => return format!("{failure}, after {}", time(took)),
    };
    let status = answer.status;
    let mut parts = vec![format!(
        "{} in {}",
        [status.as_str(), status.canonical_reason().unwrap_or("")].join(" ").trim(),
        time(took)
    )];
    parts.extend(telling(&answer.headers));
    if answer.body_length > 0 {
        parts.push(body(&answer.body, answer.body_length));
    }
    parts.join(" · ")
}

fn telling(headers: &HeaderMap) -> impl Iterator<Item = String> {
    TELLING.into_iter().flat_map(move |name| {
        let values = headers.get_all(name).into_iter().take(MAX_HEADERS);
        values.map(move |value| format!("{name}: {}", header_value(name, &String::from_utf8_lossy(value.as_bytes()))))
    })
}

fn header_value(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name == "set-cookie" {
        let (cookie, attributes) = value.split_once(';').unwrap_or((value, ""));
        let (key, secret) = cookie.split_once('=').unwrap_or(("", cookie));
        let attributes = if attributes.is_empty() { String::new() } else { format!(";{attributes}") };
        return cut(&format!("{key}={}{attributes}", shortened(secret)), MAX_VALUE);
    }
    let secret = ["authorization", "cookie", "password", "secret", "token", "api-key", "apikey"];
    if secret.iter().any(|word| name.contains(word)) {
        // The scheme is no secret and says what was tried.
        return match value.split_once(' ') {
            Some((scheme, rest)) if name.contains("authorization") => format!("{scheme} {}", shortened(rest)),
            _ => shortened(value),
        };
    }
    cut(value, MAX_VALUE)
}

fn shortened(secret: &str) -> String {
    // A short secret would be given away whole by its beginning.
    let shown = if secret.chars().count() > 2 * SECRET_SHOWN { SECRET_SHOWN } else { 0 };
    secret.chars().take(shown).chain(['…']).collect()
}

fn body(bytes: &[u8], length: u64) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MAX_BODY)]);
    let whole = text.chars().count() <= MAX_BODY && bytes.len() as u64 == length && bytes.len() <= 4 * MAX_BODY;
    let shown = printable(text.chars().take(MAX_BODY));
    if whole { shown } else { format!("{shown}… ({length} bytes)") }
}

fn cut(text: &str, at: usize) -> String {
    let shown = printable(text.chars().take(at));
    if text.chars().count() > at { format!("{shown}… ({} characters)", text.chars().count()) } else { shown }
}

/// On one line, and without what a terminal would obey.
fn printable(characters: impl Iterator<Item = char>) -> String {
    characters.map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn time(took: Duration) -> String {
    let milliseconds = took.as_secs_f64() * 1000.0;
    if milliseconds < 1000.0 { format!("{milliseconds:.1} ms") } else { format!("{:.2} s", took.as_secs_f64()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use ::http::{Method, StatusCode};

    use super::*;

    #[test]
    fn a_request_is_one_line_with_its_secrets_shortened() {
        let request = Request::new(Method::POST, "/v1/transfers")
            .header("Idempotency-Key", "k1")
            .header("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz")
            .body("{\n\"amount\":1}");
        let line = sent(&request);
        assert_eq!(line, "POST /v1/transfers · Idempotency-Key: k1 · Authorization: Bearer abcdef… · { \"amount\":1}");
    }

    #[test]
    fn an_answer_is_one_line_with_its_body_cut() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/plain".parse().unwrap());
        headers.insert("set-cookie", "id=0123456789abcdef; HttpOnly".parse().unwrap());
        let answer = Answer {
            status: StatusCode::CREATED,
            headers,
            body: "x".repeat(300).into(),
            body_length: 300,
            first_byte: Duration::ZERO,
        };
        let line = came_back(&Ok(answer), Duration::from_micros(3200));
        let expected = format!(
            "201 Created in 3.2 ms · content-type: text/plain · set-cookie: id=012345…; HttpOnly · {}… (300 bytes)",
            "x".repeat(200)
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn a_failure_says_what_and_when() {
        let line = came_back(&Err(Failure::Timeout(Duration::from_secs(2))), Duration::from_secs(2));
        assert_eq!(line, "no whole answer within 2s, after 2.00 s");
    }
}
