//! The places of a drill's parts in its file, for mistakes that are found after it was parsed.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use keel_input::diagnostics::Reading;

/// A part of a drill. Steps, hypotheses and abort conditions go by their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The file as a whole.
    Whole,
    /// `[blast-radius]`.
    BlastRadius,
    /// `[load]`.
    Load,
    /// A `[[step]]`.
    Step(usize),
    /// A `[[hypothesis]]`.
    Hypothesis(usize),
    /// An `[[abort]]`.
    Abort(usize),
}

/// The places of all parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    name: String,
    blast_radius: Option<Place>,
    load: Option<Place>,
    steps: Vec<Place>,
    hypotheses: Vec<Place>,
    aborts: Vec<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    span: Range<usize>,
    /// File and line.
    told: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    blast_radius: Option<Spanned<IgnoredAny>>,
    load: Option<Spanned<IgnoredAny>>,
    #[serde(default)]
    step: Vec<Spanned<IgnoredAny>>,
    #[serde(default)]
    hypothesis: Vec<Spanned<IgnoredAny>>,
    #[serde(default)]
    abort: Vec<Spanned<IgnoredAny>>,
}

impl Places {
    /// Of a file that was parsed.
    pub(super) fn of(name: &str, reading: &Reading<'_>) -> Self {
        // It was parsed before; without places mistakes are told of the whole file.
        let written: Written = reading.toml().unwrap_or_default();
        let place = |part: &Spanned<IgnoredAny>| Place { span: part.span(), told: reading.place(&part.span()) };
        let all = |parts: &[Spanned<IgnoredAny>]| parts.iter().map(place).collect();
        Self {
            name: name.to_owned(),
            blast_radius: written.blast_radius.as_ref().map(place),
            load: written.load.as_ref().map(place),
            steps: all(&written.step),
            hypotheses: all(&written.hypothesis),
            aborts: all(&written.abort),
        }
    }

    /// The bytes of a part; the beginning of the file when it is not known.
    pub(super) fn span(&self, at: At) -> Range<usize> {
        self.find(at).map_or(0..0, |place| place.span.clone())
    }

    /// File and line of a part.
    pub(super) fn told(&self, at: At) -> &str {
        self.find(at).map_or(&self.name, |place| &place.told)
    }

    fn find(&self, at: At) -> Option<&Place> {
        match at {
            At::Whole => None,
            At::BlastRadius => self.blast_radius.as_ref(),
            At::Load => self.load.as_ref(),
            At::Step(number) => self.steps.get(number),
            At::Hypothesis(number) => self.hypotheses.get(number),
            At::Abort(number) => self.aborts.get(number),
        }
    }
}
