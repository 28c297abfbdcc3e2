//! Copies rows of the registry into the tables that a statement reads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, Value};
use vitals::{Registry, Snapshot, Table, TableRow, TableValue};

use super::bounds::{MAX_COPIED, MAX_TEXT};
use super::catalogue::{Part, columns, own_rows};
use super::watch::Watch;

/// Names of the tables that a statement reads, with the columns of each, in small letters.
pub(super) type Read = BTreeMap<String, BTreeSet<String>>;

/// The window of distributions.
const WINDOW: Duration = Duration::from_secs(60);

/// Copies the rows of these tables. Columns that are not read stay empty. Returns false when [`MAX_COPIED`] rows were not all, or the watch has
/// ended it.
///
/// # Errors
/// Those of SQLite.
pub(super) fn copy(
    connection: &Connection,
    registry: &Registry,
    tables: &[&'static Table],
    read: &Read,
    watch: &mut Watch,
) -> rusqlite::Result<bool> {
    let (mut left, mut is_whole) = (MAX_COPIED, true);
    connection.execute_batch("BEGIN")?;
    for table in tables {
        let Some(read) = read.get(&table.name.to_ascii_lowercase()) else { continue };
        let rows = match own_rows(registry, table) {
            Some(rows) => rows,
            None => rows_of(registry.snapshot_of(&[table.name])),
        };
        let columns = columns(table);
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            connection.prepare(&format!("INSERT INTO \"{}\" VALUES ({places})", table.name.replace('"', "\"\"")))?;
        for (number, row) in rows.iter().enumerate() {
            if left == 0 || number % 64 == 0 && watch.must_end() {
                is_whole = false;
                break;
            }
            left -= 1;
            let mut window = None;
            for (place, column) in columns.iter().enumerate() {
                if !read.contains(&column.name.to_ascii_lowercase()) {
                    insert.raw_bind_parameter(place + 1, Value::Null)?;
                    continue;
                }
                let value = match column.part {
                    Part::Whole => value_of(row.get(column.index)),
                    part => {
                        // All parts of one distribution are beside each other.
                        let (_, distribution) = match window.take() {
                            Some((index, known)) if index == column.index => window.insert((index, known)),
                            _ => {
                                let of = registry.history().distribution(table, row, column.index, WINDOW);
                                window.insert((column.index, of))
                            }
                        };
                        part_of(distribution, part)
                    }
                };
                insert.raw_bind_parameter(place + 1, value)?;
            }
            insert.raw_execute()?;
        }
    }
    connection.execute_batch("COMMIT")?;
    Ok(is_whole)
}

fn rows_of(snapshots: Vec<Snapshot>) -> Vec<TableRow> {
    snapshots.into_iter().flat_map(|snapshot| snapshot.rows).collect()
}

fn value_of(value: Option<&TableValue>) -> ToSqlOutput<'_> {
    let number = |number: u64| match i64::try_from(number) {
        Ok(whole) => Value::Integer(whole),
        Err(_) => Value::Real(number as f64),
    };
    ToSqlOutput::Owned(match value {
        Some(TableValue::Text(text)) => return ToSqlOutput::Borrowed(shortened(text).into()),
        Some(TableValue::Count(count)) => number(*count),
        Some(TableValue::Level(level)) if level.is_finite() => Value::Real(*level),
        Some(TableValue::Flag(flag)) => Value::Integer(i64::from(*flag)),
        Some(TableValue::Level(_) | TableValue::Distribution(_)) | None => Value::Null,
    })
}

fn part_of(distribution: &vitals::HistogramSnapshot, part: Part) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(match part {
        Part::Whole => Value::Null,
        Part::Count => Value::Integer(i64::try_from(distribution.count()).unwrap_or(i64::MAX)),
        Part::Sum => Value::Real(distribution.sum().as_secs_f64()),
        // Of nothing there is no quantile.
        Part::Quantile(_) if distribution.count() == 0 => Value::Null,
        Part::Quantile(q) => Value::Real(distribution.quantile(q).as_secs_f64()),
    })
}

/// The first [`MAX_TEXT`] bytes of a text, whole characters alone.
fn shortened(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_off_at_a_character() {
        let long = format!("{}ä and more", "x".repeat(MAX_TEXT - 1));
        assert_eq!(shortened(&long).len(), MAX_TEXT - 1);
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn numbers_keep_their_kind_and_what_is_no_number_is_null() {
        let value = |value: TableValue| match value_of(Some(&value)) {
            ToSqlOutput::Owned(value) => value,
            _ => Value::Text("borrowed".to_owned()),
        };
        assert_eq!(value(TableValue::Count(3)), Value::Integer(3));
        assert_eq!(value(TableValue::Count(u64::MAX)), Value::Real(u64::MAX as f64));
        assert_eq!(value(TableValue::Level(3.0)), Value::Real(3.0));
        assert_eq!(value(TableValue::Level(f64::NAN)), Value::Null);
        assert_eq!(value(TableValue::Flag(true)), Value::Integer(1));
    }
}
