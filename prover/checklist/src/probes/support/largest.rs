//! The largest answer that can be asked for without a declaration: by the GETs of the mix, by `/`, and by what the page at `/` links to.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use http::Method;
use keel_wire::http::Request;
use regex::Regex;

use crate::lab::Lab;

/// The most links of the page at `/` that are looked at.
const LINKS: usize = 32;
/// The longest answer that is taken, in bytes: a longer one takes too long slowly.
const LONGEST: u64 = 8 << 20;

/// A request, and the length of the body that answers it.
pub(crate) struct Largest {
    pub(crate) request: Request,
    pub(crate) body: u64,
}

/// Finds it. Links are asked for their length by HEAD, and only those without a query: those are for acts more often.
pub(crate) async fn find(lab: &Lab) -> Option<Largest> {
    let client = lab.http();
    let mut largest: Option<Largest> = None;
    for spec in lab.mix().into_iter().filter(|spec| spec.only_reads() && spec.uses.is_empty()) {
        let request = lab.fill(&spec);
        let exchange = client.send(request.clone()).await;
        if let Some(answer) = exchange.answer().filter(|answer| answer.status.is_success()) {
            keep(&mut largest, request, answer.body_length);
        }
    }
    let root = client.send(Request::get("/")).await;
    let Some(answer) = root.answer().filter(|answer| answer.status.is_success()) else { return largest };
    keep(&mut largest, Request::get("/"), answer.body_length);
    for path in links(&answer.text()) {
        let exchange = client.send(Request::new(Method::HEAD, path.as_str())).await;
        let length = exchange.answer().filter(|answer| answer.status.is_success()).and_then(|answer| {
            let length = answer.headers.get("content-length")?.to_str().ok()?;
            length.parse().ok()
        });
        keep(&mut largest, Request::get(path), length.unwrap_or(0));
    }
    largest
}

fn keep(largest: &mut Option<Largest>, request: Request, body: u64) {
    if body <= LONGEST && largest.as_ref().is_none_or(|known| known.body < body) {
        *largest = Some(Largest { request, body });
    }
}

/// The paths of this server that a page at `/` links to, as far as they have no query.
fn links(page: &str) -> BTreeSet<String> {
    static LINK: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?i)(?:href|src)\s*=\s*["']?([^"'\s>]+)"#).expect("the pattern is a literal"));
    let path = |link: &str| {
        let plain = link.split('#').next().unwrap_or_default().trim_start_matches("./");
        let other = plain.is_empty() || plain.contains(['?', ':', '{', '<']) || plain.starts_with("//");
        let up = plain.split('/').any(|part| part == "..");
        (!other && !up).then(|| format!("/{}", plain.trim_start_matches('/')))
    };
    LINK.captures_iter(page)
        .filter_map(|found| path(found.get(1)?.as_str()))
        .filter(|path| path != "/")
        .take(LINKS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn links_of_this_server_without_a_query_are_found() {
        let page = r#"<a href="big.bin">a</a> <A HREF='./sub/'>b</A> <img src=/logo.png> <a href="?C=N;O=D">sort</a>
            <a href="https://elsewhere/x">c</a> <a href="//elsewhere/y">d</a> <a href="../">up</a> <a href="/act?x=1">e</a>
            <a href="big.bin#part">again</a> <a href="/">home</a> <a href="mailto:a@b">f</a>"#;
        let found: Vec<String> = links(page).into_iter().collect();
        assert_eq!(found, ["/big.bin", "/logo.png", "/sub/"]);
    }
}
