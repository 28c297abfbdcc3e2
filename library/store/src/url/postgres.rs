//! Addresses of PostgreSQL: sqlx's parameters, TLS beyond this host, poolers.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The parameters of a PostgreSQL URL that are honoured, under each of their spellings.
const POSTGRES_PARAMETERS: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[]",
];

/// A PostgreSQL database.
#[derive(Clone)]
pub(crate) struct PostgresTarget {
    pub(crate) options: Box<PgConnectOptions>,
    /// True if connections to another host may do without TLS.
    pub(crate) plaintext: bool,
    /// True if named prepared statements can be used; a pooler in transaction mode loses them.
    pub(crate) named_statements: bool,
}

impl PostgresTarget {
    /// Reads an address as sqlx does, but for TLS: beyond this host the server must present a certificate that is verified, unless the
    /// URL says otherwise.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut options: PgConnectOptions = text.parse().map_err(|error| format!("{error}"))?;
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let (mut says_how, mut named_statements) = (false, true);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            says_how |= matches!(name, "sslmode" | "ssl-mode");
            // Behind a pooler in transaction mode the next statement may run on another connection.
            named_statements &= parameter != "statement-cache-capacity=0";
            let known =
                name.starts_with("options[") || name.starts_with("options%5B") || POSTGRES_PARAMETERS.contains(&name);
            if !known {
                return Err(format!("the parameter {name} is not supported"));
            }
        }
        if !says_how && !is_local(&options) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        Ok(Self { options: Box::new(options), plaintext: false, named_statements })
    }

    /// Returns the reason to refuse a connection beyond this host that could be made without TLS.
    pub(super) fn refuses_plaintext(&self) -> Option<String> {
        let mode = self.options.get_ssl_mode();
        let encrypted = !matches!(mode, PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer);
        if encrypted || self.plaintext || is_local(&self.options) {
            return None;
        }
        Some(format!(
            "sslmode={} could send the password and every row in clear beyond this host; use sslmode=verify-full (the default) or \
             require, or allow it in code with StoreUrl::allow_plaintext",
            mode_name(mode),
        ))
    }
}

/// Returns true if the connection stays on this host.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    let loopback = host
        .parse::<std::net::IpAddr>()
        .map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || loopback
}

pub(super) fn mode_name(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}
