//! What became of a connection on which something came a byte at a time.

use std::time::Duration;

use crate::control::Control;
use crate::repro::Recipe;

/// A connection on which a part of a request came a byte at a time, or nothing any more.
#[derive(Clone, Debug)]
pub(crate) struct Drip {
    /// What came slowly.
    pub(crate) part: Part,
    /// The same in words.
    pub(crate) name: String,
    /// What became of it.
    pub(crate) fate: Fate,
    /// The request was answered as declared at its usual pace.
    pub(crate) control: Option<Control>,
    /// What was sent at first, and the byte that came then.
    pub(crate) sent: Option<(Vec<u8>, u8)>,
}

impl Drip {
    /// How it is shown that the connection was held so long.
    pub(crate) fn recipe(&self) -> Option<Recipe> {
        let (Fate::Held(held), Some((begin, byte))) = (&self.fate, &self.sent) else { return None };
        Some(Recipe::Slow { begin: begin.clone(), drip: Some(*byte), held: *held })
    }
}

/// The part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Head,
    Body,
}

/// What the service did with a slow connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was ended by the service; how.
    Cut(Duration, String),
    /// It was still held at the end of the patience.
    Held(Duration),
    /// It cannot be judged; why.
    NotJudged(String),
}
