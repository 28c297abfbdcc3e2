//! The judges of `see.outliers`, on answers alone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use keel_wire::http::Exchange;

use super::crowd::Addresses;

/// The most by which the memory of the service may grow.
pub(super) const MOST_MEMORY: u64 = 16 << 20;

/// The text of an answer with success; empty for any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer(pub(super) String);

impl Answer {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let answer = exchange.answer().filter(|answer| answer.status.is_success());
        Self(answer.map(|answer| answer.text().to_owned()).unwrap_or_default())
    }

    /// The IPv4 addresses in it, in their order. Digits and dots beside one another are one word, so that no address is found in a longer one.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        let words = self.0.split(|c: char| !c.is_ascii_digit() && c != '.');
        words.filter_map(|word| word.trim_end_matches('.').parse().ok())
    }
}

/// Returns the first client of the experiment in an answer.
pub(super) fn first(answer: &Answer, own: &Addresses) -> Option<Ipv4Addr> {
    answer.addresses().find(|address| own.has(*address))
}

/// Judges whether a client stands out: `place` is the one that comes first.
pub(super) fn stands_out(of: &str, place: Option<Ipv4Addr>, client: Ipv4Addr, status: Option<u16>) -> (bool, String) {
    match place {
        Some(first) if first == client => (true, format!("the client with the most {of} is named first")),
        Some(first) => (false, format!("{first} is named before {client}, the client with the most {of}")),
        None => {
            let came = status.map_or_else(|| "nothing came".to_owned(), |status| format!("status {status}"));
            (false, format!("{client}, the client with the most {of}, is not named: {came}"))
        }
    }
}

/// Judges whether a client is still named after the flood.
pub(super) fn still_named(answer: &Answer, client: Ipv4Addr, flood: u16) -> (bool, String) {
    let is_named = answer.addresses().any(|address| address == client);
    let how = if is_named { "still" } else { "not" };
    (is_named, format!("the busy client from before {flood} other ones is {how} named after them"))
}

/// Tells how many clients of the flood are kept.
///
/// # Errors
/// When a bound does not show: why.
pub(super) fn kept(answer: &Answer, own: &Addresses, flood: u16) -> Result<String, String> {
    let kept: BTreeSet<Ipv4Addr> = answer.addresses().filter(|address| own.is_flood(*address)).collect();
    let named_any = answer.addresses().any(|address| own.has(address));
    let what = format!("{} of {flood} other clients are kept", kept.len());
    if !named_any {
        return Err("the answer to `all` of [outliers] names no client".to_owned());
    }
    match kept.len() * 4 < usize::from(flood) * 3 {
        true => Ok(what),
        false => Err(format!("{what}: whether there is a bound above that was not seen")),
    }
}

/// Judges the growth of the service's memory in bytes.
pub(super) fn grown(bytes: u64, flood: u16) -> (bool, String) {
    let mib = bytes >> 20;
    (bytes <= MOST_MEMORY, format!("its memory grows by {mib} MiB with {flood} clients"))
}
