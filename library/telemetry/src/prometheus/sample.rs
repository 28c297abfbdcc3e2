//! Parts of a sample that both text formats write in the same way.

use std::fmt::Write;
use std::sync::LazyLock;

use vitals::{CLASSIC_LARGEST, CLASSIC_SMALLEST};

/// Digits of the largest number.
const MAX_DIGITS: usize = 20;

/// The bounds of classic buckets as texts, the smallest first: each histogram of each scrape has them.
static BOUNDS: LazyLock<Vec<(f64, String)>> = LazyLock::new(|| {
    let bounds = (CLASSIC_SMALLEST..=CLASSIC_LARGEST).map(|exponent| 2f64.powi(exponent));
    bounds.map(|bound| (bound, format!("{bound:?}"))).chain([(f64::INFINITY, "+Inf".to_owned())]).collect()
});

/// Writes a number as both text formats have it.
pub(super) fn write_number(out: &mut String, number: f64) {
    let is_whole = number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0;
    let _ = match number {
        f64::INFINITY => write!(out, "+Inf"),
        f64::NEG_INFINITY => write!(out, "-Inf"),
        number if is_whole => return write_count(out, number as u64),
        number => write!(out, "{number}"),
    };
}

/// Writes a count.
pub(super) fn write_count(out: &mut String, mut count: u64) {
    let mut digits = [b'0'; MAX_DIGITS];
    let mut first = MAX_DIGITS - 1;
    while count >= 10 {
        digits[first] += (count % 10) as u8;
        count /= 10;
        first -= 1;
    }
    digits[first] += count as u8;
    out.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// Writes a series: its name, its labels in braces, and a space.
pub(super) fn write_series(out: &mut String, name: [&str; 2], labels: &str) {
    name.iter().for_each(|part| out.push_str(part));
    if !labels.is_empty() {
        out.push('{');
        out.push_str(labels);
        out.push('}');
    }
    out.push(' ');
}

/// Writes the series of a word: 1 where it is the present one.
pub(super) fn write_word(out: &mut String, name: [&str; 2], labels: &str, [label, word]: [&str; 2], is_now: bool) {
    name.iter().for_each(|part| out.push_str(part));
    out.push('{');
    for part in [labels, if labels.is_empty() { "" } else { "," }, label, "=\"", word, "\"} "] {
        out.push_str(part);
    }
    out.push_str(if is_now { "1\n" } else { "0\n" });
}

/// The buckets of one histogram.
pub(super) struct Buckets(String);

impl Buckets {
    /// The buckets of a series.
    pub(super) fn new(name: &str, labels: &str) -> Self {
        let comma = if labels.is_empty() { "" } else { "," };
        Self([name, "_bucket{", labels, comma, "le=\""].concat())
    }

    /// Writes the series of a bucket, and a space.
    pub(super) fn write(&self, out: &mut String, bound: f64) {
        out.push_str(&self.0);
        match BOUNDS.iter().find(|(known, _)| *known == bound) {
            Some((_, text)) => out.push_str(text),
            None => drop(write!(out, "{bound:?}")),
        }
        out.push_str("\"} ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_with_all_their_digits() {
        for count in [0, 7, 10, 99, 100, 1_234_567_890, u64::MAX] {
            let mut out = String::new();
            write_count(&mut out, count);
            assert_eq!(out, count.to_string());
        }
    }

    #[test]
    fn numbers_are_written_as_rust_shows_them() {
        for number in [0.0, -0.5, 3.0, 2.5, 4_294_967_295.0, 4_294_967_296.0, 1e300, f64::NAN] {
            let mut out = String::new();
            write_number(&mut out, number);
            assert_eq!(out, number.to_string());
        }
        let mut out = String::new();
        write_number(&mut out, f64::NEG_INFINITY);
        assert_eq!(out, "-Inf");
    }
}
