//! Effects of requests at a dependency: those acknowledged, compared with the dependency's own list in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

use super::finding::{Judged, Judgement, LOOK_PATIENCE};
use super::plan::Effects;
use super::target::DrillTarget;
use crate::history::check::{self, Verdict};
use crate::history::{Action, Answer, Operation, Outcome};
use keel_load::{Completed, MAX_SAMPLES};
use keel_wire::http::{Client, Request};

/// Between two looks at the list, while not all is there.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most looks at the list before the load, until it does not change.
const SETTLES: usize = 20;
/// The most pages of a list.
const MAX_PAGES: usize = 10_000;

/// Takes down what was acknowledged.
pub(super) struct EffectsSeen {
    plan: Effects,
    /// The place of the request in the load; none when the load has it not.
    kind: Option<usize>,
    dependency: Option<Url>,
    begun: Instant,
    /// The effects before the load, or the reason why they are not known.
    before: Result<Counts, String>,
    asked: Mutex<Asked>,
}

/// Effects by name, and how often each is there.
type Counts = BTreeMap<String, u64>;

#[derive(Default)]
struct Asked {
    acknowledged: Vec<Operation>,
    /// Acknowledged by an answer that does not name it.
    nameless: u64,
    /// The number of effects whose outcome is unknown.
    unanswered: u64,
}

impl EffectsSeen {
    /// Looks at what is there before the load, until it does not change any more.
    pub(super) async fn open(plan: &Effects, load_plan: &keel_load::Plan, target: &impl DrillTarget) -> Self {
        let mut seen = Self {
            plan: plan.clone(),
            kind: load_plan.kinds.iter().position(|kind| kind.name == plan.request),
            dependency: target.dependency(&plan.dependency),
            begun: Instant::now(),
            before: Err("it was not looked at".to_owned()),
            asked: Mutex::default(),
        };
        for _ in 0..SETTLES {
            let now = seen.listed().await;
            let settled = now.is_ok() && now == seen.before;
            seen.before = now;
            if settled {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        seen
    }

    /// Takes one request of the load down.
    pub(super) fn take_down(&self, completed: &Completed<'_>) {
        if Some(completed.kind) != self.kind || completed.outcome == keel_load::Outcome::NotSent {
            return;
        }
        let name =
            serde_json::from_slice::<Value>(completed.body).ok().and_then(|body| text(body.pointer(&self.plan.id)?));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match name {
            _ if completed.outcome != keel_load::Outcome::Expected => asked.unanswered += 1,
            Some(key) if asked.acknowledged.len() < MAX_SAMPLES => asked.acknowledged.push(Operation {
                process: completed.filling.number,
                action: Action::Effect { key },
                invoked: self.since(completed.sent),
                completed: Some(self.since(completed.done)),
                outcome: Outcome::ok(),
            }),
            _ => asked.nameless += 1,
        }
    }

    /// Looks until all that was acknowledged is there, or the time for it is over. Only after the load has ended.
    pub(super) async fn judge(&self) -> Judged {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let what = &self.plan.request;
        let before: BTreeSet<&String> = match &self.before {
            Ok(before) => before.keys().collect(),
            Err(why) => return (Judgement::Unknown, format!("the state before the drill is unknown: {why}")),
        };
        if asked.nameless > 0 {
            let evidence = format!("{} answers to {what} do not have its name at {}", asked.nameless, self.plan.id);
            return (Judgement::Unknown, evidence);
        }
        if asked.acknowledged.is_empty() {
            return (Judgement::Unknown, format!("no {what} was acknowledged"));
        }
        let names = asked.acknowledged.iter().filter_map(|operation| match &operation.action {
            Action::Effect { key } => Some(key),
            _ => None,
        });
        let names: BTreeSet<&String> = names.collect();
        let since = Instant::now();
        let (counted, took) = loop {
            let counted = self.listed().await;
            let all = counted.as_ref().is_ok_and(|counts| names.iter().all(|name| counts.contains_key(*name)));
            if all || since.elapsed() >= self.plan.within {
                break (counted, since.elapsed());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        let counts: Counts = match counted {
            Ok(counts) => counts.into_iter().filter(|(name, _)| !before.contains(name)).collect(),
            Err(why) => return (Judgement::Unknown, format!("the effects cannot be read: {why}")),
        };
        let (known, others): (Counts, Counts) = counts.into_iter().partition(|(name, _)| names.contains(name));
        let most = asked.unanswered;
        if others.values().sum::<u64>() > most {
            let evidence = format!(
                "{} has {} that belong to no acknowledged {what}, such as {}, and {most} were not answered; \
                 what an earlier run left to be done counts too: begin with empty data",
                self.plan.dependency,
                others.values().sum::<u64>(),
                others.keys().next().map_or("", String::as_str)
            );
            return (Judgement::FellShort, evidence);
        }
        let now = self.since(Instant::now());
        let mut history = asked.acknowledged;
        let count = history.len();
        let counted = Outcome::Ok { answer: Answer::Counts(known) };
        history.push(Operation {
            process: 0,
            action: Action::Counts,
            invoked: now,
            completed: Some(now),
            outcome: counted,
        });
        match check::effects(&history) {
            Verdict::Holds(_) => {
                let evidence = format!(
                    "{count} acknowledged {what}, each of them once at {}, all there {:.1} s after the load; {} of the {most} that were not \
                     acknowledged",
                    self.plan.dependency,
                    took.as_secs_f64(),
                    others.len(),
                );
                (Judgement::Held, evidence)
            }
            Verdict::Broken(example) => {
                (Judgement::FellShort, format!("{} ({:.1} s after the load)", example.claim, took.as_secs_f64()))
            }
            Verdict::Unknown(why) => (Judgement::Unknown, why),
        }
    }

    /// All that is there now.
    async fn listed(&self) -> Result<Counts, String> {
        let url = self.dependency.clone();
        let url = url.ok_or_else(|| format!("{} is not declared, or speaks no plain HTTP", self.plan.dependency))?;
        let client = Client::new(url, LOOK_PATIENCE);
        let (mut counts, mut after) = (Counts::new(), "0".to_owned());
        for _ in 0..MAX_PAGES {
            let path = self.plan.list.replace("{after}", &after);
            let exchange = client.send(Request::get(&path)).await;
            let page = exchange.answer().filter(|answer| answer.status.is_success()).and_then(|answer| answer.json());
            let page =
                page.ok_or_else(|| format!("GET {path} of {}: {}", self.plan.dependency, exchange.came_back()))?;
            let items = page.pointer(&self.plan.items).and_then(Value::as_array);
            let items = items.ok_or_else(|| format!("there is no list at {} of {path}", self.plan.items))?;
            for item in items.iter().filter(|item| self.counts(item)) {
                let name = item.pointer(&self.plan.key).and_then(text);
                *counts
                    .entry(name.ok_or_else(|| format!("an item of {path} has no name at {}", self.plan.key))?)
                    .or_default() += 1;
            }
            match page.pointer(&self.plan.next).and_then(text) {
                Some(next) if next != after => after = next,
                _ => return Ok(counts),
            }
        }
        Err(format!("the list has more than {MAX_PAGES} pages"))
    }

    fn counts(&self, item: &Value) -> bool {
        self.plan.only.iter().all(|(at, value)| item.pointer(at) == Some(value))
    }

    fn since(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.begun).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A name: a text or a number.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
