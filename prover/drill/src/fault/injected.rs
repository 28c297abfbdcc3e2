//! A fault while it acts.

#[cfg(not(target_os = "linux"))]
use super::elsewhere::plan;
use super::error::FaultError;
use super::journal::{Entry, Journal};
use super::kind::Fault;
#[cfg(target_os = "linux")]
use super::linux::planner::plan;
use super::plan::Plan;
use crate::process::Process;

/// A fault while it acts. Undone by [`Injected::undo`], or when it is dropped; after the death of its process by
/// [`Journal::undo`].
#[derive(Debug)]
#[must_use = "dropping it undoes the fault at once"]
pub struct Injected {
    journal: Journal,
    /// None when it is undone, or cannot be.
    entry: Option<Entry>,
    /// The processes that are the fault; each ends with its keel.
    hogs: Vec<Process>,
}

impl Injected {
    /// Undoes it.
    ///
    /// # Errors
    /// The part that could not be undone; it stays in the journal, and `keel undo` tries again.
    pub fn undo(mut self) -> Result<(), String> {
        self.end()
    }

    fn end(&mut self) -> Result<(), String> {
        self.hogs.clear();
        self.entry.take().map_or(Ok(()), |entry| self.journal.undo_one(&entry))
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        // What fails here stays in the journal.
        let _ = self.end();
    }
}

impl Fault {
    /// Writes the undo down, then acts.
    ///
    /// # Errors
    /// When it makes no sense, cannot be done here, or fails; the host is then as it was before.
    pub fn inject(&self, journal: &Journal) -> Result<Injected, FaultError> {
        carry_out(self, plan(self)?, journal)
    }
}

/// Writes the undo down, then acts; undoes what was done when that fails.
fn carry_out(fault: &Fault, plan: Plan, journal: &Journal) -> Result<Injected, FaultError> {
    let Plan { id, undo, act } = plan;
    let entry = match undo.is_empty() {
        true => None,
        false => Some(journal.write(id, fault, undo)?),
    };
    let mut injected = Injected { journal: journal.clone(), entry, hogs: Vec::new() };
    match act() {
        Ok(hogs) => {
            injected.hogs = hogs;
            Ok(injected)
        }
        Err(mut why) => {
            if let Err(left) = injected.end() {
                why = format!("{why}; and it could not be undone, `keel undo` tries again: {left}");
            }
            Err(FaultError::Failed { what: fault.name(), why })
        }
    }
}
