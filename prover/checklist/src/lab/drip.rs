//! Slow connection, on which input comes a byte at a time, and its end.

use std::time::Duration;

use crate::control::Control;
use crate::recipe::Recipe;

/// A connection on which a part of a request came a byte at a time, or nothing any more.
#[derive(Clone, Debug)]
pub(crate) struct Drip {
    /// The slow part.
    pub(crate) part: Part,
    /// The same in words.
    pub(crate) name: String,
    /// The end of the connection.
    pub(crate) fate: Fate,
    /// The request was answered as declared at its usual pace.
    pub(crate) control: Option<Control>,
    /// The bytes that were sent first, and the byte that followed repeatedly.
    pub(crate) sent: Option<(Vec<u8>, u8)>,
}

impl Drip {
    /// Returns the recipe that shows that the connection was held so long.
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

/// End of a slow connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was ended by the service; how.
    Cut(Duration, String),
    /// It was still held at the end of the patience.
    Held(Duration),
    /// It cannot be judged; why.
    NotJudged(String),
}
