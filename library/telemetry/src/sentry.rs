//! Reports of failures sent to a Sentry, GlitchTip or Bugsink, as envelopes of its protocol.
//!
//! A report goes into a bounded queue when it is made ([`Errors`](crate::errors::Errors): the first failure of a group at once, then one a minute), and one task sends one after the other.
//! Nothing waits for it: a report without room, or one that cannot be sent, is lost and counted.

mod dsn;
mod envelope;
mod exporter;

pub use dsn::{Dsn, InvalidDsn};
pub use exporter::{QUEUE_REPORTS, SentryExporter};
