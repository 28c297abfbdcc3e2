//! The context of a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::Refusal;
use crate::job::outcome::JobError;

/// A run as its steps see it, without its types.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) message_id: String,
    pub(super) input: String,
    /// The results of committed steps, as JSON.
    pub(super) results: BTreeMap<String, String>,
    pub(super) attempt: u32,
    pub(super) reason: Option<String>,
}

/// The context of a step: the input of the run and the results of earlier steps. Cheap to clone.
#[derive(Debug)]
pub struct RunContext<I> {
    input: Arc<I>,
    facts: Arc<Facts>,
}

impl<I> Clone for RunContext<I> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), facts: self.facts.clone() }
    }
}

impl<I: DeserializeOwned> RunContext<I> {
    pub(super) fn new(facts: Arc<Facts>) -> Result<Self, JobError> {
        let input = serde_json::from_str(&facts.input);
        let input = input.map_err(|error| JobError::permanent(format!("the input cannot be read: {error}")))?;
        Ok(Self { input: Arc::new(input), facts })
    }
}

impl<I> RunContext<I> {
    /// The input of the run.
    pub fn input(&self) -> &I {
        &self.input
    }

    /// The message id of the run.
    pub fn message_id(&self) -> &str {
        &self.facts.message_id
    }

    /// The number of this attempt, from 1. A step that is committed does not count.
    pub fn attempt(&self) -> u32 {
        self.facts.attempt
    }

    /// The reason why the run is undone; none while it moves forward.
    pub fn reason(&self) -> Option<&str> {
        self.facts.reason.as_deref()
    }

    /// Returns true if the step has a result. In an undo: a call without one may have taken effect.
    pub fn has_result(&self, step: &str) -> bool {
        self.facts.results.contains_key(step)
    }

    /// Reads the result of an earlier step, or the payload of a signal that a wait has got.
    ///
    /// # Errors
    /// [`Refusal::Run`] when the step has no result, or it is not the JSON of the type.
    pub fn result<T: DeserializeOwned>(&self, step: &str) -> Result<T, Refusal> {
        let refused = |reason: String| Refusal::Run { message_id: self.facts.message_id.clone(), reason };
        let result = self.facts.results.get(step);
        let result = result.ok_or_else(|| refused(format!("the step {step} has no result")))?;
        serde_json::from_str(result).map_err(|error| refused(format!("the result of the step {step}: {error}")))
    }
}
