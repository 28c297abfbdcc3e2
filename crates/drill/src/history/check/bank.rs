//! The bank: money is moved, never made or lost.
//!
//! Jepsen's workload of that name judges the sum alone. Here each read must also be explained transfer by transfer: all that
//! was acknowledged before it began, and some choice of those that were under way or are unknown, each at most once.

use std::collections::{BTreeMap, HashSet};

use super::super::operation::{Action, Answer, Operation, Outcome};
use super::{MAX_STEPS, Verdict, effects};

/// Judges every read of balances that was answered, and every count of transfers when there is one (see [`effects`]).
///
/// Accounts are known from [`Action::Open`] that are `ok` and stand before what uses them. Unknown when no read was answered,
/// or a read has so many unknown transfers that [`super::MAX_STEPS`] do not suffice.
pub fn bank(history: &[Operation]) -> Verdict {
    let books = Books::of(history);
    let mut judged = 0;
    for read in history {
        let Outcome::Ok { answer: Answer::Balances(balances) } = &read.outcome else { continue };
        if let Some(verdict) = books.contradiction(read, balances) {
            return verdict;
        }
        judged += 1;
    }
    let counted = history.iter().any(|operation| matches!(operation.action, Action::Counts) && operation.is_ok());
    match (judged, counted.then(|| effects(history))) {
        (_, Some(broken @ Verdict::Broken(_))) => broken,
        (0, _) => Verdict::Unknown("no read of all balances was answered: record `balances`".to_owned()),
        (_, Some(Verdict::Holds(counted))) => Verdict::Holds(judged + counted),
        (_, _) => Verdict::Holds(judged),
    }
}

/// What was opened and moved.
struct Books<'h> {
    /// Balance at first and floor.
    accounts: BTreeMap<&'h str, (i64, i64)>,
    opened: Vec<&'h Operation>,
    transfers: Vec<Transfer<'h>>,
}

struct Transfer<'h> {
    operation: &'h Operation,
    from: &'h str,
    to: &'h str,
    amount: i64,
}

impl<'h> Books<'h> {
    fn of(history: &'h [Operation]) -> Self {
        let mut books = Self { accounts: BTreeMap::new(), opened: Vec::new(), transfers: Vec::new() };
        for operation in history.iter().filter(|operation| !operation.has_failed()) {
            match &operation.action {
                Action::Open { account, balance, floor } if operation.is_ok() => {
                    books.accounts.insert(account, (*balance, *floor));
                    books.opened.push(operation);
                }
                Action::Transfer { from, to, amount, .. } => {
                    books.transfers.push(Transfer { operation, from, to, amount: *amount });
                }
                _ => {}
            }
        }
        books
    }

    /// What is wrong with one read, or why that cannot be said.
    fn contradiction(&self, read: &Operation, balances: &BTreeMap<String, i64>) -> Option<Verdict> {
        for (account, balance) in balances {
            let Some((_, floor)) = self.accounts.get(account.as_str()) else {
                return Some(Verdict::broken(format!("account {account} was never opened"), [read]));
            };
            if balance < floor {
                let moved = self.of_account(account, read);
                let claim = format!("{account} has {balance}, below its floor of {floor}");
                return Some(Verdict::broken(claim, moved.chain([read])));
            }
        }
        if let Some(missing) = self.accounts.keys().find(|account| !balances.contains_key(**account)) {
            return Some(Verdict::broken(format!("account {missing} is missing"), [read]));
        }
        let expected: i128 = self.accounts.values().map(|(balance, _)| i128::from(*balance)).sum();
        let sum: i128 = balances.values().map(|balance| i128::from(*balance)).sum();
        if sum != expected {
            let claim = format!("the sum of all balances is {sum}, and was {expected} at first");
            return Some(Verdict::broken(claim, self.opened.iter().copied().chain([read])));
        }
        self.unexplained(read, balances)
    }

    /// None when some choice of transfers explains the read.
    fn unexplained(&self, read: &Operation, balances: &BTreeMap<String, i64>) -> Option<Verdict> {
        let (mut left, mut possible) = (BTreeMap::new(), Vec::new());
        for (account, (at_first, _)) in &self.accounts {
            left.insert(*account, i128::from(balances[*account]) - i128::from(*at_first));
        }
        for transfer in &self.transfers {
            if transfer.operation.latest() < read.invoked {
                transfer.take_from(&mut left, 1);
            } else if transfer.operation.invoked <= read.latest() {
                possible.push(transfer);
            }
        }
        let amiss: BTreeMap<&str, i128> =
            left.iter().filter(|(_, amount)| **amount != 0).map(|(account, amount)| (*account, *amount)).collect();
        let mut search = Search { possible: &possible, seen: HashSet::new(), steps: 0 };
        match search.explains(&mut left, 0) {
            Some(true) => None,
            Some(false) => Some(self.told(read, &amiss, possible.len())),
            None => Some(Verdict::Unknown(format!(
                "{} transfers were unknown or under way at a read, too many to try all choices of them",
                possible.len()
            ))),
        }
    }

    /// The counter-example: one lost or doubled transfer where that explains all, else those of the accounts that are amiss.
    fn told(&self, read: &Operation, amiss: &BTreeMap<&str, i128>, possible: usize) -> Verdict {
        let before = |transfer: &&Transfer<'_>| transfer.operation.latest() < read.invoked;
        for transfer in self.transfers.iter().filter(|transfer| transfer.operation.invoked <= read.latest()) {
            let mut alone = BTreeMap::new();
            transfer.take_from(&mut alone, 1);
            if before(&transfer) && alone == *amiss {
                let claim =
                    format!("{} was acknowledged and its money is not where it belongs", transfer.operation.action);
                return Verdict::broken(claim, [transfer.operation, read]);
            }
            alone.values_mut().for_each(|amount| *amount = -*amount);
            if alone == *amiss {
                let claim = format!("{} was asked for once and moved its money twice", transfer.operation.action);
                return Verdict::broken(claim, [transfer.operation, read]);
            }
        }
        let differences: Vec<String> = amiss.iter().map(|(account, amount)| format!("{account} {amount:+}")).collect();
        let claim = format!(
            "what was acknowledged before the read leaves {} unexplained, and no choice of the {possible} transfers that \
             were unknown or under way explains it",
            differences.join(", ")
        );
        let moved = self.transfers.iter().filter(|transfer| {
            let touches = amiss.contains_key(transfer.from) || amiss.contains_key(transfer.to);
            touches && transfer.operation.invoked <= read.latest()
        });
        Verdict::broken(claim, moved.map(|transfer| transfer.operation).chain([read]))
    }

    fn of_account(&self, account: &str, read: &Operation) -> impl Iterator<Item = &'h Operation> {
        let touching = move |transfer: &&Transfer<'_>| {
            (transfer.from == account || transfer.to == account) && transfer.operation.invoked <= read.latest()
        };
        self.transfers.iter().filter(touching).map(|transfer| transfer.operation)
    }
}

impl<'h> Transfer<'h> {
    /// Explains its part of what is left to explain; with -1 takes the explanation back.
    fn take_from(&self, left: &mut BTreeMap<&'h str, i128>, times: i128) {
        let amount = i128::from(self.amount) * times;
        *left.entry(self.from).or_default() += amount;
        *left.entry(self.to).or_default() -= amount;
    }
}

/// A choice of transfers that explains what is left, each at most once.
struct Search<'s, 'h> {
    possible: &'s [&'s Transfer<'h>],
    /// What could not be explained with the transfers from this one on.
    seen: HashSet<(usize, Vec<i128>)>,
    steps: usize,
}

impl<'h> Search<'_, 'h> {
    /// None when the steps did not suffice.
    fn explains(&mut self, left: &mut BTreeMap<&'h str, i128>, from: usize) -> Option<bool> {
        if left.values().all(|amount| *amount == 0) {
            return Some(true);
        }
        if from == self.possible.len() || !self.seen.insert((from, left.values().copied().collect())) {
            return Some(false);
        }
        self.steps += 1;
        // Recursion is as deep as there are transfers to choose from.
        if self.steps > MAX_STEPS || from >= MAX_DEPTH {
            return None;
        }
        let transfer = self.possible[from];
        transfer.take_from(left, 1);
        let with = self.explains(left, from + 1);
        transfer.take_from(left, -1);
        if with != Some(false) { with } else { self.explains(left, from + 1) }
    }
}

/// The most unknown transfers among which a choice is searched.
const MAX_DEPTH: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn done(action: Action, (invoked, completed): (u64, u64), outcome: Outcome) -> Operation {
        Operation { process: 0, action, invoked, completed: Some(completed), outcome }
    }

    fn opened() -> Vec<Operation> {
        let open = |name: &str| Action::Open { account: name.into(), balance: 100, floor: 0 };
        vec![done(open("a"), (0, 1), Outcome::ok()), done(open("b"), (0, 1), Outcome::ok())]
    }

    fn transfer(id: &str, amount: i64, times: (u64, u64), outcome: Outcome) -> Operation {
        done(Action::Transfer { id: id.into(), from: "a".into(), to: "b".into(), amount }, times, outcome)
    }

    fn read(a: i64, b: i64, times: (u64, u64)) -> Operation {
        let balances = [("a".to_owned(), a), ("b".to_owned(), b)].into();
        done(Action::Balances, times, Outcome::Ok { answer: Answer::Balances(balances) })
    }

    fn judge(more: impl IntoIterator<Item = Operation>) -> Verdict {
        bank(&opened().into_iter().chain(more).collect::<Vec<_>>())
    }

    fn claim(verdict: Verdict) -> String {
        match verdict {
            Verdict::Broken(example) => example.claim,
            other => other.to_string(),
        }
    }

    #[test]
    fn what_was_acknowledged_is_seen_by_every_later_read() {
        let moved = || transfer("t", 7, (10, 20), Outcome::ok());
        assert_eq!(judge([moved(), read(93, 107, (30, 40))]), Verdict::Holds(1));
        assert!(claim(judge([moved(), read(100, 100, (30, 40))])).contains("not where it belongs"));
        assert!(claim(judge([moved(), read(86, 114, (30, 40))])).contains("moved its money twice"));
        assert_eq!(judge([moved(), read(100, 100, (15, 40))]), Verdict::Holds(1), "it was under way");
    }

    #[test]
    fn what_is_unknown_may_have_happened_once_and_what_was_refused_has_not() {
        let unknown = || transfer("t", 7, (10, 20), Outcome::info("killed"));
        for (a, b, wrong) in [(100, 100, false), (93, 107, false), (86, 114, true)] {
            assert_eq!(judge([unknown(), read(a, b, (30, 40))]).is_broken(), wrong, "{a}");
        }
        let refused = transfer("t", 7, (10, 20), Outcome::fail("409"));
        assert!(judge([refused, read(93, 107, (30, 40))]).is_broken());
    }

    #[test]
    fn money_is_not_made_and_no_floor_is_passed() {
        assert!(claim(judge([read(100, 107, (30, 40))])).contains("the sum of all balances is 207"));
        let moved = transfer("t", 101, (10, 20), Outcome::ok());
        assert!(claim(judge([moved, read(-1, 201, (30, 40))])).contains("below its floor"));
        assert!(matches!(judge([]), Verdict::Unknown(_)));
    }

    #[test]
    fn too_many_unknown_transfers_are_unknown_and_not_wrong() {
        let unknown = (0..3_000).map(|n| transfer(&n.to_string(), 1, (10, 20), Outcome::info("killed")));
        assert!(matches!(judge(unknown.chain([read(99, 101, (30, 40))])), Verdict::Holds(_)));
        let unknown = (0..3_000).map(|n| transfer(&n.to_string(), 2, (10, 20), Outcome::info("killed")));
        assert!(matches!(judge(unknown.chain([read(97, 103, (30, 40))])), Verdict::Unknown(_)));
    }
}
