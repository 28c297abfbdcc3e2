//! The verdict of a checker, with a counter-example where a history cannot be right.

use std::fmt;

use crate::history::operation::Operation;

/// The most steps that a search takes for one register or one read of balances; beyond them the verdict is unknown.
pub const MAX_STEPS: usize = 1_000_000;

/// The verdict of a checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// So many answers were explained.
    Holds(usize),
    /// It cannot be right.
    Broken(CounterExample),
    /// It could not be decided; the reason says what was missing. Never counted as holding.
    Unknown(String),
}

/// The reason why a history cannot be right: few operations that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterExample {
    /// The contradiction, as a sentence.
    pub claim: String,
    /// The operations that show it, in the order of their invocation, without those that do not matter.
    pub operations: Vec<Operation>,
}

impl Verdict {
    /// Returns true if the history is inconsistent.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    pub(super) fn broken<'o>(claim: impl Into<String>, operations: impl IntoIterator<Item = &'o Operation>) -> Self {
        let mut operations: Vec<Operation> = operations.into_iter().cloned().collect();
        operations.sort_by_key(|operation| operation.invoked);
        Self::Broken(CounterExample { claim: claim.into(), operations })
    }
}

impl fmt::Display for CounterExample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.claim)?;
        for operation in &self.operations {
            write!(f, "\n  {operation}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(answers) => write!(f, "holds: {answers} answers are explained"),
            Self::Broken(example) => write!(f, "cannot be right: {example}"),
            Self::Unknown(reason) => write!(f, "unknown: {reason}"),
        }
    }
}
