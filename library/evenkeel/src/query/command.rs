//! The subcommand `query`: asks the admin listener of the running service.

use std::io::Write;
use std::net::SocketAddr;

use clap::{Arg, ArgMatches, Command};
use console::query::Format;

use super::exchange::{Answer, post};
use super::routes::{CUT, PATH};

/// The subcommand's name.
pub(crate) const NAME: &str = "query";

/// Options of the subcommand.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueryOptions {
    /// A statement or a name; empty for the list of names.
    statement: String,
    seconds: Option<f64>,
    format: String,
}

/// Error of the subcommand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFailed {
    /// No service answers.
    #[error(
        "no service answers at ADMIN_ADDR={address}: {source}; start it, or set ADMIN_ADDR to that of the running one"
    )]
    #[non_exhaustive]
    NotRunning {
        /// The address that was asked.
        address: SocketAddr,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The service refused the question.
    #[error("{detail}")]
    #[non_exhaustive]
    Refused {
        /// The status of its answer.
        status: u16,
        /// Its reason, and what to do.
        detail: String,
    },
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Output(#[source] std::io::Error),
}

impl QueryOptions {
    /// The subcommand's part of the command line.
    pub(crate) fn command() -> Command {
        let statement = Arg::new("query.statement").value_name("SQL|NAME");
        let seconds = Arg::new("query.seconds").long("seconds").value_name("SECONDS");
        let format = Arg::new("query.format").long("format").value_name("FORMAT").default_value("text");
        Command::new(NAME)
            .about("Ask the running service about its live state, in SQL, and exit")
            .arg(statement.help("A SELECT, or the name of a shipped query; without it the names are listed"))
            .arg(seconds.value_parser(clap::value_parser!(f64)).help("Time for the answer, at most 5 [default: 0.25]"))
            .arg(format.value_parser(Format::ALL.map(|(_, name, _)| name)).help("Format of the answer"))
    }

    /// The options that were given to the subcommand.
    pub(crate) fn take(matches: &ArgMatches) -> Self {
        let text = |id: &str| matches.get_one::<String>(id).cloned().unwrap_or_default();
        Self {
            statement: text("query.statement"),
            seconds: matches.get_one("query.seconds").copied(),
            format: text("query.format"),
        }
    }

    /// The path of the question.
    fn path(&self) -> String {
        let mut path = format!("{PATH}?format={}", self.format);
        if is_name(&self.statement) {
            path.push_str(&format!("&name={}", self.statement));
        }
        if let Some(seconds) = self.seconds {
            path.push_str(&format!("&seconds={seconds}"));
        }
        path
    }
}

/// Names have no spaces, and statements that return rows do.
fn is_name(statement: &str) -> bool {
    !statement.is_empty() && statement.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Asks, and prints the answer to standard output. A cut is told on standard error.
pub(crate) fn run(service: &str, address: SocketAddr, options: &QueryOptions) -> Result<(), QueryFailed> {
    let body = if is_name(&options.statement) { "" } else { &options.statement };
    let answer = post(address, &options.path(), body).map_err(|source| QueryFailed::NotRunning { address, source })?;
    if answer.status != 200 {
        return Err(QueryFailed::Refused { status: answer.status, detail: detail(&answer) });
    }
    if let Some(cut) = answer.header(CUT.as_str()) {
        eprintln!("{service}: the answer is not whole: cut by the bound of {cut}");
    }
    std::io::stdout().write_all(&answer.body).map_err(QueryFailed::Output)
}

/// The reason in a problem document.
fn detail(answer: &Answer) -> String {
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match document["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None if answer.status == 404 => {
            "the service that runs there has no /debug/query: is it another one?".to_owned()
        }
        None => format!("the service answered with status {}", answer.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_a_name_and_the_rest_is_a_statement() {
        for (statement, expected) in
            [("slowest-routes", true), ("SELECT 1", false), ("VALUES(1)", false), ("", false), ("a&b", false)]
        {
            assert_eq!(is_name(statement), expected, "{statement}");
        }
        let options = QueryOptions { statement: "budget".to_owned(), seconds: Some(2.5), format: "csv".to_owned() };
        assert_eq!(options.path(), "/debug/query?format=csv&name=budget&seconds=2.5");
    }
}
