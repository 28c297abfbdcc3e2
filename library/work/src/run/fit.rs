//! The fit of a run to its ratchet.

use super::definition::Step;
use super::steps::StepRow;

/// Returns the reason why a run does not fit the steps of its ratchet: a step that has begun is missing, is of another kind, or comes behind one
/// that has not.
pub(super) fn misfit(steps: &[Step], begun: &[StepRow]) -> Option<String> {
    for row in begun {
        match steps.iter().find(|step| step.name == row.name) {
            None => return Some(format!("the step {} has begun and is not in the ratchet any more", row.name)),
            Some(step) if step.fingerprint() != row.fingerprint => {
                let (was, is) = (&row.fingerprint, step.fingerprint());
                return Some(format!("the step {} has begun as {was} and is {is} now", row.name));
            }
            Some(_) => {}
        }
    }
    let has_begun = |name: &str| begun.iter().any(|row| row.name == name);
    let first = steps.iter().position(|step| !has_begun(&step.name))?;
    let behind = steps[first..].iter().find(|step| has_begun(&step.name))?;
    Some(format!("the step {} has begun, and {} before it is new", behind.name, steps[first].name))
}
