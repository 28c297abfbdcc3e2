//! A request that is filled in: `{key}`, `{n}`, `{random}`, and the plan's variables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ::http::Method;
use keel_input::credentials;
use keel_input::seed::Seed;
use keel_input::template::{self, is_name};
use rand::RngExt;
use rand::rngs::ChaCha12Rng;
use url::{Position, Url};

use crate::headers;
use crate::kind::Kind;

/// A piece of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Key,
    Number,
    Random,
}

/// Values for the templates of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// For `{key}`.
    pub key: String,
    /// For `{n}`.
    pub number: u64,
    /// For `{random}`.
    pub random: u32,
}

impl Filling {
    /// One that is never sent: shows how a filled request looks.
    fn sample() -> Self {
        Self { key: "key".to_owned(), number: 1, random: 1 }
    }
}

/// Text with places.
#[derive(Clone, Debug)]
pub(super) struct Text(Vec<Piece>);

/// One kind of request, ready to be filled.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) method: Method,
    /// The value of `Host`, over HTTP/2 `:authority`.
    pub(super) authority: Text,
    /// The scheme, over HTTP/2.
    pub(super) scheme: &'static str,
    pub(super) path: Text,
    /// The length of the target's own path.
    prefix: usize,
    pub(super) headers: Vec<(String, Text)>,
    pub(super) body: Text,
    /// True to keep the connection for further requests.
    pub(super) keep_alive: bool,
}

/// One request of a [`Kind`] with its templates filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledRequest {
    /// The method.
    pub method: Method,
    /// Path and query, below the plan's target.
    pub path: String,
    /// Names and values, in the order in which they are declared.
    pub headers: Vec<(String, String)>,
    /// The body; empty where the kind has none.
    pub body: String,
}

/// Draws fillings one after the other, numbered from 1.
///
/// `{random}` repeats with the seed. A key never does: a service that keeps its data would take the second run with the same
/// seed for a repetition of the first, and answer without doing anything.
#[derive(Debug)]
pub struct Fillings {
    keys: ChaCha12Rng,
    random: ChaCha12Rng,
    number: u64,
}

impl Fillings {
    /// For one part of a run; each part draws numbers of its own.
    pub fn new(seed: Seed, part: &str) -> Self {
        let part = |what: &str| format!("{what} of {part}");
        Self { keys: Seed::fresh().generator(&part("keys")), random: seed.generator(&part("random")), number: 0 }
    }

    /// Draws the next filling.
    pub fn draw(&mut self) -> Filling {
        // 122 bits in the shape of a UUID (version 4), as many services insist on one.
        let (high, low) = (self.keys.random::<u64>(), self.keys.random::<u64>());
        let (high, low) = (high & !0xf000 | 0x4000, low & (u64::MAX >> 2) | 1 << 63);
        let key = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        );
        self.number += 1;
        Filling { key, number: self.number, random: self.random.random() }
    }
}

impl Text {
    /// Reads `{name}`s; braces around what is no name stay as they are, so that JSON can be written plainly.
    fn new(text: &str, variables: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        for piece in template::pieces(text, is_name) {
            let piece = match piece {
                template::Piece::Text(text) => {
                    plain.push_str(text);
                    continue;
                }
                template::Piece::Name("key") => Piece::Key,
                template::Piece::Name("n" | "number") => Piece::Number,
                template::Piece::Name("random") => Piece::Random,
                template::Piece::Name(name) => match variables.get(name) {
                    Some(value) => {
                        plain.push_str(value);
                        continue;
                    }
                    None => {
                        return Err(format!(
                            "{{{name}}} in {text:?} is nothing: give it as a variable, or it is {{key}}, {{number}} or {{random}}"
                        ));
                    }
                },
            };
            pieces.extend([Piece::Text(std::mem::take(&mut plain)), piece]);
        }
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }

    /// Appends it, filled in.
    pub(super) fn fill(&self, filling: &Filling, to: &mut String) {
        for piece in &self.0 {
            // Writing to a string cannot fail.
            let _ = match piece {
                Piece::Text(text) => to.write_str(text),
                Piece::Key => to.write_str(&filling.key),
                Piece::Number => write!(to, "{}", filling.number),
                Piece::Random => write!(to, "{}", filling.random),
            };
        }
    }

    pub(super) fn filled(&self, filling: &Filling) -> String {
        let mut text = String::new();
        self.fill(filling, &mut text);
        text
    }

    /// Text without places.
    fn plain(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Template {
    pub(super) fn new(
        kind: &Kind,
        target: &Url,
        variables: &BTreeMap<String, String>,
        keep_alive: bool,
        http2: bool,
    ) -> Result<Self, String> {
        // The path of a Unix socket's URL is the socket's.
        let unix = target.scheme() == "unix";
        let prefix = if unix { "" } else { target.path().trim_end_matches('/') };
        let text = |text: &str| Text::new(text, variables).map_err(|why| format!("{}: {why}", kind.name));
        let wrong = |why: String| format!("{}: {why}", kind.name);
        let (mut headers, mut authority, mut closes) = (Vec::new(), None, false);
        for (name, value) in &kind.headers {
            let value = text(value)?;
            // As it is sent: a variable may bring what no header may have.
            headers::check(name, &value.filled(&Filling::sample()), http2).map_err(wrong)?;
            if name.eq_ignore_ascii_case("host") {
                if authority.replace(value).is_some() {
                    return Err(wrong("it has two Host headers: keep one (`keel attack` sends two)".to_owned()));
                }
                continue;
            }
            closes |=
                name.eq_ignore_ascii_case("connection") && headers::closes(value.filled(&Filling::sample()).as_bytes());
            headers.push((name.clone(), value));
        }
        let given = |name: &str| kind.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !keep_alive && !http2 && !given("connection") {
            headers.push(("connection".to_owned(), Text::plain("close")));
        }
        if let Some(authorization) = credentials::authorization(target).filter(|_| !given("authorization")) {
            headers.push(("authorization".to_owned(), Text::plain(&authorization)));
        }
        let authority = authority.unwrap_or_else(|| {
            Text::plain(if unix { "localhost" } else { &target[Position::BeforeHost..Position::AfterPort] })
        });
        let sample = authority.filled(&Filling::sample());
        if http2 && sample.parse::<::http::uri::Authority>().is_err() {
            return Err(wrong(format!("Host: {sample:?} cannot be sent over HTTP/2: expected HOST or HOST:PORT")));
        }
        let path = text(&format!("{prefix}{}", kind.path))?;
        let sample = path.filled(&Filling::sample());
        if sample.contains([' ', '\r', '\n']) {
            return Err(wrong(format!("{sample:?} is no path: write %20 for a space")));
        }
        Ok(Self {
            method: kind.method.clone(),
            scheme: if target.scheme() == "https" { "https" } else { "http" },
            authority,
            path,
            prefix: prefix.len(),
            headers,
            body: text(kind.body.as_deref().unwrap_or_default())?,
            keep_alive: keep_alive && !closes,
        })
    }

    /// The request as it goes over the wire in HTTP/1.1, in a buffer that is used again and again.
    pub(super) fn write(&self, filling: &Filling, body: &mut String, to: &mut String) {
        to.clear();
        let _ = write!(to, "{} ", self.method);
        self.path.fill(filling, to);
        to.push_str(" HTTP/1.1\r\nhost: ");
        self.authority.fill(filling, to);
        to.push_str("\r\n");
        for (name, value) in &self.headers {
            let _ = write!(to, "{name}: ");
            value.fill(filling, to);
            to.push_str("\r\n");
        }
        body.clear();
        self.body.fill(filling, body);
        if self.has_body() {
            let _ = write!(to, "content-length: {}\r\n", body.len());
        }
        to.push_str("\r\n");
        to.push_str(body);
    }

    /// The request for a client whose base is the plan's target.
    pub(super) fn request(&self, filling: &Filling) -> FilledRequest {
        FilledRequest {
            method: self.method.clone(),
            path: self.path.filled(filling).split_off(self.prefix),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.filled(filling))).collect(),
            body: self.body.filled(filling),
        }
    }

    fn has_body(&self) -> bool {
        !self.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(&self.method)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn template(kind: &Kind) -> Result<Template, String> {
        let variables = [("account".to_owned(), "a7".to_owned())].into();
        Template::new(kind, &"http://127.0.0.1:1/api/".parse().unwrap(), &variables, true, false)
    }

    /// A request as HTTP/1.1 sends it to this target.
    fn written(kind: &Kind, target: &str, keep_alive: bool) -> Result<String, String> {
        let template = Template::new(kind, &target.parse().unwrap(), &BTreeMap::new(), keep_alive, false)?;
        let (mut body, mut text) = (String::new(), String::new());
        template.write(&Filling::sample(), &mut body, &mut text);
        Ok(text)
    }

    fn with(headers: &[(&str, &str)]) -> Kind {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Kind { headers, ..Kind::get("look", "/") }
    }

    #[test]
    fn the_users_host_and_connection_stand_in_place_of_ours() {
        let text = written(&with(&[("Host", "api.shop.test"), ("Connection", "close")]), "http://127.0.0.1:1", false);
        assert_eq!(text.unwrap(), "GET / HTTP/1.1\r\nhost: api.shop.test\r\nConnection: close\r\n\r\n");
        assert!(
            written(&with(&[("host", "a"), ("Host", "b")]), "http://127.0.0.1:1", true)
                .unwrap_err()
                .contains("two Host")
        );
    }

    #[test]
    fn a_header_that_is_given_twice_is_sent_twice_in_that_order() {
        let text = written(&with(&[("X-B", "2"), ("X-A", "1"), ("X-B", "3")]), "http://127.0.0.1:1", true).unwrap();
        assert!(text.ends_with("X-B: 2\r\nX-A: 1\r\nX-B: 3\r\n\r\n"), "{text}");
    }

    #[test]
    fn framing_that_the_user_gives_is_refused() {
        for name in ["Content-Length", "transfer-encoding"] {
            let told = written(&with(&[(name, "3")]), "http://127.0.0.1:1", true).unwrap_err();
            assert!(told.contains(name) && told.contains("leave it out"), "{told}");
        }
    }

    #[test]
    fn headers_of_http_1_are_refused_over_http_2() {
        let told = |name: &str, value: &str| {
            Template::new(&with(&[(name, value)]), &"http://127.0.0.1:1".parse().unwrap(), &BTreeMap::new(), true, true)
                .err()
        };
        assert!(told("Connection", "close").is_some_and(|told| told.contains("HTTP/2 has no Connection")));
        assert!(told("te", "gzip").is_some() && told("te", "trailers").is_none());
        assert!(told("host", "a b").is_some() && told("host", "api.shop.test:81").is_none());
    }

    #[test]
    fn credentials_of_the_target_are_sent_unless_the_request_has_its_own() {
        let of = |kind: &Kind| written(kind, "http://ann:s3cret@127.0.0.1:1", true).unwrap();
        let text = of(&Kind::get("look", "/"));
        assert!(text.contains("\r\nhost: 127.0.0.1:1\r\nauthorization: Basic YW5uOnMzY3JldA==\r\n"), "{text}");
        let own = of(&with(&[("Authorization", "Bearer x")]));
        assert!(own.contains("Bearer x") && !own.contains("Basic"), "{own}");
    }

    #[test]
    fn a_request_is_filled_in() {
        let json = serde_json::json!({"from": "{account}", "n": "{n}"});
        let template = template(&Kind::post("pay", "/pay?to={account}", &json)).unwrap();
        let (mut body, mut text) = (String::new(), String::new());
        let filling = Filling { key: "k".to_owned(), number: 3, random: 9 };
        template.write(&filling, &mut body, &mut text);
        assert_eq!(
            text,
            "POST /api/pay?to=a7 HTTP/1.1\r\nhost: 127.0.0.1:1\r\ncontent-type: application/json\r\nidempotency-key: \
             k\r\ncontent-length: 21\r\n\r\n{\"from\":\"a7\",\"n\":\"3\"}"
        );
    }

    #[test]
    fn an_unknown_name_is_reported() {
        let told = template(&Kind::get("look", "/{acount}")).unwrap_err();
        assert!(told.contains("{acount}") && told.contains("look"), "{told}");
        assert!(template(&Kind::get("look", "/a b")).unwrap_err().contains("%20"));
    }

    #[test]
    fn numbers_repeat_with_the_seed_and_keys_never() {
        let run = || {
            let mut fillings = Fillings::new(Seed(5), "load");
            (0..1000).map(|_| fillings.draw()).collect::<Vec<_>>()
        };
        let (first, second) = (run(), run());
        let keys: BTreeSet<&str> = first.iter().chain(&second).map(|filling| filling.key.as_str()).collect();
        assert_eq!(keys.len(), 2000);
        let numbers = |run: &[Filling]| run.iter().map(|filling| (filling.number, filling.random)).collect::<Vec<_>>();
        assert_eq!(numbers(&first), numbers(&second));
        let key = &first[0].key;
        assert!(key.len() == 36 && key.as_bytes()[14] == b'4' && b"89ab".contains(&key.as_bytes()[19]), "{key}");
    }
}
