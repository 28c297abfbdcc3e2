//! The bank: money is moved, never made or lost.
//!
//! Jepsen's workload of that name judges the sum alone. Here each read must also be explained transfer by transfer: all that
//! was acknowledged before it began, and some choice of those that were under way or are unknown, each at most once. A read of
//! one account is explained by the transfers of that account; where one end of a transfer is an account that was never opened,
//! money comes from outside or goes there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::effects::effects;
use super::verdict::{MAX_STEPS, Verdict};
use crate::history::operation::{Action, Operation};

/// Judges every read of balances that was answered, and every count of transfers when there is one (see [`effects`]).
///
/// Accounts are known from [`Action::Open`] that are `ok` and stand before what uses them. Unknown when no read was answered,
/// or a read has so many unknown transfers that [`MAX_STEPS`] do not suffice. That the sum is constant is judged where
/// all balances were read at one instant and no money comes from outside.
pub fn bank(history: &[Operation]) -> Verdict {
    let books = Books::of(history);
    let mut judged = 0;
    for read in history {
        let Some(balances) = read.balances() else { continue };
        if let Some(verdict) = books.contradiction(read, &balances) {
            return verdict;
        }
        judged += 1;
    }
    let counted = history.iter().any(|operation| matches!(operation.action, Action::Counts) && operation.is_ok());
    match (judged, counted.then(|| effects(history))) {
        (_, Some(broken @ Verdict::Broken(_))) => broken,
        (0, _) => Verdict::Unknown("no read of a balance was answered: record `balances` or `balance`".to_owned()),
        (_, Some(Verdict::Holds(counted))) => Verdict::Holds(judged + counted),
        (_, _) => Verdict::Holds(judged),
    }
}

/// The accounts that were opened, and the transfers.
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

    /// The contradiction in one read, or the reason why it cannot be judged.
    fn contradiction(&self, read: &Operation, balances: &BTreeMap<&'h str, i64>) -> Option<Verdict> {
        for (account, balance) in balances {
            let Some((_, floor)) = self.accounts.get(account) else {
                return Some(Verdict::broken(format!("account {account} was never opened"), [read]));
            };
            if balance < floor {
                let moved = self.of_account(account, read);
                let claim = format!("{account} has {balance}, below its floor of {floor}");
                return Some(Verdict::broken(claim, moved.chain([read])));
            }
        }
        if matches!(read.action, Action::Balances) {
            if let Some(missing) = self.accounts.keys().find(|account| !balances.contains_key(*account)) {
                return Some(Verdict::broken(format!("account {missing} is missing"), [read]));
            }
            let expected: i128 = self.accounts.values().map(|(balance, _)| i128::from(*balance)).sum();
            let sum: i128 = balances.values().map(|balance| i128::from(*balance)).sum();
            if sum != expected && self.is_closed() {
                let claim = format!("the sum of all balances is {sum}, and was {expected} at first");
                return Some(Verdict::broken(claim, self.opened.iter().copied().chain([read])));
            }
        }
        self.unexplained(read, balances)
    }

    /// Returns true if all money stays among the accounts that were opened.
    fn is_closed(&self) -> bool {
        let known = |account: &str| self.accounts.contains_key(account);
        self.transfers.iter().all(|transfer| known(transfer.from) && known(transfer.to))
    }

    /// None when some choice of transfers explains the read.
    fn unexplained(&self, read: &Operation, balances: &BTreeMap<&'h str, i64>) -> Option<Verdict> {
        let (mut left, mut possible) = (BTreeMap::new(), Possible::default());
        for (account, balance) in balances {
            left.insert(*account, i128::from(*balance) - i128::from(self.accounts[account].0));
        }
        let touches = |transfer: &&Transfer<'_>| left.contains_key(transfer.from) || left.contains_key(transfer.to);
        for transfer in self.transfers.iter().filter(touches).collect::<Vec<_>>() {
            if transfer.operation.latest() < read.invoked {
                transfer.take_from(&mut left, 1);
            } else if transfer.operation.invoked <= read.latest() {
                possible.add(transfer);
            }
        }
        let amiss: BTreeMap<&str, i128> =
            left.iter().filter(|(_, amount)| **amount != 0).map(|(account, amount)| (*account, *amount)).collect();
        let mut search = Search { possible: &possible.alike, seen: HashSet::new(), steps: 0 };
        match search.explains(&mut left, 0) {
            Some(true) => None,
            Some(false) => Some(self.told(read, &amiss, possible.count)),
            None => Some(Verdict::Unknown(format!(
                "{} transfers were unknown or under way at a read, too many to try all choices of them",
                possible.count
            ))),
        }
    }

    /// The counter-example: one lost or doubled transfer where that explains all, else those of the accounts that are amiss.
    fn told(&self, read: &Operation, amiss: &BTreeMap<&str, i128>, possible: usize) -> Verdict {
        let before = |transfer: &&Transfer<'_>| transfer.operation.latest() < read.invoked;
        let read_of = read.balances().unwrap_or_default();
        for transfer in self.transfers.iter().filter(|transfer| transfer.operation.invoked <= read.latest()) {
            let mut alone: BTreeMap<&str, i128> = read_of.keys().map(|account| (*account, 0)).collect();
            transfer.take_from(&mut alone, 1);
            alone.retain(|_, amount| *amount != 0);
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

impl Transfer<'_> {
    /// Explains its part of what is left to explain, so many times; with -1 takes the explanation back.
    fn take_from(&self, left: &mut BTreeMap<&str, i128>, times: i128) {
        let amount = i128::from(self.amount) * times;
        if let Some(from) = left.get_mut(self.from) {
            *from += amount;
        }
        if let Some(to) = left.get_mut(self.to) {
            *to -= amount;
        }
    }
}

/// Transfers of which any may have happened. Which of those that are alike did is all the same: how many did is searched.
#[derive(Default)]
struct Possible<'s, 'h> {
    alike: Vec<(&'s Transfer<'h>, usize)>,
    places: HashMap<(&'h str, &'h str, i64), usize>,
    count: usize,
}

impl<'s, 'h> Possible<'s, 'h> {
    fn add(&mut self, transfer: &'s Transfer<'h>) {
        self.count += 1;
        let place = *self.places.entry((transfer.from, transfer.to, transfer.amount)).or_insert(self.alike.len());
        match self.alike.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => self.alike.push((transfer, 1)),
        }
    }
}

/// A choice of transfers that explains what is left, each at most once.
struct Search<'s, 'h> {
    /// One of those that are alike, and how many there are.
    possible: &'s [(&'s Transfer<'h>, usize)],
    /// States without an explanation: the next transfer, and what is still to be explained.
    seen: HashSet<(usize, Vec<i128>)>,
    steps: usize,
}

impl Search<'_, '_> {
    /// None when the steps did not suffice.
    fn explains(&mut self, left: &mut BTreeMap<&str, i128>, from: usize) -> Option<bool> {
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
        let (transfer, alike) = self.possible[from];
        let mut taken = 0;
        let found = loop {
            match self.explains(left, from + 1) {
                Some(false) if taken < alike => {
                    transfer.take_from(left, 1);
                    taken += 1;
                }
                found => break found,
            }
        };
        transfer.take_from(left, -i128::try_from(taken).unwrap_or_default());
        found
    }
}

/// The most unknown transfers, none like the other, among which a choice is searched.
const MAX_DEPTH: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::operation::{Answer, Outcome};

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
    fn acknowledged_transfers_are_seen_by_every_later_read() {
        let moved = || transfer("t", 7, (10, 20), Outcome::ok());
        assert_eq!(judge([moved(), read(93, 107, (30, 40))]), Verdict::Holds(1));
        assert!(claim(judge([moved(), read(100, 100, (30, 40))])).contains("not where it belongs"));
        assert!(claim(judge([moved(), read(86, 114, (30, 40))])).contains("moved its money twice"));
        assert_eq!(judge([moved(), read(100, 100, (15, 40))]), Verdict::Holds(1), "it was under way");
    }

    #[test]
    fn unknown_transfers_happened_at_most_once_and_refused_ones_did_not_happen() {
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
        // None is like the other, and all amounts are even: no choice explains an odd one, and there are too many to try all.
        let unknown = |n: i64| transfer(&n.to_string(), 2 * n, (10, 20), Outcome::info("killed"));
        let verdict = judge((1..3_000).map(unknown).chain([read(97, 103, (30, 40))]));
        assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict}");
    }

    #[test]
    fn of_transfers_that_are_alike_any_number_may_have_happened_and_no_more_than_there_are() {
        let unknown = || (0..3_000).map(|n| transfer(&n.to_string(), 2, (10, 20), Outcome::info("killed")));
        let judge = |a, b| judge(unknown().chain([read(a, b, (30, 40))]));
        assert_eq!(judge(0, 200), Verdict::Holds(1));
        assert!(judge(97, 103).is_broken());
        let few = (0..3).map(|n| transfer(&n.to_string(), 2, (10, 20), Outcome::info("killed")));
        assert!(self::judge(few.chain([read(92, 108, (30, 40))])).is_broken());
    }

    #[test]
    fn a_read_of_one_account_is_explained_by_its_own_transfers() {
        let one = |account: &str, balance, times| {
            let answer = Answer::Value(Some(balance));
            done(Action::Balance { account: account.into() }, times, Outcome::Ok { answer })
        };
        let moved = || transfer("t", 7, (10, 20), Outcome::ok());
        assert_eq!(judge([moved(), one("a", 93, (30, 40)), one("b", 107, (30, 40))]), Verdict::Holds(2));
        assert!(claim(judge([moved(), one("b", 100, (30, 40))])).contains("not where it belongs"), "a stale read");
        assert_eq!(judge([moved(), one("b", 100, (15, 40))]), Verdict::Holds(1), "it was under way");
        assert!(claim(judge([moved(), one("b", 114, (30, 40))])).contains("moved its money twice"));
        assert!(judge([one("c", 0, (30, 40))]).is_broken(), "nobody opened it");
    }

    #[test]
    fn money_may_go_to_an_account_that_was_never_opened() {
        let out = Action::Transfer { id: "p".into(), from: "a".into(), to: "the bank".into(), amount: 7 };
        let paid = || done(out.clone(), (10, 20), Outcome::ok());
        assert_eq!(judge([paid(), read(93, 100, (30, 40))]), Verdict::Holds(1));
        assert!(judge([paid(), read(86, 100, (30, 40))]).is_broken());
        assert!(judge([read(93, 100, (30, 40))]).is_broken(), "without one, money is not lost");
    }
}
