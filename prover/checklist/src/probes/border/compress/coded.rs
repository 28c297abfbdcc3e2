//! One path with several Accept-Encoding: what is coded, whether it unpacks to the plain answer, and whether Vary says so.

use keel_wire::http::{Answer, Client, Exchange, Request};

use super::unpack::unpacked;
use crate::clause::border::compress as clause;
use crate::finding::Evidence;
use crate::recipe::Recipe;
use crate::recipe::Shows;

/// The most that an answer is unpacked to, in bytes.
const MOST: u64 = 16 << 20;
/// Accept-Encoding of the plain request, and of the compressed one.
const PLAIN: &str = "identity";
const GZIP: &str = "gzip";

/// Returns true if a GET is compressed when gzip is asked for, with the evidence; `None` if it is not answered 2xx.
pub(super) async fn examine(client: &Client, mut request: Request) -> Option<(bool, Evidence)> {
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
    let accepting = |accepted: &str| client.send(request.clone().header("Accept-Encoding", accepted));
    let identity = accepting(PLAIN).await;
    let gzip = accepting(GZIP).await;
    let refusing = accepting("gzip;q=0").await;
    let again = accepting(PLAIN).await;
    judge(&request.path, [&identity, &gzip, &refusing, &again])
}

/// Judges the answers to identity, gzip, `gzip;q=0`, and identity once more; `None` if the first two are not 2xx.
pub(super) fn judge(path: &str, [identity, gzip, refusing, again]: [&Exchange; 4]) -> Option<(bool, Evidence)> {
    let (Some(plain), Some(packed)) = (good(identity), good(gzip)) else { return None };
    let mut faults = Vec::new();
    let coded = r"(?is)^2.*\ncontent-encoding: (?!identity)";
    let mut fault = None;
    let mut shown = gzip;
    if is_coded(plain) {
        shown = identity;
        faults.push(format!("it is coded ({}) although identity was asked for", coding(plain)));
    }
    if good(refusing).is_some_and(is_coded) {
        shown = if is_coded(plain) { shown } else { refusing };
        faults.push("it is coded although gzip;q=0 was asked for".to_owned());
        fault = Some(coded.to_owned());
    }
    if is_coded(packed) {
        // A page that changes by itself cannot be compared, nor one that never comes plain, which needs no Vary either.
        let stable = !is_coded(plain) && good(again).is_some_and(|again| again.body == plain.body);
        faults.extend(content(packed, stable.then_some(plain)));
    }
    if is_coded(packed) && !is_coded(plain) {
        for (answer, which) in [(packed, "compressed"), (plain, "plain")] {
            if !varies(answer) {
                let lacks = r"(?is)^2(?=.*\ncontent-encoding: )(?!.*\nvary: [^\n]*(accept-encoding|\*))";
                fault.get_or_insert(lacks.to_owned());
                faults.push(format!("the {which} answer lacks Vary: Accept-Encoding"));
            }
        }
    }
    let compressed = is_coded(packed) || is_coded(plain);
    let what = match (faults.is_empty(), compressed) {
        (true, true) => format!("GET {path} is compressed only when it is asked for"),
        (true, false) => format!("GET {path} is not compressed"),
        _ => format!("GET {path}: {}", faults.join(", ")),
    };
    // That nothing is compressed speaks neither way.
    let evidence = match compressed || !faults.is_empty() {
        true => clause::NEGOTIATED.saw(faults.is_empty(), what),
        false => clause::NEGOTIATED.figure(what),
    };
    let recipe = fault.map(|fault| Recipe::again(shown, Shows::Found(fault)));
    Some((compressed, recipe.into_iter().fold(evidence.with(shown), Evidence::reproduced_by)))
}

/// Returns the mistake in a coded answer itself.
fn content(packed: &Answer, plain: Option<&Answer>) -> Option<String> {
    let coding = coding(packed);
    if coding != "gzip" && coding != "x-gzip" {
        return Some(format!("its coding is {coding} where gzip was asked for"));
    }
    if packed.body.len() as u64 != packed.body_length {
        return None; // Too long to be kept, so not to be compared.
    }
    let Some(unpacked) = unpacked(&packed.body, MOST) else { return Some("its body is not gzip".into()) };
    let plain = plain?;
    if plain.body.len() as u64 != plain.body_length || is_same(&plain.body, &unpacked) {
        return None;
    }
    match self::unpacked(&unpacked, MOST).is_some_and(|twice| plain.body == twice) {
        true => Some("it is compressed twice, and says so once".into()),
        false => Some("it unpacks to something else than the plain answer".into()),
    }
}

/// Returns true if both are one page, which may repeat the header in which the two requests differed.
fn is_same(plain: &[u8], unpacked: &[u8]) -> bool {
    plain == unpacked || String::from_utf8_lossy(plain).replace(PLAIN, GZIP).as_bytes() == unpacked
}

pub(super) fn good(exchange: &Exchange) -> Option<&Answer> {
    exchange.answer().filter(|answer| answer.status.is_success())
}

/// Every Content-Encoding as one list, in lower case.
pub(super) fn coding(answer: &Answer) -> String {
    let values = answer.headers.get_all("content-encoding").iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(", ").trim().to_ascii_lowercase()
}

fn is_coded(answer: &Answer) -> bool {
    !["", "identity"].contains(&coding(answer).as_str())
}

fn varies(answer: &Answer) -> bool {
    answer.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
    })
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_page_that_repeats_what_it_was_asked_for_is_the_same_page() {
        assert!(is_same(b"you accept identity", b"you accept gzip"));
        assert!(!is_same(b"you accept identity", b"you accept nothing"));
    }
}
