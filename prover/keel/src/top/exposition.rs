//! The samples of Prometheus' text format, and nothing else of it: their names, labels and values.

/// The most series of one answer that are kept; the others are counted.
pub(super) const MAX_SERIES: usize = 50_000;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// The samples of one answer, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Exposition {
    pub(super) samples: Vec<Sample>,
    /// Samples beyond [`MAX_SERIES`].
    pub(super) left_out: usize,
    /// Lines that are no samples.
    pub(super) malformed: usize,
}

impl Sample {
    /// The value of the first of these labels that is there and not empty.
    pub(super) fn label(&self, names: &[&str]) -> Option<&str> {
        let of = |name: &&str| self.labels.iter().find(|(given, value)| given == name && !value.is_empty());
        names.iter().find_map(of).map(|(_, value)| value.as_str())
    }
}

impl Exposition {
    /// Reads the text; comments, time stamps and exemplars are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match sample(line) {
                None => found.malformed += 1,
                Some(_) if found.samples.len() == MAX_SERIES => found.left_out += 1,
                Some(sample) => found.samples.push(sample),
            }
        }
        found
    }

    /// The samples of a name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// The sum of the samples of the first of these names that is there.
    pub(super) fn sum(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|name| self.named(name).map(|sample| sample.value).reduce(|sum, value| sum + value))
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then(|| Sample { name: name.to_owned(), labels, value })
}

/// The labels before the closing brace, and what is behind it.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches([',', ' ', '\t']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = quoted(rest.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim().to_owned(), value));
        text = rest;
    }
}

/// The text up to the closing quote, and what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_escapes_time_stamps_and_exemplars() {
        let text = "# TYPE a counter\na 1\nb{} 2 1700000000\nc{x=\"say \\\"{hi}\\\", a=b\", y=\"\",} 3.5 # {t=\"1\"} 1\nd +Inf\n";
        let found = Exposition::parse(text);
        let values: Vec<_> = found.samples.iter().map(|sample| (sample.name.as_str(), sample.value)).collect();
        assert_eq!(values, [("a", 1.0), ("b", 2.0), ("c", 3.5), ("d", f64::INFINITY)]);
        assert_eq!(found.samples[2].label(&["y", "x"]), Some("say \"{hi}\", a=b"));
        assert_eq!(found.malformed, 0);
    }

    #[test]
    fn lines_that_are_no_samples_are_counted_and_the_others_are_kept() {
        let found = Exposition::parse("a 1\n<html>\nb{x=\"1 2\nc{x} 3\nd x\ne 5\n");
        assert_eq!((found.samples.len(), found.malformed), (2, 4));
    }

    #[test]
    fn series_over_the_bound_are_left_out_and_counted() {
        let text: String = (0..MAX_SERIES + 3).map(|number| format!("a{{n=\"{number}\"}} 1\n")).collect();
        let found = Exposition::parse(&text);
        assert_eq!((found.samples.len(), found.left_out), (MAX_SERIES, 3));
    }

    #[test]
    fn a_sum_is_that_of_the_first_name_that_is_there() {
        let found = Exposition::parse("b{x=\"1\"} 1\nb{x=\"2\"} 2\nc 9\n");
        assert_eq!((found.sum(&["a", "b", "c"]), found.sum(&["a"])), (Some(3.0), None));
    }
}
