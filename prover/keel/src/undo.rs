//! `keel undo`: undoes the faults that a killed keel left behind.

pub(crate) mod commands;

use keel_drill::fault::{Entry, Journal, JournalError, Mended, UndoOutcome, Whose};

use crate::exit::{FINE, usage};
use crate::output::print;

/// The exit code when a fault could not be undone.
const STILL_BROKEN: u8 = 1;

/// Arguments of `keel undo`: the faults to undo.
#[derive(clap::Args)]
#[command(
    after_help = "`keel check`, `keel drill` and `keel fault` do the same at their start, for processes that have ended.\n\nExit \
                  codes:\n  0    nothing is left to undo\n  1    a fault could not be undone; the next run tries again\n  2    a \
                  mistake in the command line, or a journal entry that cannot be read; the other entries are undone"
)]
pub(crate) struct Arguments {
    /// Also undo faults of keel processes that are still running
    #[arg(long)]
    all: bool,
    /// Only print the faults that would be undone
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let whose = if arguments.all { Whose::All } else { Whose::Dead };
    match arguments.dry_run {
        true => look(whose).unwrap_or_else(usage),
        false => undo(whose).unwrap_or_else(usage),
    }
}

fn undo(whose: Whose) -> Result<u8, JournalError> {
    let Mended { outcomes, unreadable } = Journal::open(&Journal::default_folder())?.undo(whose)?;
    let commands = commands::restored_now();
    if outcomes.is_empty() && commands.is_empty() && unreadable.is_empty() {
        print("nothing to undo\n");
    }
    commands.iter().for_each(|line| print(&format!("{line}\n")));
    for outcome in &outcomes {
        print(&format!("{}\n", told(outcome)));
    }
    if !unreadable.is_empty() {
        return Ok(unreadable.iter().fold(FINE, |_, error| usage(error)));
    }
    let commands_undone = commands.iter().all(|line| !line.starts_with("could not"));
    Ok(if commands_undone && outcomes.iter().all(|outcome| outcome.undone.is_ok()) { FINE } else { STILL_BROKEN })
}

fn look(whose: Whose) -> Result<u8, JournalError> {
    for entry in Journal::open(&Journal::default_folder())?.entries()? {
        let alive = entry.owner.is_alive();
        let kept = if alive && whose == Whose::Dead { " (kept: its keel process is still running)" } else { "" };
        print(&format!("{}{kept}\n", words(&entry)));
    }
    Ok(FINE)
}

/// Takes back what dead keels have left; before anything else is started. A journal that was never made is none.
pub(crate) fn before_anything_else() {
    let folder = Journal::default_folder();
    if !folder.is_dir() {
        return;
    }
    match Journal::open(&folder).and_then(|journal| journal.undo(Whose::Dead)) {
        Ok(Mended { outcomes, unreadable }) => {
            outcomes.iter().for_each(|outcome| eprintln!("keel: {}", told(outcome)));
            for error in unreadable {
                // Told; what was asked for goes on.
                let _ = usage(error);
            }
        }
        Err(error) => {
            let _ = usage(error);
        }
    }
}

fn told(outcome: &UndoOutcome) -> String {
    match &outcome.undone {
        Ok(()) => format!("undone: {}", words(&outcome.entry)),
        Err(why) => format!("not undone: {}: {why}", words(&outcome.entry)),
    }
}

fn words(entry: &Entry) -> String {
    let fault = serde_json::to_string(&entry.fault).unwrap_or_else(|_| entry.fault.name().to_owned());
    format!("{fault}, of process {}", entry.owner.pid)
}
