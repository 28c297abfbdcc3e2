//! Names for things that were never made, in the shape of those of things that were.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// As many digits are a number that is counted up; more may be a time or chance.
const COUNTED: usize = 9;
/// Digits of an `i64` that can all be nines.
const LONGEST_NUMBER: usize = 18;

/// Other values for the same names.
pub(super) fn names(own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    own.iter().map(|(name, value)| (name.clone(), like(value))).collect()
}

/// A value of the same shape that nothing has: a far number for a number, other digits or letters elsewhere.
fn like(value: &str) -> String {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    if !value.is_empty() && digits == value.len() && value.len() <= LONGEST_NUMBER {
        return "9".repeat(value.len().max(COUNTED));
    }
    let chance = RandomState::new().hash_one(value);
    let other = |at: usize, c: char| {
        let step = u8::try_from(chance.rotate_left(u32::try_from(at * 7 % 64).unwrap_or(0)) % 9).unwrap_or(0) + 1;
        let turned = |first: u8, of: u8| char::from(first + (c as u8 - first + step % (of - 1) + 1) % of);
        match c {
            '0'..='9' => turned(b'0', 10),
            'a'..='f' if digits > 0 => turned(b'a', 6),
            'A'..='F' if digits > 0 => turned(b'A', 6),
            'a'..='z' if digits == 0 => turned(b'a', 26),
            'A'..='Z' if digits == 0 => turned(b'A', 26),
            other => other,
        }
    };
    if digits > 0 && digits < COUNTED {
        // thing-12: what is counted is far ahead.
        let last = value.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
        let first = value[..last].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
        if value.len() < 2 * COUNTED {
            return format!("{}{}{}", &value[..first], "9".repeat(COUNTED), &value[last..]);
        }
    }
    // Of a UUID the version and the variant stay, so that it is one still.
    let uuid = value.len() == 36 && value.bytes().filter(|byte| *byte == b'-').count() == 4;
    let kept = |at: usize| uuid && (at == 14 || at == 19);
    // A prefix such as `acct_` is a kind, and no name.
    let start = value.rfind(['_', '.', ':']).map_or(0, |at| at + 1);
    value.char_indices().map(|(at, c)| if at < start || kept(at) { c } else { other(at, c) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_nothing_has_the_shape_of_the_others_and_is_none_of_them() {
        assert_eq!(like("7"), "999999999");
        assert_eq!(like("1764424000000"), "9999999999999");
        assert_eq!(like("thing-12"), "thing-999999999");
        let uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let other = like(uuid);
        assert_eq!((other.len(), &other[14..15], &other[19..20]), (36, "4", "9"));
        assert!(other.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{other}");
        assert_ne!(other, uuid);
        assert!(like("acct_1a2b3c4d5e6f7a8b9c0d").starts_with("acct_"));
        for value in ["x", "hello", "a-b", "DEADBEEF0123456789", "0a"] {
            assert_ne!(like(value), value);
        }
    }
}
