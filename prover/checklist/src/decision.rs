//! Decisions of people about attributes, with owner, reason and expiry.
//!
//! ```toml
//! [[decision]]                 # a skip: the attribute is postponed until a date
//! id = "border.shed"
//! kind = "skip"
//! owner = "ops@example.org"
//! reason = "one client, which retries by itself"
//! expires = "2027-03-01"       # the last day on which it counts, in UTC
//! link = "docs/adr/0007.md"    # optional: a file beside this one, or a URL
//!
//! [[decision]]                 # something that people hold, said by them; the catalogue calls it attested
//! id = "plan.capacity"
//! kind = "attest"
//! owner = "ops@example.org"
//! date = "2026-11-01"
//! statement = "200 transfers a second at peak, 4 GB a year"
//! link = "docs/plan.md#capacity"
//! expires = "2027-11-01"
//! ```
//!
//! A skip never hides a finding that holds, and past its day the attribute falls short for any evidence. An attestation counts
//! only for attributes without a dynamic or static proof: no sentence replaces a probe.

mod file;
mod record;

use std::path::{Path, PathBuf};

use keel_catalogue::Catalogue;
use keel_input::diagnostics::Mistakes;

pub use self::record::{Decision, DecisionKind};
pub use crate::calendar::Day;
use crate::finding::Finding;

/// All decisions of a file.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    list: Vec<Decision>,
    folder: PathBuf,
}

/// State of the attestation of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attestation {
    /// There is no attestation.
    Missing,
    /// There is an attestation, and its day has not passed.
    Current(Decision),
    /// There is an attestation, and its day has passed.
    Expired(Decision),
}

impl Decisions {
    /// Reads and checks a decisions file.
    ///
    /// # Errors
    /// Every mistake with file, line, what is wrong and what to do.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Mistakes::one(&name, format!("the decisions cannot be read: {error}")))?;
        Self::parse(&name, &text, path.parent().map(Path::to_owned).unwrap_or_default())
    }

    /// The same from text called `name`, with links relative to `folder`.
    ///
    /// # Errors
    /// As [`Decisions::load`].
    pub fn parse(name: &str, text: &str, folder: PathBuf) -> Result<Self, Mistakes> {
        Ok(Self { list: file::parse(name, text, Catalogue::embedded())?, folder })
    }

    /// The attributes that are decided on, in the file's order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|decision| decision.id.as_str())
    }

    /// Returns the attestation of an attribute.
    pub fn attested(&self, id: &str, today: Day) -> Attestation {
        match self.of(id, DecisionKind::Attest) {
            None => Attestation::Missing,
            Some(decision) if decision.is_current(today) => Attestation::Current(decision.clone()),
            Some(decision) => Attestation::Expired(decision.clone()),
        }
    }

    /// The file that a decision's link names, when it names one and it is missing.
    pub fn missing_link(&self, decision: &Decision) -> Option<PathBuf> {
        let link = decision.link.as_ref().filter(|link| !link.contains("://"))?;
        let path = self.folder.join(link.split('#').next().unwrap_or_default());
        (!path.exists()).then_some(path)
    }

    /// Returns the finding on an attribute that people attest: *attested* while the attestation is current, *falls short* past its
    /// day or with a broken link, *unknown* without an attestation.
    pub fn attest(&self, id: &str, today: Day) -> Finding {
        match self.attested(id, today) {
            Attestation::Missing => Finding::unknown(
                id,
                format!("no decision says how this is held: write one (`keel explain {id}` shows what)"),
                Vec::new(),
            ),
            Attestation::Expired(decision) => {
                let reason = format!("the decision of {} expired on {}", decision.owner, decision.expires);
                Finding::refused(id, reason, decision.told())
            }
            Attestation::Current(decision) => match self.missing_link(&decision) {
                None => {
                    let summary = format!("attested by {} until {}", decision.owner, decision.expires);
                    Finding::attested(id, summary, decision.told())
                }
                Some(missing) => {
                    let gone = format!("the decision's link leads nowhere: there is no {}", missing.display());
                    Finding::refused(id, gone, decision.told())
                }
            },
        }
    }

    /// Applies skips to a finding: what falls short or is unknown is decided against until the skip's day, and falls
    /// short after it. Everything else stays as it is.
    pub fn apply(&self, finding: Finding, today: Day) -> Finding {
        let Some(decision) = self.of(finding.id(), DecisionKind::Skip) else { return finding };
        let (owner, expires) = (&decision.owner, decision.expires);
        if decision.is_current(today) {
            let summary = format!("{owner} decided against it until {expires}: {}", decision.reason);
            finding.decided_against(summary, decision.told())
        } else {
            finding
                .decision_expired(format!("the decision of {owner} against it expired on {expires}"), decision.told())
        }
    }

    fn of(&self, id: &str, kind: DecisionKind) -> Option<&Decision> {
        self.list.iter().find(|decision| decision.id == id && decision.kind == kind)
    }
}
