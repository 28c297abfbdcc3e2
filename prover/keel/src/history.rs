//! `keel history check`: whether what clients recorded can be right.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use keel_drill::history::check::{self, Verdict};

use crate::exit::{FINE, usage};

/// The history cannot be right.
const BROKEN: u8 = 1;
/// It could not be decided.
const UNDECIDED: u8 = 4;

#[derive(Args)]
#[command(
    after_help = "Exit codes:\n  0    it can be right\n  1    it cannot\n  2    a mistake in the command line or the file\n  \
                        4    it could not be decided"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a history, one operation a line as JSON
    Check {
        /// The file
        file: PathBuf,
        /// What it is a history of
        #[arg(long, value_enum)]
        checker: Checker,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Checker {
    /// Transfers and reads of all balances
    Bank,
    /// Reads, writes and compare-and-set of registers: linearizability
    Register,
    /// Effects that must happen exactly once, and counts of them
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
