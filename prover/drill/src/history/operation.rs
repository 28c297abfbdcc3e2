//! One operation of a client: what was asked, when, and what came back.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One operation: the request of a client, and its outcome.
///
/// An attempt that is repeated under the same idempotency key is one operation, from its first attempt to its last answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The client; one of them has at most one operation under way.
    pub process: u64,
    /// The request.
    #[serde(flatten)]
    pub action: Action,
    /// The time of the request, in nanoseconds since the history's beginning.
    pub invoked: u64,
    /// The time of the answer, in nanoseconds since the history's beginning; none when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<u64>,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The request of an operation. The tag `f` is Jepsen's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case")]
pub enum Action {
    /// An account is opened with a balance; it may never go below its floor.
    Open {
        /// Its name.
        account: String,
        /// Its balance, in the smallest unit.
        balance: i64,
        /// The lowest balance that it may have; negative for an overdraft.
        floor: i64,
    },
    /// Money is moved.
    Transfer {
        /// Unique in the history; the idempotency key.
        id: String,
        /// The account that is debited.
        from: String,
        /// The account that is credited.
        to: String,
        /// The amount, in the smallest unit.
        amount: i64,
    },
    /// All balances are read at one instant; answers [`Answer::Balances`].
    Balances,
    /// The balance of one account is read; answers [`Answer::Value`].
    Balance {
        /// The account.
        account: String,
    },
    /// One register is read; answers [`Answer::Value`].
    Read {
        /// The key.
        key: String,
    },
    /// One register is written.
    Write {
        /// The key.
        key: String,
        /// The new value.
        value: i64,
    },
    /// One register is written if it holds what is expected; a mismatch is [`Outcome::Fail`].
    CompareAndSet {
        /// The key.
        key: String,
        /// The value that it must hold.
        expected: i64,
        /// The value that it then holds.
        value: i64,
    },
    /// Something is to happen exactly once.
    Effect {
        /// Unique in the history; the idempotency key.
        key: String,
    },
    /// Effects are counted where they happen: at the receiver, or in the store; answers [`Answer::Counts`].
    Counts,
}

/// The answer to an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An acknowledgement.
    #[default]
    Done,
    /// The value of a register, none when it was never written; or the balance of an account.
    Value(Option<i64>),
    /// Every account's balance.
    Balances(BTreeMap<String, i64>),
    /// The count of each key (of an effect or a transfer); those not named have not happened.
    Counts(BTreeMap<String, u64>),
}

/// The outcome of an operation. The tag `type` is Jepsen's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Outcome {
    /// It happened.
    Ok {
        /// With this answer.
        #[serde(default)]
        answer: Answer,
    },
    /// It is known not to have happened, and not to happen any more.
    Fail {
        /// The reason why that is known.
        why: String,
    },
    /// Unknown: it may have happened, may still happen, or never.
    Info {
        /// The reason.
        why: String,
    },
}

impl Outcome {
    /// It happened, and there is nothing more to say.
    pub fn ok() -> Self {
        Self::Ok { answer: Answer::Done }
    }

    /// It is known not to have happened.
    pub fn fail(why: impl Into<String>) -> Self {
        Self::Fail { why: why.into() }
    }

    /// Creates an unknown outcome.
    pub fn info(why: impl Into<String>) -> Self {
        Self::Info { why: why.into() }
    }
}

impl Operation {
    /// Returns true if it is known to have happened.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok { .. })
    }

    /// Returns true if it is known not to have happened.
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Fail { .. })
    }

    /// The balances that were read; none when it read none, or was not answered.
    pub(super) fn balances(&self) -> Option<BTreeMap<&str, i64>> {
        match (&self.action, &self.outcome) {
            (Action::Balances, Outcome::Ok { answer: Answer::Balances(balances) }) => {
                Some(balances.iter().map(|(account, balance)| (account.as_str(), *balance)).collect())
            }
            (Action::Balance { account }, Outcome::Ok { answer: Answer::Value(Some(balance)) }) => {
                Some([(account.as_str(), *balance)].into())
            }
            _ => None,
        }
    }

    /// Returns the last instant at which it may have taken effect: its completion, or infinity when its outcome is unknown.
    pub(super) fn latest(&self) -> u64 {
        if self.is_ok() { self.completed.unwrap_or(u64::MAX) } else { u64::MAX }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { account, balance, floor } => write!(f, "open {account} with {balance}, floor {floor}"),
            Self::Transfer { id, from, to, amount } => write!(f, "transfer {id}: {amount} from {from} to {to}"),
            Self::Balances => write!(f, "read all balances"),
            Self::Balance { account } => write!(f, "read the balance of {account}"),
            Self::Read { key } => write!(f, "read {key}"),
            Self::Write { key, value } => write!(f, "write {key} = {value}"),
            Self::CompareAndSet { key, expected, value } => write!(f, "set {key} from {expected} to {value}"),
            Self::Effect { key } => write!(f, "effect {key}"),
            Self::Counts => write!(f, "count what has happened"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "ok"),
            Self::Value(None) => write!(f, "nothing"),
            Self::Value(Some(value)) => write!(f, "{value}"),
            Self::Balances(balances) => list(f, balances),
            Self::Counts(counts) => write!(f, "{} keys", counts.len()),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, values: &BTreeMap<String, i64>) -> fmt::Result {
    let words: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value}")).collect();
    write!(f, "{}", words.join(", "))
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok { answer } => write!(f, "{answer}"),
            Self::Fail { why } => write!(f, "refused ({why})"),
            Self::Info { why } => write!(f, "unknown ({why})"),
        }
    }
}

impl fmt::Display for Operation {
    /// `client 3, 12.1ms to 14.0ms: transfer t7: 5 from a to b -> ok`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let invoked = Duration::from_nanos(self.invoked);
        match self.completed {
            Some(at) => write!(f, "client {}, {invoked:.3?} to {:.3?}: ", self.process, Duration::from_nanos(at))?,
            None => write!(f, "client {}, from {invoked:.3?}: ", self.process)?,
        }
        write!(f, "{} -> {}", self.action, self.outcome)
    }
}
