//! `keel history check`: checks a recorded history of operations for consistency.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use keel_drill::history::check::{self, Verdict};

use crate::exit::{FINE, usage};

/// The exit code of an inconsistent history.
const BROKEN: u8 = 1;
/// The exit code of an undecided check.
const UNDECIDED: u8 = 4;

#[derive(Args)]
#[command(
    after_help = "Exit codes:\n  0    the history is consistent\n  1    the history is inconsistent\n  2    a mistake in the command line or \
                  the file\n  4    the checker reached its bound without a decision"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check a history file: JSON, one operation per line
    Check {
        /// The history file
        file: PathBuf,
        /// The model that the history must satisfy
        #[arg(long, value_enum)]
        checker: Checker,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Checker {
    /// Conservation of money: transfers between accounts, and reads of all balances
    Bank,
    /// Linearizability of registers: reads, writes and compare-and-set
    Register,
    /// Exactly-once effects, and counts of them
    Effects,
}

pub(crate) fn run(arguments: Arguments) -> u8 {
    let Command::Check { file, checker } = arguments.command;
    let opened = File::open(&file).map_err(keel_drill::history::Unreadable::Io);
    let history = match opened.and_then(|file| keel_drill::history::read(&mut BufReader::new(file))) {
        Ok(history) => history,
        Err(why) => return usage(format!("{}: {why}", file.display())),
    };
    let verdict = match checker {
        Checker::Bank => check::bank(&history),
        Checker::Register => check::register(&history),
        Checker::Effects => check::effects(&history),
    };
    println!("{verdict}");
    match verdict {
        Verdict::Holds(_) => FINE,
        Verdict::Broken(_) => BROKEN,
        Verdict::Unknown(_) => UNDECIDED,
    }
}
