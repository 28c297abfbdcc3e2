//! The URL of a store: its engine and its location.

#[cfg(feature = "postgres")]
mod postgres;

use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::str::FromStr;

use crate::StoreError;
#[cfg(feature = "postgres")]
pub(crate) use postgres::PostgresTarget;

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

/// A file of SQLite.
#[cfg(feature = "sqlite")]
#[derive(Clone)]
pub(crate) struct SqliteFile {
    pub(crate) path: PathBuf,
    /// True to create the database if it is missing.
    pub(crate) create: bool,
}

#[derive(Clone)]
pub(crate) enum Target {
    #[cfg(feature = "sqlite")]
    Memory,
    #[cfg(feature = "sqlite")]
    File(SqliteFile),
    #[cfg(feature = "postgres")]
    Postgres(PostgresTarget),
}

const EXPECTED: &str = "expected sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

impl StoreUrl {
    /// The engine it names.
    pub fn engine(&self) -> Engine {
        match self.target {
            #[cfg(feature = "sqlite")]
            Target::Memory | Target::File(_) => Engine::Sqlite,
            #[cfg(feature = "postgres")]
            Target::Postgres(_) => Engine::Postgres,
        }
    }

    /// Connects to PostgreSQL without TLS where the URL says `sslmode=disable`, `allow` or `prefer`, also beyond this host.
    ///
    /// Passwords and rows then cross the network as they are. The reason is for those who read the code.
    #[must_use]
    #[cfg(feature = "postgres")]
    pub fn allow_plaintext(mut self, _reason: &'static str) -> Self {
        match &mut self.target {
            Target::Postgres(target) => target.plaintext = true,
            #[cfg(feature = "sqlite")]
            Target::Memory | Target::File(_) => {}
        }
        self
    }

    /// Refuses a connection beyond this host that could be made without TLS.
    #[cfg(feature = "postgres")]
    pub(crate) fn refuse_plaintext(&self) -> Result<(), StoreError> {
        let refused = match &self.target {
            Target::Postgres(target) => target.refuses_plaintext(),
            #[cfg(feature = "sqlite")]
            Target::Memory | Target::File(_) => None,
        };
        refused.map_or(Ok(()), |reason| Err(StoreError::Url { reason: format!("{}: {reason}", self.shown) }))
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Url { reason: format!("{reason}; {EXPECTED}") };
        if let Some(rest) = text.strip_prefix("sqlite:") {
            #[cfg(feature = "sqlite")]
            return sqlite(rest.strip_prefix("//").unwrap_or(rest)).map_err(refused);
            #[cfg(not(feature = "sqlite"))]
            return Err(refused(format!("{rest:?} needs the feature `sqlite`, which this build does not have")));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            #[cfg(feature = "postgres")]
            return PostgresTarget::parse(text)
                .map(|target| Self { target: Target::Postgres(target), shown: without_credentials(text) })
                .map_err(refused);
            #[cfg(not(feature = "postgres"))]
            return Err(refused(format!(
                "{} needs the feature `postgres`, which this build does not have",
                without_credentials(text)
            )));
        }
        Err(refused("it names no engine that is known".to_owned()))
    }
}

/// Reads `PATH`, percent-encoded, with the parameters of sqlx that can be honoured.
#[cfg(feature = "sqlite")]
fn sqlite(rest: &str) -> Result<StoreUrl, String> {
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let path = percent_encoding::percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| "the path is no UTF-8 when it is percent-decoded".to_owned())?.into_owned();
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    if path.starts_with("file:") {
        return Err("SQLite's own URIs (file:...) are not read: write the path alone".to_owned());
    }
    let mut target = if path == ":memory:" {
        Target::Memory
    } else {
        Target::File(SqliteFile { path: PathBuf::from(&path), create: true })
    };
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match (parameter, &mut target) {
            ("mode=rwc", _) | ("cache=private", _) => {}
            ("mode=rw", Target::File(file)) => file.create = false,
            ("mode=memory", target) => *target = Target::Memory,
            ("mode=ro", _) => return Err("mode=ro: a store writes; give it a file that it may write to".to_owned()),
            (other, _) => return Err(format!("the parameter {other} is not supported; mode=rw, rwc and memory are")),
        }
    }
    let shown = if matches!(target, Target::Memory) { "sqlite::memory:".to_owned() } else { format!("sqlite:{path}") };
    Ok(StoreUrl { target, shown })
}

/// Removes the text between `//` and `@`, and the query, which may hold credentials.
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
#[cfg(all(feature = "sqlite", feature = "postgres"))]
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
    fn an_unsupported_url_is_refused_with_the_expected_forms() {
        let unsupported = [
            "sqlite:x.db?mode=ro",
            "sqlite::memory:?cache=shared",
            "sqlite:file:x.db",
            "postgres://h/d?sslmod=require",
        ];
        for text in ["", "mysql://x", "data.db", "sqlite:", "postgres://h:port/"].into_iter().chain(unsupported) {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains("expected sqlite:PATH"), "{text}: {error}");
        }
    }

    fn file(text: &str) -> SqliteFile {
        match text.parse::<StoreUrl>().unwrap().target {
            Target::File(file) => file,
            _ => panic!("{text} is no file"),
        }
    }

    #[test]
    fn sqlx_parameters_of_sqlite_are_honoured_and_no_part_of_the_path() {
        let made = file("sqlite://data/x.db?mode=rwc");
        assert_eq!((made.path, made.create), (PathBuf::from("data/x.db"), true));
        assert!(!file("sqlite:data/x.db?mode=rw").create);
        assert_eq!(file("sqlite:/a%20b/x%3Fy.db").path, PathBuf::from("/a b/x?y.db"));
        assert!(matches!("sqlite:x?mode=memory".parse::<StoreUrl>().unwrap().target, Target::Memory));
    }

    #[test]
    fn a_connection_beyond_this_host_is_encrypted_and_verified_unless_the_url_says_otherwise() {
        let mode = |text: &str| match text.parse::<StoreUrl>().unwrap().target {
            Target::Postgres(target) => postgres::mode_name(target.options.get_ssl_mode()),
            _ => unreachable!("it is PostgreSQL"),
        };
        assert_eq!(mode("postgres://u:p@db.example/x"), "verify-full");
        assert_eq!(mode("postgres://u:p@db.example/x?sslmode=require"), "require");
        assert_eq!(mode("postgres://u:p@127.0.0.1/x"), "prefer");
        assert_eq!(mode("postgres://u:p@localhost/x?host=/run/postgresql"), "prefer");
    }

    #[test]
    fn plaintext_beyond_this_host_is_refused_unless_the_code_allows_it() {
        for mode in ["disable", "allow", "prefer"] {
            let url: StoreUrl = format!("postgres://u:hunter22@db.example/x?sslmode={mode}").parse().unwrap();
            let error = url.refuse_plaintext().unwrap_err().to_string();
            assert!(
                error.contains("allow_plaintext") && error.contains(mode) && !error.contains("hunter22"),
                "{error}"
            );
            assert!(url.allow_plaintext("a network of our own").refuse_plaintext().is_ok());
        }
        for text in ["postgres://u@db.example/x?sslmode=require", "postgres://u@[::1]/x", "sqlite:x.db"] {
            assert!(text.parse::<StoreUrl>().unwrap().refuse_plaintext().is_ok(), "{text}");
        }
    }
}
