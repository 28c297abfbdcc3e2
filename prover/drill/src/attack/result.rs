//! The result of an attack: its verdict, the reason and the evidence.

use serde::Serialize;

use super::bystander::Bystander;
use super::evidence::{Evidence, Excuse, Findings, Mark};
use super::target_memory::Memory;

/// The verdict of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackVerdict {
    /// Every answer was one that a correct server may give, and the bystander was served.
    Held,
    /// Something was answered that no correct server answers, or the bystander was not served.
    Fell,
    /// It could not be told.
    Unknown,
    /// The target has nothing that the attack is about.
    NotApplicable,
}

/// The result of an attack, and the reason for it.
#[derive(Clone, Debug, Serialize)]
pub struct AttackResult {
    /// The attack's id.
    pub id: &'static str,
    /// The verdict.
    pub verdict: AttackVerdict,
    /// The reason in one sentence: of the first thing that was wrong, or of what could not be told.
    pub reason: String,
    /// Everything that was seen.
    pub evidence: Vec<Evidence>,
    /// The service that the bystander got; none when the attack did not begin.
    pub bystander: Option<Bystander>,
    /// The memory that it cost the target; none where its processes were not seen.
    pub memory: Option<Memory>,
}

impl std::fmt::Display for AttackVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::Fell => "fell",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not applicable",
        })
    }
}

impl AttackResult {
    /// It could not be told, and nothing was sent.
    pub(super) fn unknown(id: &'static str, reason: String) -> Self {
        Self { id, verdict: AttackVerdict::Unknown, reason, evidence: Vec::new(), bystander: None, memory: None }
    }

    /// The verdict of what was seen.
    pub(super) fn of(id: &'static str, findings: Findings, bystander: Bystander) -> Self {
        let (mut verdict, mut reason, evidence) = match findings {
            Ok(evidence) => {
                let (verdict, reason) = judge(&evidence);
                (verdict, reason, evidence)
            }
            Err(Excuse::NotApplicable(reason)) => (AttackVerdict::NotApplicable, reason, Vec::new()),
            Err(Excuse::Unknown(reason)) => (AttackVerdict::Unknown, reason, Vec::new()),
        };
        match bystander.suffering() {
            Some(suffering) if bystander.apart => {
                reason = if verdict == AttackVerdict::Fell { format!("{reason}; {suffering}") } else { suffering };
                verdict = AttackVerdict::Fell;
            }
            Some(suffering) if verdict == AttackVerdict::Held => {
                (verdict, reason) =
                    (AttackVerdict::Unknown, format!("{suffering}; but it asked from the attacker's address"));
            }
            _ => {}
        }
        Self { id, verdict, reason, evidence, bystander: Some(bystander), memory: None }
    }

    /// With what it cost in memory, of which `limit` is the most that a correct server takes.
    pub(super) fn with_memory(mut self, memory: Option<Memory>, limit: Option<u64>) -> Self {
        let too_much = memory.as_ref().zip(limit).filter(|(memory, limit)| memory.grown > *limit);
        if let Some((memory, _)) = too_much
            && self.verdict != AttackVerdict::NotApplicable
        {
            let what = format!("its memory grew by {} MiB", memory.grown >> 20);
            self.reason =
                if self.verdict == AttackVerdict::Fell { format!("{}; {what}", self.reason) } else { what.clone() };
            self.verdict = AttackVerdict::Fell;
            self.evidence.push(Evidence::new(Mark::Wrong, what));
        }
        self.memory = memory;
        self
    }
}

fn judge(evidence: &[Evidence]) -> (AttackVerdict, String) {
    let first = |mark: Mark| evidence.iter().find(|piece| piece.mark == mark).map(|piece| piece.what.clone());
    let decisive = [
        (Mark::Wrong, AttackVerdict::Fell),
        (Mark::Unseen, AttackVerdict::Unknown),
        (Mark::Right, AttackVerdict::Held),
        (Mark::Tolerated, AttackVerdict::Held),
    ];
    for (mark, verdict) in decisive {
        if let Some(what) = first(mark) {
            return (verdict, what);
        }
    }
    (AttackVerdict::Unknown, first(Mark::Note).unwrap_or_else(|| "nothing was seen".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_outweighs_unseen_and_unseen_outweighs_right() {
        let verdict = |marks: &[Mark]| judge(&marks.iter().map(|mark| Evidence::new(*mark, "")).collect::<Vec<_>>()).0;
        assert_eq!(verdict(&[Mark::Right, Mark::Unseen, Mark::Wrong]), AttackVerdict::Fell);
        assert_eq!(verdict(&[Mark::Right, Mark::Unseen]), AttackVerdict::Unknown);
        assert_eq!(verdict(&[Mark::Tolerated, Mark::Note]), AttackVerdict::Held);
        assert_eq!(verdict(&[Mark::Note]), AttackVerdict::Unknown);
        assert_eq!(verdict(&[]), AttackVerdict::Unknown);
    }
}
