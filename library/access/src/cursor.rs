//! Sealed cursors of lists.

use std::fmt;

use crate::keys::SessionKeys;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Begins the text to which a cursor is bound, so that it opens nothing else that the same key has sealed.
const BOUND: &str = "cursor\n";
/// The longest cursor that is opened, in bytes.
const MAX_CURSOR: usize = 2048;

/// Key that seals the cursors of lists. A client can neither read nor change what it holds, nor use it for another list.
///
/// ```
/// let key = evenkeel_access::CursorKey::new([7; 32]);
/// let cursor = key.seal("orders of ann", b"order 17").unwrap();
/// assert_eq!(key.open("orders of ann", &cursor).unwrap(), b"order 17");
/// assert_eq!(key.open("orders of bob", &cursor), None);
/// ```
#[derive(Clone)]
pub struct CursorKey(SessionKeys);

impl CursorKey {
    /// Creates the key from random bytes that all processes of the service share.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(SessionKeys::one("1", &bytes))
    }

    /// Seals a position in a list; none when it is too long for a cursor.
    pub fn seal(&self, list: &str, position: &[u8]) -> Option<String> {
        self.0.seal(position, bound(list).as_bytes()).filter(|cursor| cursor.len() <= MAX_CURSOR)
    }

    /// Opens a cursor of this list; none for anything else.
    pub fn open(&self, list: &str, cursor: &str) -> Option<Vec<u8>> {
        if cursor.len() > MAX_CURSOR {
            return None;
        }
        self.0.open(cursor, bound(list).as_bytes())
    }
}

fn bound(list: &str) -> String {
    format!("{BOUND}{list}")
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CursorKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_cursor_and_one_of_another_list_or_key_open_nothing() {
        let key = CursorKey::new([1; KEY_BYTES]);
        let cursor = key.seal("a", b"place").unwrap();
        assert_eq!(key.open("a", &cursor).unwrap(), b"place");
        assert_eq!(key.open("b", &cursor), None);
        assert_eq!(CursorKey::new([2; KEY_BYTES]).open("a", &cursor), None);
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] = if changed[index] == b'x' { b'y' } else { b'x' };
            assert_eq!(key.open("a", std::str::from_utf8(&changed).unwrap()), None, "{index}");
        }
    }

    #[test]
    fn a_position_that_is_too_long_is_not_sealed_and_a_long_text_is_not_opened() {
        let key = CursorKey::new([1; KEY_BYTES]);
        assert_eq!(key.seal("a", &[0; MAX_CURSOR]), None);
        assert_eq!(key.open("a", &format!("1.{}", "A".repeat(MAX_CURSOR))), None);
    }
}
