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

#[cfg(test)]
mod messages {
    use super::*;

    fn violation(kind: ConstraintKind) -> Violation {
        Violation { kind, name: String::new(), table: String::new(), columns: Vec::new() }
    }

    #[test]
    fn sqlite_names_table_and_columns_or_the_check() {
        let mut unique = violation(ConstraintKind::Unique);
        unique.read_sqlite("UNIQUE constraint failed: notes.id, notes.text");
        assert_eq!((unique.table.as_str(), unique.columns.join(",").as_str()), ("notes", "id,text"));
        let mut check = violation(ConstraintKind::Check);
        check.read_sqlite("CHECK constraint failed: below_ten");
        assert_eq!((check.name.as_str(), check.table.as_str()), ("below_ten", ""));
        let mut foreign = violation(ConstraintKind::ForeignKey);
        foreign.read_sqlite("FOREIGN KEY constraint failed");
        assert_eq!(foreign, violation(ConstraintKind::ForeignKey));
    }

    #[test]
    fn a_violation_is_written_as_far_as_it_is_known() {
        assert_eq!(violation(ConstraintKind::NotNull).to_string(), "a not-null constraint");
        let whole = Violation {
            kind: ConstraintKind::Unique,
            name: "notes_pkey".into(),
            table: "notes".into(),
            columns: vec!["id".into(), "text".into()],
        };
        assert_eq!(whole.to_string(), "a unique constraint (notes_pkey) of notes (id, text)");
        for (kind, word) in [
            (ConstraintKind::ForeignKey, "foreign key"),
            (ConstraintKind::Check, "check"),
            (ConstraintKind::Exclusion, "exclusion"),
            (ConstraintKind::Other, "a constraint"),
        ] {
            assert!(violation(kind).to_string().contains(word), "{kind:?}");
        }
    }
}
