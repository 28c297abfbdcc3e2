//! Two instances of the subject on the same data.

use std::time::{Duration, Instant};

use keel_drill::process::{Launch, Process};
use keel_wire::http::{Answer, Client, Request};
use tokio::sync::Mutex;

use crate::lab::Lab;
use crate::subject::Leader;

pub(super) const SIGSTOP: i32 = 19;
pub(super) const SIGCONT: i32 = 18;
const SIGKILL: i32 = 9;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// Bound of one look.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// One of two instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instance {
    /// The subject as it always runs.
    First,
    /// The one that is started beside it.
    Second,
}

impl Instance {
    pub(super) fn place(self) -> usize {
        usize::from(self == Self::Second)
    }
}

/// Page of an instance that says whether it leads.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub(super) is_answered: bool,
    pub(super) leads: bool,
    pub(super) fence: Option<f64>,
}

impl Shown {
    /// Reads what `text` shows.
    pub(super) fn read(text: &str, leads: &str, fence: Option<&str>) -> Self {
        let number = |rest: &str| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)).unwrap_or(rest.len());
            rest[..end].parse().ok()
        };
        let fence = fence.and_then(|before| number(text.split_once(before)?.1.trim_start()));
        Self { is_answered: true, leads: text.contains(leads), fence }
    }
}

/// Both instances.
pub(super) struct Pair {
    second: Mutex<Option<Process>>,
    /// Of each instance those of the public and of the admin listener.
    clients: [[Client; 2]; 2],
    /// The same with a short bound, for looks.
    looks: [Client; 2],
    declared: Leader,
}

impl Pair {
    /// Starts the second instance beside the first one.
    ///
    /// # Errors
    /// When it does not become ready in time.
    pub(super) async fn start(lab: &Lab, declared: &Leader) -> Result<Self, String> {
        let subject = &lab.subject;
        let client = |url: &url::Url, limit| Client::new(url.clone(), limit).with_trust(subject.trust.clone());
        let admin = declared.admin.as_ref().unwrap_or(&declared.url);
        let own_admin = subject.admin.as_ref().unwrap_or(&subject.url);
        let limit = subject.deadline;
        let clients = [
            [client(&subject.url, limit), client(own_admin, limit)],
            [client(&declared.url, limit), client(admin, limit)],
        ];
        let looks = [client(own_admin, LOOK_LIMIT), client(admin, LOOK_LIMIT)];
        let launch = lab.launch();
        let env = launch.env.iter().chain(&declared.env).map(|(name, value)| (name.clone(), value.clone())).collect();
        let command = declared.run.clone().unwrap_or_else(|| launch.command.clone());
        let process = Process::start(Launch { command, env, ..launch })
            .map_err(|error| format!("the second instance could not be started: {error}"))?;
        let pair = Self { second: Mutex::new(Some(process)), clients, looks, declared: declared.clone() };
        let begun = Instant::now();
        let path = subject.ready.as_deref().unwrap_or("/");
        while begun.elapsed() < subject.start_timeout {
            let exchange = pair.looks[1].send(Request::get(path)).await;
            let is_ready = |status: http::StatusCode| match subject.ready {
                Some(_) => status.is_success(),
                None => status.as_u16() < 500,
            };
            if exchange.status().is_some_and(is_ready) {
                return Ok(pair);
            }
            tokio::time::sleep(LOOK).await;
        }
        let output = pair.second.lock().await.as_ref().map(Process::output).unwrap_or_default();
        let last = output.last().map_or_else(String::new, |line| format!("; its last line: {}", line.text));
        Err(format!(
            "the second instance is not ready at {} within {:?}: check `env`, `url` and `admin` of [leader]{last}",
            admin, subject.start_timeout
        ))
    }

    pub(super) fn client_of(&self, instance: Instance, is_admin: bool) -> &Client {
        &self.clients[instance.place()][usize::from(is_admin)]
    }

    /// The present pages of both.
    pub(super) async fn shown(&self) -> [Shown; 2] {
        let (first, second) = tokio::join!(self.shown_by(Instance::First), self.shown_by(Instance::Second));
        [first, second]
    }

    pub(super) async fn shown_by(&self, instance: Instance) -> Shown {
        let exchange = self.looks[instance.place()].send(Request::get(&self.declared.read)).await;
        match exchange.answer() {
            Some(answer) => Shown::read(&Answer::text(answer), &self.declared.leads, self.declared.fence.as_deref()),
            None => Shown::default(),
        }
    }

    /// Waits until an instance shows this; none when it has not come `within`.
    pub(super) async fn until(
        &self,
        instance: Instance,
        within: Duration,
        is_so: impl Fn(&Shown) -> bool,
    ) -> Option<Shown> {
        let begun = Instant::now();
        loop {
            let shown = self.shown_by(instance).await;
            if is_so(&shown) {
                return Some(shown);
            }
            if begun.elapsed() >= within {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn signal(&self, lab: &Lab, instance: Instance, signal: i32) {
        match instance {
            Instance::First => lab.signal_group(signal),
            Instance::Second => {
                // Nobody else holds it for longer than a moment.
                if let Ok(second) = self.second.try_lock()
                    && let Some(process) = second.as_ref()
                {
                    process.signal_group(signal);
                }
            }
        }
    }

    /// # Errors
    /// When it cannot be killed.
    pub(super) async fn kill(&self, lab: &Lab, instance: Instance) -> Result<(), String> {
        match instance {
            Instance::First => lab.kill().await.map_err(|failure| format!("it was not killed: {failure}")),
            Instance::Second => {
                self.signal(lab, instance, SIGKILL);
                Ok(())
            }
        }
    }

    /// Ends the second instance.
    pub(super) async fn end(&self, lab: &Lab) {
        self.signal(lab, Instance::Second, SIGCONT);
        if let Some(mut process) = self.second.lock().await.take() {
            process.stop(lab.subject.drain_timeout).await;
        }
    }
}
