//! Format of ids. A text of any other format names nothing, and the store is not queried for it: PostgreSQL, for one, refuses a text with a zero
//! byte instead of finding no row.

/// The longest id: `own_payouts-in-flight_EUR` and `acc_` with 26 characters are well below.
const MAX_BYTES: usize = 64;

/// Returns true when this text can be an id.
pub(crate) fn is_well_formed(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_well_formed_and_texts_that_a_store_refuses_are_not() {
        assert!(is_well_formed(&evenkeel::vitals::new_id("acc")));
        assert!(is_well_formed("own_payouts-in-flight_EUR"));
        for text in ["", "\0", "acc_\0", "a b", "\u{e9}", "'; --", &"x".repeat(65)] {
            assert!(!is_well_formed(text), "{text:?}");
        }
    }
}
