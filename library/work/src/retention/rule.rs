//! Rules of retention.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Engine, Value};

/// Maximum number of rows in one batch.
const MAX_ROWS: usize = 10_000;

/// The form in which a rule's statement takes the moment before which rows are old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cutoff {
    /// A timestamp.
    #[default]
    Timestamp,
    /// Seconds since 1970.
    Seconds,
    /// Microseconds since 1970.
    Microseconds,
}

/// A rule: rows of a table that are older than a time are deleted.
///
/// ```
/// # use std::time::Duration;
/// # use evenkeel_work::retention::RetentionRule;
/// RetentionRule::new(
///     "receipts",
///     Duration::from_secs(90 * 86_400),
///     "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE made_at < $1 ORDER BY made_at LIMIT $2)",
/// )
/// .batch(500);
/// ```
#[derive(Clone, Debug)]
pub struct RetentionRule {
    pub(super) name: &'static str,
    pub(super) keep: Duration,
    sqlite: &'static str,
    postgres: &'static str,
    pub(super) batch: usize,
    cutoff: Cutoff,
}

impl RetentionRule {
    /// A rule with a name, such as the table's, the time for which rows are kept, and the statement that deletes at most `$2` rows that are older
    /// than the moment `$1`. An index on the moment makes it cheap.
    ///
    /// # Panics
    /// When the statement is no DELETE, or does not name `$1` and `$2`: it would delete rows that are not old, or all in one transaction.
    pub fn new(name: &'static str, keep: Duration, statement: &'static str) -> Self {
        check(name, statement);
        Self { name, keep, sqlite: statement, postgres: statement, batch: 500, cutoff: Cutoff::default() }
    }

    /// Replaces the statement for PostgreSQL.
    ///
    /// # Panics
    /// As [`RetentionRule::new`].
    #[must_use]
    pub fn on_postgres(self, statement: &'static str) -> Self {
        check(self.name, statement);
        Self { postgres: statement, ..self }
    }

    /// Sets the maximum number of rows of one batch, 1 to 10,000. Default 500.
    #[must_use]
    pub fn batch(self, rows: usize) -> Self {
        Self { batch: rows.clamp(1, MAX_ROWS), ..self }
    }

    /// Sets the form of the moment `$1`. Default [`Cutoff::Timestamp`].
    #[must_use]
    pub fn cutoff(self, cutoff: Cutoff) -> Self {
        Self { cutoff, ..self }
    }

    pub(super) fn statement(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// The values of the statement, at a moment of the database.
    pub(super) fn values(&self, now: SystemTime) -> Vec<Value> {
        let before = now.checked_sub(self.keep).unwrap_or(UNIX_EPOCH).max(UNIX_EPOCH);
        let since = before.duration_since(UNIX_EPOCH).unwrap_or_default();
        let moment = match self.cutoff {
            Cutoff::Timestamp => Value::from(before),
            Cutoff::Seconds => Value::from(since.as_secs()),
            Cutoff::Microseconds => Value::from(u64::try_from(since.as_micros()).unwrap_or(u64::MAX)),
        };
        vec![moment, Value::from(self.batch)]
    }
}

fn check(name: &str, statement: &str) {
    let is_delete = statement.trim_start().to_ascii_uppercase().starts_with("DELETE");
    assert!(is_delete, "the statement of the retention rule {name:?} is no DELETE: {statement}");
    assert!(
        statement.contains("$1") && statement.contains("$2"),
        "the statement of the retention rule {name:?} does not name $1, the moment, and $2, the number of rows: {statement}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "does not name $1")]
    fn a_statement_without_a_bound_is_refused() {
        let _ = RetentionRule::new("all", Duration::ZERO, "DELETE FROM receipts WHERE made_at < $1");
    }

    #[test]
    #[should_panic(expected = "is no DELETE")]
    fn a_statement_that_is_no_delete_is_refused() {
        let _ = RetentionRule::new("all", Duration::ZERO, "UPDATE receipts SET old = $1 LIMIT $2");
    }

    #[test]
    fn the_moment_is_written_in_the_form_of_the_column_and_never_before_1970() {
        let delete = "DELETE FROM t WHERE at < $1 LIMIT $2";
        let rule = |keep| RetentionRule::new("t", Duration::from_secs(keep), delete).batch(7);
        let now = UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(rule(40).cutoff(Cutoff::Seconds).values(now), [Value::from(60_u64), Value::from(7_usize)]);
        assert_eq!(rule(40).cutoff(Cutoff::Microseconds).values(now)[0], Value::from(60_000_000_u64));
        assert_eq!(rule(40).values(now)[0], Value::from(UNIX_EPOCH + Duration::from_secs(60)));
        assert_eq!(rule(400).cutoff(Cutoff::Seconds).values(now)[0], Value::from(0_u64));
    }
}
