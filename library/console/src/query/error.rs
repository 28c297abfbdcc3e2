//! The reasons for which a question has no answer.

use super::bounds::{AT_A_TIME, MAX_SQL, MAX_VALUE, WAIT};

/// Error of a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Other questions are answered.
    #[error("{AT_A_TIME} other questions are being answered, and none of them ended within {WAIT:?}: ask again later")]
    Busy,
    /// The statement is longer than [`MAX_SQL`](super::MAX_SQL).
    #[error("the statement has {bytes} bytes, and at most {MAX_SQL} are read: ask for less")]
    #[non_exhaustive]
    TooLong {
        /// Bytes of the statement.
        bytes: usize,
    },
    /// The statement would do something else than read.
    #[error("questions are read-only, and this statement would {act}: ask with a SELECT")]
    #[non_exhaustive]
    Refused {
        /// The act that was refused.
        act: String,
    },
    /// The statement is wrong.
    #[error("{message}{}; {HELP}", place(*.offset))]
    #[non_exhaustive]
    Sql {
        /// SQLite's message.
        message: String,
        /// The byte of the statement at which the mistake was found.
        offset: Option<usize>,
    },
    /// A value became longer than [`MAX_VALUE`](super::MAX_VALUE).
    #[error("a value or row became longer than {MAX_VALUE} bytes: ask for less of it, such as with substr()")]
    TooBig,
    /// No shipped query has this name.
    #[error("there is no query {name:?}; the queries are {known}")]
    #[non_exhaustive]
    UnknownName {
        /// The name.
        name: String,
        /// The known names, with commas between.
        known: String,
    },
    /// It failed for a reason that is not the statement's.
    #[error("the question could not be answered: {0}")]
    Failed(String),
}

/// The place to look for names.
const HELP: &str = "the tables and columns are in vitals_tables and vitals_columns";

fn place(offset: Option<usize>) -> String {
    offset.map_or_else(String::new, |offset| format!(" (at byte {offset} of the statement)"))
}
