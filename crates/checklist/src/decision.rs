//! What people decided, with owner, reason and expiry.
//!
//! ```toml
//! [[decision]]                 # an attribute that is skipped until a date
//! id = "border.shed"
//! kind = "skip"
//! owner = "ops@example.org"
//! reason = "one client, which retries by itself"
//! expires = "2027-03-01"
//!
//! [[decision]]                 # something only people can hold, said by them
//! id = "plan.capacity"
//! kind = "attest"
//! owner = "ops@example.org"
//! date = "2026-11-01"
//! reason = "200 transfers a second at peak, 4 GB a year"
//! link = "docs/capacity.md"
//! expires = "2027-11-01"
//! ```

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::catalogue::Catalogue;
use crate::finding::{Evidence, Finding, Verdict};

/// A day, as `2026-11-21`: days compare as their texts do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(String);

/// What a decision does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionKind {
    /// The attribute is not held, for now.
    Skip,
    /// The attribute is held, by people.
    Attest,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The attribute.
    pub id: String,
    /// What it does.
    pub kind: DecisionKind,
    /// Who answers for it.
    pub owner: String,
    /// Why, or what was decided.
    pub reason: String,
    /// When it was made.
    pub date: Option<String>,
    /// Until when it holds.
    pub expires: String,
    /// Where more is written: a file beside the decisions, or a URL.
    pub link: Option<String>,
}

/// All decisions of a file.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    list: Vec<Decision>,
    folder: PathBuf,
}

/// What the decisions say of an attested attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attestation {
    /// Nobody attests it.
    Missing,
    /// Somebody does, and the date has not passed.
    Current(Decision),
    /// Somebody did.
    Expired(Decision),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    decision: Vec<Decision>,
}

impl Day {
    /// Today, in UTC.
    pub fn today() -> Self {
        let days = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
        Self::from_days(days)
    }

    /// A day written as `2026-11-21`.
    ///
    /// # Errors
    /// A sentence that names the expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('-').collect();
        let number = |part: &str, digits: usize| {
            (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())?
        };
        let whole = match parts[..] {
            [year, month, day] => number(year, 4).zip(number(month, 2)).zip(number(day, 2)),
            _ => None,
        };
        match whole {
            Some(((_, 1..=12), 1..=31)) => Ok(Self(text.to_owned())),
            _ => Err(format!("{text:?} is not a day such as 2027-03-01")),
        }
    }

    /// Days since 1970-01-01. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    fn from_days(days: u64) -> Self {
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self(format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl Decisions {
    /// Reads and checks a decisions file.
    ///
    /// # Errors
    /// A sentence with file, place and what to do.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the decisions in {}: {error}", path.display()))?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::parse(&text, folder).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads decisions whose links are relative to `folder`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str, folder: PathBuf) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let catalogue = Catalogue::embedded();
        for decision in &file.decision {
            let id = &decision.id;
            if catalogue.get(id).is_none() {
                let near = catalogue.near(id).join(", ");
                return Err(format!("no attribute is called {id:?}; near: {near}. `keel list` shows all"));
            }
            for (name, value) in [("owner", &decision.owner), ("reason", &decision.reason)] {
                if value.trim().is_empty() {
                    return Err(format!("the decision on {id} has no {name}: say it"));
                }
            }
            Day::parse(&decision.expires).map_err(|error| format!("the decision on {id}: expires: {error}"))?;
            if let Some(date) = &decision.date {
                Day::parse(date).map_err(|error| format!("the decision on {id}: date: {error}"))?;
            }
        }
        Ok(Self { list: file.decision, folder })
    }

    /// What they say of an attested attribute.
    pub fn attested(&self, id: &str, today: &Day) -> Attestation {
        let attests = |decision: &&Decision| decision.id == id && decision.kind == DecisionKind::Attest;
        match self.list.iter().find(attests) {
            None => Attestation::Missing,
            Some(decision) if decision.is_current(today) => Attestation::Current(decision.clone()),
            Some(decision) => Attestation::Expired(decision.clone()),
        }
    }

    /// The file or folder a decision's link names, when it names one and it is missing.
    pub fn missing_link(&self, decision: &Decision) -> Option<PathBuf> {
        let link = decision.link.as_ref().filter(|link| !link.contains("://"))?;
        let path = self.folder.join(link.split('#').next().unwrap_or_default());
        (!path.exists()).then_some(path)
    }

    /// Applies skips to a finding: what falls short or is unknown is decided against until the skip's date, and falls
    /// short after it. What holds stays as it is.
    pub fn apply(&self, mut finding: Finding, today: &Day) -> Finding {
        let skips = |decision: &&Decision| decision.id == finding.id && decision.kind == DecisionKind::Skip;
        let Some(decision) = self.list.iter().find(skips) else { return finding };
        if !matches!(finding.verdict, Verdict::FallsShort | Verdict::Unknown) {
            return finding;
        }
        let seen = format!("seen all the same: {}", finding.summary);
        finding.evidence.push(Evidence::note(seen));
        let (owner, reason, expires) = (&decision.owner, &decision.reason, &decision.expires);
        if decision.is_current(today) {
            finding.verdict = Verdict::DecidedAgainst;
            finding.summary = format!("{owner} decided against it until {expires}: {reason}");
        } else {
            finding.verdict = Verdict::FallsShort;
            finding.summary = format!("the decision of {owner} against it ran out on {expires}: {}", finding.summary);
        }
        finding
    }
}

impl Decision {
    /// Whether it still holds: its last day counts.
    fn is_current(&self, today: &Day) -> bool {
        self.expires.as_str() >= today.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[[decision]]
id = "border.shed"
kind = "skip"
owner = "ops@example.org"
reason = "one client"
expires = "2027-03-01"
[[decision]]
id = "plan.capacity"
kind = "attest"
owner = "ops@example.org"
reason = "200 a second"
expires = "2027-03-01"
"#;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn days_are_counted_right() {
        assert_eq!(Day::from_days(0), day("1970-01-01"));
        assert_eq!(Day::from_days(20_778), day("2026-11-21"));
    }

    #[test]
    fn a_skip_holds_to_its_last_day_and_falls_short_after_it() {
        let decisions = Decisions::parse(TEXT, PathBuf::new()).unwrap();
        let found = |verdict| Finding::new("border.shed", verdict, "seen", Vec::new());
        let after = |verdict, today: &str| decisions.apply(found(verdict), &day(today)).verdict;
        assert_eq!(after(Verdict::FallsShort, "2027-03-01"), Verdict::DecidedAgainst);
        assert_eq!(after(Verdict::Unknown, "2026-01-01"), Verdict::DecidedAgainst);
        assert_eq!(after(Verdict::FallsShort, "2027-03-02"), Verdict::FallsShort);
        assert_eq!(after(Verdict::Unknown, "2027-03-02"), Verdict::FallsShort);
        assert_eq!(after(Verdict::Holds, "2026-01-01"), Verdict::Holds);
    }

    #[test]
    fn an_attestation_is_current_until_its_date() {
        let decisions = Decisions::parse(TEXT, PathBuf::new()).unwrap();
        assert!(matches!(decisions.attested("plan.capacity", &day("2027-03-01")), Attestation::Current(_)));
        assert!(matches!(decisions.attested("plan.capacity", &day("2027-03-02")), Attestation::Expired(_)));
        assert_eq!(decisions.attested("plan.cost", &day("2027-03-01")), Attestation::Missing);
    }

    #[test]
    fn mistakes_are_told_with_the_way_out() {
        let told = |from: &str, to: &str| Decisions::parse(&TEXT.replace(from, to), PathBuf::new()).unwrap_err();
        assert!(told("border.shed", "border.shad").contains("border.shed"));
        assert!(told("2027-03-01", "March").contains("such as"));
        assert!(told("reason = \"one client\"", "reason = \" \"").contains("no reason"));
        assert!(told("owner", "ovner").contains("ovner"));
    }
}
