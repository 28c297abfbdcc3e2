//! The course of a run: hypothesis, method, hypothesis, rollbacks, by their strategies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::activity::{self, Entries};
use super::document;
use super::failure::Failure;
use super::journal::{Interruption, Journal, Run, State, Status};
use super::mistake::Mistake;
use super::scene::Scene;
use super::strategy::{Dry, HypothesisStrategy, Options, RollbackStrategy};
use super::substitution::Names;
use super::variables;
use crate::value::{Map, Value};
use keel_drill::clock;

/// One run, while it runs.
struct Course {
    scene: Arc<Scene>,
    /// The probes of the hypothesis: a tolerance that is a probe keeps the value that it was asked about.
    probes: Arc<Mutex<Vec<Value>>>,
    journal: Journal,
    hypothesis: HypothesisStrategy,
    rollbacks: RollbackStrategy,
    frequency: Duration,
    fail_fast: bool,
}

/// Runs the experiment. `tell` is given a line for each thing that happens. When `interrupted` is ready, with the name of
/// the signal, the method is broken off; rollbacks are played then as their strategy says.
///
/// # Errors
/// A strategy that is unknown, or a variable that is missing; nothing has been done then.
pub(super) async fn run(
    experiment: &Value,
    options: &Options,
    tell: Arc<dyn Fn(&str) + Send + Sync>,
    interrupted: impl Future<Output = String>,
) -> Result<Journal, Mistake> {
    let mut course = Course::new(experiment, options, tell).await?;
    let begun = Instant::now();
    let entries = Entries::default();
    let during = Arc::new(Mutex::new(Vec::new()));
    let signal = {
        let steps = course.steps(&entries, &during);
        tokio::select! {
            biased;
            signal = interrupted => Some(signal),
            () = steps => None,
        }
    };
    course.journal.run = std::mem::take(&mut *lock(&entries));
    course.journal.steady_states.during = std::mem::take(&mut *lock(&during));
    if let Some(name) = signal {
        course.scene.tell(format!("Broken off by {name}"));
        course.journal.status = Status::Interrupted;
        course.journal.run.iter_mut().for_each(Run::end_now);
        course.journal.interruption = Some(Interruption { kind: "signal", reason: format!("received {name}"), name });
    }
    course.roll_back().await;
    Ok(course.finished(begun))
}

impl Course {
    async fn new(
        experiment: &Value,
        options: &Options,
        tell: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Self, Mistake> {
        let mut document = experiment.clone();
        let environment = |name: &str| std::env::var(name).ok();
        let configuration = variables::configuration(document.get("configuration"), &options.variables, &environment)?;
        let secrets = variables::secrets(document.get("secrets"), &options.variables, &environment)?;
        let names = dynamic(&mut document, Names { configuration, secrets }, &tell).await;
        let said = |part: &str| document.get("runtime")?.get(part)?.text("strategy").map(str::to_owned);
        let unknown = |what: &str, name: &str| Mistake::new(format!("runtime.{what}.strategy: there is no {name:?}"));
        let hypothesis = match (options.hypothesis, said("hypothesis")) {
            (Some(strategy), _) => strategy,
            (None, Some(name)) => HypothesisStrategy::named(&name).ok_or_else(|| unknown("hypothesis", &name))?,
            (None, None) => HypothesisStrategy::Default,
        };
        let rollbacks = match (options.rollbacks, said("rollbacks")) {
            (Some(strategy), _) => strategy,
            (None, Some(name)) => RollbackStrategy::named(&name).ok_or_else(|| unknown("rollbacks", &name))?,
            (None, None) => RollbackStrategy::Default,
        };
        let title = names.substitute(document.get("title").unwrap_or(&Value::Null));
        if let Some(map) = document.as_map_mut() {
            map.set("title", title);
            map.set("dry", options.dry.map_or(Value::Null, |dry| dry.name().into()));
        }
        let probes = document.get("steady-state-hypothesis").map_or(&[][..], |it| it.list("probes")).to_vec();
        let scene = Scene { names, dry: options.dry, known: document::known(&document), tell };
        Ok(Self {
            scene: Arc::new(scene),
            probes: Arc::new(Mutex::new(probes)),
            journal: Journal::started(document),
            hypothesis,
            rollbacks,
            frequency: Duration::try_from_secs_f64(options.frequency.unwrap_or(1.0)).unwrap_or(Duration::from_secs(1)),
            fail_fast: options.fail_fast,
        })
    }

    /// Everything before the rollbacks.
    async fn steps(&mut self, entries: &Entries, during: &Arc<Mutex<Vec<State>>>) {
        let has_hypothesis = !lock(&self.probes).is_empty() && self.hypothesis != HypothesisStrategy::Skip;
        if has_hypothesis && self.hypothesis.before() && !self.gate().await {
            return;
        }
        let watch = Arc::new(Watch::default());
        let watching = (has_hypothesis && self.hypothesis.during()).then(|| {
            let (scene, probes) = (Arc::clone(&self.scene), Arc::clone(&self.probes));
            Watch::start(Arc::clone(&watch), scene, probes, Arc::clone(during), self.frequency, self.fail_fast)
        });
        let played = self.method(entries, &watch).await;
        watch.end();
        if let Some(mut watching) = watching {
            // It ends with the look that it is at.
            while watching.join_next().await.is_some() {}
        }
        let fatal = played.err().or_else(|| lock(&watch.fatal).take());
        if let Some(problem) = fatal {
            self.scene.tell(problem);
            self.journal.status = Status::Aborted;
            return;
        }
        if watch.failed.load(Ordering::Relaxed) {
            self.journal.status = Status::Failed;
        }
        if has_hypothesis && self.hypothesis.after() {
            self.verify().await;
        }
    }

    /// The look before the method; whether the method may be played.
    async fn gate(&mut self) -> bool {
        let (state, fatal) = look(&self.scene, &self.probes).await;
        let met = state.steady_state_met == Some(true);
        if !met {
            self.journal.status = ended(&state, fatal.as_ref());
        }
        self.journal.steady_states.before = Some(state);
        met
    }

    /// The look after the method.
    async fn verify(&mut self) {
        let (state, fatal) = look(&self.scene, &self.probes).await;
        if state.steady_state_met != Some(true) {
            self.journal.deviated = fatal.is_none();
            self.journal.status = ended(&state, fatal.as_ref());
        }
        self.journal.steady_states.after = Some(state);
    }

    /// Plays the method; background activities run beside the others, and are waited for.
    async fn method(&self, entries: &Entries, watch: &Watch) -> Result<(), String> {
        self.scene.tell("Playing the method");
        let mut background = JoinSet::new();
        let mut outcome = Ok(());
        for step in self.journal.experiment.list("method") {
            let done = self.step(step, entries, &mut background).await;
            if done.is_err() || watch.has_stopped() {
                outcome = done;
                break;
            }
        }
        // What is fatal in the background ends nothing, as in the reference: its entry has no status.
        while background.join_next().await.is_some() {}
        outcome
    }

    async fn step(&self, step: &Value, entries: &Entries, background: &mut JoinSet<()>) -> Result<(), String> {
        if step.get("background") != Some(&Value::Bool(true)) {
            return activity::execute(&self.scene, step, entries).await.map(drop);
        }
        let (scene, step, entries) = (Arc::clone(&self.scene), step.clone(), Arc::clone(entries));
        let mut work = Box::pin(async move {
            let outcome = activity::execute(&scene, &step, &entries).await;
            outcome.map(drop).unwrap_or_else(|problem| scene.tell(problem));
        });
        // It begins before what comes after it, as the order of entries shows.
        if futures_util::poll!(&mut work).is_pending() {
            background.spawn(work);
        }
        Ok(())
    }

    async fn roll_back(&mut self) {
        if !self.rollbacks.plays(&self.journal) {
            return;
        }
        self.scene.tell("Rolling back");
        let entries = Entries::default();
        let mut background = JoinSet::new();
        for step in self.journal.experiment.list("rollbacks") {
            if let Err(problem) = self.step(step, &entries, &mut background).await {
                // The reference stops here; what is left undone is worse than a second message.
                self.scene.tell(problem);
                self.journal.status = Status::Aborted;
            }
        }
        while background.join_next().await.is_some() {}
        self.journal.rollbacks = std::mem::take(&mut *lock(&entries));
    }

    fn finished(mut self, begun: Instant) -> Journal {
        keep_asked_values(&mut self.journal, &lock(&self.probes));
        self.journal.end = clock::now();
        self.journal.duration = begun.elapsed().as_secs_f64();
        if self.journal.status == Status::Running {
            self.journal.status = Status::Completed;
        }
        self.journal
    }
}

/// The status that a look leaves that did not find what it should.
fn ended(state: &State, fatal: Option<&String>) -> Status {
    match fatal {
        Some(_) => Status::Aborted,
        None if state.probes.iter().any(|probe| probe.status != Some("succeeded")) => Status::Failed,
        None => Status::Completed,
    }
}

/// One look at the hypothesis, and what was fatal in it.
async fn look(scene: &Scene, probes: &Mutex<Vec<Value>>) -> (State, Option<String>) {
    let entries = Entries::default();
    let outcome = look_at(scene, probes, &entries).await;
    let mut state = State { steady_state_met: None, probes: std::mem::take(&mut *lock(&entries)) };
    match outcome {
        Ok(met) => {
            scene.tell(if met { "The steady state holds" } else { "The steady state does not hold" });
            state.steady_state_met = Some(met);
            (state, None)
        }
        Err(problem) => {
            scene.tell(&problem);
            (state, Some(problem))
        }
    }
}

async fn look_at(scene: &Scene, probes: &Mutex<Vec<Value>>, entries: &Entries) -> Result<bool, String> {
    let count = lock(probes).len();
    for number in 0..count {
        let probe = lock(probes)[number].clone();
        let place = activity::execute(scene, &probe, entries).await?;
        let entry = lock(entries)[place].clone();
        let met = if entry.status == Some("failed") {
            false
        } else if matches!(scene.dry, Some(Dry::Probes | Dry::Activities)) {
            true
        } else {
            let mut tolerance = probe.get("tolerance").cloned().unwrap_or_default();
            let met = activity::within(&mut tolerance, &entry.output, &scene.names).await;
            if let Some(probe) = lock(probes)[number].as_map_mut() {
                probe.set("tolerance", tolerance);
            }
            met.map_err(|failure| match failure {
                Failure::Activity(problem) | Failure::Fatal(problem) => problem,
            })?
        };
        lock(entries)[place].tolerance_met = Some(met);
        if !met {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The hypothesis, looked at while the method runs.
#[derive(Default)]
struct Watch {
    ended: AtomicBool,
    /// It failed fast.
    failed: AtomicBool,
    fatal: Mutex<Option<String>>,
    wake: Notify,
}

impl Watch {
    fn start(
        watch: Arc<Self>,
        scene: Arc<Scene>,
        probes: Arc<Mutex<Vec<Value>>>,
        during: Arc<Mutex<Vec<State>>>,
        frequency: Duration,
        fail_fast: bool,
    ) -> JoinSet<()> {
        let mut task = JoinSet::new();
        task.spawn(async move {
            while !watch.ended.load(Ordering::Relaxed) {
                let (state, fatal) = look(&scene, &probes).await;
                let met = state.steady_state_met == Some(true);
                if let Some(problem) = fatal {
                    *lock(&watch.fatal) = Some(problem);
                    return;
                }
                lock(&during).push(state);
                if !met && fail_fast {
                    watch.failed.store(true, Ordering::Relaxed);
                    return;
                }
                let _ = tokio::time::timeout(frequency, watch.wake.notified()).await;
            }
        });
        task
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Returns true if the method should stop.
    fn has_stopped(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || lock(&self.fatal).is_some()
    }
}

/// Asks the probes that the configuration holds; one that brings nothing is left out.
async fn dynamic(document: &mut Value, names: Names, tell: &Arc<dyn Fn(&str) + Send + Sync>) -> Names {
    let mut found = Names { configuration: Map::default(), secrets: names.secrets.clone() };
    for (key, value) in names.configuration.iter() {
        if value.text("type") != Some("probe") {
            found.configuration.set(key, value.clone());
            continue;
        }
        // The reference hands its secrets to the probe's provider, where they show in the journal.
        let in_document =
            document.as_map_mut().and_then(|map| map.get_mut("configuration")?.as_map_mut()?.get_mut(key));
        if let Some(Value::Map(provider)) = in_document.and_then(|probe| probe.as_map_mut()?.get_mut("provider")) {
            provider.set("secrets", names.secrets.clone());
        }
        let kind = value.get("provider").and_then(|provider| provider.text("type"));
        match (activity::run(value, &found).await, kind) {
            (Ok(output), Some("process")) if output.get("status") == Some(&Value::Int(0)) => {
                let printed = output.text("stdout").unwrap_or_default().trim();
                found.configuration.set(key, printed);
            }
            (Ok(output), Some("http")) => found.configuration.set(key, output.get("body").cloned().unwrap_or_default()),
            (Ok(output), _) => tell(&format!("the configuration {key} was left out: {}", super::python::text(&output))),
            (Err(Failure::Activity(problem) | Failure::Fatal(problem)), _) => {
                tell(&format!("the configuration {key} was left out: {problem}"));
            }
        }
    }
    found
}

/// A tolerance that is a probe was given a value; the reference's journal shows the last one wherever the probe stands.
fn keep_asked_values(journal: &mut Journal, probes: &[Value]) {
    let asked: Vec<&Value> = probes
        .iter()
        .filter(|probe| probe.get("tolerance").is_some_and(|tolerance| tolerance.text("type") == Some("probe")))
        .collect();
    let update = |activity: &mut Value| {
        let same =
            asked.iter().find(|probe| probe.text("name").is_some() && probe.text("name") == activity.text("name"));
        let tolerance = same.and_then(|probe| probe.get("tolerance"));
        if let (Some(tolerance), Some(map)) = (tolerance, activity.as_map_mut()) {
            map.set("tolerance", tolerance.clone());
        }
    };
    let states = &mut journal.steady_states;
    for state in states.before.iter_mut().chain(&mut states.after).chain(&mut states.during) {
        state.probes.iter_mut().for_each(|run| update(&mut run.activity));
    }
    let hypothesis = journal.experiment.as_map_mut().and_then(|map| map.get_mut("steady-state-hypothesis"));
    if let Some(Value::List(probes)) = hypothesis.and_then(|hypothesis| hypothesis.as_map_mut()?.get_mut("probes")) {
        probes.iter_mut().for_each(update);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
