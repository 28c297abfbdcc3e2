//! Scripts that show a finding without keel: Python of at most [`MAX_LINES`] lines that uses its standard library alone.
//!
//! A probe attaches a [`Recipe`] to evidence against a clause ([`Evidence::reproduced_by`]). [`of`] makes a script of the first
//! recipe of a finding that falls short. The script starts the service as it was declared, does what decided, prints what it
//! saw, and exits with 1 when the fault shows, 0 when it does not, and 2 when the service does not become ready or the
//! request does not get as far as the fault.
//!
//! [`without`] lists the probes of which no short script can show a finding, with the reason.
//!
//! [`Evidence::reproduced_by`]: crate::evidence::Evidence::reproduced_by

mod experiment;
mod literal;
mod script;
mod steps;
#[cfg(test)]
mod tests;
pub mod without;

pub use self::script::MAX_LINES;
use crate::finding::{Finding, Verdict};
use crate::recipe::Recipe;
use crate::subject::Subject;

/// The script that shows why a finding falls short; none when it does not, or none of its evidence has a recipe.
pub fn of(subject: &Subject, finding: &Finding) -> Option<String> {
    if !matches!(finding.verdict(), Verdict::FallsShort | Verdict::DecidedAgainst) {
        return None;
    }
    let piece = finding.evidence().iter().find(|piece| piece.is_against() && piece.recipe().is_some())?;
    Some(script(subject, finding.id(), &piece.what, piece.recipe()?))
}

/// The script of one recipe; `told` is what was seen, as a sentence.
pub fn script(subject: &Subject, id: &str, told: &str, recipe: &Recipe) -> String {
    script::text(subject, id, told, &experiment::of(subject, recipe))
}
