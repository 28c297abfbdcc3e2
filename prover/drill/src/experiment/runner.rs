//! The run of a drill: look, load, break, watch, undo, look again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bank::BankWatch;
use super::command::run_command;
use super::effects::EffectsSeen;
use super::extra_client::ExtraClient;
use super::finding::{Finding, Judgement};
use super::hypothesis;
use super::load::{self, DrillLoad};
use super::observed::Observed;
use super::plan::{Does, HostFault, Plan, PlanError, Settings, Step};
use super::report::{DrillVerdict, Event, EventKind, Report, Span};
use super::target::DrillTarget;
use super::undo::UndoLog;
use crate::clock;
use crate::double::{Behaviour, Double};
use crate::fault::{Injected, Journal};
use keel_load::Samples;
use keel_proxy::{Fault, Hold};

/// Between two looks at the time and at what could break the drill off.
const TICK: Duration = Duration::from_millis(50);
/// Between two looks at commands that could break it off.
const ABORT_LOOK: Duration = Duration::from_secs(1);
/// The answers whose share of failures is watched.
const ABORT_WINDOW: Duration = Duration::from_secs(2);
/// The fewest answers in it for a share to mean something.
const ABORT_LEAST: usize = 10;

const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// Carries a drill out. `tell` is given a line for each thing that happens. When `interrupted` is ready, everything is
/// undone at once, as when an abort condition is met. In every case all faults are undone before this returns; the actions that
/// undo commands are in `undo` before these run, and those that undo faults of the host in `faults`.
///
/// # Errors
/// When the plan names what the target does not have; nothing has been done then.
pub async fn run(
    plan: &Plan,
    target: &mut impl DrillTarget,
    undo: &mut UndoLog,
    faults: Journal,
    tell: &(dyn Fn(&str) + Send + Sync),
    interrupted: impl Future<Output = ()>,
) -> Result<Report, PlanError> {
    let load_plan = load::plan(plan, target)?;
    for step in &plan.steps {
        is_there(step, target)?;
    }
    for dependency in plan.watched() {
        target.double(dependency).map(drop).ok_or_else(|| {
            PlanError(format!("calls to {dependency} cannot be seen: it does not speak plain HTTP: nothing was done"))
        })?;
    }
    let start = clock::now();
    let bank = plan.hypotheses.iter().find_map(|hypothesis| hypothesis.bank.as_ref());
    let bank_watch = match bank {
        Some(bank) => Some(Arc::new(BankWatch::open(bank, &load_plan, target).await)),
        None => None,
    };
    let effects = plan.hypotheses.iter().filter_map(|hypothesis| hypothesis.effects.as_ref());
    let effects =
        futures_util::future::join_all(effects.map(|effects| EffectsSeen::open(effects, &load_plan, target))).await;
    let effects: Vec<_> = effects.into_iter().map(Arc::new).collect();
    for dependency in plan.watched() {
        target.double(dependency).map(Double::take_calls);
    }
    let begun = Instant::now();
    let load = DrillLoad::begin(load_plan.clone(), begun, bank_watch.clone(), effects.clone());
    let mut run = Run {
        plan,
        load_plan,
        samples: load.samples.clone(),
        begun,
        events: Vec::new(),
        spans: Vec::new(),
        active: Vec::new(),
        undo,
        faults: Arc::new(faults),
        tell,
    };
    let ended = tokio::select! {
        ended = run.steps(target) => ended,
        () = interrupted => Ended::Aborted("it was interrupted".to_owned()),
    };
    let undone = run.undo_all(target).await;
    let sent = load.end(!matches!(ended, Ended::Whole)).await;
    let mended = target.mend().await;
    let observed = run.observed(undone);
    let invalid = match &sent {
        Ok(report) => report.validity.told(report.allowed_lag),
        Err(problem) => Some(format!("the load broke off: {problem}")),
    };
    let judged = match (&ended, bank_watch) {
        (Ended::Whole, Some(bank_watch)) => Some(bank_watch.judge(target, plan.load.timeout).await),
        _ => None,
    };
    let mut findings = match &ended {
        Ended::Whole => hypothesis::judge(plan, &observed, target, judged.as_ref(), &effects, invalid.as_deref()).await,
        Ended::NotSteady(findings) => findings.clone(),
        Ended::Aborted(_) => Vec::new(),
    };
    if let Err(problem) = mended {
        findings.push(Finding::new("every fault was undone", Judgement::FellShort, problem));
    }
    let verdict = verdict(&ended, &findings);
    let mut report = Report::new(plan, start, verdict, findings, &observed, sent.ok());
    (report.events, report.spans) = (run.events, run.spans);
    report.history = judged.map(|judged| judged.history).unwrap_or_default();
    Ok(report)
}

/// The end of the steps.
enum Ended {
    Whole,
    /// The hypothesis did not hold before anything was done.
    NotSteady(Vec<Finding>),
    Aborted(String),
}

fn verdict(ended: &Ended, findings: &[Finding]) -> DrillVerdict {
    match ended {
        Ended::Aborted(why) => DrillVerdict::Aborted(why.clone()),
        Ended::NotSteady(_) => DrillVerdict::NotSteady,
        Ended::Whole if findings.iter().any(|finding| finding.outcome == Judgement::FellShort) => {
            DrillVerdict::FellShort
        }
        Ended::Whole if findings.iter().any(|finding| finding.outcome == Judgement::Unknown) => DrillVerdict::Unknown,
        Ended::Whole => DrillVerdict::Held,
    }
}

fn is_there(step: &Step, target: &impl DrillTarget) -> Result<(), PlanError> {
    let missing = |what: String| PlanError(format!("the step {:?} needs {what}: nothing was done", step.name));
    for dependency in step.does.dependencies() {
        if target.proxy(dependency).is_none() {
            return Err(missing(format!("the dependency {dependency}, which is not declared or not reached over TCP")));
        }
    }
    match &step.does {
        Does::Wild { request, .. } if target.request(request).is_none() => {
            Err(missing(format!("the request {request:?}")))
        }
        Does::Host(host) => {
            let process = host.process.as_deref();
            match process.map(|process| target.pid(process).ok_or(process)).transpose() {
                Ok(pid) => host.fault(left_out(target, &host.name, pid)).map(drop),
                Err(process) => Err(missing(format!("the process {process}, which does not run"))),
            }
        }
        _ => Ok(()),
    }
}

/// The settings that a drill leaves out of a fault of the host.
fn left_out(target: &impl DrillTarget, fault: &str, pid: Option<u32>) -> Settings {
    let mut settings = target.settings(fault);
    settings.extend(pid.map(|pid| ("pid".to_owned(), pid.into())));
    settings
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
        Does::Unavailable(_)
        | Does::Partition(_)
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

struct Run<'plan> {
    plan: &'plan Plan,
    load_plan: keel_load::Plan,
    samples: Samples,
    begun: Instant,
    events: Vec<Event>,
    spans: Vec<Span>,
    active: Vec<Active>,
    undo: &'plan mut UndoLog,
    faults: Arc<Journal>,
    tell: &'plan (dyn Fn(&str) + Send + Sync),
}

/// A step that is not undone yet.
struct Active {
    step: Step,
    since: Duration,
    /// The number of its undo on disk.
    kept: Option<usize>,
    /// A fault of the host, whose undo is in the journal of faults.
    injected: Option<Injected>,
    /// The extra client, until it is dropped.
    extra_client: Option<ExtraClient>,
}

impl Run<'_> {
    async fn steps(&mut self, target: &mut impl DrillTarget) -> Ended {
        // The next one last; of those at the same time the first of the file.
        let mut due: Vec<Step> = self.plan.steps.iter().rev().cloned().collect();
        due.sort_by_key(|step| std::cmp::Reverse(step.at));
        let mut looked = false;
        let mut last_look = Instant::now();
        loop {
            tokio::time::sleep(TICK).await;
            let now = self.begun.elapsed();
            if !looked && now >= self.plan.first_step() {
                looked = true;
                let findings = hypothesis::gate(self.plan, &self.observed(None), target).await;
                if findings.iter().any(|finding| finding.outcome == Judgement::FellShort) {
                    self.happened(EventKind::Abort, "it was not steady before anything was done");
                    return Ended::NotSteady(findings);
                }
            }
            while let Some(step) = due.pop_if(|step| step.at <= now) {
                if let Err(problem) = self.act(step, target).await {
                    return Ended::Aborted(problem);
                }
            }
            while let Some(place) = self.active.iter().position(|active| active.step.at + active.step.lasts <= now) {
                let active = self.active.remove(place);
                if let Err(problem) = self.undo(active, target).await {
                    return Ended::Aborted(problem);
                }
            }
            if let Some(why) = self.must_stop(&mut last_look).await {
                self.happened(EventKind::Abort, &why);
                return Ended::Aborted(why);
            }
            if now >= self.plan.load.lasts && due.is_empty() && self.active.is_empty() {
                return Ended::Whole;
            }
        }
    }

    async fn act(&mut self, step: Step, target: &mut impl DrillTarget) -> Result<(), String> {
        self.happened(EventKind::Fault, &step.name);
        // It counts as done before it is: what was done by half is undone too.
        let kept = match &step.does {
            Does::Command { undo, .. } => {
                let kept = self.undo.about_to(undo);
                Some(kept.map_err(|error| format!("its undo could not be written down, so it was not done: {error}"))?)
            }
            _ => None,
        };
        let since = self.begun.elapsed();
        self.active.push(Active { step: step.clone(), since, kept, injected: None, extra_client: None });
        for dependency in step.does.dependencies() {
            if let Some(proxy) = target.proxy(dependency) {
                proxy.set(fault(&step.does)).await;
                proxy.hold(hold(&step.does));
            }
            if let (Does::Unavailable(_), Some(double)) = (&step.does, target.double(dependency)) {
                double.set(Behaviour::Unavailable(None));
            }
        }
        let last = self.active.len() - 1;
        match &step.does {
            Does::Kill(process) => target.signal(process, SIGKILL)?,
            Does::Freeze(process) => target.signal(process, SIGSTOP)?,
            Does::Command { run, .. } => run_command(run).await?,
            Does::Host(host) => self.active[last].injected = Some(self.inject(host, target).await?),
            Does::Wild { request, connections } => {
                let kind = target.request(request).ok_or("the request was there before")?;
                self.active[last].extra_client =
                    Some(ExtraClient::begin(&kind, *connections, self.plan, &self.load_plan)?);
            }
            _ => {}
        }
        Ok(())
    }

    async fn inject(&self, host: &HostFault, target: &impl DrillTarget) -> Result<Injected, String> {
        let pid = match &host.process {
            Some(process) => Some(target.pid(process).ok_or(format!("there is no process {process}"))?),
            None => None,
        };
        let fault = host.fault(left_out(target, &host.name, pid)).map_err(|refusal| refusal.to_string())?;
        let journal = Arc::clone(&self.faults);
        let injected = tokio::task::spawn_blocking(move || fault.inject(&journal)).await;
        injected.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    async fn undo(&mut self, active: Active, target: &mut impl DrillTarget) -> Result<(), String> {
        // Recovery counts from here: a restart is a part of it.
        let at = self.begun.elapsed();
        for dependency in active.step.does.dependencies() {
            if let Some(proxy) = target.proxy(dependency) {
                proxy.hold(Hold::Flowing);
                proxy.set(Fault::None).await;
            }
            if let Some(double) = target.double(dependency) {
                double.set(Behaviour::Pass);
            }
        }
        match &active.step.does {
            Does::Kill(_) => target.mend().await?,
            Does::Freeze(process) => target.signal(process, SIGCONT)?,
            Does::Command { undo, .. } => run_command(undo).await?,
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
        let more = active.extra_client.map(|client| format!(" after {} requests", client.sent()));
        self.spans.push(Span { from: active.since, to: at, what: active.step.name.clone() });
        self.happened_at(at, EventKind::Undo, &format!("over: {}{}", active.step.name, more.unwrap_or_default()));
        Ok(())
    }

    /// Undoes what is not undone yet, the last first; when the last undo was, if anything was done.
    async fn undo_all(&mut self, target: &mut impl DrillTarget) -> Option<Duration> {
        while let Some(active) = self.active.pop() {
            if let Err(problem) = self.undo(active, target).await {
                self.happened(EventKind::Abort, &problem);
            }
        }
        self.events.iter().rev().find(|event| event.mark == EventKind::Undo).map(|event| event.at)
    }

    async fn must_stop(&self, last_look: &mut Instant) -> Option<String> {
        let look = last_look.elapsed() >= ABORT_LOOK;
        if look {
            *last_look = Instant::now();
        }
        for abort in &self.plan.aborts {
            if let Some(most) = abort.errors
                && let Some(share) =
                    self.samples.errors_since(self.begun.elapsed().saturating_sub(ABORT_WINDOW), ABORT_LEAST)
                && share >= most
            {
                return Some(format!(
                    "{}: {:.0} % of the answers of the last 2 s were failures",
                    abort.name,
                    share * 100.0
                ));
            }
            if let Some(command) = abort.command.as_ref().filter(|_| look)
                && let Err(problem) = run_command(command).await
            {
                return Some(format!("{}: {problem}", abort.name));
            }
        }
        None
    }

    fn happened(&mut self, mark: EventKind, what: &str) {
        self.happened_at(self.begun.elapsed(), mark, what);
    }

    fn happened_at(&mut self, at: Duration, mark: EventKind, what: &str) {
        (self.tell)(&format!("{:5.1} s  {what}", at.as_secs_f64()));
        self.events.push(Event { at, mark, what: what.to_owned() });
    }

    fn observed(&self, undone: Option<Duration>) -> Observed {
        Observed {
            samples: self.samples.clone(),
            kinds: self.load_plan.kinds.iter().map(|kind| kind.name.clone()).collect(),
            first_step: self.plan.first_step(),
            begun: self.begun,
            undone: undone.unwrap_or(self.plan.load.lasts),
            lasts: self.plan.load.lasts,
            recovery: self.plan.recovery,
        }
    }
}
