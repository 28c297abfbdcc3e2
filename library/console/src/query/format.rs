//! The forms of an answer.

use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, Cell};
use super::bounds::MAX_ANSWER;

/// The most letters of a cell in an aligned table; the rest of it is left out.
const CELL_LETTERS: usize = 80;

/// Form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One document: `columns`, `rows` (an array each, in the order of the columns), `cut` and `seconds`.
    #[default]
    Json,
    /// A JSON object a line, one for each row.
    NdJson,
    /// Comma-separated values (RFC 4180), the names of the columns first.
    Csv,
    /// An aligned table for people.
    Text,
}

impl Format {
    /// All, with the word and the media type of each.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Json, "json", "application/json"),
        (Self::NdJson, "ndjson", "application/x-ndjson"),
        (Self::Csv, "csv", "text/csv"),
        (Self::Text, "text", "text/plain"),
    ];

    /// Returns the format of this word.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(format, ..)| *format)
    }

    /// Returns the first format of an `Accept` header that is known; JSON when none is.
    pub fn accepted(accept: Option<&str>) -> Self {
        let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next()?.to_ascii_lowercase();
            let is_refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            (!is_refused).then_some(kind)
        });
        let known = |kind: String| match kind.as_str() {
            "application/ndjson" | "application/jsonl" => Some(Self::NdJson),
            _ => Self::ALL.iter().find(|(.., media_type)| *media_type == kind).map(|(format, ..)| *format),
        };
        ranges.filter_map(known).next().unwrap_or_default()
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// Writes an answer.
    pub fn write(self, answer: &Answer) -> String {
        match self {
            Self::Json => document(answer),
            Self::NdJson => lines(answer),
            Self::Csv => csv(answer),
            Self::Text => table(answer),
        }
    }
}

fn document(answer: &Answer) -> String {
    let rows: Vec<Vec<Json>> = answer.rows.iter().map(|row| row.iter().map(json_of).collect()).collect();
    let cut = answer.cut.map(super::Cut::name);
    let seconds = answer.took.as_secs_f64();
    let mut text = json!({ "columns": answer.columns, "rows": rows, "cut": cut, "seconds": seconds }).to_string();
    text.push('\n');
    text
}

fn lines(answer: &Answer) -> String {
    let line = |row: &Vec<Cell>| {
        let fields: Map<String, Json> = answer.columns.iter().cloned().zip(row.iter().map(json_of)).collect();
        format!("{}\n", Json::Object(fields))
    };
    answer.rows.iter().map(line).collect()
}

fn json_of(cell: &Cell) -> Json {
    match cell {
        Cell::Null => Json::Null,
        Cell::Integer(number) => Json::from(*number),
        // NULL for infinities, which JSON has no word for.
        Cell::Real(number) => Json::from(*number),
        Cell::Text(text) => Json::from(text.as_str()),
        Cell::Bytes(_) => Json::from(cell.text()),
    }
}

fn csv(answer: &Answer) -> String {
    let field = |text: &str| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let line = |fields: Vec<String>| fields.join(",") + "\r\n";
    let mut text = line(answer.columns.iter().map(|name| field(name)).collect());
    for row in &answer.rows {
        text.push_str(&line(row.iter().map(|cell| field(&cell.text())).collect()));
    }
    text
}

fn table(answer: &Answer) -> String {
    let head: Vec<String> = answer.columns.iter().map(|name| shown(name)).collect();
    let rows: Vec<Vec<String>> =
        answer.rows.iter().map(|row| row.iter().map(|cell| shown(&cell.text())).collect()).collect();
    let letters = |text: &String| text.chars().count();
    let mut widths: Vec<usize> = head.iter().map(letters).collect();
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = letters(cell).max(*width));
    }
    // Padding must not make much of little.
    if (widths.iter().sum::<usize>() + 2 * widths.len()) * rows.len() > MAX_ANSWER {
        widths.fill(0);
    }
    let is_number = |column: usize| {
        let cells = || answer.rows.iter().filter_map(|row| row.get(column));
        cells().any(|cell| matches!(cell, Cell::Integer(_) | Cell::Real(_)))
            && cells().all(|cell| matches!(cell, Cell::Integer(_) | Cell::Real(_) | Cell::Null))
    };
    let right: Vec<bool> = (0..head.len()).map(is_number).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).zip(&right).map(|((cell, width), right)| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&head);
    rows.iter().for_each(|row| text.push_str(&line(row)));
    let count = match rows.len() {
        1 => "1 row".to_owned(),
        count => format!("{count} rows"),
    };
    let cut = answer.cut.map(|cut| format!("; cut by the bound of {}", cut.name())).unwrap_or_default();
    text.push_str(&format!("({count}, {:.1} ms{cut})\n", answer.took.as_secs_f64() * 1e3));
    text
}

/// A text on one line of a terminal: control characters are left out.
fn shown(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut shown: String = letters.by_ref().take(CELL_LETTERS).collect();
    if letters.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Cut;
    use super::*;

    fn answer() -> Answer {
        Answer {
            columns: vec!["route".to_owned(), "p99".to_owned()],
            rows: vec![
                vec![Cell::Text("/a,\"b\"".to_owned()), Cell::Real(0.25)],
                vec![Cell::Text("/long/route".to_owned()), Cell::Null],
            ],
            cut: Some(Cut::Rows),
            took: Duration::from_micros(1500),
        }
    }

    #[test]
    fn each_format_shows_the_same_rows() {
        assert_eq!(
            Format::Json.write(&answer()),
            "{\"columns\":[\"route\",\"p99\"],\"cut\":\"rows\",\"rows\":[[\"/a,\\\"b\\\"\",0.25],[\"/long/route\",null]],\"seconds\":0.0015}\n"
        );
        assert_eq!(
            Format::NdJson.write(&answer()),
            "{\"p99\":0.25,\"route\":\"/a,\\\"b\\\"\"}\n{\"p99\":null,\"route\":\"/long/route\"}\n"
        );
        assert_eq!(Format::Csv.write(&answer()), "route,p99\r\n\"/a,\"\"b\"\"\",0.25\r\n/long/route,\r\n");
        assert_eq!(
            Format::Text.write(&answer()),
            "route         p99\n/a,\"b\"       0.25\n/long/route\n(2 rows, 1.5 ms; cut by the bound of rows)\n"
        );
    }

    #[test]
    fn a_table_shows_no_control_characters_and_does_not_grow_by_its_padding() {
        let cell = |text: &str| vec![vec![Cell::Text(text.to_owned())]];
        let of = |rows| Format::Text.write(&Answer { columns: vec!["x".to_owned()], rows, ..Answer::default() });
        assert!(!of(cell("a\x1b[2Jb\nc")).contains('\x1b'));
        assert!(of(cell(&"y".repeat(200))).contains(&format!("{}…\n", "y".repeat(CELL_LETTERS - 1))));
        let mut wide = vec![vec![Cell::Text("y".repeat(CELL_LETTERS))]];
        wide.extend(vec![vec![Cell::Null]; MAX_ANSWER / 40]);
        assert!(of(wide).len() < MAX_ANSWER / 4);
    }

    #[test]
    fn the_first_known_format_of_accept_is_taken() {
        for (accept, format) in [
            (None, Format::Json),
            (Some("*/*"), Format::Json),
            (Some("text/csv;q=0, text/plain"), Format::Text),
            (Some("text/html, text/csv;q=0.5"), Format::Csv),
            (Some("APPLICATION/X-NDJSON"), Format::NdJson),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }
}
