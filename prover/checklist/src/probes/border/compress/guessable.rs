//! BREACH: the length of a compressed page leaks a secret in it. The page repeats the query, and the secret
//! stays the same, so that a query that guesses right makes it shorter.
//!
//! Source: Y. Gluck, N. Harris, A. Prado, "BREACH: reviving the CRIME attack" (2013).

use keel_wire::http::{Answer, Client, Request};

use super::coded::{coding, good};
use super::unpack::unpacked;
use crate::clause::border::compress as clause;
use crate::finding::Evidence;
use crate::probes::support::tokens::is_token_name;

/// Texts for the query; no page has them by itself.
const MARKERS: [&str; 2] = ["keelasksforwhatnopagesays", "keelasksforanotherthing"];
/// The most that a page is unpacked to, in bytes.
const MOST: u64 = 16 << 20;
/// A shorter value is no secret.
const SHORTEST: usize = 8;

/// Asks a compressed path twice in one session with queries of our own; none when nothing can be said of its secrets.
pub(super) async fn examine(client: &Client, request: &Request) -> Option<Evidence> {
    let mut request = request.clone();
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
    request = request.header("Accept-Encoding", "gzip");
    let begun = client.send(request.clone()).await;
    let plainly = request.clone();
    let request = in_session(request, good(&begun)?);
    let first = client.send(asking(&request, MARKERS[0])).await;
    let second = client.send(asking(&request, MARKERS[1])).await;
    let pages = [page(good(&first)?)?, page(good(&second)?)?];
    let path = &request.path;
    let secrets = [&pages[0], &pages[1]].map(|page| secrets(page, &request));
    let strangers = of_strangers(&plainly, good(&begun)?, &secrets[0]);
    if pages.iter().zip(MARKERS).any(|(page, marker)| !page.contains(marker)) {
        return strangers;
    }
    if let Some((name, _)) = secrets[0].iter().find(|secret| secrets[1].contains(secret)) {
        let what =
            format!("GET {path} is compressed with {name}, which stays the same, beside what its query says: BREACH");
        return Some(clause::NO_SECRETS.contradicts(what).with(&second));
    }
    let Some((name, _)) = secrets[0].first() else { return strangers };
    let what = format!("GET {path} is compressed with {name} beside what its query says, but another one each time");
    Some(clause::NO_SECRETS.holds(what).with(&second))
}

/// Judges an answer to a request without a credential: without a secret in it, an attacker gets the same.
fn of_strangers(request: &Request, answer: &Answer, secrets: &[(String, String)]) -> Option<Evidence> {
    let is_credential = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["cookie", "authorization", "proxy-authorization"].contains(&name.as_str())
            || (["key", "token", "secret", "session"].iter().any(|word| name.contains(word))
                && name != "idempotency-key")
    };
    let is_known = request.headers.iter().any(|(name, _)| is_credential(name));
    if is_known || answer.headers.contains_key("set-cookie") || !secrets.is_empty() {
        return None;
    }
    let what =
        format!("GET {} is what everybody gets: without a credential, a cookie or a token of a form", request.path);
    Some(clause::NO_SECRETS.holds(what))
}

/// With the cookies that the service set, unless some were declared.
fn in_session(request: Request, begun: &Answer) -> Request {
    if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
        return request;
    }
    let set = begun.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = set.filter_map(|value| value.split(';').next()).map(str::trim).collect();
    if cookies.is_empty() { request } else { request.header("Cookie", cookies.join("; ")) }
}

fn asking(request: &Request, marker: &str) -> Request {
    let mut request = request.clone();
    let joint = if request.path.contains('?') { '&' } else { '?' };
    request.path = format!("{}{joint}keel={marker}", request.path);
    request
}

/// The text of an answer that came compressed and whole.
fn page(answer: &Answer) -> Option<String> {
    let whole = answer.body.len() as u64 == answer.body_length;
    let bytes = unpacked(&answer.body, MOST).filter(|_| whole && coding(answer) == "gzip")?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the secrets in a page that a foreign page must not know, by name: tokens of forms, and cookies that it repeats.
fn secrets(page: &str, request: &Request) -> Vec<(String, String)> {
    let tags = page.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("meta"));
    let tokens = tags.filter_map(|tag| {
        let name = attribute(tag, "name").filter(|name| is_token_name(name))?;
        Some((format!("the token {name}"), attribute(tag, "value").or_else(|| attribute(tag, "content"))?.to_owned()))
    });
    let sent = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let pairs = sent.flat_map(|(_, value)| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let cookies = pairs.filter(|(_, value)| page.contains(*value));
    let cookies = cookies.map(|(name, value)| (format!("the cookie {name}"), value.to_owned()));
    tokens.chain(cookies).filter(|(_, value)| value.len() >= SHORTEST).collect()
}

/// The value of an attribute of a tag, in quotes of either kind.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let (_, rest) = tag.split_once(&format!(" {name}={quote}"))?;
        rest.split(quote).next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_stranger_without_a_secret_tells_nothing() {
        let page = |headers: &[(&str, &str)]| crate::testing::exchange::answered(200, headers, "a page");
        let of = |request: &Request, headers: &[(&str, &str)], secrets: &[(String, String)]| {
            of_strangers(request, page(headers).answer().unwrap(), secrets).is_some()
        };
        let stranger = Request::get("/").header("Accept-Encoding", "gzip");
        assert!(of(&stranger, &[], &[]));
        assert!(!of(&stranger, &[("set-cookie", "a=b")], &[]));
        assert!(!of(&stranger, &[], &[("the token csrf".to_owned(), "abcdefgh".to_owned())]));
        for name in ["Cookie", "Authorization", "X-Api-Key"] {
            assert!(!of(&stranger.clone().header(name, "known"), &[], &[]), "{name}");
        }
    }

    #[test]
    fn tokens_and_repeated_cookies_are_secrets_and_nothing_else_is() {
        let request = Request::get("/").header("Cookie", "session=0123456789; lang=en");
        let page = "<p lang=en>0123456789<input type='hidden' name='csrf_token' value='abcdefgh'><input name=\"q\" value=\"abcdefgh\">";
        let expected = [("the token csrf_token", "abcdefgh"), ("the cookie session", "0123456789")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(secrets(page, &request), expected);
    }
}
