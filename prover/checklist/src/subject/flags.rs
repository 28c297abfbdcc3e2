//! A subject of which the command line says what is known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keel_input::diagnostics::{Mistake, Mistakes};
use url::Url;

use super::dependency::Dependencies;
use super::operation::Operation;
use super::service::{DEADLINE, DRAIN_TIMEOUT, SOAK, START_TIMEOUT, STEADY, State, Subject};
use super::trust::Said;
use super::values::{folder, name_of, service_url, url_path, variable};

/// Flags that describe a service. Paths are relative to the current folder.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--run`: the command that starts it in the foreground.
    pub run: String,
    /// `--attach`: it runs already.
    pub attach: bool,
    /// `--pid`: then its process id.
    pub pid: Option<u32>,
    /// `--url`: where it listens.
    pub url: String,
    /// `--ca`: a file with the authority of its certificate.
    pub ca: Option<PathBuf>,
    /// `--pin`: the pin of its key.
    pub pin: Option<String>,
    /// `--insecure-accept-any-certificate`: on this machine alone.
    pub insecure_accept_any_certificate: bool,
    /// `--server-name`: the name in its certificate.
    pub server_name: Option<String>,
    /// `--admin`: where health and metrics are, when that is another listener.
    pub admin: Option<String>,
    /// `--ready`: the path that says whether it is ready.
    pub ready: Option<String>,
    /// `--health`: the path of its health.
    pub health: Option<String>,
    /// `--metrics`: the path of its metrics.
    pub metrics: Option<String>,
    /// `--openapi`: the path of its OpenAPI document.
    pub openapi: Option<String>,
    /// `--repository`: what the static probes read.
    pub repository: Option<PathBuf>,
    /// `--data`: folders of persistent data; saying one says that it keeps state.
    pub data: Vec<PathBuf>,
    /// `--stateless`: it keeps no state.
    pub stateless: bool,
    /// `--no-dependencies`: it calls nothing over a network.
    pub no_dependencies: bool,
    /// `--decisions`: the decisions file.
    pub decisions: Option<PathBuf>,
    /// `--deadline`: no request may take longer, such as `30s`.
    pub deadline: Option<String>,
    /// `--start-timeout`: until it is ready, such as `10s`.
    pub start_timeout: Option<String>,
    /// `--env`: each `NAME=VALUE`.
    pub env: Vec<String>,
}

impl Flags {
    /// The subject that they describe.
    pub(super) fn subject(self) -> Result<Subject, Mistakes> {
        let mut wrong = Vec::new();
        let url = kept(&mut wrong, "--url", Some(service_url(&self.url)));
        let admin = kept(&mut wrong, "--admin", self.admin.as_deref().map(service_url));
        let said = Said {
            ca: self.ca,
            pin: self.pin,
            anything: self.insecure_accept_any_certificate,
            server_name: self.server_name,
        };
        let urls: Vec<&Url> = [url.as_ref(), admin.as_ref()].into_iter().flatten().collect();
        let written = ["--ca", "--pin", "--insecure-accept-any-certificate"];
        let trust = kept(&mut wrong, "--url", url.is_some().then(|| said.trust(&urls, written)));
        let mut path = |flag, text: Option<String>| kept(&mut wrong, flag, text.as_deref().map(url_path));
        let ready = path("--ready", self.ready);
        let health = path("--health", self.health);
        let metrics = path("--metrics", self.metrics);
        let openapi = path("--openapi", self.openapi);
        let deadline = kept(&mut wrong, "--deadline", self.deadline.as_deref().map(keel_input::duration::parse));
        let start_timeout =
            kept(&mut wrong, "--start-timeout", self.start_timeout.as_deref().map(keel_input::duration::parse));
        let env = environment(&mut wrong, &self.env);
        kept(&mut wrong, "--repository", self.repository.as_deref().map(folder));
        if !self.attach && self.run.trim().is_empty() {
            wrong.push(mistake("--run", "it is empty: say the command that starts the service".to_owned()));
        }
        let workdir = match std::env::current_dir() {
            Ok(workdir) => workdir,
            Err(error) => return Err(Mistakes::one("--run", format!("the current folder cannot be read: {error}"))),
        };
        Mistakes::none_of(wrong)?;
        let Some(url) = url else { return Err(Mistakes::one("--url", "expected http://HOST:PORT")) };
        Ok(Subject {
            name: if self.attach { self.url } else { name_of(&self.run) },
            run: self.run,
            operation: match self.attach {
                true => Operation::Attached { pid: self.pid },
                false => Operation::Foreground,
            },
            url,
            trust: trust.flatten(),
            plain: None,
            renew_certificate: None,
            admin,
            ready,
            health,
            metrics,
            openapi,
            repository: self.repository.map(|path| workdir.join(path)),
            state: match (self.stateless, self.data.is_empty()) {
                (true, _) => State::None,
                (false, false) => State::Durable,
                (false, true) => State::Unsaid,
            },
            data: self.data.into_iter().map(|path| workdir.join(path)).collect(),
            env,
            deadline: deadline.unwrap_or(DEADLINE),
            start_timeout: start_timeout.unwrap_or(START_TIMEOUT),
            drain_timeout: DRAIN_TIMEOUT,
            steady: STEADY,
            soak: SOAK,
            decisions: self.decisions,
            dependencies: if self.no_dependencies { Dependencies::Declared(Vec::new()) } else { Dependencies::Unsaid },
            load: None,
            ops: None,
            requests: Vec::new(),
            work: Vec::new(),
            dead_letters: None,
            quarantine: None,
            query: None,
            outliers: None,
            errors: None,
            console: None,
            events: None,
            integrity: None,
            leader: None,
            workdir,
        })
    }
}

fn environment(wrong: &mut Vec<Mistake>, pairs: &[String]) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for pair in pairs {
        match pair.split_once('=').map(|(name, value)| (variable(name), value)) {
            Some((Ok(name), value)) => drop(env.insert(name, value.to_owned())),
            Some((Err(what), _)) => wrong.push(mistake("--env", what)),
            None => wrong.push(mistake("--env", format!("{pair:?}: expected NAME=VALUE"))),
        }
    }
    env
}

fn kept<T>(wrong: &mut Vec<Mistake>, flag: &str, value: Option<Result<T, String>>) -> Option<T> {
    value?.map_err(|what| wrong.push(mistake(flag, what))).ok()
}

fn mistake(flag: &str, what: String) -> Mistake {
    Mistake { place: flag.to_owned(), what }
}
