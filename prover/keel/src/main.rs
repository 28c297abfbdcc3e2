//! The command line of the prover.
//!
//! ```sh
//! keel init --run './shop' --url http://127.0.0.1:8080    # writes keel.toml
//! keel check                                              # examines the service
//! keel explain life.drain                                 # explains an attribute
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `chaos-toolkit` | `keel drill` also runs Chaos Toolkit experiments | yes |
//!
//! Linux only, as its probes are.

mod address;
mod attack;
mod check;
mod completions;
mod drill;
mod exit;
mod explain;
mod fault;
mod history;
mod init;
mod interrupt;
mod list;
mod load;
mod output;
mod progress;
mod proxy;
mod query;
mod rejudge;
mod repro;
mod selftest;
mod top;
mod undo;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::FAULT;

/// Tests the reliability of any HTTP service: starts it, loads it, breaks its dependencies, attacks it, kills it, and reports the findings with their evidence.
#[derive(Parser)]
#[command(
    name = "keel",
    version,
    max_term_width = 110,
    after_help = "Exit codes:\n  0    success: nothing falls short\n  1    something falls short, or the command failed\n  2    a mistake in the command line \
                  or a file\n  3    the service could not be started\n  130  interrupted by Ctrl-C or SIGTERM"
)]
struct Keel {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Attack a service on loopback, and measure the harm to an ordinary client
    Attack(Box<attack::Arguments>),
    /// Check a service against the catalogue
    Check(Box<check::Arguments>),
    /// Print the completion script of a shell
    Completions(completions::Arguments),
    /// Run a chaos experiment: hypotheses, faults and load, with guaranteed undo
    Drill(Box<drill::Arguments>),
    /// Explain an attribute: its meaning, its reason, its proof and its remedy
    Explain(explain::Arguments),
    /// Inject one fault for a limited time, then undo it
    Fault(fault::Arguments),
    /// Check a recorded history of operations for consistency
    History(history::Arguments),
    /// Write a keel.toml for a running service, from its answers and its OpenAPI document
    Init(Box<init::Arguments>),
    /// List the catalogue's attributes
    List(list::Arguments),
    /// Generate open-loop load, and report latencies and errors
    Load(Box<load::Arguments>),
    /// Serve a fault proxy that is compatible with Toxiproxy, or control one
    Proxy(Box<proxy::Arguments>),
    /// Ask a running service about its live state, in SQL
    Query(query::Arguments),
    /// Judge the evidence of an earlier report again, by this version's catalogue
    Rejudge(rejudge::Arguments),
    /// Print a short script that reproduces a finding without keel
    Repro(Box<repro::Arguments>),
    /// Test the probes on this machine, against servers with known verdicts
    Selftest(selftest::Arguments),
    /// Run one test server in the foreground
    #[command(hide = true)]
    Specimen(selftest::Specimen),
    /// Watch a running service in the terminal: requests, saturation, its process; and the levers of its operator
    Top(top::Arguments),
    /// Undo the faults that a killed keel left behind
    Undo(undo::Arguments),
}

fn main() -> ExitCode {
    // One line with the place of the fault. No backtrace, even if RUST_BACKTRACE asks for one.
    std::panic::set_hook(Box::new(|panic| eprintln!("keel: internal error, please report it: {panic}")));
    let run = || match Keel::parse_from(proxy::with_go_flags(std::env::args_os())).command {
        Command::Attack(arguments) => attack::run(*arguments),
        Command::Check(arguments) => check::run(*arguments),
        Command::Completions(arguments) => completions::run(&arguments, Keel::command()),
        Command::Drill(arguments) => drill::run(*arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Fault(arguments) => fault::run(&arguments),
        Command::History(arguments) => history::run(arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Proxy(arguments) => proxy::run(*arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Rejudge(arguments) => rejudge::run(&arguments),
        Command::Repro(arguments) => repro::run(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Specimen(arguments) => selftest::serve(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Undo(arguments) => undo::run(&arguments),
    };
    ExitCode::from(std::panic::catch_unwind(run).unwrap_or(FAULT))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The help texts of a command and all below it, with the argument's name.
    fn helps(command: &clap::Command, found: &mut Vec<(String, String)>) {
        for argument in command.get_arguments() {
            let texts = [argument.get_help(), argument.get_long_help()].into_iter().flatten();
            found.extend(texts.map(|text| (format!("{} {}", command.get_name(), argument.get_id()), text.to_string())));
        }
        command.get_subcommands().for_each(|below| helps(below, found));
    }

    #[test]
    fn no_help_text_has_the_mark_that_clap_shows_as_a_line_break() {
        let mut found = Vec::new();
        helps(&Keel::command(), &mut found);
        let marked: Vec<_> = found.iter().filter(|(_, text)| text.contains("{n}")).collect();
        assert!(found.len() > 50 && marked.is_empty(), "{marked:?}");
    }
}
