//! Values as people read them.

use vitals::Unit;

/// The most characters of a cell.
pub const MAX_CELL: usize = 300;

/// A text without its end, when it is longer than that.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number with its unit.
pub(super) fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds => seconds(value),
        Unit::Bytes => bytes(value),
        Unit::None => plain(value),
    }
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let digits = format!("{:.0}", value.abs());
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push('\u{202f}');
            }
            grouped.push(digit);
        }
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{grouped}");
    }
    significant(value)
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        0.0 => return "0".to_owned(),
        _ if size < 1e-3 => (value * 1e6, "\u{b5}s"),
        _ if size < 1.0 => (value * 1e3, "ms"),
        _ if size < 120.0 => (value, "s"),
        _ if size < 7_200.0 => (value / 60.0, "min"),
        _ if size < 172_800.0 => (value / 3_600.0, "h"),
        _ => (value / 86_400.0, "d"),
    };
    format!("{}\u{202f}{unit}", significant(value))
}

fn bytes(value: f64) -> String {
    let (mut value, mut unit) = (value, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value.abs() < 1_024.0 {
            break;
        }
        (value, unit) = (value / 1_024.0, larger);
    }
    format!("{}\u{202f}{unit}", significant(value))
}

/// Three digits that say something.
fn significant(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        // 0.9995 of an objective is not 1.
        size if size > 0.99 => 6,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_unit_that_fits_their_size() {
        for (value, unit, expected) in [
            (0.0, Unit::Seconds, "0"),
            (0.000_25, Unit::Seconds, "250\u{202f}\u{b5}s"),
            (0.0123, Unit::Seconds, "12.3\u{202f}ms"),
            (-90.0, Unit::Seconds, "-90\u{202f}s"),
            (600.0, Unit::Seconds, "10\u{202f}min"),
            (7_200.0, Unit::Seconds, "2\u{202f}h"),
            (1_048_576.0, Unit::Bytes, "1\u{202f}MiB"),
            (1_234_567.0, Unit::None, "1\u{202f}234\u{202f}567"),
            (-12.0, Unit::None, "-12"),
            (0.25, Unit::None, "0.25"),
            (0.9995, Unit::None, "0.9995"),
        ] {
            assert_eq!(number(value, unit), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("\u{e4}\u{f6}\u{fc}", 2), "\u{e4}\u{f6}\u{2026}");
        assert_eq!(cut("abc", 3), "abc");
    }
}
