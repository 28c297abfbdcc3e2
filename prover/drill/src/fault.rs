//! Faults of processes and of the host, each with its undo written down before it acts.
//!
//! - [`Fault`]: what can be broken; a TOML or JSON table with the fault's name under `fault`.
//! - [`Journal`]: the undo of every fault under way, on disk, so that it is undone after keel was killed too.
//! - [`Prepared`]: what a program must be started with so that its disk, its clock and its resolver can be broken later.
//! - [`Available`]: what can be done on this host, and why the rest cannot.
//! - [`resolver`]: a DNS server that fails as it is told.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use keel_drill::fault::{Fault, Journal};
//!
//! let folder = tempfile::tempdir()?;
//! let journal = Journal::open(folder.path())?;
//! let mut victim = std::process::Command::new("sleep").arg("1000").spawn()?;
//! let stopped = Fault::Stop { pid: victim.id() }.inject(&journal)?;
//! assert_eq!(journal.entries()?.len(), 1);
//! stopped.undo()?;
//! assert!(journal.entries()?.is_empty());
//! # victim.kill()?; victim.wait()?;
//! # Ok(()) }
//! ```

#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "faults act on Linux only"))]

mod available;
mod command;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod error;
mod identity;
mod injected;
mod journal;
mod kind;
mod limit;
#[cfg(target_os = "linux")]
mod linux;
mod plan;
mod prepared;
pub mod resolver;
mod switch;
mod undo;

pub use self::available::Available;
pub use self::error::FaultError;
pub use self::identity::Identity;
pub use self::injected::Injected;
pub use self::journal::{Entry, Journal, JournalError, MAX_ENTRIES, Mended, UndoOutcome, Whose};
pub use self::kind::{About, Errno, Fault, MAX_DELAY_MS, MAX_HOGS, MAX_VOLUME, Misanswer};
pub use self::limit::Limit;
pub use self::prepared::Prepared;
pub use self::switch::Switch;
pub use self::undo::Undo;
