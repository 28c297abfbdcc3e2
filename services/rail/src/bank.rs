//! The books: one decision for each key, for as long as the bank lives.
//!
//! They are in memory: a bank that is started anew has forgotten what it paid, and a key that comes again is new to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel::prelude::*;
use evenkeel::vitals;
use serde::{Deserialize, Serialize};

/// Payouts remembered; then the bank takes no more, because forgetting one could pay it twice.
const MAX_PAYOUTS: usize = 1_000_000;
/// Bytes of a currency and a destination remembered.
const MAX_TEXT: usize = 64;
/// Prefix of destinations that the bank refuses, for tests of refusals.
const REFUSED_PREFIX: &str = "refuse";

/// Payout request of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// Minor units.
    pub amount: i64,
    /// Three capitals.
    pub currency: String,
    /// Destination. One that begins with `refuse` is refused.
    pub destination: String,
}

/// A message to the holder of a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Destination. One that begins with `refuse` is refused.
    pub destination: String,
    /// Text for people.
    pub text: String,
}

impl Message {
    /// Builds the answer: 201, or 422 with the problem type `/problems/message-refused`.
    pub(crate) fn answer(&self, key: &str) -> (StatusCode, serde_json::Value) {
        if is_payable(&self.destination) {
            return (StatusCode::CREATED, serde_json::json!({ "key": key, "status": "delivered" }));
        }
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "destination: there is no such account");
        let problem = problem.kind("/problems/message-refused");
        (problem.status(), problem.with("key", key).document())
    }
}

/// Returns true when the destination exists.
pub fn is_payable(destination: &str) -> bool {
    (1..=MAX_TEXT).contains(&destination.len()) && !destination.starts_with(REFUSED_PREFIX)
}

/// Decision of the bank, made once for each key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Decision {
    /// The money has left.
    Paid {
        /// The bank's own name for it.
        id: String,
    },
    /// The bank has refused, and will not pay under this key.
    Refused {
        /// Reason of the refusal.
        reason: String,
    },
}

/// Reason why nothing was decided: the payout was neither accepted nor refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// The key names another payout.
    #[error("this key was used for another payout; use a key of its own for each")]
    KeyReused,
    /// There is no room in the books.
    #[error("the books are full with {MAX_PAYOUTS} payouts; start the bank anew")]
    Full,
}

/// A payout with its decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The idempotency key.
    pub key: String,
    /// Requested payout.
    #[serde(flatten)]
    pub payout: Payout,
    /// Decision of the bank.
    #[serde(flatten)]
    pub decision: Decision,
}

/// Sum of all payouts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Number of payouts.
    pub count: usize,
    /// Minor units of all currencies, as text: it may be longer than a JSON number is safe.
    pub amount: String,
}

/// The bank. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    lines: Vec<Line>,
    /// Index in `lines` by key.
    line_of_key: HashMap<String, usize>,
}

impl Bank {
    fn books(&self) -> MutexGuard<'_, Books> {
        // A line is pushed before its place is known: whoever panicked in between left a line that no key finds, unpaid.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides once for each key; repeated requests get the first decision.
    ///
    /// # Errors
    /// [`Undecided`], when the key names another payout or the books are full.
    pub fn decide(&self, key: &str, payout: &Payout) -> Result<Decision, Undecided> {
        let mut books = self.books();
        if let Some(line) = books.find(key) {
            return if line.payout == *payout { Ok(line.decision.clone()) } else { Err(Undecided::KeyReused) };
        }
        if books.lines.len() >= MAX_PAYOUTS {
            return Err(Undecided::Full);
        }
        let decision = match payout.fault() {
            // What is too long to be remembered is refused each time anew: it can never be paid.
            Some(reason) if payout.is_too_long() => return Ok(Decision::Refused { reason }),
            Some(reason) => Decision::Refused { reason },
            None => Decision::Paid { id: vitals::new_id("rail") },
        };
        let (line, key) = (books.lines.len(), key.to_owned());
        books.lines.push(Line { key: key.clone(), payout: payout.clone(), decision: decision.clone() });
        books.line_of_key.insert(key, line);
        Ok(decision)
    }

    /// Finds the decision for a key.
    pub fn find(&self, key: &str) -> Option<Line> {
        self.books().find(key).cloned()
    }

    /// Returns at most `limit` lines in the order of their arrival, without the first `after`; and true when there are more.
    pub fn page(&self, after: usize, limit: usize) -> (Vec<Line>, bool) {
        let books = self.books();
        let rest = books.lines.get(after..).unwrap_or_default();
        (rest.iter().take(limit).cloned().collect(), rest.len() > limit)
    }

    /// Returns the sum of all payouts.
    pub fn total(&self) -> Total {
        let books = self.books();
        let paid = books.lines.iter().filter(|line| matches!(line.decision, Decision::Paid { .. }));
        let (count, amount) =
            paid.fold((0, 0i128), |(count, amount), line| (count + 1, amount + i128::from(line.payout.amount)));
        Total { count, amount: amount.to_string() }
    }
}

impl Books {
    fn find(&self, key: &str) -> Option<&Line> {
        self.line_of_key.get(key).map(|line| &self.lines[*line])
    }
}

impl Payout {
    fn is_too_long(&self) -> bool {
        self.currency.len().max(self.destination.len()) > MAX_TEXT
    }

    /// Returns the reason why it cannot be paid.
    fn fault(&self) -> Option<String> {
        let currency = self.currency.len() == 3 && self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        match self {
            _ if self.is_too_long() => Some(format!("destination: it has at most {MAX_TEXT} bytes")),
            _ if self.amount <= 0 => Some("amount: it is at least 1".to_owned()),
            _ if !currency => Some("currency: it has three capitals, as in EUR".to_owned()),
            _ if self.destination.is_empty() => Some("destination: it is empty".to_owned()),
            _ if self.destination.starts_with(REFUSED_PREFIX) => {
                Some("destination: there is no such account".to_owned())
            }
            _ => None,
        }
    }
}

impl Decision {
    /// Builds the answer: 201, or 422 with the problem type `/problems/payout-refused`.
    pub(crate) fn answer(&self, key: &str) -> (StatusCode, serde_json::Value) {
        match self {
            Self::Paid { id } => (StatusCode::CREATED, serde_json::json!({ "id": id, "key": key, "status": "paid" })),
            Self::Refused { reason } => {
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason).kind("/problems/payout-refused");
                (problem.status(), problem.with("key", key).document())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payout(amount: i64, destination: &str) -> Payout {
        Payout { amount, currency: "EUR".to_owned(), destination: destination.to_owned() }
    }

    #[test]
    fn a_key_is_paid_once_under_repeated_and_concurrent_requests() {
        let bank = Bank::default();
        let decisions: Vec<Decision> = std::thread::scope(|scope| {
            let asked: Vec<_> =
                (0..16).map(|_| scope.spawn(|| bank.decide("same", &payout(5, "DE02")).unwrap())).collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(decisions.iter().all(|decision| *decision == decisions[0]));
        assert_eq!(bank.total(), Total { count: 1, amount: "5".to_owned() });
    }

    #[test]
    fn a_key_cannot_name_two_payouts() {
        let bank = Bank::default();
        bank.decide("key", &payout(5, "DE02")).unwrap();
        assert_eq!(bank.decide("key", &payout(6, "DE02")), Err(Undecided::KeyReused));
        assert_eq!(bank.total().amount, "5");
    }

    #[test]
    fn a_refusal_stands_and_pays_nothing() {
        let bank = Bank::default();
        for unpayable in [payout(0, "DE02"), payout(5, ""), payout(5, "refuse-me"), payout(5, &"x".repeat(65))] {
            let key = format!("{unpayable:?}");
            let first = bank.decide(&key, &unpayable).unwrap();
            assert!(matches!(first, Decision::Refused { .. }), "{unpayable:?}");
            assert_eq!(bank.decide(&key, &unpayable).unwrap(), first);
        }
        assert_eq!(bank.total().count, 0);
    }

    #[test]
    fn pages_follow_each_other_and_the_last_says_so() {
        let bank = Bank::default();
        for key in ["a", "b", "c"] {
            bank.decide(key, &payout(1, "DE02")).unwrap();
        }
        let keys = |(lines, more): (Vec<Line>, bool)| (lines.iter().map(|line| line.key.clone()).collect(), more);
        assert_eq!(keys(bank.page(0, 2)), (vec!["a".to_owned(), "b".to_owned()], true));
        assert_eq!(keys(bank.page(2, 2)), (vec!["c".to_owned()], false));
        assert_eq!(keys(bank.page(9, 2)), (vec![], false));
    }
}
