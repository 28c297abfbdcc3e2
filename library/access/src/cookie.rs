//! The session's cookie in requests and answers.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// Its name: a browser takes one with this prefix only over TLS, for the whole host and for no other one.
pub(crate) const NAME: &str = "__Host-session";
/// The most bytes of its value.
pub(crate) const MAX_BYTES: usize = 4096;

/// Its value in a request; none when it is not there, and an error when it is there twice.
pub(crate) fn value(headers: &HeaderMap) -> Result<Option<&str>, ()> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut own = pairs.filter(|(name, _)| *name == NAME).map(|(_, value)| value);
    match (own.next(), own.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(()),
    }
}

/// `Set-Cookie` with this value, which the browser keeps for this time; none when it is too long or no text of a header.
pub(crate) fn set(value: &str, kept: Duration) -> Option<HeaderValue> {
    let cookie = format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}", kept.as_secs());
    (value.len() <= MAX_BYTES).then(|| HeaderValue::from_str(&cookie).ok()).flatten()
}

/// `Set-Cookie` that removes it.
pub(crate) const REMOVE: HeaderValue =
    HeaderValue::from_static("__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn it_is_found_among_others_and_refused_when_it_is_there_twice() {
        assert_eq!(value(&sent(&["a=b; __Host-session=x; c=d"])), Ok(Some("x")));
        assert_eq!(value(&sent(&["a=b", "__Host-session=x"])), Ok(Some("x")));
        assert_eq!(value(&sent(&["session=x; X__Host-session=y"])), Ok(None));
        assert!(value(&sent(&["__Host-session=x; __Host-session=y"])).is_err());
        assert!(value(&sent(&["__Host-session=x", "__Host-session=x"])).is_err());
    }

    #[test]
    fn a_value_that_is_too_long_is_not_set() {
        assert!(set(&"x".repeat(MAX_BYTES), Duration::ZERO).is_some());
        assert!(set(&"x".repeat(MAX_BYTES + 1), Duration::ZERO).is_none());
    }
}
