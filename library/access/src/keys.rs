//! Keys of sealed cookies, and their rotation.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// The most keys.
const MAX_KEYS: usize = 8;
/// Bytes of a key and of a nonce.
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Keys that seal cookies: the first one seals, all of them open. Parsed from `id:key,...`, each key 32 bytes in base64.
///
/// To rotate, put a new key in front; remove the old one when the cookies that it sealed have ended.
#[derive(Clone)]
pub struct SessionKeys {
    keys: Vec<(String, XChaCha20Poly1305)>,
}

/// Error of keys that cannot be used. It never shows a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeys {
    /// There is none, or too many.
    #[error("{0} keys are given; give from 1 to {MAX_KEYS}, as in id:key,id:key")]
    Count(usize),
    /// A key has no usable id.
    #[error("key {0} has no id of 1 to 16 letters and digits in front of a colon")]
    Id(usize),
    /// Two keys have the same id.
    #[error("two keys have the id {0:?}")]
    Twice(String),
    /// A key is not 32 bytes in base64.
    #[error("the key {0:?} is not 32 bytes in base64; make one with `openssl rand -base64 32`")]
    Bytes(String),
}

impl SessionKeys {
    /// Creates one random key: sessions end with the process, and no other process knows them.
    pub fn random() -> Self {
        Self::one("0", &bytes::<KEY_BYTES>())
    }

    /// Creates one key with this id.
    pub(crate) fn one(id: &str, key: &[u8; KEY_BYTES]) -> Self {
        Self { keys: vec![(id.to_owned(), cipher(key))] }
    }

    /// Seals a text; `bound` must be the same when it is opened.
    pub(crate) fn seal(&self, text: &[u8], bound: &[u8]) -> Option<String> {
        let (id, key) = self.keys.first()?;
        let nonce = bytes::<NONCE_BYTES>();
        let sealed = key.encrypt(&XNonce::from(nonce), Payload { msg: text, aad: bound }).ok()?;
        Some(format!("{id}.{}", URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens what one of the keys has sealed; none for anything else.
    pub(crate) fn open(&self, sealed: &str, bound: &[u8]) -> Option<Vec<u8>> {
        let (id, sealed) = sealed.split_once('.')?;
        let (_, key) = self.keys.iter().find(|(known, _)| known == id)?;
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        key.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: bound }).ok()
    }
}

fn cipher(key: &[u8; KEY_BYTES]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    vitals::fill_entropy(&mut bytes);
    bytes
}

impl FromStr for SessionKeys {
    type Err = InvalidKeys;

    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || parts.len() > MAX_KEYS {
            return Err(InvalidKeys::Count(parts.len()));
        }
        let mut keys: Vec<(String, XChaCha20Poly1305)> = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            let (id, key) = part.split_once(':').ok_or(InvalidKeys::Id(number + 1))?;
            if !(1..=16).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(InvalidKeys::Id(number + 1));
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(InvalidKeys::Twice(id.to_owned()));
            }
            let key = STANDARD.decode(key).ok().and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok());
            let key = key.ok_or_else(|| InvalidKeys::Bytes(id.to_owned()))?;
            keys.push((id.to_owned(), cipher(&key)));
        }
        Ok(Self { keys })
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|(id, _)| id.as_str()).collect();
        f.debug_struct("SessionKeys").field("ids", &ids).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; KEY_BYTES]))
    }

    fn keys(texts: &[String]) -> SessionKeys {
        texts.join(",").parse().unwrap()
    }

    #[test]
    fn a_rotated_key_opens_what_the_old_one_sealed_until_the_old_one_is_removed() {
        let (old, new) = (key("a", 1), key("b", 2));
        let sealed = keys(std::slice::from_ref(&old)).seal(b"text", b"name").unwrap();
        let both = keys(&[new.clone(), old]);
        assert_eq!(both.open(&sealed, b"name").unwrap(), b"text");
        assert!(both.seal(b"text", b"name").unwrap().starts_with("b."));
        assert_eq!(keys(&[new]).open(&sealed, b"name"), None);
    }

    #[test]
    fn a_text_is_bound_to_its_place_and_to_the_key_of_its_id() {
        let sealed = keys(&[key("a", 1)]).seal(b"text", b"name").unwrap();
        assert_eq!(keys(&[key("a", 1)]).open(&sealed, b"other"), None);
        assert_eq!(keys(&[key("a", 2)]).open(&sealed, b"name"), None);
    }

    #[test]
    fn malformed_keys_are_named_by_their_id_and_never_shown() {
        for (text, words) in [
            ("", "0 keys"),
            ("c2VjcmV0", "key 1 has no id"),
            ("a:c2VjcmV0", "\"a\" is not 32 bytes"),
            (&*format!("{},{}", key("a", 1), key("a", 2)), "two keys"),
            (&*key("not-an-id", 1), "key 1 has no id"),
        ] {
            let error = text.parse::<SessionKeys>().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        }
        assert_eq!(format!("{:?}", keys(&[key("a", 1)])), "SessionKeys { ids: [\"a\"], .. }");
    }

    proptest! {
        #[test]
        fn a_changed_byte_opens_nothing(text in proptest::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>()) {
            let keys = keys(&[key("a", 1)]);
            let sealed = keys.seal(&text, b"name").unwrap();
            prop_assert_eq!(keys.open(&sealed, b"name").unwrap(), text);
            let mut changed = sealed.into_bytes();
            let at = at.index(changed.len());
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            prop_assert_eq!(keys.open(&String::from_utf8(changed).unwrap(), b"name"), None);
        }
    }
}
