//! The DSN: where events of a project go, and the key for it.

use std::fmt;

/// A DSN, such as `https://KEY@sentry.example/42`. Shown without its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    scheme: String,
    key: String,
    /// Host and port, and the path before the project.
    place: String,
    project: String,
}

/// A malformed DSN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a DSN such as https://KEY@sentry.example/42, as the settings of the project show it")]
pub struct InvalidDsn;

impl Dsn {
    /// The URL to which envelopes are sent.
    pub fn url(&self) -> String {
        let (host, path) = self.place.split_once('/').unwrap_or((&self.place, ""));
        let path = if path.is_empty() { String::new() } else { format!("{path}/") };
        format!("{}://{host}/{path}api/{}/envelope/", self.scheme, self.project)
    }

    /// The value of the header `X-Sentry-Auth`, which holds the key.
    pub fn authorization(&self) -> String {
        format!(
            "Sentry sentry_version=7, sentry_client=evenkeel/{}, sentry_key={}",
            env!("CARGO_PKG_VERSION"),
            self.key
        )
    }
}

impl std::str::FromStr for Dsn {
    type Err = InvalidDsn;

    fn from_str(text: &str) -> Result<Self, InvalidDsn> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidDsn)?;
        let (user, rest) = rest.split_once('@').ok_or(InvalidDsn)?;
        // Older ones have a secret behind the key, which is not used any more.
        let key = user.split(':').next().unwrap_or_default();
        let (place, project) = rest.rsplit_once('/').ok_or(InvalidDsn)?;
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_place = !place.is_empty() && !place.starts_with('/') && !place.contains(['@', '?', '#', ' ']);
        let is_known = matches!(scheme, "http" | "https");
        if !is_known || !is_word(key) || !is_word(project) || !is_place {
            return Err(InvalidDsn);
        }
        let [scheme, key, place, project] = [scheme, key, place.trim_end_matches('/'), project].map(str::to_owned);
        Ok(Self { scheme, key, place, project })
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({})", self.url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_go_to_the_project_and_the_key_is_in_the_header_alone() {
        let dsn: Dsn = "https://k3y:old@sentry.example:9000/team/errors/42".parse().unwrap();
        assert_eq!(dsn.url(), "https://sentry.example:9000/team/errors/api/42/envelope/");
        assert!(dsn.authorization().ends_with("sentry_key=k3y"));
        assert!(!format!("{dsn:?}").contains("k3y"));
        assert_eq!("http://k@127.0.0.1:9/1".parse::<Dsn>().unwrap().url(), "http://127.0.0.1:9/api/1/envelope/");
    }

    #[test]
    fn other_texts_are_refused_with_an_example() {
        for text in [
            "",
            "https://sentry.example/42",
            "https://k@sentry.example",
            "https://k@/42",
            "ftp://k@h/1",
            "https://k@h/",
            "https://@h/1",
            "https://a b@h/1",
        ] {
            assert_eq!(text.parse::<Dsn>(), Err(InvalidDsn), "{text}");
        }
        assert!(InvalidDsn.to_string().contains("https://KEY@"));
    }
}
