//! The bank of a drill: transfers and balances recorded while it runs, and checked for lost or doubled money.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::Value;

use super::extra_client::to_send;
use super::finding::{Judgement, LOOK_PATIENCE};
use super::plan::Bank;
use super::target::DrillTarget;
use crate::history::check::{self, CounterExample, Verdict};
use crate::history::{Action, Answer, Operation, Outcome};
use keel_load::{Completed, Filling, MAX_SAMPLES};
use keel_wire::http::{Client, Request};

/// The number of times that a transfer is asked about at the end.
const TRIES: usize = 20;
/// Between two of these.
const PAUSE: Duration = Duration::from_millis(200);
/// So many are asked about at a time.
const AT_ONCE: usize = 8;
/// The most operations of a counter-example that are told; all of them are in the history.
const MAX_TOLD: usize = 4;
/// The name of the place from which money comes into the accounts and to which it leaves.
const OUTSIDE: &str = "outside";
/// The client that looks at the balances, beside those of the load, which count from 1.
const LOOKER: u64 = 0;

/// The effect of one kind of request on the accounts.
enum Role {
    Moves { from: String, to: String, amount: i64 },
    Reads(String),
    Other,
}

/// A transfer that was asked for.
struct Asked {
    kind: usize,
    filling: Filling,
    sent: Instant,
    done: Instant,
    outcome: keel_load::Outcome,
    /// The answer to it, where it was acknowledged.
    body: Option<Vec<u8>>,
}

/// Records transfers and balances.
pub(super) struct BankWatch {
    bank: Bank,
    load_plan: keel_load::Plan,
    roles: Vec<Role>,
    begun: Instant,
    /// Balances before the load.
    opened: Vec<Operation>,
    reads: Mutex<Vec<Operation>>,
    asked: Mutex<Vec<Asked>>,
}

/// The judgement, and the history that shows it.
pub(super) struct BankJudgement {
    pub(super) outcome: Judgement,
    pub(super) evidence: String,
    pub(super) history: Vec<Operation>,
}

impl BankWatch {
    /// Reads the balances before the load. Where one cannot be read nothing can be judged later.
    pub(super) async fn open(bank: &Bank, load_plan: &keel_load::Plan, target: &impl DrillTarget) -> Self {
        let begun = Instant::now();
        let role = |kind: &keel_load::Kind| {
            let read = bank.accounts.iter().find(|(_, path)| kind.method == http::Method::GET && kind.path == **path);
            match (bank.moves.get(&kind.name), read) {
                (Some(moved), _) => {
                    let name = |account: &Option<String>| account.clone().unwrap_or_else(|| OUTSIDE.to_owned());
                    Role::Moves { from: name(&moved.from), to: name(&moved.to), amount: moved.amount }
                }
                (None, Some((account, _))) => Role::Reads(account.clone()),
                _ => Role::Other,
            }
        };
        let roles = load_plan.kinds.iter().map(role).collect();
        let mut bank_watch = Self {
            bank: bank.clone(),
            load_plan: load_plan.clone(),
            roles,
            begun,
            opened: Vec::new(),
            reads: Mutex::default(),
            asked: Mutex::default(),
        };
        if let Ok(balances) = bank_watch.look(target).await {
            let (floor, now) = (bank.floor, bank_watch.since(Instant::now()));
            let open = |(account, balance)| Operation {
                process: LOOKER,
                action: Action::Open { account, balance, floor },
                invoked: now,
                completed: Some(now),
                outcome: Outcome::ok(),
            };
            bank_watch.opened = balances.into_iter().map(open).collect();
        }
        bank_watch
    }

    /// Takes one request of the load down.
    pub(super) fn take_down(&self, completed: &Completed<'_>) {
        let acknowledged = completed.outcome == keel_load::Outcome::Expected;
        match &self.roles[completed.kind] {
            Role::Moves { .. } => {
                let Completed { kind, filling, sent, done, outcome, body, .. } = *completed;
                let body = acknowledged.then(|| body.to_vec());
                let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                if asked.len() < MAX_SAMPLES {
                    asked.push(Asked { kind, filling: filling.clone(), sent, done, outcome, body });
                }
            }
            Role::Reads(account) if acknowledged => {
                let Some(balance) = self.balance(completed.body) else { return };
                let action = Action::Balance { account: account.clone() };
                let answer = Answer::Value(Some(balance));
                let times = (completed.sent, completed.done);
                let read = self.operation(completed.filling.number, action, times, Outcome::Ok { answer });
                let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
                if reads.len() < MAX_SAMPLES {
                    reads.push(read);
                }
            }
            _ => {}
        }
    }

    /// Asks about every transfer again, reads all balances, and judges the whole. Only after the load has ended.
    pub(super) async fn judge(&self, target: &impl DrillTarget, patience: Duration) -> BankJudgement {
        let unknown =
            |why: &str| BankJudgement { outcome: Judgement::Unknown, evidence: why.to_owned(), history: Vec::new() };
        if self.opened.is_empty() {
            return unknown("the balances could not be read before the load");
        }
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let reads = std::mem::take(&mut *self.reads.lock().unwrap_or_else(PoisonError::into_inner));
        if asked.is_empty() {
            return unknown("no money was moved");
        }
        if asked.len() >= MAX_SAMPLES {
            return unknown("more transfers were sent than are taken down: lower the rate");
        }
        let acknowledged = asked.iter().filter(|asked| asked.body.is_some()).count();
        let (moves, looks) = (asked.len(), reads.len());
        let client = Client::new(target.url(), patience);
        let known: Vec<(Operation, Option<String>)> = futures_util::stream::iter(asked)
            .map(|asked| self.known_in_the_end(asked, &client))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let problems: Vec<&String> = known.iter().filter_map(|(_, problem)| problem.as_ref()).collect();
        let told = problems.first().map(|first| format!("{first} ({} of {moves} transfers)", problems.len()));
        let before = Instant::now();
        let looked = self.look(target).await;
        let mut history = [self.opened.clone(), reads].concat();
        history.extend(known.iter().map(|(operation, _)| operation.clone()));
        history.sort_by_key(|operation| operation.invoked);
        let balances = match looked {
            Ok(balances) => balances,
            Err(why) => {
                let evidence = format!("the balances cannot be read after the load: {why}");
                return BankJudgement { outcome: Judgement::FellShort, evidence, history };
            }
        };
        let answer = Answer::Balances(balances.clone());
        history.push(self.operation(LOOKER, Action::Balances, (before, Instant::now()), Outcome::Ok { answer }));
        let (outcome, evidence) = match (check::bank(&history), told) {
            (Verdict::Broken(example), told) => {
                let told = told.map(|told| format!("; and {told}")).unwrap_or_default();
                (Judgement::FellShort, shown(example) + &told)
            }
            (_, Some(told)) => (Judgement::FellShort, told),
            (Verdict::Unknown(why), None) => (Judgement::Unknown, why),
            (Verdict::Holds(_), None) => (Judgement::Held, self.held(moves, acknowledged, looks, &balances)),
        };
        BankJudgement { outcome, evidence, history }
    }

    /// The transfer with the outcome that it has in the end, and what is wrong with the answer. One that has no key is not asked
    /// about: it would move its money again.
    async fn known_in_the_end(&self, asked: Asked, client: &Client) -> (Operation, Option<String>) {
        let kind = &self.load_plan.kinds[asked.kind];
        let Role::Moves { from, to, amount } = &self.roles[asked.kind] else {
            unreachable!("only what moves money is kept here")
        };
        let id = asked.filling.key.clone();
        let action = Action::Transfer { id, from: from.clone(), to: to.clone(), amount: *amount };
        let operation = |done, outcome| self.operation(asked.filling.number, action, (asked.sent, done), outcome);
        if asked.outcome == keel_load::Outcome::NotSent {
            return (operation(asked.done, Outcome::fail("it was never sent")), None);
        }
        let request =
            self.load_plan.filler(kind).ok().filter(|_| kind.has_key()).map(|fill| to_send(fill(&asked.filling)));
        let Some(request) = request else {
            let outcome = if asked.body.is_some() { Outcome::ok() } else { Outcome::info(asked.outcome.word()) };
            return (operation(asked.done, outcome), None);
        };
        let again = asked_again(kind, &request, client).await;
        let name = &kind.name;
        match (again, asked.body) {
            (Again::Acknowledged(second), Some(first)) => {
                let problem = (!same(&first, &second)).then(|| {
                    let [first, second] = [first, second].map(|body| String::from_utf8_lossy(&body).into_owned());
                    format!("an acknowledged {name} is answered differently: {first} became {second}")
                });
                (operation(asked.done, Outcome::ok()), problem)
            }
            (Again::Acknowledged(_), None) => (operation(Instant::now(), Outcome::ok()), None),
            (Again::Refused(status), Some(_)) => {
                let problem =
                    format!("an acknowledged {name} is refused when it is asked again with its key: {status}");
                (operation(asked.done, Outcome::ok()), Some(problem))
            }
            (Again::Refused(status), None) => (operation(Instant::now(), Outcome::fail(status.to_string())), None),
            (Again::Nothing(last), first) => {
                let outcome = if first.is_some() { Outcome::ok() } else { Outcome::info(asked.outcome.word()) };
                let problem = format!("a {name} is not answered any more when it is asked again with its key: {last}");
                (operation(asked.done, outcome), Some(problem))
            }
        }
    }

    fn held(&self, moves: usize, acknowledged: usize, looks: usize, balances: &BTreeMap<String, i64>) -> String {
        let changes = self.opened.iter().filter_map(|operation| match &operation.action {
            Action::Open { account, balance, .. } => {
                Some(format!("{account} {balance} became {}", balances.get(account).copied().unwrap_or_default()))
            }
            _ => None,
        });
        format!(
            "{moves} transfers, {acknowledged} of them acknowledged while the load ran: each of these moved its money once and none \
             of the others twice, as {looks} reads meanwhile and all balances at the end show ({})",
            changes.collect::<Vec<_>>().join(", ")
        )
    }

    /// All balances. They are of one instant when nothing moves.
    async fn look(&self, target: &impl DrillTarget) -> Result<BTreeMap<String, i64>, String> {
        let client = Client::new(target.url(), LOOK_PATIENCE);
        let mut balances = BTreeMap::new();
        for (account, path) in &self.bank.accounts {
            let exchange = client.send(Request::get(target.filled(path))).await;
            let balance = exchange.answer().and_then(|answer| self.balance(&answer.body));
            let balance = balance.ok_or_else(|| format!("GET {path}: {}", exchange.came_back()))?;
            balances.insert(account.clone(), balance);
        }
        Ok(balances)
    }

    fn balance(&self, body: &[u8]) -> Option<i64> {
        serde_json::from_slice::<Value>(body).ok()?.pointer(&self.bank.balance)?.as_i64()
    }

    fn since(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.begun).as_nanos()).unwrap_or(u64::MAX)
    }

    fn operation(&self, process: u64, action: Action, times: (Instant, Instant), outcome: Outcome) -> Operation {
        Operation { process, action, invoked: self.since(times.0), completed: Some(self.since(times.1)), outcome }
    }
}

/// The outcome of asking again.
enum Again {
    /// With this body.
    Acknowledged(Vec<u8>),
    /// By a status that says that it was not done and will not be.
    Refused(http::StatusCode),
    Nothing(String),
}

async fn asked_again(kind: &keel_load::Kind, request: &Request, client: &Client) -> Again {
    let mut last = String::new();
    for _ in 0..TRIES {
        let exchange = client.send(request.clone()).await;
        match exchange.status() {
            Some(status) if kind.expects(status.as_u16()) => {
                return Again::Acknowledged(exchange.answer().map(|answer| answer.body.to_vec()).unwrap_or_default());
            }
            // Those that say "not now" (RFC 9110, 6585, 8470) and the server's own failures may become an answer.
            Some(status) if status.is_client_error() && ![408, 409, 425, 429].contains(&status.as_u16()) => {
                return Again::Refused(status);
            }
            _ => last = exchange.came_back(),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Again::Nothing(last)
}

/// The same answer: the same JSON, or the same bytes.
fn same(left: &[u8], right: &[u8]) -> bool {
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
    json(left).zip(json(right)).map_or(left == right, |(left, right)| left == right)
}

fn shown(mut example: CounterExample) -> String {
    let more = example.operations.len().saturating_sub(MAX_TOLD);
    // The read that cannot be explained is the last of them.
    example.operations.drain(..more);
    let more = if more > 0 { format!("  (and {more} operations before)") } else { String::new() };
    format!("{example}{more}").replace('\n', ";")
}
