//! The tables that a statement can name: those of the registry, and those of the console itself.

use vitals::{Column, Kind, Registry, Table, TableRow, TableValue, Unit};

use super::named;

/// The version of these tables' names. Names are only ever added within one version.
pub const CATALOGUE_VERSION: u32 = 1;

static EVENTS: Table = Table {
    name: "events",
    help: "The last 1,024 changes of state, the oldest first.",
    columns: &[
        Column::counter("sequence", "Number of the event, without gaps."),
        Column::gauge("at", "Time since 1970; datetime(at, 'unixepoch') is the date.").in_unit(Unit::Seconds),
        Column::state("part", "The kind of part: lifecycle, breaker, child, ..."),
        Column::state("name", "The instance of that kind."),
        Column::state("state", "Its new state."),
        Column::state("reason", "The reason."),
    ],
};

static TABLES: Table = Table {
    name: "vitals_tables",
    help: "Every table.",
    columns: &[Column::label("table_name", "The table."), Column::state("help", "What it shows.")],
};

static COLUMNS: Table = Table {
    name: "vitals_columns",
    help: "Every column of every table.",
    columns: &[
        Column::label("table_name", "The table."),
        Column::label("column_name", "The column."),
        Column::state("kind", "label, key, counter, gauge, histogram, state or words."),
        Column::state("unit", "seconds, bytes, or empty."),
        Column::state("words", "The words that it can have, with commas between."),
        Column::state("help", "What it shows."),
    ],
};

static QUERIES: Table = Table {
    name: "vitals_queries",
    help: "The queries that have a name, as far as their tables are there.",
    columns: &[
        Column::label("name", "The name."),
        Column::state("help", "What it answers."),
        Column::state("sql", "The statement."),
    ],
};

/// The tables that no part of the service registers.
static OWN: [&Table; 4] = [&EVENTS, &TABLES, &COLUMNS, &QUERIES];

/// A column as a statement sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SqlColumn {
    pub(super) name: String,
    /// Place of the value in a row of the registry.
    pub(super) index: usize,
    pub(super) part: Part,
}

/// The part of a value that a column shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Whole,
    /// The number of values of a distribution in the last minute.
    Count,
    /// Their sum.
    Sum,
    /// A quantile of them.
    Quantile(f64),
}

/// The columns of a distribution.
const PARTS: [(&str, Part); 6] = [
    ("count", Part::Count),
    ("sum", Part::Sum),
    ("p50", Part::Quantile(0.5)),
    ("p90", Part::Quantile(0.9)),
    ("p99", Part::Quantile(0.99)),
    ("p999", Part::Quantile(0.999)),
];

/// Returns every table. A table of the registry hides one of the console's own with its name.
pub(super) fn tables(registry: &Registry) -> Vec<&'static Table> {
    let mut tables = registry.shapes();
    for own in OWN {
        if !tables.iter().any(|table| same_name(table.name, own.name)) {
            tables.push(own);
        }
    }
    // SQLite's names have no case, and a few are its own.
    let mut seen: Vec<&str> = Vec::new();
    tables.retain(|table| {
        let is_new = !table.name.starts_with("sqlite_") && !seen.iter().any(|known| same_name(known, table.name));
        seen.push(table.name);
        is_new && !table.columns.is_empty()
    });
    tables
}

/// Returns the columns of a table. A distribution has one for each of its parts.
pub(super) fn columns(table: &Table) -> Vec<SqlColumn> {
    let mut columns: Vec<SqlColumn> = Vec::new();
    let mut add = |name: String, index, part| {
        if !columns.iter().any(|known: &SqlColumn| same_name(&known.name, &name)) {
            columns.push(SqlColumn { name, index, part });
        }
    };
    for (index, column) in table.columns.iter().enumerate() {
        match column.kind {
            Kind::Histogram => {
                PARTS.iter().for_each(|(part, of)| add(format!("{}_{part}", column.name), index, *of));
            }
            _ => add(column.name.to_owned(), index, Part::Whole),
        }
    }
    columns
}

/// Returns the statement that declares a table.
pub(super) fn declaration(table: &Table) -> String {
    let declared = |column: &SqlColumn| {
        let name = quoted(&column.name);
        match (column.part, table.columns[column.index].kind) {
            (Part::Count, _) => format!("{name} INTEGER"),
            (Part::Sum | Part::Quantile(_), _) => format!("{name} REAL"),
            (Part::Whole, Kind::Label | Kind::Key | Kind::State | Kind::Words(_)) => format!("{name} TEXT"),
            // A gauge is whole or not, as its part gives it.
            (Part::Whole, _) => name,
        }
    };
    let columns: Vec<String> = columns(table).iter().map(declared).collect();
    format!("CREATE TABLE {} ({})", quoted(table.name), columns.join(", "))
}

/// Returns the rows of one of the console's own tables; none for a table of the registry.
pub(super) fn own_rows(registry: &Registry, table: &'static Table) -> Option<Vec<TableRow>> {
    let own = OWN.iter().find(|own| std::ptr::eq(**own, table))?;
    let text = |text: &str| TableValue::text(text);
    Some(match own.name {
        "events" => {
            let events = registry.bus().after(0).events;
            let row = |event: &vitals::Event| {
                let at = event.at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                vec![
                    TableValue::from(event.sequence),
                    TableValue::from(at),
                    text(event.part),
                    text(&event.name),
                    text(&event.state),
                    text(&event.reason),
                ]
            };
            events.iter().map(|event| row(event.as_ref())).collect()
        }
        "vitals_tables" => tables(registry).iter().map(|table| vec![text(table.name), text(table.help)]).collect(),
        "vitals_columns" => tables(registry).into_iter().flat_map(column_rows).collect(),
        _ => {
            let row = |(name, help, sql): (&str, &str, String)| vec![text(name), text(help), text(&sql)];
            named::available(&tables(registry)).into_iter().map(row).collect()
        }
    })
}

fn column_rows(table: &'static Table) -> impl Iterator<Item = TableRow> {
    columns(table).into_iter().map(|sql| {
        let column = &table.columns[sql.index];
        let (kind, words) = match column.kind {
            Kind::Label => ("label", &[][..]),
            Kind::Key => ("key", &[][..]),
            Kind::Counter => ("counter", &[][..]),
            Kind::Gauge => ("gauge", &[][..]),
            Kind::Histogram => ("histogram", &[][..]),
            Kind::State => ("state", &[][..]),
            Kind::Words(words) => ("words", words),
        };
        let unit = match (column.unit, sql.part) {
            (_, Part::Count) | (Unit::None, _) => "",
            (Unit::Seconds, _) => "seconds",
            (Unit::Bytes, _) => "bytes",
        };
        let of_minute = |what: &str| format!("{} {what} of the last minute.", column.help);
        let help = match sql.part {
            Part::Whole => column.help.to_owned(),
            Part::Count => of_minute("Their number"),
            Part::Sum => of_minute("Their sum"),
            Part::Quantile(q) => of_minute(&format!("The {q} quantile")),
        };
        let texts = [table.name, &sql.name, kind, unit, &words.join(", "), &help];
        texts.into_iter().map(TableValue::text).collect()
    })
}

fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vitals::Source;

    use super::*;

    const CALLS: Table = Table {
        name: "calls",
        help: "Calls.",
        columns: &[
            Column::label("select", "A keyword."),
            Column::words("breaker", &["closed", "open"], "The breaker."),
            Column::gauge("waiting", "Calls that wait."),
            Column::duration("duration", "Durations."),
        ],
    };

    #[test]
    fn a_table_is_declared_with_quoted_names_and_a_column_for_each_part_of_a_distribution() {
        assert_eq!(
            declaration(&CALLS),
            "CREATE TABLE \"calls\" (\"select\" TEXT, \"breaker\" TEXT, \"waiting\", \"duration_count\" INTEGER, \"duration_sum\" REAL, \
             \"duration_p50\" REAL, \"duration_p90\" REAL, \"duration_p99\" REAL, \"duration_p999\" REAL)"
        );
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn a_table_of_the_registry_hides_one_of_the_console() {
        const MINE: Table = Table { name: "Events", help: "Others.", columns: &[Column::label("name", "A name.")] };
        struct Mine;
        impl Source for Mine {
            fn table(&self) -> &'static Table {
                &MINE
            }
            fn rows(&self) -> Vec<TableRow> {
                vec![vec![TableValue::text("mine")]]
            }
        }
        let (registry, mine) = (Registry::new(), Arc::new(Mine));
        registry.register(mine.clone());
        let events: Vec<&Table> =
            tables(&registry).into_iter().filter(|table| same_name(table.name, "events")).collect();
        assert_eq!(events[0].help, "Others.");
        assert_eq!((events.len(), own_rows(&registry, events[0])), (1, None));
    }

    #[test]
    fn every_column_has_a_row_with_its_kind_unit_and_help() {
        let rows: Vec<Vec<String>> = column_rows(&CALLS)
            .map(|row| row.iter().map(|cell| cell.as_text().unwrap_or_default().to_owned()).collect())
            .collect();
        assert_eq!(rows.len(), 9);
        assert_eq!(rows[1], ["calls", "breaker", "words", "", "closed, open", "The breaker."]);
        assert_eq!(rows[3][3..], ["", "", "Durations. Their number of the last minute."]);
        assert_eq!(rows[7][1..4], ["duration_p99", "histogram", "seconds"]);
    }
}
