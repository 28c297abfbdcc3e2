//! Finding of a probe, judged from evidence about the clauses of the attribute.

mod headline;
#[cfg(test)]
mod tests;

use keel_catalogue::Catalogue;
use serde::{Deserialize, Serialize};

use crate::clause::Clause;
pub use crate::evidence::{Bearing, Evidence};
pub use crate::verdict::{Judged, Verdict};

/// Finding of a probe about one attribute.
///
/// It holds only by [`Finding::judge`], from evidence for every clause.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Finding {
    id: String,
    verdict: Verdict,
    summary: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clauses: Vec<Judged>,
    evidence: Vec<Evidence>,
}

impl Finding {
    /// Judges the attribute from what was seen of its clauses, in any order.
    ///
    /// - A piece against any clause: *falls short*.
    /// - Pieces that say of every clause that there is nothing to see, as was declared, and no others: *not applicable*.
    /// - A piece for every clause, and no gap: *holds*. A clause without evidence is a gap, which is added; so is a piece
    ///   *for* a clause whose experiment needs a control that the piece does not name.
    /// - Otherwise: *unknown*, with the number of clauses that were seen whole and what was missing for the rest.
    ///
    /// The summary is the first piece that decides.
    ///
    /// # Panics
    /// In debug builds, when a piece is about a clause of another attribute. In release it is taken as a figure's: not counted.
    pub fn judge(id: &str, mut evidence: Vec<Evidence>) -> Self {
        let foreign = |piece: &Evidence| piece.attribute().is_some_and(|attribute| attribute != id);
        debug_assert!(!evidence.iter().any(foreign), "{id} is judged by evidence about its own clauses: {evidence:#?}");
        evidence.retain(|piece| !foreign(piece));
        let mut clauses = Vec::new();
        if let Some(attribute) = Catalogue::embedded().get(id) {
            for clause in attribute.clauses().iter() {
                let about = |piece: &&mut Evidence| piece.clause() == Some(clause.id.as_str());
                for piece in evidence.iter_mut().filter(about) {
                    refuse_without_control(piece, clause.control.as_deref());
                }
                let verdict = verdict_of(&clause.id, &evidence);
                if let Some(Unseen::NoEvidence) = verdict.err() {
                    evidence.push(not_examined(&clause.id));
                }
                clauses.push(Judged { id: clause.id.clone(), verdict: verdict.unwrap_or(Verdict::Unknown) });
            }
        }
        let verdict = whole(&clauses, &evidence);
        let summary = headline::of(verdict, &clauses, &evidence);
        Self { id: id.to_owned(), verdict, summary, clauses, evidence }
    }

    /// Nothing of it could be seen whole; the reason says what to declare or change so that it can. Evidence against a clause
    /// counts all the same: then it falls short.
    pub fn unknown(id: &str, reason: impl Into<String>, mut evidence: Vec<Evidence>) -> Self {
        evidence.insert(0, Evidence::of_all(Bearing::Gap, reason));
        Self::judge(id, evidence)
    }

    /// The attribute's condition is not met, as was seen or declared. Evidence against a clause counts all the same: then it falls
    /// short.
    pub fn not_applicable(id: &str, reason: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        if evidence.iter().any(|piece| piece.bearing() == Bearing::Against) {
            return Self::judge(id, evidence);
        }
        Self::said(id, Verdict::NotApplicable, reason.into(), evidence)
    }

    /// The same with more evidence, judged again; what does not apply stays so unless some of it is against.
    #[must_use]
    pub(crate) fn also(self, more: Vec<Evidence>) -> Self {
        let examined = |piece: &Evidence| piece.bearing() != Bearing::Gap || piece.what != NOT_EXAMINED;
        let evidence = self.evidence.into_iter().filter(examined).chain(more).collect();
        match self.verdict {
            Verdict::NotApplicable if self.clauses.is_empty() => Self::not_applicable(&self.id, self.summary, evidence),
            _ => Self::judge(&self.id, evidence),
        }
    }

    /// Returns the finding with its evidence against turned into gaps, for this reason; of the named clauses only, if any are named.
    #[must_use]
    pub(crate) fn doubted(mut self, clauses: &[Clause], reason: &str) -> Self {
        if self.verdict != Verdict::FallsShort {
            return self;
        }
        let among =
            |piece: &Evidence| clauses.is_empty() || clauses.iter().any(|clause| piece.clause() == Some(clause.id()));
        let against = |piece: &&mut Evidence| piece.is_against() && among(piece);
        self.evidence.iter_mut().filter(against).for_each(|piece| piece.refuse(reason));
        self.also(Vec::new())
    }

    /// Creates the finding of an attestation; `decision` is its full text.
    pub(crate) fn attested(id: &str, summary: String, decision: String) -> Self {
        Self::said(id, Verdict::Attested, summary, vec![Evidence::note(decision)])
    }

    /// Creates the finding of an attestation that does not count: it falls short for this reason.
    pub(crate) fn refused(id: &str, reason: String, decision: String) -> Self {
        let against = Evidence::of_all(Bearing::Against, reason.clone());
        Self::said(id, Verdict::FallsShort, reason, vec![against, Evidence::note(decision)])
    }

    /// Applies a skip: *falls short* and *unknown* become *decided against*; other verdicts stay as they are.
    pub(crate) fn decided_against(mut self, summary: String, decision: String) -> Self {
        if matches!(self.verdict, Verdict::FallsShort | Verdict::Unknown) {
            let seen = Evidence::note(format!("the finding before the decision: {}", self.summary));
            self.evidence.splice(0..0, [Evidence::note(decision), seen]);
            (self.verdict, self.summary) = (Verdict::DecidedAgainst, headline::cut(&summary));
        }
        self
    }

    /// Applies an expired skip: *falls short* and *unknown* become *falls short*; other verdicts stay as they are.
    pub(crate) fn decision_expired(mut self, summary: String, decision: String) -> Self {
        if matches!(self.verdict, Verdict::FallsShort | Verdict::Unknown) {
            let summary = format!("{summary}: {}", self.summary);
            self.evidence.insert(0, Evidence::of_all(Bearing::Against, decision));
            (self.verdict, self.summary) = (Verdict::FallsShort, headline::cut(&summary));
        }
        self
    }

    /// Another finding says the opposite about the same fact: it does not hold.
    pub(crate) fn contradict(&mut self, reason: &str) {
        if self.verdict == Verdict::Holds {
            (self.verdict, self.summary) = (Verdict::Unknown, headline::cut(reason));
        }
        self.evidence.insert(0, Evidence::of_all(Bearing::Gap, reason));
    }

    /// Adds a circumstance that decides nothing.
    pub(crate) fn noted(mut self, what: impl Into<String>) -> Self {
        self.evidence.push(Evidence::note(what));
        self
    }

    /// Any finding, for the tests of reports.
    #[cfg(test)]
    pub(crate) fn with_verdict(id: &str, verdict: Verdict, summary: &str, evidence: Vec<Evidence>) -> Self {
        Self::said(id, verdict, summary.to_owned(), evidence)
    }

    fn said(id: &str, verdict: Verdict, summary: String, evidence: Vec<Evidence>) -> Self {
        Self { id: id.to_owned(), verdict, summary: headline::cut(&summary), clauses: Vec::new(), evidence }
    }

    /// The attribute's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The outcome.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The piece of evidence that decided, in at most [`MAX_SUMMARY`] characters.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Its clauses, in the statement's order; empty when nothing was judged (not applicable, attested).
    pub fn clauses(&self) -> &[Judged] {
        &self.clauses
    }

    /// The verdict on one clause; none when it was not judged.
    pub fn verdict_on(&self, clause: Clause) -> Option<Verdict> {
        let judged = self.clauses.iter().find(|judged| judged.id == clause.id() && self.id == clause.attribute());
        judged.map(|judged| judged.verdict)
    }

    /// Returns the evidence that a person can check.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The pieces of one bearing, in their order.
    pub fn pieces(&self, bearing: Bearing) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(move |piece| piece.bearing() == bearing)
    }

    /// Returns the number of clauses that were seen to hold, and the number of all clauses.
    pub fn seen(&self) -> (usize, usize) {
        headline::seen(&self.clauses)
    }
}

/// The most characters of a summary.
pub const MAX_SUMMARY: usize = headline::LONGEST;

/// The reason why a clause is neither seen to hold nor seen not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unseen {
    /// A part of it was not examined.
    Gap,
    /// Nothing was.
    NoEvidence,
}

fn verdict_of(clause: &str, evidence: &[Evidence]) -> Result<Verdict, Unseen> {
    let has = |bearing: Bearing, of_all: bool| {
        let about = |piece: &&Evidence| piece.clause() == Some(clause) || of_all && piece.clause().is_none();
        evidence.iter().filter(about).any(|piece| piece.bearing() == bearing)
    };
    if has(Bearing::Against, false) {
        Ok(Verdict::FallsShort)
    } else if has(Bearing::Gap, true) {
        Err(Unseen::Gap)
    } else if has(Bearing::For, false) {
        Ok(Verdict::Holds)
    } else {
        Err(Unseen::NoEvidence)
    }
}

/// The verdict on the attribute. One that the catalogue does not have never holds.
fn whole(clauses: &[Judged], evidence: &[Evidence]) -> Verdict {
    if evidence.iter().any(|piece| piece.bearing() == Bearing::Against) {
        Verdict::FallsShort
    } else if !clauses.is_empty() && clauses.iter().all(|clause| clause.verdict == Verdict::Holds) {
        let is_seen = evidence.iter().any(|piece| piece.bearing() == Bearing::For && !piece.is_void());
        if is_seen { Verdict::Holds } else { Verdict::NotApplicable }
    } else {
        Verdict::Unknown
    }
}

fn refuse_without_control(piece: &mut Evidence, control: Option<&str>) {
    if let Some(control) = control
        && piece.bearing() == Bearing::For
        && piece.control().is_none()
    {
        piece.refuse(&format!("counts only with its control ({control}), which was not made"));
    }
}

/// The gap of a clause without evidence.
const NOT_EXAMINED: &str = "not examined in this run";

fn not_examined(clause: &str) -> Evidence {
    Evidence::about_own(clause, Bearing::Gap, NOT_EXAMINED)
}
