//! Accepted failures of drills, each with owner, reason and expiry.

use std::path::Path;

use keel_checklist::calendar::Day;
use keel_input::diagnostics::Reading;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    #[serde(default, rename = "accept")]
    gaps: Vec<Gap>,
}

/// One of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gap {
    /// The drill's file, without its ending.
    drill: String,
    hypothesis: String,
    owner: String,
    reason: String,
    expires: String,
}

impl Accepted {
    /// Reads a file; nothing is accepted when there is none.
    pub(super) fn load(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self::default()) };
        let told = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
        let name = path.display().to_string();
        let accepted: Self = Reading::new(&name, &text).toml().map_err(|mistakes| mistakes.to_string())?;
        for gap in &accepted.gaps {
            Day::parse(&gap.expires).map_err(|problem| told(&problem))?;
            if gap.owner.trim().is_empty() || gap.reason.trim().is_empty() {
                return Err(told(&format!("{:?} is accepted without an owner or a reason", gap.hypothesis)));
            }
        }
        Ok(accepted)
    }

    /// The acceptance of a hypothesis: owner, reason and expiry. `None` if there is none, or it has expired.
    pub(super) fn why(&self, drill: &str, hypothesis: &str, today: Day) -> Option<String> {
        let gap = self.gaps.iter().find(|gap| gap.drill == drill && gap.hypothesis == hypothesis)?;
        let holds = Day::parse(&gap.expires).is_ok_and(|day| today <= day);
        holds.then(|| format!("accepted by {} until {}: {}", gap.owner, gap.expires, gap.reason))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [[accept]]
        drill = "spike"
        hypothesis = "reads stay fast"
        owner = "the founders"
        reason = "nothing is shed yet"
        expires = "2027-03-01"
    "#;

    #[test]
    fn a_gap_is_accepted_until_its_day() {
        let accepted: Accepted = toml::from_str(FILE).unwrap();
        let on = |day: &str| accepted.why("spike", "reads stay fast", Day::parse(day).unwrap());
        assert!(on("2027-03-01").unwrap().contains("nothing is shed yet"));
        assert_eq!(on("2027-03-02"), None);
        assert_eq!(accepted.why("spike", "another", Day::parse("2027-01-01").unwrap()), None);
    }

    #[test]
    fn nothing_is_accepted_without_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accepted.toml");
        std::fs::write(&path, FILE.replace("nothing is shed yet", " ")).unwrap();
        assert!(Accepted::load(Some(&path)).err().unwrap().contains("reason"));
    }
}
