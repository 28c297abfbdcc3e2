//! The command line of the prover.

mod check;
mod explain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Nothing falls short.
const FINE: u8 = 0;
/// Something falls short.
const SHORT: u8 = 1;
/// A mistake in the command line or a file.
const USAGE: u8 = 2;
/// The subject could not be started.
const NOT_STARTED: u8 = 3;
/// Broken off by Ctrl-C or SIGTERM.
const INTERRUPTED: u8 = 130;

/// Examines any HTTP service: starts it, loads it, breaks its dependencies, attacks it, kills it, and reports what held.
#[derive(Parser)]
#[command(
    name = "keel",
    version,
    after_help = "Exit codes: 0 nothing falls short, 1 something does, 2 usage, 3 the service could not be started."
)]
struct Keel {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Examine a service
    Check(Box<check::Arguments>),
    /// Say what an attribute means, why it matters, how it is proven and how to mend it
    Explain {
        /// The attribute's id, such as border.limits
        id: String,
    },
    /// List the catalogue's attributes
    List(explain::ListArguments),
}

fn main() -> ExitCode {
    let code = match Keel::parse().command {
        Command::Check(arguments) => check::run(*arguments),
        Command::Explain { id } => explain::explain(&id),
        Command::List(arguments) => explain::list(&arguments),
    };
    ExitCode::from(code)
}

/// Prints to standard output; a reader that has left is no error.
fn print(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Says what is wrong and what to do.
fn usage(problem: &str) -> u8 {
    eprintln!("keel: {problem}");
    USAGE
}
