//! What an attack came to.

use serde::Serialize;

use super::bystander::Bystander;
use super::victim::Memory;

/// What an attack came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every answer was one that a correct server may give, and the bystander was served.
    Held,
    /// Something was answered that no correct server answers, or the bystander was not served.
    Fell,
    /// It could not be told.
    Unknown,
    /// The target has nothing that the attack is about.
    NotApplicable,
}

/// What one piece of evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// What a correct server does.
    Right,
    /// Answered though it could have been refused; no harm was seen.
    Tolerated,
    /// What no correct server does.
    Wrong,
    /// Could not be told. Nothing is held then, however much else was right.
    Unseen,
    /// Said for the reader; it decides nothing.
    Note,
}

/// One thing that was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// What it says.
    pub mark: Mark,
    /// What was seen, as a sentence.
    pub what: String,
    /// What was sent, shortened; empty when the sentence says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sent: String,
    /// What came back, shortened; empty when the sentence says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub came_back: String,
}

/// What an attack came to, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The attack's id.
    pub id: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason in one sentence: of the first thing that was wrong, or of what could not be told.
    pub reason: String,
    /// Everything that was seen.
    pub evidence: Vec<Evidence>,
    /// How the bystander fared; none when the attack did not begin.
    pub bystander: Option<Bystander>,
    /// What it cost the target in memory; none where its processes were not seen.
    pub memory: Option<Memory>,
}

/// What an attack saw, or why it did not see anything.
pub(super) type Findings = Result<Vec<Evidence>, Excuse>;

/// Why an attack says nothing of the target.
#[derive(Clone, Debug)]
pub(super) enum Excuse {
    /// The target has nothing that the attack is about.
    NotApplicable(String),
    /// It could not be told.
    Unknown(String),
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::Fell => "fell",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not applicable",
        })
    }
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

impl Outcome {
    /// It could not be told, and nothing was sent.
    pub(super) fn unknown(id: &'static str, reason: String) -> Self {
        Self { id, verdict: Verdict::Unknown, reason, evidence: Vec::new(), bystander: None, memory: None }
    }

    /// The verdict of what was seen.
    pub(super) fn of(id: &'static str, findings: Findings, bystander: Bystander) -> Self {
        let (mut verdict, mut reason, evidence) = match findings {
            Ok(evidence) => {
                let (verdict, reason) = judge(&evidence);
                (verdict, reason, evidence)
            }
            Err(Excuse::NotApplicable(reason)) => (Verdict::NotApplicable, reason, Vec::new()),
            Err(Excuse::Unknown(reason)) => (Verdict::Unknown, reason, Vec::new()),
        };
        match bystander.suffering() {
            Some(suffering) if bystander.apart => {
                reason = if verdict == Verdict::Fell { format!("{reason}; {suffering}") } else { suffering };
                verdict = Verdict::Fell;
            }
            Some(suffering) if verdict == Verdict::Held => {
                (verdict, reason) =
                    (Verdict::Unknown, format!("{suffering}; but it asked from the attacker's address"));
            }
            _ => {}
        }
        Self { id, verdict, reason, evidence, bystander: Some(bystander), memory: None }
    }

    /// With what it cost in memory, of which `limit` is the most that a correct server takes.
    pub(super) fn with_memory(mut self, memory: Option<Memory>, limit: Option<u64>) -> Self {
        let too_much = memory.as_ref().zip(limit).filter(|(memory, limit)| memory.grown > *limit);
        if let Some((memory, _)) = too_much
            && self.verdict != Verdict::NotApplicable
        {
            let what = format!("its memory grew by {} MiB", memory.grown >> 20);
            self.reason = if self.verdict == Verdict::Fell { format!("{}; {what}", self.reason) } else { what.clone() };
            self.verdict = Verdict::Fell;
            self.evidence.push(Evidence::new(Mark::Wrong, what));
        }
        self.memory = memory;
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

fn judge(evidence: &[Evidence]) -> (Verdict, String) {
    let first = |mark: Mark| evidence.iter().find(|piece| piece.mark == mark).map(|piece| piece.what.clone());
    let decisive = [
        (Mark::Wrong, Verdict::Fell),
        (Mark::Unseen, Verdict::Unknown),
        (Mark::Right, Verdict::Held),
        (Mark::Tolerated, Verdict::Held),
    ];
    for (mark, verdict) in decisive {
        if let Some(what) = first(mark) {
            return (verdict, what);
        }
    }
    (Verdict::Unknown, first(Mark::Note).unwrap_or_else(|| "nothing was seen".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrong_decides_before_what_was_not_seen_and_that_before_what_was_right() {
        let verdict = |marks: &[Mark]| judge(&marks.iter().map(|mark| Evidence::new(*mark, "")).collect::<Vec<_>>()).0;
        assert_eq!(verdict(&[Mark::Right, Mark::Unseen, Mark::Wrong]), Verdict::Fell);
        assert_eq!(verdict(&[Mark::Right, Mark::Unseen]), Verdict::Unknown);
        assert_eq!(verdict(&[Mark::Tolerated, Mark::Note]), Verdict::Held);
        assert_eq!(verdict(&[Mark::Note]), Verdict::Unknown);
        assert_eq!(verdict(&[]), Verdict::Unknown);
    }
}
