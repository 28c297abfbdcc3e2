//! Reports of failures: failed requests and jobs in groups, each with a few reports from which the failure can be reconstructed.
//!
//! A failure belongs to a group by its fingerprint: the route, the kind of the error and its place in the source, not its message. A group counts its failures,
//! and keeps a report of the first one at once and further ones at most once a minute. A report has the request without secrets and without its body, the chain of causes, the build, the
//! steps of the request with its calls, its last log lines, the breakers, the last events, and the numbers of admission.
//!
//! | bound | value |
//! |---|---|
//! | groups | [`MAX_GROUPS`]; a further one replaces the one that has been silent longest, which is counted |
//! | reports of a group | [`MAX_REPORTS`], the first one and the last ones |
//! | bytes of a report | [`MAX_REPORT_BYTES`] |
//! | reports in a second, of all groups | [`MAX_REPORTS_A_SECOND`] |
//! | log lines and steps of a request | [`MAX_LINES`], [`MAX_LINE_BYTES`] each; [`MAX_STEPS`] |
//!
//! A request that does not fail costs nothing here but the copies of its own log lines, and of the times of its calls and statements.

mod failure;
mod fingerprint;
mod groups;
mod note;
mod recorder;
mod report;
mod table;
pub(crate) mod trail;

pub use failure::{Failure, RequestHead};
pub use groups::{MAX_GROUPS, MAX_REPORTS, MAX_REPORTS_A_SECOND};
pub(crate) use note::{begin_step, end_step, note_line, note_panic_place};
pub use note::{note_call, note_call_end, note_error, note_panic};
pub use recorder::{ErrorGroup, Errors};
pub use report::MAX_REPORT_BYTES;
pub use trail::{CallOutcome, MAX_LINE_BYTES, MAX_LINES, MAX_STEPS};
