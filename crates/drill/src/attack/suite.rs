//! The list: every attack, gentle ones first, so that what an attack leaves behind meets as few others as possible.

use super::{Attack, idle, slow_body, slow_headers};

/// Every attack, in the order in which they are run.
pub(super) static ALL: [Attack; 3] = [slow_headers::ATTACK, slow_body::ATTACK, idle::ATTACK];

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
