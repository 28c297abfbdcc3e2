//! Scripts of attacks: two Host headers, and held connections that starve a bystander. Others have the script of the attribute that mends them.

use keel_drill::attack::bystander::{MEDIAN_FACTOR, MEDIAN_FLOOR};
use keel_drill::attack::{AttackResult, AttackVerdict, Target};
use keel_wire::endpoint;
use keel_wire::http::Request;

use crate::finding::Evidence;
use crate::recipe::OnWire;
use crate::recipe::Recipe;

/// Number of connections: more than the threads and workers that small services have.
const CONNECTIONS: usize = 300;
/// The declared length of a body that does not come.
const DECLARED: usize = 4_096;

/// Attaches the script to an attack that fell because its bystander was not served.
pub(super) fn shown(target: &Target, outcome: &AttackResult, piece: Evidence) -> Evidence {
    if outcome.verdict == AttackVerdict::Fell && outcome.id == "host-confusion" {
        return piece_about_host(target, outcome, piece);
    }
    let bystander = outcome.bystander.as_ref().filter(|bystander| bystander.suffering().is_some());
    let (AttackVerdict::Fell, Some(bystander)) = (outcome.verdict, bystander) else { return piece };
    let begin = match outcome.id {
        "slow-headers" | "connection-flood" => head(target, &target.read),
        "slow-body" => {
            let request = target.body.as_ref().unwrap_or(&target.read);
            let length = format!("Content-Length: {DECLARED}\r\n\r\n ");
            [head(target, request), length.into_bytes()].concat()
        }
        "idle" => Vec::new(),
        _ => return piece,
    };
    piece.reproduced_by(Recipe::Crowd {
        connections: CONNECTIONS,
        begin,
        beside: target.read.clone(),
        within: (bystander.before.p50 * MEDIAN_FACTOR).max(MEDIAN_FLOOR),
    })
}

/// Two Host headers, or an invalid one: what the reason begins with.
fn piece_about_host(target: &Target, outcome: &AttackResult, piece: Evidence) -> Evidence {
    let (method, path, host) = (&target.read.method, &target.read.path, endpoint::host(&target.url));
    let hosts = match outcome.reason.as_str() {
        reason if reason.starts_with("two Hosts") => format!("Host: {host}\r\nHost: other.example\r\n"),
        reason if reason.starts_with("an invalid Host") => format!("Host: {host}/a b\r\n"),
        _ => return piece,
    };
    let bytes = format!("{method} {path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n").into_bytes();
    // An object that is gone after a restart is answered 404, which refuses no Host.
    let fault = OnWire::ServedOrSilent("HTTP/1[.][01] (?!400)".to_owned());
    piece.reproduced_by(Recipe::Wire { pieces: vec![(bytes, 1)], fault })
}

/// The head of a request without its last line.
fn head(target: &Target, request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, endpoint::host(&target.url));
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.into_bytes()
}
