//! The bounds of a question. A test shows each of them.

use std::time::Duration;

/// Questions that are answered at the same time.
pub const AT_A_TIME: usize = 2;
/// Time that a further question waits for its turn; then it is refused.
pub const WAIT: Duration = Duration::from_secs(1);
/// Time of a question that sets none.
pub const DEFAULT_TIME: Duration = Duration::from_millis(250);
/// The longest time that a question can set.
pub const MAX_TIME: Duration = Duration::from_secs(5);
/// Rows of an answer.
pub const MAX_ROWS: usize = 10_000;
/// Bytes of an answer's values, written as JSON.
pub const MAX_ANSWER: usize = 8 << 20;
/// Bytes of a statement.
pub const MAX_SQL: usize = 64 << 10;
/// Bytes of one value or row while a statement runs. Some functions compare each place of one text with each place of another within one
/// step, which nothing can end: with texts of this size such a step takes a tenth of a second.
pub const MAX_VALUE: usize = 64 << 10;
/// Rows that are copied from the registry for one question, in all.
pub const MAX_COPIED: usize = 50_000;
/// Bytes by which the memory of the process may grow while a question runs; Linux only.
pub const MAX_MEMORY: u64 = 64 << 20;

/// Bytes of a text that is copied from the registry; the rest of it is cut off.
pub(super) const MAX_TEXT: usize = 4 << 10;
/// Steps of SQLite's virtual machine between two looks at the clock.
pub(super) const STEPS: i32 = 100;
/// Time between two looks at the memory.
pub(super) const MEMORY_LOOK: Duration = Duration::from_millis(2);
/// Columns of a result or of a clause.
pub(super) const MAX_COLUMNS: i32 = 500;
/// Depth of an expression.
pub(super) const MAX_DEPTH: i32 = 100;
/// Terms of a compound SELECT.
pub(super) const MAX_COMPOUND: i32 = 20;
/// Parameters.
pub(super) const MAX_VARIABLES: i32 = 100;
/// Arguments of a function.
pub(super) const MAX_ARGUMENTS: i32 = 50;
/// Bytes of a pattern of LIKE or GLOB.
pub(super) const MAX_PATTERN: i32 = 256;
