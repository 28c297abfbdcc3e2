//! The list: every attack, gentle ones first, so that what an attack leaves behind meets as few others as possible.

use super::{
    Attack, connection_flood, cross_site, effects, guesses, h2, hosts, idle, methods, oversized, ranges, slow_body,
    slow_headers, slow_read, smuggling, traversal,
};

/// Every attack, in the order in which they are run.
pub(super) static ALL: [Attack; 35] = [
    methods::ATTACK,
    hosts::ATTACK,
    traversal::ATTACK,
    ranges::ATTACK,
    cross_site::ATTACK,
    effects::REPLAY,
    effects::RACE,
    guesses::IDS,
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
    guesses::LOGIN,
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
