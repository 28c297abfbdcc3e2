//! The clauses of the catalogue's statements: evidence is always about one of them.
//!
//! There is a constant for each clause, in a module named by its attribute: clause `retry-after` of `border.shed` is
//! [`border::shed::RETRY_AFTER`]. They are made from `catalogue/*.toml`, so that evidence about a clause that is not there does
//! not compile.
//!
//! ```
//! use keel_checklist::clause::border::shed::{GOODPUT, REFUSAL, RETRY_AFTER};
//! use keel_checklist::finding::{Finding, Verdict};
//!
//! let evidence = vec![
//!     REFUSAL.holds("812 of 4,000 requests were refused with 503"),
//!     RETRY_AFTER.contradicts("31 of 812 refusals have no Retry-After"),
//!     GOODPUT.gap("the generator fell behind: run keel on a machine of its own"),
//! ];
//! let finding = Finding::judge("border.shed", evidence);
//! assert_eq!(finding.verdict(), Verdict::FallsShort);
//! assert_eq!(finding.summary(), "31 of 812 refusals have no Retry-After");
//! ```

use crate::control::{Control, Uncontrolled};
use crate::evidence::{Bearing, Evidence};

include!(concat!(env!("OUT_DIR"), "/clauses.rs"));

/// A clause of an attribute's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clause {
    attribute: &'static str,
    id: &'static str,
}

impl Clause {
    /// Names a clause; only the constants of this module do.
    const fn new(attribute: &'static str, id: &'static str) -> Self {
        Self { attribute, id }
    }

    /// The attribute's id.
    pub const fn attribute(self) -> &'static str {
        self.attribute
    }

    /// Its id within the attribute.
    pub const fn id(self) -> &'static str {
        self.id
    }

    /// Evidence for it. An experiment names its control ([`Evidence::by`]).
    pub fn holds(self, what: impl Into<String>) -> Evidence {
        self.piece(Bearing::For, what)
    }

    /// Evidence against it.
    pub fn contradicts(self, what: impl Into<String>) -> Evidence {
        self.piece(Bearing::Against, what)
    }

    /// Evidence for it when `holds`, else against it.
    pub fn saw(self, holds: bool, what: impl Into<String>) -> Evidence {
        self.piece(if holds { Bearing::For } else { Bearing::Against }, what)
    }

    /// Evidence for or against it, or a gap when what came back says nothing about it.
    pub fn maybe(self, holds: Option<bool>, what: impl Into<String>) -> Evidence {
        match holds {
            Some(holds) => self.saw(holds, what),
            None => self.gap(what),
        }
    }

    /// Evidence for it because there is nothing that it could be about, as was declared, such as disk without any state. An
    /// attribute of which all clauses are void is not applicable, and does not hold.
    pub fn is_void(self, declaration: &str) -> Evidence {
        let what = format!("{declaration} is declared, so there is nothing to see");
        self.piece(Bearing::For, what).by(&Control::declared(declaration)).void()
    }

    /// A part of it that was not examined: says which part, and what to declare or change so that it can be.
    pub fn gap(self, what: impl Into<String>) -> Evidence {
        self.piece(Bearing::Gap, what)
    }

    /// The gap that an experiment leaves whose control did not come out as it should.
    pub fn uncontrolled(self, failed: &Uncontrolled) -> Evidence {
        let gap = self.gap(&failed.what);
        failed.exchange.iter().fold(gap, |gap, exchange| gap.with(exchange))
    }

    /// A figure or circumstance that decides nothing by itself.
    pub fn figure(self, what: impl Into<String>) -> Evidence {
        self.piece(Bearing::Figure, what)
    }

    fn piece(self, bearing: Bearing, what: impl Into<String>) -> Evidence {
        Evidence::about(self.attribute, self.id, bearing, what.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use keel_catalogue::Catalogue;

    use super::ALL;
    use crate::probes;

    #[test]
    fn constants_are_the_clauses_of_the_catalogue() {
        let parsed: BTreeSet<(String, String)> = Catalogue::embedded()
            .attributes()
            .flat_map(|row| row.clauses().iter().map(|clause| (row.id.clone(), clause.id.clone())).collect::<Vec<_>>())
            .filter(|(_, clause)| clause != "statement")
            .collect();
        let constants = ALL.iter().map(|clause| (clause.attribute.to_owned(), clause.id.to_owned())).collect();
        assert_eq!(parsed, constants);
    }

    #[test]
    fn every_attribute_with_a_probe_has_clauses() {
        for probe in probes::all() {
            assert!(ALL.iter().any(|clause| clause.attribute == probe.id), "{}", probe.id);
        }
    }
}
