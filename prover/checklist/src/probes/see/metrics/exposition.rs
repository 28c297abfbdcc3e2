//! Reads metrics in Prometheus' text format 0.0.4, and what OpenMetrics 1.0 adds to it, strictly.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.

use std::collections::BTreeMap;

/// Labels that tell routes apart.
pub(crate) const ROUTE: [&str; 11] = [
    "route",
    "http_route",
    "path",
    "handler",
    "endpoint",
    "uri",
    "url",
    "http_target",
    "path_template",
    "operation",
    "location",
];
/// The most mistakes that are told.
const MAX_MISTAKES: usize = 5;

/// One line that is a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// All of a scrape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrape {
    pub(crate) samples: Vec<Sample>,
    /// Of metrics that declare one: `counter`, `gauge`, `histogram`, `summary` and OpenMetrics' others.
    pub(crate) types: BTreeMap<String, String>,
}

impl Sample {
    /// `name{label="value"}`
    pub(crate) fn shown(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }
}

impl Scrape {
    /// Reads a text whose every line is of the format.
    ///
    /// # Errors
    /// At most five lines that are not of the format, each with what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let (scrape, mistakes) = Self::read(text);
        if mistakes.is_empty() { Ok(scrape) } else { Err(mistakes) }
    }

    /// Reads the lines that are of the format; and at most five that are not, each with what is wrong.
    pub(crate) fn read(text: &str) -> (Self, Vec<String>) {
        let (mut scrape, mut mistakes) = (Self::default(), Vec::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end_matches('\r');
            let read = match line.strip_prefix('#') {
                Some(comment) => scrape.comment(comment),
                None if line.trim().is_empty() => Ok(()),
                None => sample(line).map(|sample| scrape.samples.push(sample)),
            };
            if let Err(mistake) = read {
                mistakes.push(format!(
                    "line {}: {mistake}: {}",
                    number + 1,
                    line.chars().take(120).collect::<String>()
                ));
            }
        }
        if scrape.samples.is_empty() {
            mistakes.push("it has no sample".to_owned());
        }
        mistakes.truncate(MAX_MISTAKES);
        (scrape, mistakes)
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        let mut words = comment.split_whitespace();
        if words.next() != Some("TYPE") {
            return Ok(());
        }
        let (Some(name), Some(kind)) = (words.next(), words.next()) else {
            return Err("TYPE without a type".to_owned());
        };
        let known =
            ["counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram"];
        if !known.contains(&kind) {
            return Err(format!("there is no type {kind}"));
        }
        match self.types.insert(name.to_owned(), kind.to_owned()) {
            None => Ok(()),
            Some(_) => Err(format!("{name} has its type declared twice")),
        }
    }

    /// The declared type of the metric that a sample belongs to.
    pub(crate) fn kind(&self, sample: &str) -> &str {
        let family =
            ["_bucket", "_count", "_sum", "_total", "_created"].iter().find_map(|suffix| sample.strip_suffix(suffix));
        let known = |name: &str| self.types.get(name).map(String::as_str);
        known(sample).or_else(|| family.and_then(known)).unwrap_or("")
    }

    /// Returns the number of different series.
    pub(crate) fn series(&self) -> usize {
        self.samples.len()
    }

    /// The value of the series with this name and these labels; 0 when there is none (yet).
    pub(crate) fn value(&self, like: &Sample) -> f64 {
        let same = |sample: &&Sample| sample.name == like.name && sample.labels == like.labels;
        self.samples.iter().find(same).map_or(0.0, |sample| sample.value)
    }
}

/// `name{label="value",…} 1.5 1700000000000`, an exemplar after ` # ` left out.
fn sample(line: &str) -> Result<Sample, String> {
    let name_end = line.find(|c: char| !is_name(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a metric's name begins with a letter, _ or :".to_owned());
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    let rest = rest.split(" # ").next().unwrap_or_default();
    let mut words = rest.split_whitespace();
    let word = words.next().ok_or("there is no value")?;
    let value = number(word).ok_or_else(|| format!("{word} is no number"))?;
    if let Some(time) = words.next()
        && number(time).is_none()
    {
        return Err(format!("{time} is no timestamp"));
    }
    if words.next().is_some() {
        return Err("there is more after the timestamp".to_owned());
    }
    Ok(Sample { name: name.to_owned(), labels, value })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// As Prometheus reads it, which is Go's `ParseFloat`: infinities and NaN in any case.
fn number(word: &str) -> Option<f64> {
    let plain = word.strip_prefix(['+', '-']).unwrap_or(word).to_ascii_lowercase();
    let named = ["inf", "infinity", "nan"].contains(&plain.as_str());
    // Rust reads nothing else with letters but exponents.
    if !named && word.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) {
        return None;
    }
    word.to_ascii_lowercase().parse().ok()
}

/// Returns the labels between the braces, and the text after them.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once('=').ok_or("a label has no value")?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("{name:?} is no label's name"));
        }
        let quoted = after.trim_start().strip_prefix('"').ok_or("a label's value is not quoted")?;
        let (value, after) = unquoted(quoted).ok_or("a label's value does not end")?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("the label {name} is there twice"));
        }
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return Err("labels are not separated by commas".to_owned()),
        };
    }
}

/// The text up to the closing quote, with `\\`, `\"` and `\n` read, and what comes after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn samples_labels_types_and_timestamps_are_read() {
        let text = "# HELP a_total Things.\n# TYPE a_total counter\na_total{route=\"/x\\\"y\\\\\",code=\"200\",} 3 1700000000000\n\
                    # TYPE d histogram\nd_bucket{le=\"+Inf\"} 3e0 # {trace=\"1\"} 0.1\nd_sum NaN\nd_count 3\n# EOF\n";
        let scrape = Scrape::parse(text).unwrap();
        assert_eq!(scrape.series(), 4);
        assert_eq!(scrape.samples[0].labels["route"], "/x\"y\\");
        assert_eq!(scrape.kind("a_total"), "counter");
        assert_eq!(scrape.kind("d_bucket"), "histogram");
        assert_eq!(scrape.samples[1].value, 3.0);
    }

    #[test]
    fn numbers_are_those_that_prometheus_accepts() {
        for word in ["Nan", "NaN", "nan", "+Inf", "-inf", "Infinity", "1e3", "-0.5"] {
            assert!(Scrape::parse(&format!("a {word}")).is_ok(), "{word}");
        }
        assert!(Scrape::parse("a one").is_err());
    }

    #[test]
    fn the_lines_of_the_format_are_read_beside_those_that_are_not() {
        let (scrape, mistakes) = Scrape::read("fine 1\nnot fine\nfine_too 2\n");
        assert_eq!((scrape.series(), mistakes.len()), (2, 1));
    }

    #[test]
    fn a_malformed_exposition_is_reported_with_its_line() {
        for line in
            ["<html>", "a", "a x", "a{b=c} 1", "a{b=\"c\" 1", "a{b=\"1\",b=\"2\"} 1", "1a 1", "a 1 2 3", "a naan"]
        {
            let mistakes = Scrape::parse(&format!("fine 1\n{line}\n")).unwrap_err();
            assert!(mistakes[0].starts_with("line 2: "), "{line}: {mistakes:?}");
        }
        assert!(Scrape::parse("").is_err());
        assert!(Scrape::parse("# TYPE a counter\n# TYPE a gauge\na 1").is_err());
    }
}
