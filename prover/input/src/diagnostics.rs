//! Diagnostics of a file or a command line: the line, the error, and the way out.

use std::fmt;
use std::ops::Range;

/// The words offered instead of one that is unknown.
const OFFERED: usize = 3;

/// One mistake, as one line: `keel.toml:4: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file or flag, with the line where there is one.
    pub place: String,
    /// The mistake, and the remedy.
    pub what: String,
}

/// Every mistake that was found, in the order in which they were written; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(Vec<Mistake>);

/// A file that is being read, and the mistakes found in it so far.
#[derive(Debug)]
pub struct Reading<'t> {
    name: &'t str,
    text: &'t str,
    found: Vec<(usize, Mistake)>,
}

impl Mistakes {
    /// A single one.
    pub fn one(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self(vec![Mistake { place: place.into(), what: what.into() }])
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    /// All of them, unless there are none.
    ///
    /// # Errors
    /// When there are some.
    pub fn none_of(found: Vec<Mistake>) -> Result<(), Self> {
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }
}

impl<'t> Reading<'t> {
    /// Starts to read a file called `name`.
    pub fn new(name: &'t str, text: &'t str) -> Self {
        Self { name, text, found: Vec::new() }
    }

    /// The whole file as TOML. Its grammar and the names of its fields are judged here, one mistake at a time.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn toml<T: serde::de::DeserializeOwned>(&self) -> Result<T, Mistakes> {
        toml::from_str(self.text).map_err(|error| {
            let span = error.span();
            let place = span.as_ref().map_or_else(|| self.name.to_owned(), |span| self.place(span));
            let key = span.and_then(|span| self.key(&span)).filter(|_| !names_its_key(error.message()));
            let key = key.map_or_else(String::new, |key| format!("`{key}`: "));
            Mistakes::one(place, format!("{key}{}", clearer(error.message())))
        })
    }

    /// Notes a mistake.
    pub fn wrong(&mut self, span: &Range<usize>, what: impl Into<String>) {
        let mistake = Mistake { place: self.place(span), what: what.into() };
        self.found.push((span.start, mistake));
    }

    /// Notes the mistake of a value that was refused.
    pub fn kept<T>(&mut self, span: &Range<usize>, value: Result<T, String>) -> Option<T> {
        value.map_err(|what| self.wrong(span, what)).ok()
    }

    /// Returns the value that was read, when nothing was wrong.
    ///
    /// # Errors
    /// Every mistake that was noted, in the order of the lines.
    pub fn ended<T>(mut self, read: Option<T>) -> Result<T, Mistakes> {
        self.found.sort_by_key(|(at, _)| *at);
        match read {
            Some(read) if self.found.is_empty() => Ok(read),
            _ => Err(Mistakes(self.found.into_iter().map(|(_, mistake)| mistake).collect())),
        }
    }

    /// The file and line of a span.
    pub fn place(&self, span: &Range<usize>) -> String {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        format!("{}:{}", self.name, before.iter().filter(|byte| **byte == b'\n').count() + 1)
    }

    /// The first place of some words within a span; the span itself when they are not in it.
    pub fn within(&self, span: &Range<usize>, words: &str) -> Range<usize> {
        let found = self.text.get(span.clone()).and_then(|text| text.find(words));
        found.map_or_else(|| span.clone(), |at| span.start + at..span.start + at + words.len())
    }

    /// The key whose value begins at the span.
    fn key(&self, span: &Range<usize>) -> Option<&'t str> {
        let before = self.text.get(..span.start)?.trim_end().strip_suffix('=')?;
        let key = before.rsplit(['\n', '{', ',']).next()?.trim();
        (!key.is_empty() && !key.contains(char::is_whitespace)).then_some(key)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.place, self.what)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(to)?;
            }
            write!(to, "{mistake}")?;
        }
        Ok(())
    }
}

/// Those of `known` that look like `word`, the likeliest first, three at most.
pub fn near<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Vec<&'k str> {
    let mut near: Vec<(usize, &str)> = known.map(|known| (strsim::levenshtein(word, known), known)).collect();
    near.retain(|(distance, known)| *distance <= known.len().max(word.len()) / 2);
    near.sort_unstable();
    let nearest = near.first().map_or(0, |(distance, _)| *distance);
    // Beside a mere slip of the finger, what is further away is no help.
    near.retain(|(distance, _)| *distance <= nearest + 2);
    near.into_iter().take(OFFERED).map(|(_, known)| known).collect()
}

/// Returns true if a parser's message names its key by itself.
fn names_its_key(message: &str) -> bool {
    ["unknown field", "unknown variant", "missing field", "duplicate"].iter().any(|begin| message.starts_with(begin))
}

/// A parser's message on one line, with the way out where it is known.
pub fn clearer(message: &str) -> String {
    let message = message.trim().replace('\n', "; ");
    let unknown = |kind: &str| message.strip_prefix(kind)?.strip_prefix(" `")?.split_once('`');
    // serde names what it knows between backticks: every second part.
    let known = |expected: &str| -> Vec<String> { expected.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    if let Some((word, expected)) = unknown("unknown field") {
        let known = known(expected);
        let hint = match near(word, known.iter().map(String::as_str)).first() {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if word == "dependencies" => {
                "`dependencies = \"none\"` belongs at the top of the file, above [service].".to_owned()
            }
            None => "remove it.".to_owned(),
        };
        return format!("unknown field `{word}`: {hint} Known here: {}", known.join(", "));
    }
    if let Some((word, expected)) = unknown("unknown variant") {
        let known = known(expected);
        let nearest =
            near(word, known.iter().map(String::as_str)).first().map(|word| format!("did you mean `{word}`? "));
        return format!("there is no `{word}`: {}Known here: {}", nearest.unwrap_or_default(), known.join(", "));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_word_comes_first_and_far_ones_are_left_out() {
        let known = ["border.limits", "border.limit", "web.tls"];
        assert_eq!(near("border.limt", known.into_iter()), ["border.limit", "border.limits"]);
        assert!(near("zzz", known.into_iter()).is_empty());
    }

    #[test]
    fn an_unknown_word_is_reported_with_the_nearest_and_all_known_ones() {
        assert_eq!(
            clearer("unknown variant `slwo`, expected one of `slow`, `down`"),
            "there is no `slwo`: did you mean `slow`? Known here: slow, down"
        );
        assert_eq!(
            clearer("unknown field `titel`, expected `title` or `at`"),
            "unknown field `titel`: did you mean `title`? Known here: title, at"
        );
        assert_eq!(clearer("missing field `a`"), "missing field `a`");
    }

    #[test]
    fn a_refused_value_is_reported_with_its_key() {
        #[derive(Debug, serde::Deserialize)]
        struct File {
            #[expect(dead_code, reason = "it is only read")]
            a: std::collections::BTreeMap<String, u8>,
        }
        let told = |text: &str| Reading::new("f.toml", text).toml::<File>().unwrap_err().to_string();
        assert!(
            told("\na = { b = 1, c = \"x\" }").starts_with("f.toml:2: `c`: invalid type"),
            "{}",
            told("a = { c = \"x\" }")
        );
        assert!(told("b = 1").starts_with("f.toml:1: missing field `a`"), "{}", told("b = 1"));
    }

    #[test]
    fn words_are_found_within_a_span() {
        let reading = Reading::new("f.toml", "a\nb {x}\n{x}");
        assert_eq!(reading.place(&reading.within(&(7..11), "{x}")), "f.toml:3");
        assert_eq!(reading.within(&(0..1), "{x}"), 0..1);
    }

    #[test]
    fn mistakes_are_reported_in_the_order_of_the_lines() {
        let mut reading = Reading::new("f.toml", "one\ntwo\nthree");
        reading.wrong(&(8..9), "third");
        reading.wrong(&(0..1), "first");
        let mistakes = reading.ended(Some(())).unwrap_err();
        assert_eq!(mistakes.to_string(), "f.toml:1: first\nf.toml:3: third");
    }
}
