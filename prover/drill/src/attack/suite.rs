//! Every attack, gentle ones first, so that what one leaves behind meets as few others as possible.
//!
//! To add an attack, write it in a file of its own in `suite/`, declare the file here, and put its constant into [`ALL`].

mod connection_flood;
mod cross_site;
mod h2;
mod hosts;
mod id_enumeration;
mod idempotency;
mod idle;
mod login_brute_force;
mod methods;
mod oversized;
mod ranges;
mod slow_body;
mod slow_headers;
mod slow_read;
mod smuggling;
mod traversal;

use super::definition::Attack;

/// Every attack, in the order in which they are run.
static ALL: &[Attack] = &[
    methods::ATTACK,
    hosts::ATTACK,
    traversal::ATTACK,
    ranges::ATTACK,
    cross_site::ATTACK,
    idempotency::REPLAY,
    idempotency::RACE,
    id_enumeration::ATTACK,
    smuggling::CL_TE,
    smuggling::TE_CL,
    smuggling::TE_TE,
    smuggling::CL_CL,
    smuggling::CHUNKS,
    smuggling::FOLD,
    smuggling::BARE_CR,
    smuggling::BARE_LF,
    oversized::HEADER_SIZE,
    oversized::HEADER_COUNT,
    oversized::LONG_URI,
    oversized::DECLARED_LENGTH,
    oversized::LONG_BODY,
    oversized::JSON_DEPTH,
    oversized::JSON_WIDTH,
    oversized::GZIP_BOMB,
    login_brute_force::ATTACK,
    slow_headers::ATTACK,
    slow_body::ATTACK,
    slow_read::ATTACK,
    idle::ATTACK,
    connection_flood::ATTACK,
    h2::CONTINUATION,
    h2::SETTINGS,
    h2::PING,
    h2::WINDOW_STALL,
    h2::RAPID_RESET,
];

/// Every attack, in the order in which they are run: gentle ones first.
pub fn all() -> &'static [Attack] {
    ALL
}

/// The attack of this name.
pub fn named(id: &str) -> Option<&'static Attack> {
    ALL.iter().find(|attack| attack.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_has_a_name_of_its_own_and_says_what_is_correct() {
        for (place, attack) in ALL.iter().enumerate() {
            assert!(ALL[..place].iter().all(|other| other.id != attack.id), "{} is there twice", attack.id);
            assert!(attack.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            for text in [attack.what, attack.source, attack.correct] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", attack.id);
            }
        }
    }
}
