//! `keel query`: asks a running service about its live state, in SQL over HTTP.

use std::time::Duration;

use clap::ValueEnum;
use http::Method;
use keel_input::credentials;
use keel_wire::http::{Answer, Client, Failure, MAX_BODY_KEPT, Request};
use url::Url;

use crate::address::Address;
use crate::exit::{FELL_SHORT, FINE, usage};
use crate::output::print;

/// The path where the address has none.
const PATH: &str = "/debug/query";
/// Time for an answer: longer than services take for the longest question.
const PATIENCE: Duration = Duration::from_secs(15);

/// Arguments of `keel query`: the service, the question, and the form of the answer.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keel query http://127.0.0.1:8081 slowest-routes\n  \
                  keel query http://127.0.0.1:8081 \"SELECT name, breaker FROM policy WHERE breaker <> 'closed'\"\n  \
                  keel query http://127.0.0.1:8081 'SELECT * FROM vitals_tables' --format csv\n\n\
                  The statement is sent as the body of a POST, a name as ?name=.\n\n\
                  Exit codes:\n  0    the question was answered\n  1    it was refused, or no service answers\n  \
                  2    a mistake in the command line")]
pub(crate) struct Arguments {
    /// The admin listener of the service; without a path, /debug/query is asked
    #[arg(value_name = "http://HOST:PORT")]
    target: Address,
    /// A SELECT, or the name of a query that the service ships [default: list those]
    #[arg(value_name = "SQL|NAME")]
    question: Option<String>,
    /// The time for the answer in seconds [default: that of the service]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// The format of the answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Ndjson,
    Csv,
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let url = match arguments.target.url() {
        Ok(url) if url.scheme() == "http" && url.has_host() => url,
        Ok(url) => return usage(format!("{}: expected http://HOST:PORT", credentials::shown(&url))),
        Err(problem) => return usage(problem),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its runtime: {error}")),
    };
    match runtime.block_on(ask(url, arguments)) {
        Ok(text) => {
            print(&text);
            FINE
        }
        Err(problem) => {
            eprintln!("keel: {problem}");
            FELL_SHORT
        }
    }
}

/// Asks, and returns the answer.
async fn ask(mut url: Url, arguments: &Arguments) -> Result<String, String> {
    let request = request(&url, arguments);
    url.set_path("");
    url.set_query(None);
    let exchange = Client::new(url.clone(), PATIENCE).send(request).await;
    let shown = credentials::shown(&url);
    let answer = match exchange.outcome {
        Ok(answer) => answer,
        Err(Failure::Connect(reason)) => return Err(format!("no service at {shown}: {reason}")),
        Err(failure) => return Err(format!("the service at {shown}: {failure}")),
    };
    if !answer.status.is_success() {
        return Err(refusal(&answer));
    }
    if answer.body_length > MAX_BODY_KEPT as u64 {
        let bytes = answer.body_length;
        return Err(format!(
            "the answer has {bytes} bytes, and {MAX_BODY_KEPT} are shown at most: ask for less, such as with LIMIT"
        ));
    }
    let cut = answer.header("query-cut");
    if !cut.is_empty() {
        eprintln!("keel: the answer is not whole: cut by the bound of {cut}");
    }
    Ok(answer.text())
}

/// The request for a question. The rest of the address' query is sent too.
fn request(url: &Url, arguments: &Arguments) -> Request {
    let question = arguments.question.as_deref().unwrap_or_default();
    let mut asked = url.clone();
    if matches!(url.path(), "" | "/") {
        asked.set_path(PATH);
    }
    if is_name(question) {
        asked.query_pairs_mut().append_pair("name", question);
    }
    if let Some(seconds) = arguments.seconds {
        asked.query_pairs_mut().append_pair("seconds", &seconds.to_string());
    }
    let path = match asked.query() {
        Some(query) => format!("{}?{query}", asked.path()),
        None => asked.path().to_owned(),
    };
    let request = Request::new(Method::POST, path).header("accept", arguments.format.media_type());
    if is_name(question) || question.is_empty() {
        return request;
    }
    request.header("content-type", "text/plain; charset=utf-8").body(question.to_owned())
}

/// Names have no spaces, and statements that return rows do.
fn is_name(question: &str) -> bool {
    !question.is_empty() && question.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The reason in a problem document, or the status alone.
fn refusal(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match answer.json().as_ref().and_then(|json| json["detail"].as_str()) {
        Some(detail) => format!("{detail} (status {status})"),
        None if status == 404 => {
            "the service has nothing at this path: name the one at which it answers questions".to_owned()
        }
        None => format!("the service answered with status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str, question: &str) -> Request {
        let arguments = Arguments {
            target: target.parse().unwrap(),
            question: Some(question.to_owned()),
            seconds: Some(2.5),
            format: Format::Csv,
        };
        request(&target.parse().unwrap(), &arguments)
    }

    #[test]
    fn a_statement_is_the_body_and_a_name_is_a_parameter() {
        let statement = asked("http://127.0.0.1:1", "SELECT 1");
        assert_eq!((statement.path.as_str(), &statement.body[..]), ("/debug/query?seconds=2.5", &b"SELECT 1"[..]));
        assert_eq!(statement.headers[0], ("accept".to_owned(), "text/csv".to_owned()));
        let name = asked("http://127.0.0.1:1/ask?tenant=a", "full-pools");
        assert_eq!((name.path.as_str(), name.body.len()), ("/ask?tenant=a&name=full-pools&seconds=2.5", 0));
    }
}
