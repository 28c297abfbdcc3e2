//! `keel top`: the live state of a running service in a terminal. Any service with Prometheus metrics has requests, saturation and its
//! process; an evenkeel service also its requests in flight, clients, calls, events and levers. Only documented HTTP is used.

mod exposition;
mod families;
mod inside;
mod levers;
mod once;
mod quantile;
mod reading;
mod screen;
mod seat;
mod source;
mod terminal;
mod view;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use keel_input::credentials;

use self::inside::Panel;
use self::seat::Seat;
use self::source::Source;
use crate::address::Address;
use crate::exit::{FELL_SHORT, FINE, usage};
use crate::output::print;

/// Columns of a frame where no terminal has a width.
const WIDTH: u16 = 120;
/// The widest frame, in columns.
const WIDEST: u16 = 400;

/// Arguments of `keel top`: the service, and how it is shown.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keel top http://127.0.0.1:8081                  # an evenkeel admin listener\n  \
                  keel top http://127.0.0.1:9090                  # any service: its /metrics\n  \
                  keel top http://127.0.0.1:8080/other/metrics\n  \
                  keel top http://127.0.0.1:8081 --once           # one frame as text\n\n\
                  Exit codes:\n  0    the operator left, or the frame was printed\n  1    --once: no metrics, or no such panel\n  \
                  2    a mistake in the command line, or no terminal")]
pub(crate) struct Arguments {
    /// The address of the metrics; without a path, /metrics
    #[arg(value_name = "http://HOST:PORT")]
    target: Address,
    /// The time between two readings
    #[arg(long, value_name = "DURATION", value_parser = keel_input::duration::parse, default_value = "2s")]
    every: Duration,
    /// Print one frame as text, after two readings, and end
    #[arg(long)]
    once: bool,
    /// The panel that is shown first
    #[arg(long, value_enum, default_value = "routes")]
    panel: Shown,
    /// The columns of the frame of --once [default: those of COLUMNS, or 120]
    #[arg(long, value_name = "COLUMNS", requires = "once", value_parser = clap::value_parser!(u16).range(20..=i64::from(WIDEST)))]
    width: Option<u16>,
    /// The file of the operator's token, which changes need where the service has tokens: TOKEN or NAME:TOKEN in its first line
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    Routes,
    Requests,
    Clients,
    Calls,
    Events,
    Levers,
}

impl Shown {
    const fn panel(self) -> Panel {
        match self {
            Self::Routes => Panel::Routes,
            Self::Requests => Panel::Requests,
            Self::Clients => Panel::Clients,
            Self::Calls => Panel::Calls,
            Self::Events => Panel::Events,
            Self::Levers => Panel::Levers,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let url = match arguments.target.url() {
        Ok(url) if url.scheme() == "http" && url.has_host() => url,
        Ok(url) => return usage(format!("{}: expected http://HOST:PORT", credentials::shown(&url))),
        Err(problem) => return usage(problem),
    };
    if arguments.every < Duration::from_millis(100) {
        return usage("--every: at least 100ms");
    }
    let token = match arguments.token_file.as_deref().map(token).transpose() {
        Ok(token) => token,
        Err(problem) => return usage(problem),
    };
    let has_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if !arguments.once && !has_terminal {
        return usage("this is no terminal: add --once for one frame as text");
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its runtime: {error}")),
    };
    let seat = seat(arguments, &url, token.is_some());
    let target = seat.target.clone();
    let source = Source::new(&url, token);
    let outcome = if arguments.once {
        let width = arguments.width.unwrap_or_else(columns);
        runtime.block_on(once::frame(&source, seat, arguments.every, width)).map(|text| print(&text))
    } else {
        in_terminal(&runtime, source, seat, arguments.every)
    };
    match outcome {
        Ok(()) => FINE,
        Err(problem) => {
            eprintln!("keel: {target}: {problem}");
            FELL_SHORT
        }
    }
}

/// Runs the screen in the terminal, and restores the terminal in every case.
fn in_terminal(runtime: &tokio::runtime::Runtime, source: Source, seat: Seat, every: Duration) -> Result<(), String> {
    let mut terminal = ratatui::try_init().map_err(|error| format!("cannot use the terminal: {error}"))?;
    let outcome = runtime.block_on(terminal::run(source, seat, every, &mut terminal));
    ratatui::restore();
    outcome
}

fn seat(arguments: &Arguments, url: &url::Url, has_token: bool) -> Seat {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Seat {
        target: credentials::shown(url).trim_end_matches('/').to_owned(),
        panel: arguments.panel.panel(),
        author: variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "keel top".to_owned()),
        has_token,
        // Until an answer says otherwise, a panel that was asked for is shown.
        has_questions: arguments.panel != Shown::Routes,
        ..Seat::default()
    }
}

/// The token in the first line of the file that is no comment.
fn token(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("--token-file {}: {error}", file.display()))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let token = line.map(|line| line.split_once(':').map_or(line, |(_, token)| token));
    match token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(token) if !token.starts_with("sha256:") => Ok(token.to_owned()),
        Some(_) => Err(format!(
            "--token-file {}: it has the digest of a token, and the token itself is needed",
            file.display()
        )),
        None => Err(format!("--token-file {}: it has no token of printable characters", file.display())),
    }
}

fn columns() -> u16 {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<u16>().ok());
    columns.filter(|columns| *columns >= 20).map_or(WIDTH, |columns| columns.min(WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_its_file_with_or_without_a_name_and_a_digest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let of = |text: &str| {
            std::fs::write(&file, text).unwrap();
            token(&file)
        };
        assert_eq!(of("# mine\nada:0123456789abcdef\n"), Ok("0123456789abcdef".to_owned()));
        assert_eq!(of("0123456789abcdef\n"), Ok("0123456789abcdef".to_owned()));
        assert!(of("ada:sha256:00ff\n").unwrap_err().contains("digest"));
        assert!(of("\n").unwrap_err().contains("no token"));
        assert!(token(&folder.path().join("other")).unwrap_err().contains("other"));
    }
}
