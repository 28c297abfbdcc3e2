//! The meaning of a database's error code for the caller, whichever engine gave it.

use super::constraint::ConstraintKind;

/// The meaning of an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Another transaction was in the way; running this one again is worth it.
    Conflict,
    /// A lock was not free in time.
    Locked,
    /// The statement was cancelled, by a timeout or by hand.
    Timeout,
    /// No space is left.
    Full,
    /// Nothing can be written.
    ReadOnly,
    /// The role lacks a right.
    Denied,
    /// The connection is gone.
    Disconnected,
    /// The database takes no work at the moment.
    Unavailable,
    /// A constraint was violated.
    Constraint(ConstraintKind),
    /// A value cannot be stored or computed with.
    InvalidValue,
    /// An earlier statement of the transaction failed.
    Aborted,
    /// A pooler has given the connection's prepared statements to another client.
    #[cfg(feature = "postgres")]
    Pooler,
    /// Anything else: a fault of the statement, the schema or the database. Never worth repeating.
    Other,
}
