//! The course of a drill: look, load, break, watch, undo, look again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clock;
use super::hypothesis::{self, Finding, Outcome, Seen};
use super::plan::{Does, Plan, Refusal, Step};
use super::report::{Event, Mark, Report, Verdict};
use super::stage::{Kind, Stage};
use super::traffic::{self, Shared, Tally, lock};
use super::undo::UndoLog;
use crate::fault::{Injected, Journal};
use crate::http::Client;
use crate::proxy::{Fault, Hold};

/// Between two looks at the time and at what could break the drill off.
const TICK: Duration = Duration::from_millis(50);
/// Between two looks at commands that could break it off.
const ABORT_LOOK: Duration = Duration::from_secs(1);
/// The answers whose share of failures is watched.
const ABORT_WINDOW: Duration = Duration::from_secs(2);
/// The fewest answers in it for a share to mean something.
const ABORT_LEAST: usize = 10;
/// The longest that a command of a drill may take.
pub(super) const COMMAND_PATIENCE: Duration = Duration::from_secs(30);

const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// Carries a drill out. `tell` is given a line for each thing that happens. When `interrupted` is ready, everything is
/// undone at once, as when an abort condition is met. Whatever happens, what was done is undone before this returns; what
/// undoes commands is in `undo` before they run, and what undoes faults of the host in `faults`.
///
/// # Errors
/// When the plan names what the stage does not have; nothing has been done then.
pub async fn run(
    plan: &Plan,
    stage: &mut impl Stage,
    undo: &mut UndoLog,
    faults: Journal,
    tell: &(dyn Fn(&str) + Send + Sync),
    interrupted: impl Future<Output = ()>,
) -> Result<Report, Refusal> {
    let kinds = kinds(plan, stage)?;
    for step in &plan.steps {
        is_there(step, stage)?;
    }
    let mut course = Course {
        plan,
        kinds: Arc::new(kinds),
        tally: Shared::default(),
        begun: Instant::now(),
        events: Vec::new(),
        active: Vec::new(),
        undo,
        faults: Arc::new(faults),
        tell,
    };
    let start = clock::now();
    let client = Client::new(stage.url(), plan.load.timeout);
    let values = hypothesis::values(plan, stage).await;
    course.begun = Instant::now();
    let sending =
        traffic::send(plan.clone(), Arc::clone(&course.kinds), client.clone(), course.begun, Arc::clone(&course.tally));
    let mut load = JoinSet::new();
    load.spawn(sending);
    let ended = {
        let steps = course.steps(stage, &client);
        tokio::select! {
            ended = steps => ended,
            () = interrupted => Ended::Aborted("it was interrupted".to_owned()),
        }
    };
    let undone = course.undo_all(stage).await;
    if let Ended::Whole = ended {
        while load.join_next().await.is_some() {}
    }
    load.shutdown().await;
    let mended = stage.mend().await;
    let seen = course.seen(undone);
    let mut findings = match &ended {
        Ended::Whole => hypothesis::judge(plan, &seen, stage, &client, &values).await,
        Ended::NotSteady(findings) => findings.clone(),
        Ended::Aborted(_) => Vec::new(),
    };
    if let Err(problem) = mended {
        findings.push(Finding::new("what was done could be undone", Outcome::FellShort, problem));
    }
    let verdict = verdict(&ended, &findings);
    Ok(Report::new(plan, start, verdict, findings, course.events, &seen))
}

/// How the steps ended.
enum Ended {
    Whole,
    /// The hypothesis did not hold before anything was done.
    NotSteady(Vec<Finding>),
    Aborted(String),
}

fn verdict(ended: &Ended, findings: &[Finding]) -> Verdict {
    match ended {
        Ended::Aborted(why) => Verdict::Aborted(why.clone()),
        Ended::NotSteady(_) => Verdict::NotSteady,
        Ended::Whole if findings.iter().any(|finding| finding.outcome == Outcome::FellShort) => Verdict::FellShort,
        Ended::Whole if findings.iter().any(|finding| finding.outcome == Outcome::Unknown) => Verdict::Unknown,
        Ended::Whole => Verdict::Held,
    }
}

fn kinds(plan: &Plan, stage: &impl Stage) -> Result<Vec<(Kind, u32)>, Refusal> {
    let kind = |(name, weight): (&String, &u32)| {
        let kind =
            stage.request(name).ok_or_else(|| Refusal(format!("there is no request {name:?}: nothing was done")))?;
        Ok((kind, *weight))
    };
    plan.load.mix.iter().map(kind).collect()
}

fn is_there(step: &Step, stage: &impl Stage) -> Result<(), Refusal> {
    let missing = |what: String| Refusal(format!("the step {:?} needs {what}: nothing was done", step.name));
    for dependency in step.does.dependencies() {
        if stage.proxy(dependency).is_none() {
            return Err(missing(format!("the dependency {dependency}, which is not declared or not reached over TCP")));
        }
    }
    match &step.does {
        Does::Wild { request, .. } if stage.request(request).is_none() => {
            Err(missing(format!("the request {request:?}")))
        }
        _ => Ok(()),
    }
}

fn fault(does: &Does) -> Fault {
    match does {
        Does::Slow { by, .. } => Fault::Latency(*by),
        Does::Down(_) => Fault::Down,
        Does::Hang(_) => Fault::Hang,
        Does::Garbage(_) => Fault::Garbage,
        Does::Reset(_) => Fault::Reset,
        Does::ServerError(_) => Fault::ServerError,
        Does::LostAnswer(_) => Fault::LostAnswer,
        Does::Partition(_)
        | Does::Kill(_)
        | Does::Freeze(_)
        | Does::Rate(_)
        | Does::Wild { .. }
        | Does::Host(_)
        | Does::Command { .. } => Fault::None,
    }
}

fn hold(does: &Does) -> Hold {
    if matches!(does, Does::Partition(_)) { Hold::Partitioned } else { Hold::Flowing }
}

struct Course<'plan> {
    plan: &'plan Plan,
    kinds: Arc<Vec<(Kind, u32)>>,
    tally: Shared,
    begun: Instant,
    events: Vec<Event>,
    active: Vec<Active>,
    undo: &'plan mut UndoLog,
    faults: Arc<Journal>,
    tell: &'plan (dyn Fn(&str) + Send + Sync),
}

/// A step that is not undone yet.
struct Active {
    step: Step,
    /// The number of its undo on disk.
    kept: Option<usize>,
    /// A fault of the host, whose undo is in the journal of faults.
    injected: Option<Injected>,
    /// What a wild client sends with, until it is dropped.
    wild: Option<(JoinSet<()>, Arc<AtomicU64>)>,
}

impl Course<'_> {
    async fn steps(&mut self, stage: &mut impl Stage, client: &Client) -> Ended {
        let mut due: Vec<Step> = self.plan.steps.clone();
        due.sort_by_key(|step| std::cmp::Reverse(step.at));
        let mut looked = false;
        let mut last_look = Instant::now();
        loop {
            tokio::time::sleep(TICK).await;
            let now = self.begun.elapsed();
            if !looked && now >= self.plan.first_step() {
                looked = true;
                let findings = hypothesis::gate(self.plan, &self.seen(None), stage).await;
                if findings.iter().any(|finding| finding.outcome == Outcome::FellShort) {
                    self.happened(Mark::Abort, "it was not steady before anything was done");
                    return Ended::NotSteady(findings);
                }
            }
            while let Some(step) = due.pop_if(|step| step.at <= now) {
                if let Err(problem) = self.act(step, stage, client).await {
                    return Ended::Aborted(problem);
                }
            }
            while let Some(place) = self.active.iter().position(|active| active.step.at + active.step.lasts <= now) {
                let active = self.active.remove(place);
                if let Err(problem) = self.undo(active, stage).await {
                    return Ended::Aborted(problem);
                }
            }
            if let Some(why) = self.must_stop(&mut last_look).await {
                self.happened(Mark::Abort, &why);
                return Ended::Aborted(why);
            }
            if now >= self.plan.load.lasts && due.is_empty() && self.active.is_empty() {
                return Ended::Whole;
            }
        }
    }

    async fn act(&mut self, step: Step, stage: &mut impl Stage, client: &Client) -> Result<(), String> {
        self.happened(Mark::Fault, &step.name);
        // It counts as done before it is: what was done by half is undone too.
        let kept = match &step.does {
            Does::Command { undo, .. } => {
                let kept = self.undo.about_to(undo);
                Some(kept.map_err(|error| format!("its undo could not be written down, so it was not done: {error}"))?)
            }
            _ => None,
        };
        self.active.push(Active { step: step.clone(), kept, injected: None, wild: None });
        for dependency in step.does.dependencies() {
            if let Some(proxy) = stage.proxy(dependency) {
                proxy.set(fault(&step.does)).await;
                proxy.hold(hold(&step.does));
            }
        }
        match &step.does {
            Does::Kill(process) => stage.signal(process, SIGKILL)?,
            Does::Freeze(process) => stage.signal(process, SIGSTOP)?,
            Does::Command { run, .. } => hypothesis::command(run).await?,
            Does::Host(host) => {
                let pid = match &host.process {
                    Some(process) => Some(stage.pid(process).ok_or(format!("there is no process {process}"))?),
                    None => None,
                };
                let fault = host.fault(pid).map_err(|refusal| refusal.to_string())?;
                let journal = Arc::clone(&self.faults);
                let injected = tokio::task::spawn_blocking(move || fault.inject(&journal)).await;
                let injected = injected.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                let last = self.active.len() - 1;
                self.active[last].injected = Some(injected);
            }
            Does::Wild { request, connections } => {
                let kind = stage.request(request).ok_or("the request was there before")?;
                let last = self.active.len() - 1;
                self.active[last].wild = Some(traffic::wild(&kind, client, *connections));
            }
            _ => {}
        }
        Ok(())
    }

    async fn undo(&mut self, active: Active, stage: &mut impl Stage) -> Result<(), String> {
        // Recovery counts from here: a restart is a part of it.
        let at = self.begun.elapsed();
        for dependency in active.step.does.dependencies() {
            if let Some(proxy) = stage.proxy(dependency) {
                proxy.hold(Hold::Flowing);
                proxy.set(Fault::None).await;
            }
        }
        match &active.step.does {
            Does::Kill(_) => stage.mend().await?,
            Does::Freeze(process) => stage.signal(process, SIGCONT)?,
            Does::Command { undo, .. } => hypothesis::command(undo).await?,
            _ => {}
        }
        if let Some(injected) = active.injected {
            let undone = tokio::task::spawn_blocking(move || injected.undo()).await;
            undone.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        }
        if let Some(number) = active.kept {
            self.undo
                .done(number)
                .map_err(|error| format!("it is undone, and that could not be written down: {error}"))?;
        }
        let more = active.wild.map(|(_, sent)| format!(" after {} requests", sent.load(Ordering::Relaxed)));
        self.happened_at(at, Mark::Undo, &format!("over: {}{}", active.step.name, more.unwrap_or_default()));
        Ok(())
    }

    /// Undoes what is not undone yet, the last first; when the last undo was, if anything was done.
    async fn undo_all(&mut self, stage: &mut impl Stage) -> Option<Duration> {
        while let Some(active) = self.active.pop() {
            if let Err(problem) = self.undo(active, stage).await {
                self.happened(Mark::Abort, &problem);
            }
        }
        self.events.iter().rev().find(|event| event.mark == Mark::Undo).map(|event| event.at)
    }

    async fn must_stop(&self, last_look: &mut Instant) -> Option<String> {
        let look = last_look.elapsed() >= ABORT_LOOK;
        if look {
            *last_look = Instant::now();
        }
        for abort in &self.plan.aborts {
            if let Some(most) = abort.errors
                && let Some(share) = failures(&lock(&self.tally), self.begun.elapsed())
                && share >= most
            {
                return Some(format!(
                    "{}: {:.0} % of the answers of the last 2 s were failures",
                    abort.name,
                    share * 100.0
                ));
            }
            if let Some(command) = abort.command.as_ref().filter(|_| look)
                && let Err(problem) = hypothesis::command(command).await
            {
                return Some(format!("{}: {problem}", abort.name));
            }
        }
        None
    }

    fn happened(&mut self, mark: Mark, what: &str) {
        self.happened_at(self.begun.elapsed(), mark, what);
    }

    fn happened_at(&mut self, at: Duration, mark: Mark, what: &str) {
        (self.tell)(&format!("{:5.1} s  {what}", at.as_secs_f64()));
        self.events.push(Event { at, mark, what: what.to_owned() });
    }

    fn seen(&self, undone: Option<Duration>) -> Seen {
        let tally = lock(&self.tally);
        let names = self.kinds.iter().map(|(kind, _)| kind.clone()).collect();
        Seen {
            kinds: names,
            records: tally.records.clone(),
            writes: tally.writes.clone(),
            unsent: tally.unsent,
            late: tally.late,
            attempts: tally.attempts,
            first_step: self.plan.first_step(),
            undone: undone.unwrap_or(self.plan.load.lasts),
        }
    }
}

/// The share of failures among the latest answers; none when there are too few.
fn failures(tally: &Tally, now: Duration) -> Option<f64> {
    let recent = tally.records.iter().rev().take_while(|record| record.known + ABORT_WINDOW > now);
    let (count, failed) =
        recent.fold((0, 0), |(count, failed), record| (count + 1, failed + usize::from(!record.succeeded)));
    #[allow(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    (count >= ABORT_LEAST).then(|| failed as f64 / count as f64)
}
