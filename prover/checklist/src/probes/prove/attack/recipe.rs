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
    if outcome.verdict == AttackVerdict::Fell && outcome.id == "host-confusion" && outcome.reason.contains("two Hosts")
    {
        let bytes = [head(target, &target.read), b"Host: other.example\r\nConnection: close\r\n\r\n".to_vec()].concat();
        let fault = OnWire::ServedOrSilent("HTTP/1[.][01] [23]".to_owned());
        return piece.reproduced_by(Recipe::Wire { pieces: vec![(bytes, 1)], fault });
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

/// The head of a request without its last line.
fn head(target: &Target, request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, endpoint::host(&target.url));
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.into_bytes()
}
