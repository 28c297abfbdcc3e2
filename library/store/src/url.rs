//! The URL of a store: its engine and its location.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::StoreError;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, one machine.
    Sqlite,
    /// The default beyond a single machine; version 15 or later.
    Postgres,
}

/// A database's address. Its `Debug` and `Display` never show a password.
#[derive(Clone)]
pub struct StoreUrl {
    pub(crate) target: Target,
    shown: String,
}

#[derive(Clone)]
pub(crate) enum Target {
    Memory,
    File(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

const EXPECTED: &str = "expected sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

impl StoreUrl {
    /// The engine it names.
    pub fn engine(&self) -> Engine {
        match self.target {
            Target::Memory | Target::File(_) => Engine::Sqlite,
            Target::Postgres(_) => Engine::Postgres,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Url { reason: format!("{reason}; {EXPECTED}") };
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let target = match path {
                "" => return Err(refused("the path is empty".to_owned())),
                ":memory:" => Target::Memory,
                path => Target::File(PathBuf::from(path)),
            };
            return Ok(Self { target, shown: format!("sqlite:{path}") });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options: PgConnectOptions = text.parse().map_err(|error| refused(format!("{error}")))?;
            let shown = without_credentials(text);
            return Ok(Self { target: Target::Postgres(Box::new(options)), shown });
        }
        Err(refused("it names no engine that is known".to_owned()))
    }
}

/// Everything between `//` and `@`, and the query, is nobody's business.
fn without_credentials(text: &str) -> String {
    let (scheme, rest) = text.split_once("//").unwrap_or(("", text));
    let rest = rest.split('?').next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}//{place}")
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_engine_and_never_shows_a_password() {
        let url: StoreUrl = "postgres://me:hunter22@db/ledger?application_name=x".parse().unwrap();
        assert_eq!(url.engine(), Engine::Postgres);
        assert_eq!(format!("{url} {url:?}"), "postgres://db/ledger StoreUrl(postgres://db/ledger)");
        assert_eq!("sqlite:data/x.db".parse::<StoreUrl>().unwrap().engine(), Engine::Sqlite);
    }

    #[test]
    fn what_is_no_store_is_refused_with_the_expected_forms() {
        for text in ["", "mysql://x", "data.db", "sqlite:", "postgres://h:port/"] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains("expected sqlite:PATH"), "{text}: {error}");
        }
    }
}
