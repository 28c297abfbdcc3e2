//! Credentials in URLs, such as `http://NAME:PASSWORD@HOST/`: sent as `Authorization`, and never shown.
//!
//! ```
//! use keel_input::credentials::{authorization, shown};
//!
//! let url = "http://ann:s3cret@127.0.0.1:8080/x".parse()?;
//! assert_eq!(authorization(&url).as_deref(), Some("Basic YW5uOnMzY3JldA=="));
//! assert_eq!(shown(&url), "http://***@127.0.0.1:8080/x");
//! # Ok::<(), url::ParseError>(())
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

/// Stands for credentials wherever a URL is shown.
const HIDDEN: &str = "***";

/// The value of `Authorization` that the URL's credentials ask for (RFC 7617); none when it has no credentials.
pub fn authorization(url: &Url) -> Option<String> {
    if !any(url) {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(plain)))
}

/// The URL for messages and reports, with `***` in place of its credentials.
pub fn shown(url: &Url) -> String {
    shown_text(url.as_str())
}

/// A text for messages that is meant as a URL, however malformed: all that stands before its last `@` is hidden.
///
/// A password that was not percent-encoded may hold a slash, a question mark or an `@`, so nothing shorter is safe.
pub fn shown_text(text: &str) -> String {
    if let Ok(url) = Url::parse(text)
        && url.has_host()
        && !any(&url)
        // A list of URLs is read as one, with the rest of them in its path.
        && !text.contains(',')
    {
        return text.to_owned();
    }
    let Some((before, after)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme = before.find("://").map_or("", |at| &before[..at + 3]);
    format!("{scheme}{HIDDEN}@{after}")
}

/// Reads a URL. The error shows the text without its credentials.
///
/// # Errors
/// When it is no URL.
pub fn parse(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("{:?} is no URL ({error})", shown_text(text)))
}

fn any(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_decoded_before_they_are_sent() {
        let of = |text: &str| authorization(&text.parse().expect("a URL"));
        assert_eq!(of("http://a%40b:c%3Ad@h/").as_deref(), Some("Basic YUBiOmM6ZA=="));
        assert_eq!(of("http://token@h/").as_deref(), Some("Basic dG9rZW46"));
        assert_eq!(of("http://h/a@b"), None);
    }

    #[test]
    fn no_malformed_text_shows_a_password() {
        for text in [
            "http://ann:s3cret@h/x",
            "http://ann:ab/cds3cret@h",
            "http://ann:s3cret?@h:99999/",
            "htp:/ann:s3cret@h",
            "ann:s3cret@h",
            "http://h,http://ann:s3cret@i",
            "http://ann:a@s3cret@h",
        ] {
            let told = parse(text).map_or_else(|told| told, |url| shown(&url));
            assert!(!told.contains("s3cret") && !shown_text(text).contains("s3cret"), "{told}");
        }
        assert_eq!(shown_text("http://h/users/@me"), "http://h/users/@me");
        assert_eq!(shown_text("dns+http://ann:x@h"), "dns+http://***@h");
    }
}
