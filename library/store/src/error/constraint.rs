//! Violated constraints: kind, name, table and columns, from what either engine says.

use std::fmt;

#[cfg(feature = "postgres")]
use sqlx::postgres::PgDatabaseError;

/// The kind of a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// Primary keys, unique constraints and indexes.
    Unique,
    /// References to other rows.
    ForeignKey,
    /// A column that must have a value.
    NotNull,
    /// CHECK.
    Check,
    /// EXCLUDE (PostgreSQL).
    Exclusion,
    /// Raised by a trigger, or of another kind.
    Other,
}

/// A violated constraint. What an engine does not say is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Its kind.
    pub kind: ConstraintKind,
    /// Its name. SQLite names CHECK constraints only.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Its columns, in the order of the constraint.
    pub columns: Vec<String>,
}

impl Violation {
    pub(super) fn of(kind: ConstraintKind, error: &sqlx::Error) -> Self {
        let mut violation = Self { kind, name: String::new(), table: String::new(), columns: Vec::new() };
        let Some(database) = error.as_database_error() else { return violation };
        #[cfg(feature = "postgres")]
        if let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>() {
            violation.name = postgres.constraint().unwrap_or_default().to_owned();
            violation.table = postgres.table().unwrap_or_default().to_owned();
            violation.columns = match postgres.column() {
                Some(column) => vec![column.to_owned()],
                None => key_columns(postgres.detail().unwrap_or_default()),
            };
            return violation;
        }
        violation.read_sqlite(database.message());
        violation
    }

    /// `UNIQUE constraint failed: notes.id, notes.text`; `CHECK constraint failed: positive`.
    fn read_sqlite(&mut self, message: &str) {
        let Some((_, failed)) = message.split_once("constraint failed: ") else { return };
        if self.kind == ConstraintKind::Check {
            self.name = failed.to_owned();
            return;
        }
        for column in failed.split(", ") {
            if let Some((table, column)) = column.rsplit_once('.') {
                self.table = table.to_owned();
                self.columns.push(column.to_owned());
            }
        }
    }
}

/// The columns of `Key (id, text)=(1, x) already exists.`, in any language of the server. The values are left out.
#[cfg(feature = "postgres")]
fn key_columns(detail: &str) -> Vec<String> {
    let key = detail.split_once('(').and_then(|(_, rest)| rest.split_once(")=("));
    key.map_or_else(Vec::new, |(columns, _)| columns.split(", ").map(str::to_owned).collect())
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ConstraintKind::Unique => "a unique constraint",
            ConstraintKind::ForeignKey => "a foreign key",
            ConstraintKind::NotNull => "a not-null constraint",
            ConstraintKind::Check => "a check constraint",
            ConstraintKind::Exclusion => "an exclusion constraint",
            ConstraintKind::Other => "a constraint",
        };
        f.write_str(kind)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        if !self.table.is_empty() {
            write!(f, " of {}", self.table)?;
        }
        if !self.columns.is_empty() {
            write!(f, " ({})", self.columns.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(feature = "postgres")]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_from_the_detail_and_values_are_not() {
        assert_eq!(key_columns("Key (id, text)=(1, secret) already exists."), ["id", "text"]);
        assert_eq!(key_columns("Schl\u{fc}ssel (id)=(7) existiert bereits."), ["id"]);
        assert!(key_columns("").is_empty() && key_columns("Failing row contains (1, x).").is_empty());
    }
}
