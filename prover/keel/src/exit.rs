//! The exit codes that several commands share, and the report of a mistake in the command line.

/// The exit code of a run in which nothing was wrong.
pub(crate) const FINE: u8 = 0;
/// The exit code of a hypothesis that did not hold, or of an experiment that did not come to its end.
pub(crate) const FELL_SHORT: u8 = 1;
/// The exit code of a mistake in the command line or a file.
pub(crate) const USAGE: u8 = 2;
/// The exit code of a service that could not be started.
pub(crate) const NOT_STARTED: u8 = 3;
/// The exit code of a fault of keel itself; sysexits.h calls it EX_SOFTWARE.
pub(crate) const FAULT: u8 = 70;

/// Prints each line of the problem to standard error, and returns [`USAGE`].
pub(crate) fn usage(problem: impl std::fmt::Display) -> u8 {
    for line in problem.to_string().lines() {
        eprintln!("keel: {line}");
    }
    USAGE
}
