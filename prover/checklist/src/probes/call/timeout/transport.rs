//! Transport of a dependency, plain or TLS, by its declared address.

use url::Url;

/// Transport of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Plain,
    Tls,
    /// The address leaves it to the client.
    Unsaid,
}

impl Transport {
    pub(super) fn of(url: &Url) -> Self {
        match url.scheme() {
            "http" | "ws" | "tcp" | "redis" | "amqp" => Self::Plain,
            "https" | "wss" | "tls" | "rediss" | "amqps" => Self::Tls,
            "postgres" | "postgresql" => match url.query_pairs().find(|(name, _)| name == "sslmode") {
                Some((_, mode)) if mode == "disable" => Self::Plain,
                Some((_, mode)) if mode == "require" || mode.starts_with("verify") => Self::Tls,
                _ => Self::Unsaid,
            },
            _ => Self::Unsaid,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_says_it_and_for_postgres_the_mode() {
        let of = |url: &str| Transport::of(&url.parse().unwrap());
        assert_eq!(of("http://127.0.0.1:80"), Transport::Plain);
        assert_eq!(of("https://rail.example"), Transport::Tls);
        assert_eq!(of("tcp://127.0.0.1:4222"), Transport::Plain);
        assert_eq!(of("postgres://db/ledger?sslmode=disable"), Transport::Plain);
        assert_eq!(of("postgres://db/ledger?a=b&sslmode=verify-full"), Transport::Tls);
        assert_eq!(of("postgres://db/ledger"), Transport::Unsaid);
        assert_eq!(of("kafka://127.0.0.1:9092"), Transport::Unsaid);
    }
}
