//! The subject while it is examined: started, observed, restarted, its dependencies behind fault proxies.

pub(crate) mod capacity;
mod commands;
mod dependency;
pub(crate) mod drip;
mod failure;
pub(crate) mod observations;
mod pace;
mod postgres;
mod read_back;
mod ready;
mod running;
pub(crate) mod soak;
mod start_time;
mod start_watch;

mod template;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use keel_drill::double::Double;
use keel_drill::process::{Attached as AttachedProcess, Exit, Launch, Line, MAX_LINES, Process, Usage};
use keel_input::credentials;
use keel_proxy::FaultProxy;
use keel_wire::http::{Client, Exchange, Request};
use url::Url;

use self::capacity::Capacity;
use self::dependency::Attached;
use self::drip::Drip;
pub use self::failure::StartFailure;
use self::failure::{how, last_lines};
use self::observations::Observations;
pub use self::pace::Pace;
use self::ready::Readiness;
pub use self::running::Running;
use self::soak::Soak;
use self::start_watch::StartWatch;
use crate::control::{Control, Uncontrolled};
use crate::recipe::created::EACH;
use crate::subject::{COOKIE, Dependencies, Operation, RequestSpec, Subject};

/// On top of the subject's deadline, until an exchange is given up.
const BEYOND_DEADLINE: Duration = Duration::from_secs(5);
/// The same at any pace: later than the latest answer that is still in time.
const LEAST_BEYOND_DEADLINE: Duration = Duration::from_secs(2);
/// The bound of one look at readiness.
const READY_LOOK: Duration = Duration::from_secs(2);
/// Time that a stopped service's port is waited for: a daemon that left the group may hold it a moment longer.
const PORT_PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at it.
const PORT_LOOK: Duration = Duration::from_millis(50);
const SIGKILL: i32 = 9;

/// One successful start.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// From exec to the first connection accepted.
    pub listening: Duration,
    /// From exec to ready.
    pub ready: Duration,
}

/// The subject under examination. Every probe gets it running, and may break it; [`Lab::ensure_running`] mends it.
///
/// Dropping it ends everything that it started.
#[derive(Debug)]
pub struct Lab {
    /// The description of the service.
    pub subject: Subject,
    /// The pace of probes: [`Pace::FULL`], unless a test examines something quick.
    pub pace: Pace,
    /// Every line printed by earlier runs of the subject, bounded to the last 20,000.
    pub earlier_output: Vec<Line>,
    /// The measured capacity, or the reason why it is unknown; once a probe has measured it.
    pub(crate) capacity: Option<Result<Capacity, String>>,
    /// The service's patience with input that comes a byte at a time; once a probe has measured it.
    pub(crate) drips: Option<Vec<Drip>>,
    /// The steady load that it answered to its end; once a probe has held one.
    pub(crate) soak: Option<Soak>,
    /// The moment at which the probe under way is broken off; none outside of an examination.
    pub(crate) until: Option<Instant>,
    /// Other observations that several probes share.
    pub(crate) observations: Observations,
    saved: BTreeMap<String, String>,
    mix_sent: bool,
    /// For how long the service and keel had waited for a CPU when the last start was ready or given up.
    pub(crate) starved: Duration,
    /// The longest start so far, from exec to ready.
    pub(crate) slowest_start: Duration,
    /// The mix as it was sent after the first start, until the first try of the requests is judged.
    pub(crate) tried: Vec<(RequestSpec, Exchange)>,
    // Before the dependencies, so that it is dropped before what it calls.
    process: Option<Running>,
    dependencies: Vec<Attached>,
}

impl Lab {
    /// Starts dependencies and proxies (not yet the subject).
    ///
    /// # Errors
    /// When a dependency cannot be started.
    pub async fn open(subject: Subject) -> Result<Self, StartFailure> {
        let mut dependencies = Vec::new();
        if let Dependencies::Declared(declared) = &subject.dependencies {
            for dependency in declared {
                dependencies.push(Attached::attach(dependency, &subject.workdir).await?);
            }
        }
        Ok(Self {
            subject,
            pace: Pace::FULL,
            earlier_output: Vec::new(),
            capacity: None,
            drips: None,
            until: None,
            soak: None,
            observations: Observations::default(),
            saved: BTreeMap::new(),
            mix_sent: false,
            starved: Duration::ZERO,
            slowest_start: Duration::ZERO,
            tried: Vec::new(),
            process: None,
            dependencies,
        })
    }

    /// Puts a double in front of this dependency, which sees its calls one by one; for one that speaks plain HTTP, and before the
    /// subject is started.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn watch(&mut self, dependency: &str) -> Result<(), StartFailure> {
        match self.dependencies.iter_mut().find(|attached| attached.name() == dependency) {
            Some(attached) => attached.watch().await,
            None => Ok(()),
        }
    }

    /// Makes sure that the subject runs and is ready and that all faults are off: starts or restarts it when it is not.
    /// None when it was running and ready already.
    ///
    /// # Errors
    /// When it does not become ready in time.
    pub async fn ensure_running(&mut self) -> Result<Option<Started>, StartFailure> {
        self.mend_dependencies().await?;
        let started = if self.runs_and_is_ready().await {
            None
        } else {
            self.stop().await;
            Some(self.begin(|_| {}).await?)
        };
        if !self.mix_sent {
            self.mix_sent = true;
            self.tried = self.send_mix().await;
        }
        Ok(started)
    }

    /// Takes all faults off, and starts dependencies again that have ended.
    ///
    /// # Errors
    /// When one does not become ready in time.
    pub(crate) async fn mend_dependencies(&mut self) -> Result<(), StartFailure> {
        for dependency in &mut self.dependencies {
            dependency.mend(&self.subject.workdir).await?;
        }
        Ok(())
    }

    /// Starts it (it must not be running) with changes to its launch; waits until ready.
    ///
    /// # Errors
    /// When it ends or does not become ready in time, and when one that runs already would have to be started.
    pub async fn start_with(&mut self, change: impl FnOnce(&mut Launch)) -> Result<Started, StartFailure> {
        match self.subject.operation {
            Operation::Attached { .. } => Err(StartFailure {
                reason: "it runs already, and is neither started nor stopped".to_owned(),
                output: Vec::new(),
            }),
            Operation::Foreground | Operation::Commands(_) => self.begin(change).await,
        }
    }

    async fn begin(&mut self, change: impl FnOnce(&mut Launch)) -> Result<Started, StartFailure> {
        if self.process.is_some() {
            self.stop().await;
        }
        let watch = StartWatch::begin();
        let (running, since) = self.launched(change).await?;
        self.process = Some(running);
        let mut outcome = self.await_ready(since).await;
        if let (Ok(_), Operation::Commands(commands)) = (&outcome, &self.subject.operation) {
            match (commands::process(commands, &self.launch()).await, &mut self.process) {
                (Ok(Some(found)), Some(Running::Elsewhere { process, .. })) => *process = found,
                (Ok(_), _) => {}
                (Err(failure), _) => outcome = Err(failure),
            }
        }
        self.starved = watch.end(&self.running().map(Process::pids).unwrap_or_default());
        match &outcome {
            Ok(started) => self.slowest_start = self.slowest_start.max(started.ready),
            Err(_) => self.stop().await,
        }
        outcome
    }

    async fn launched(&self, change: impl FnOnce(&mut Launch)) -> Result<(Running, Instant), StartFailure> {
        let since = Instant::now();
        if let Operation::Attached { pid } = self.subject.operation {
            let process = AttachedProcess::to(pid).ok_or_else(|| StartFailure {
                reason: format!("no process {} runs: it has ended, or `pid` is another's", pid.unwrap_or(0)),
                output: Vec::new(),
            })?;
            return Ok((Running::Elsewhere { process, logs: None }, since));
        }
        self.refuse_a_taken_port().await?;
        let mut launch = self.launch();
        change(&mut launch);
        if let Operation::Commands(commands) = &self.subject.operation {
            let running = commands::start(commands, &launch, self.subject.start_timeout).await;
            if running.is_err() {
                // It may have been started all the same.
                let _ = commands::stop(commands, &launch, self.subject.drain_timeout).await;
            }
            return Ok((running?, since));
        }
        let process = Process::start(launch).map_err(|error| StartFailure {
            reason: format!("the shell that runs `{}` could not be started: {error}", self.subject.run),
            output: Vec::new(),
        })?;
        let since = process.started();
        Ok((Running::Own(process), since))
    }

    /// The launch that would be used: command, environment with the proxies' addresses, working directory.
    pub fn launch(&self) -> Launch {
        let mut env = self.subject.env.clone();
        for dependency in &self.dependencies {
            env.extend(dependency.variables());
        }
        Launch {
            command: self.subject.run.clone(),
            env,
            workdir: Some(self.subject.workdir.clone()),
            ..Launch::default()
        }
    }

    /// The running subject.
    ///
    /// # Panics
    /// When it is not running: call [`Lab::ensure_running`] before.
    pub fn process(&mut self) -> &mut Running {
        self.process.as_mut().expect("the caller started the subject with ensure_running or start_with")
    }

    /// The running subject's process, to look at; none when it does not run, or keel did not start it in the foreground.
    pub fn running(&self) -> Option<&Process> {
        match &self.process {
            Some(Running::Own(process)) => Some(process),
            _ => None,
        }
    }

    /// Sends a signal to the running subject's leader; does nothing when it does not run.
    pub fn signal(&self, signal: i32) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Sends a signal to the running subject's whole group; does nothing when it does not run.
    pub fn signal_group(&self, signal: i32) {
        if let Some(process) = &self.process {
            process.signal_group(signal);
        }
    }

    /// Kills the running subject, as SIGKILL does; does nothing when it does not run.
    ///
    /// # Errors
    /// When it cannot be killed: it runs already, no command does it, or that failed.
    pub async fn kill(&self) -> Result<(), StartFailure> {
        match &self.subject.operation {
            Operation::Foreground => {
                self.signal_group(SIGKILL);
                Ok(())
            }
            Operation::Commands(commands) => {
                commands::kill(commands, &self.launch()).await?;
                // Whoever still listens was not killed, or is somebody else.
                self.refuse_a_taken_port().await
            }
            Operation::Attached { .. } => Err(StartFailure {
                reason: "it runs already, and is neither started nor stopped".to_owned(),
                output: Vec::new(),
            }),
        }
    }

    /// Returns the uptime of the subject, as [`Line::at`] counts; zero if it does not run.
    pub fn uptime(&self) -> Duration {
        self.process.as_ref().map_or(Duration::ZERO, |process| process.started().elapsed())
    }

    /// The id of the process that was started; none when it does not run.
    pub fn leader(&self) -> Option<u32> {
        self.process.as_ref().and_then(Running::known_pid)
    }

    /// The processes that have a part in an answer: the subject's, those of dependencies that were started for it, and keel's own.
    pub(crate) fn pids_at_work(&self) -> [Vec<u32>; 3] {
        let subject = self.running().map(Process::pids).unwrap_or_default();
        let dependencies = self.dependencies.iter().filter_map(Attached::process).flat_map(Process::pids);
        [subject, dependencies.collect(), vec![std::process::id()]]
    }

    /// Returns the resource usage of the subject; `None` if it does not run.
    pub fn usage(&self) -> Option<Usage> {
        self.process.as_ref().map(Running::usage)
    }

    /// Resident memory of the running subject, in bytes; 0 when it does not run.
    pub fn resident(&self) -> u64 {
        self.process.as_ref().map_or(0, |process| process.usage().resident)
    }

    /// Returns true if it answers ready now (one request, bounded to 2 s).
    pub async fn is_ready(&self) -> bool {
        self.readiness().look(READY_LOOK).await
    }

    /// Stops it with SIGTERM, then SIGKILL after the subject's drain timeout, or by its commands; its output is kept in
    /// `earlier_output`. Does nothing when it does not run, and leaves one alone that ran already.
    pub async fn stop(&mut self) {
        let Some(mut running) = self.process.take() else { return };
        if let Operation::Commands(commands) = &self.subject.operation {
            let launch = self.launch();
            if commands::stop(commands, &launch, self.subject.drain_timeout).await.is_err() {
                // What cannot be killed either is seen by its port at the next start.
                let _ = commands::kill(commands, &launch).await;
            }
        }
        if let Some(process) = running.own() {
            process.stop(self.subject.drain_timeout).await;
            // The ports were free before the start, so whoever listens there now is the subject's.
            for port in self.urls().filter_map(Url::port_or_known_default) {
                process.kill_listeners(port);
            }
        }
        self.earlier_output.append(&mut running.output());
        let surplus = self.earlier_output.len().saturating_sub(MAX_LINES);
        self.earlier_output.drain(..surplus);
    }

    /// Ends the subject and what was started for it, so that the next [`Lab::ensure_running`] begins anew.
    pub async fn end_all(&mut self) {
        self.stop().await;
        for dependency in &mut self.dependencies {
            dependency.end().await;
        }
    }

    /// A client for the public listener; each exchange is bounded by the subject's deadline plus 5 s.
    pub fn http(&self) -> Client {
        self.client(&self.subject.url)
    }

    /// A client for the admin listener, or the public one when there is none.
    pub fn admin(&self) -> Client {
        let url = self.subject.admin.as_ref().unwrap_or(&self.subject.url);
        self.client(url)
    }

    fn client(&self, url: &Url) -> Client {
        let timeout = self.subject.deadline + self.beyond_deadline();
        Client::new(url.clone(), timeout).with_trust(self.subject.trust.clone())
    }

    /// The proxy in front of a declared dependency. None when it is not declared, or not reached over TCP.
    pub fn proxy(&self, dependency: &str) -> Option<&FaultProxy> {
        self.dependencies.iter().find(|attached| attached.name() == dependency)?.proxy()
    }

    /// The double in front of a dependency that is watched ([`Lab::watch`]).
    pub fn double(&self, dependency: &str) -> Option<&Double> {
        self.dependencies.iter().find(|attached| attached.name() == dependency)?.double()
    }

    /// Returns the address of a dependency, without the proxies in front of it.
    pub fn dependency_url(&self, dependency: &str) -> Option<&Url> {
        self.dependencies.iter().find(|attached| attached.name() == dependency).map(Attached::url)
    }

    /// The subject's output since its last start; that of the last run when it does not run now is in `earlier_output`.
    pub fn output(&self) -> Vec<Line> {
        self.process.as_ref().map(Running::output).unwrap_or_default()
    }

    /// Sends the mix once, in order (crash and slow requests left out), saving what later requests need. Done once by
    /// [`Lab::ensure_running`] after the first start; call it again to get fresh saved values.
    pub async fn send_mix(&mut self) -> Vec<(RequestSpec, Exchange)> {
        let client = self.http();
        let mut sent = Vec::new();
        for spec in self.mix() {
            let exchange = client.send(self.fill(&spec)).await;
            self.saved.extend(Self::saved_of(&spec, &exchange));
            sent.push((spec, exchange));
        }
        sent
    }

    /// A request of the mix with its templates filled in: a fresh `{key}`, saved values.
    pub fn fill(&self, spec: &RequestSpec) -> Request {
        template::fill(spec, &self.saved)
    }

    /// The same with [`EACH`] for its key, so that a script can send it many times.
    pub(crate) fn fill_repeatable(&self, spec: &RequestSpec) -> Request {
        template::fill_as(spec, &self.saved, &[("key".to_owned(), EACH.to_owned())].into())
    }

    /// Returns a function that does [`Lab::fill`] for this request, with the values that are saved now; it can be sent from elsewhere.
    pub fn filler(&self, spec: &RequestSpec) -> impl Fn() -> Request + Send + Sync + 'static {
        let (spec, saved) = (spec.clone(), self.saved.clone());
        move || template::fill(&spec, &saved)
    }

    /// A path with the names in braces replaced by what the mix has saved.
    pub fn filled_path(&self, path: &str) -> String {
        let spec = RequestSpec { path: path.to_owned(), ..RequestSpec::default() };
        template::fill(&spec, &self.saved).path
    }

    /// Sends a signal to the whole group of a process by its name: the subject's, or that of a dependency started for it.
    /// False when there is no such process, or it does not run.
    pub fn signal_by_name(&self, name: &str, signal: i32) -> bool {
        if name == self.subject.name {
            let own = matches!(self.process, Some(Running::Own(_)));
            self.signal_group(signal);
            return own;
        }
        self.dependency_process(name).inspect(|process| process.signal_group(signal)).is_some()
    }

    /// The id of such a process: of the program, not of the shell that started it.
    pub fn pid_by_name(&self, name: &str) -> Option<u32> {
        let (pids, leader) = match self.process.as_ref().filter(|_| name == self.subject.name) {
            Some(running) => (running.pids(), running.known_pid()?),
            None => self.dependency_process(name).map(|process| (process.pids(), process.pid()))?,
        };
        pids.into_iter().find(|pid| *pid != leader).or(Some(leader))
    }

    fn dependency_process(&self, name: &str) -> Option<&Process> {
        self.dependencies.iter().find(|attached| attached.name() == name).and_then(Attached::process)
    }

    /// Returns the values that the mix has saved so far, by name.
    pub fn saved(&self) -> &BTreeMap<String, String> {
        &self.saved
    }

    /// One request that only reads and is expected to succeed: the first GET of the mix that is neither slow nor a crash, else `GET /`.
    pub fn harmless(&self) -> Request {
        let succeeds = |spec: &RequestSpec| spec.expect.is_none_or(|status| (200..400).contains(&status));
        self.mix()
            .iter()
            .find(|spec| spec.only_reads() && succeeds(spec))
            .map_or_else(|| Request::get("/"), |spec| self.fill(spec))
    }

    /// The requests of the mix, without slow, heavy and crash ones.
    pub fn mix(&self) -> Vec<RequestSpec> {
        let light = |spec: &&RequestSpec| !spec.slow && !spec.heavy && !spec.crash;
        self.subject.requests.iter().filter(light).cloned().collect()
    }

    /// Shows that a request is answered as declared, before anything is done to it. Sends it once.
    ///
    /// # Errors
    /// The unexpected answer: an experiment with this request would then show nothing.
    pub async fn control(&self, spec: &RequestSpec) -> Result<Control, Uncontrolled> {
        let exchange = self.http().send(self.fill(spec)).await;
        let came = exchange.status().map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
        let as_declared = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
        let what = format!("{} is answered {came}, as declared", spec.name);
        let otherwise = format!("{} is answered {came} by itself, not as declared: mend it in [[requests]]", spec.name);
        Control::seen(as_declared, what, otherwise).map_err(|failed| failed.shown_by(&exchange))
    }

    /// Shows that a thing which was never made is absent: the request, for an identifier of keel's own, is answered 404 or 410.
    ///
    /// # Errors
    /// When it is answered otherwise: then no answer says that another thing is there.
    pub async fn absent(&self, request: Request) -> Result<Control, Uncontrolled> {
        Control::absent(&self.http().send(request).await)
    }

    async fn runs_and_is_ready(&mut self) -> bool {
        self.process.as_mut().is_some_and(Running::is_running) && self.is_ready().await
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::of(&self.subject)
    }

    fn beyond_deadline(&self) -> Duration {
        self.pace.of(BEYOND_DEADLINE).max(LEAST_BEYOND_DEADLINE)
    }

    fn urls(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.subject.url).chain(&self.subject.admin)
    }

    /// Refuses a port that another program uses: that program would be examined in the subject's place.
    async fn refuse_a_taken_port(&self) -> Result<(), StartFailure> {
        for url in self.urls() {
            let since = Instant::now();
            while !ready::is_free(url).await {
                if since.elapsed() > PORT_PATIENCE {
                    return Err(StartFailure {
                        reason: format!(
                            "something else listens on {} although the service is not started yet: stop it, \
                             or give the service another port and say so in `url` or `admin`",
                            credentials::shown(url)
                        ),
                        output: Vec::new(),
                    });
                }
                tokio::time::sleep(PORT_LOOK).await;
            }
        }
        Ok(())
    }

    async fn await_ready(&mut self, since: Instant) -> Result<Started, StartFailure> {
        let limit = self.subject.start_timeout;
        let url = self.subject.url.clone();
        let running = self.process.as_mut().expect("the caller has just put it there");
        let readiness = Readiness::of(&self.subject);
        let mut listening = None;
        while since.elapsed() < limit {
            if listening.is_none() && ready::accepts(&url).await {
                listening = Some(since.elapsed());
            }
            if let Some(listening) = listening
                && readiness.look(READY_LOOK.min(limit.saturating_sub(since.elapsed()))).await
            {
                return Ok(Started { listening, ready: since.elapsed() });
            }
            let Some(process) = running.own() else {
                tokio::time::sleep(ready::LOOK_EVERY).await;
                continue;
            };
            if let Some(exit) = process.wait(ready::LOOK_EVERY).await {
                let mut reason = format!("`{}` ended {} before it was ready", self.subject.run, how(exit));
                if exit == Exit::Code(0) {
                    reason.push_str("; configure the service to stay in the foreground");
                }
                return Err(StartFailure { reason, output: last_lines(process) });
            }
        }
        let url = credentials::shown(&url);
        let seen = match listening {
            None => format!("nothing listens on {url}: check that `url` is where it listens"),
            Some(_) => format!("{url} accepts connections, but {readiness} says that it is not ready"),
        };
        let who = match &self.subject.operation {
            Operation::Foreground => format!("`{}`", self.subject.run),
            Operation::Commands(commands) => format!("`{}`", commands.start),
            Operation::Attached { .. } => "the service that runs already".to_owned(),
        };
        let reason = format!("{who} was not ready within {limit:?}; {seen}, or raise `start_timeout`");
        Err(StartFailure { reason, output: failure::last_of(&running.output()) })
    }

    /// Returns the values to save from a request's answer, by name.
    pub fn saved_of(spec: &RequestSpec, exchange: &Exchange) -> BTreeMap<String, String> {
        let Some(answer) = exchange.answer() else { return BTreeMap::new() };
        let json = answer.json();
        let value = |pointer: &String| {
            if let Some(name) = pointer.strip_prefix(COOKIE) {
                return cookie(answer, name);
            }
            match json.as_ref()?.pointer(pointer)? {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            }
        };
        spec.save.iter().filter_map(|(name, pointer)| Some((name.clone(), value(pointer)?))).collect()
    }
}

/// The cookie of this name that an answer sets, as `NAME=VALUE`.
fn cookie(answer: &keel_wire::http::Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").into_iter().filter_map(|value| value.to_str().ok());
    let pairs = set.filter_map(|text| text.split(';').next());
    pairs.map(str::trim).find(|pair| pair.split_once('=').is_some_and(|(known, _)| known == name)).map(str::to_owned)
}

#[cfg(test)]
mod tests;
