//! The evidence that an attack collects.

use serde::Serialize;

/// The meaning of one piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A correct server does this.
    Right,
    /// Answered though it could have been refused; no harm was seen.
    Tolerated,
    /// No correct server does this.
    Wrong,
    /// Could not be told. Nothing is held then, however much else was right.
    Unseen,
    /// Said for the reader; it decides nothing.
    Note,
}

/// One thing that was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// Its meaning.
    pub mark: Mark,
    /// The observation, as a sentence.
    pub what: String,
    /// The bytes sent, shortened; empty when the sentence says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sent: String,
    /// The bytes that came back, shortened; empty when the sentence says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub came_back: String,
}

/// The evidence of an attack, or the reason why there is none.
pub(super) type Findings = Result<Vec<Evidence>, Excuse>;

/// The reason why an attack says nothing of the target.
#[derive(Clone, Debug)]
pub(super) enum Excuse {
    /// The target has nothing that the attack is about.
    NotApplicable(String),
    /// It could not be told.
    Unknown(String),
}

impl Evidence {
    /// Something that was seen.
    pub(super) fn new(mark: Mark, what: impl Into<String>) -> Self {
        Self { mark, what: what.into(), sent: String::new(), came_back: String::new() }
    }

    /// With what was sent and what came back.
    pub(super) fn exchange(mut self, sent: impl Into<String>, came_back: impl Into<String>) -> Self {
        self.sent = sent.into();
        self.came_back = came_back.into();
        self
    }
}

impl Excuse {
    /// As one piece among others: what could not be told of `subject`.
    pub(super) fn evidence(self, subject: &str) -> Evidence {
        let (Self::NotApplicable(reason) | Self::Unknown(reason)) = self;
        Evidence::new(Mark::Unseen, format!("{subject}: {reason}"))
    }
}
