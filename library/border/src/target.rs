//! Path validation: a path that two programs could read differently is refused (RFC 3986, 3.3 and 6.2.2).
//!
//! A proxy in front may decode, merge or cut what the service does not, or the other way round: `/admin%2f..`, `//`, `;jsessionid=1`. A route
//! that needs such a path sets [`crate::Limits::strict_paths`] to false.

use axum::http::StatusCode;

use crate::Problem;

/// Refuses an ambiguous path.
pub(crate) fn check(path: &str) -> Result<(), Problem> {
    let bytes = path.as_bytes();
    // Nearly every path ends here: one pass, and no memory.
    let mut last = 0;
    let is_plain = bytes.iter().all(|byte| {
        let is_odd = matches!(byte, b'%' | b'\\' | b';') || last == b'/' && matches!(byte, b'/' | b'.');
        last = *byte;
        !is_odd
    });
    if is_plain {
        return Ok(());
    }
    match ambiguity(bytes) {
        Some(what) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the path has {what}"))),
        None => Ok(()),
    }
}

/// Finds what makes a path ambiguous.
fn ambiguity(path: &[u8]) -> Option<&'static str> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, others @ ..] = rest {
        rest = others;
        match byte {
            b'%' => {
                let digits = |digit: u8| char::from(digit).to_digit(16);
                let [high, low, others @ ..] = rest else { return Some("a malformed percent encoding") };
                let (Some(high), Some(low)) = (digits(*high), digits(*low)) else {
                    return Some("a malformed percent encoding");
                };
                rest = others;
                match (high * 16 + low) as u8 {
                    b'/' | b'\\' => return Some("an encoded slash or backslash"),
                    control if control.is_ascii_control() => return Some("an encoded control character"),
                    byte => decoded.push(byte),
                }
            }
            b'\\' => return Some("a backslash"),
            b';' => return Some("a semicolon"),
            byte => decoded.push(*byte),
        }
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Some("bytes that are not UTF-8");
    }
    let mut segments = decoded.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"." | b".." => return Some("a dot segment"),
            b"" if segments.peek().is_some() => return Some("an empty segment"),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_paths_are_taken() {
        for path in
            ["", "*", "/", "/a", "/a/", "/a.b/.well-known/..c", "/caf%C3%A9", "/a%20b", "/a%3Bb", "/~a:@!$&'()*+,=-_"]
        {
            assert!(check(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused_with_their_reason() {
        let cases = [
            ("/a//b", "an empty segment"),
            ("//", "an empty segment"),
            ("/a/../b", "a dot segment"),
            ("/a/.", "a dot segment"),
            ("/%2e%2E/b", "a dot segment"),
            ("/a/.%2e", "a dot segment"),
            ("/a%2fb", "an encoded slash or backslash"),
            ("/a%5Cb", "an encoded slash or backslash"),
            ("/a\\b", "a backslash"),
            ("/a;b=c", "a semicolon"),
            ("/a%00", "an encoded control character"),
            ("/a%0d%0a", "an encoded control character"),
            ("/a%7f", "an encoded control character"),
            ("/a%zz", "a malformed percent encoding"),
            ("/a%+1", "a malformed percent encoding"),
            ("/a%1", "a malformed percent encoding"),
            ("/a%ff", "bytes that are not UTF-8"),
        ];
        for (path, what) in cases {
            let refused = check(path).expect_err(path);
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
            assert!(refused.detail().contains(what), "{path}: {refused:?}");
        }
    }

    proptest! {
        /// The first pass lets no path by that the second one refuses.
        #[test]
        fn the_short_pass_agrees_with_the_long_one(path in "/[a-c/.%;2ef5\\\\0]{0,12}") {
            prop_assert_eq!(check(&path).is_err(), ambiguity(path.as_bytes()).is_some(), "{}", path);
        }
    }
}
