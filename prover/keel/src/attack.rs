//! `keel attack`: simulates hostile clients. Each attack is bounded, and a bystander measures the harm to ordinary clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use keel_checklist::lab::Lab;
use keel_checklist::probes::prove::attack::declared::{self, Leave};
use keel_checklist::report::plain;
use keel_checklist::subject::Subject;
use keel_drill::attack::Token;
use keel_drill::attack::{self, Attack, AttackResult, AttackVerdict, Bounds, Target};
use keel_input::template;
use keel_wire::http::Request;
use url::Url;

use crate::address::Address;
use crate::exit::{FINE, NOT_STARTED, usage};
use crate::interrupt::Interrupt;
use crate::output::{can_write, print, write};
use crate::progress::Progress;

mod tell;

/// The exit code when an attack succeeded.
const FELL: u8 = 1;
/// The exit code of an interrupted run, by the convention of shells.
const BROKEN_OFF: u8 = 130;

/// Arguments of `keel attack`: the target, the attacks, and their bounds.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes:\n  0    no attack succeeded\n  1    an attack succeeded: the service fell\n  2    a mistake in the \
                  command line or a file, or a target that may not be attacked\n  3    the service could not be started\n  130  \
                  interrupted by Ctrl-C or SIGTERM"
)]
pub(crate) struct Arguments {
    /// List the attacks with their correct answers, and exit
    #[arg(long)]
    list: bool,
    /// Run only these attacks
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Start the service that this file describes, and use its requests
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The URL to attack; its path is the harmless request. With --config, it replaces the URL of the service
    #[arg(long, value_name = "http://HOST:PORT/PATH")]
    url: Option<Address>,
    /// The port for HTTP/2 without TLS, if it differs from the port of the URL (loopback only)
    #[arg(long, value_name = "PORT")]
    h2_port: Option<u16>,
    /// A path that accepts JSON by POST
    #[arg(long, value_name = "PATH")]
    body: Option<String>,
    /// The path of the login, by POST
    #[arg(long, value_name = "PATH", requires = "login_body")]
    login: Option<String>,
    /// The body of the login; {password} is replaced by each password that is tried
    #[arg(long, value_name = "TEXT", requires = "login")]
    login_body: Option<String>,
    /// The maximum number of concurrent connections
    #[arg(long, value_name = "COUNT", default_value_t = Bounds::default().connections)]
    connections: usize,
    /// The maximum number of requests, streams or connections per attack
    #[arg(long, value_name = "COUNT", default_value_t = Bounds::default().requests)]
    requests: u64,
    /// The maximum rate of requests, streams or connections, such as 200 or 200/s
    #[arg(long, value_name = "RATE", value_parser = keel_input::rate::parse, default_value_t = f64::from(Bounds::default().rate))]
    rate: f64,
    /// The maximum duration of one attack, such as 10s
    #[arg(long = "for", alias = "duration", value_name = "DURATION", value_parser = keel_input::duration::parse_or_seconds)]
    lasts: Option<Duration>,
    /// Also write the outcomes as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> u8 {
    if arguments.list {
        print(&tell::list());
        return FINE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    runtime.block_on(attacked(&arguments)).unwrap_or_else(usage)
}

async fn attacked(arguments: &Arguments) -> Result<u8, String> {
    let attacks = arguments.attacks()?;
    let bounds = arguments.bounds()?;
    if let Some(path) = &arguments.json {
        can_write(path)?;
    }
    let mut interrupt = Interrupt::new().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let mut lab = None;
    if let Some(path) = &arguments.config {
        let subject = Subject::from_file(path).map_err(|mistakes| mistakes.to_string())?;
        match started(subject).await {
            Ok(started) => lab = Some(started),
            Err(failure) => {
                eprintln!("keel: the service could not be started: {failure}");
                return Ok(NOT_STARTED);
            }
        }
    }
    let target = arguments.target(lab.as_mut()).await?;
    tokio::select! {
        outcomes = run_all(&attacks, &target, &bounds) => arguments.tell(&outcomes?),
        () = interrupt.first() => Ok(BROKEN_OFF),
    }
}

async fn started(subject: Subject) -> Result<Lab, keel_checklist::lab::StartFailure> {
    let mut lab = Lab::open(subject).await?;
    lab.ensure_running().await?;
    Ok(lab)
}

async fn run_all(attacks: &[&Attack], target: &Target, bounds: &Bounds) -> Result<Vec<AttackResult>, String> {
    let progress = Progress::new();
    let mut outcomes = Vec::new();
    for (place, attack) in attacks.iter().enumerate() {
        progress.show(&format!("{}/{} {}", place + 1, attacks.len(), attack.id));
        let outcome = attack::run(attack, target, bounds).await.map_err(|refusal| refusal.to_string())?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

impl Arguments {
    fn attacks(&self) -> Result<Vec<&'static Attack>, String> {
        let unknown = |id: &str| format!("no attack is called {id:?}: `keel attack --list` shows them");
        if self.only.is_empty() {
            return Ok(attack::all().iter().collect());
        }
        self.only.iter().map(|id| attack::named(id).ok_or_else(|| unknown(id))).collect()
    }

    fn bounds(&self) -> Result<Bounds, String> {
        let duration = self.lasts.unwrap_or(Bounds::default().duration);
        let answer = Bounds::default().answer.min(duration);
        let (connections, requests) = (self.connections, self.requests);
        // Beyond what fits the bounds refuse it.
        let rate = self.rate.ceil() as u32;
        let bounds = Bounds { connections, requests, rate, duration, answer, ..Bounds::default() };
        bounds.check().map_err(|beyond| beyond.to_string())?;
        Ok(bounds)
    }

    async fn target(&self, lab: Option<&mut Lab>) -> Result<Target, String> {
        let mut target = match lab {
            Some(lab) => declared::target(lab, Leave::Effect).await,
            None => {
                let url = self
                    .url
                    .as_ref()
                    .ok_or("nothing to attack: pass --url http://127.0.0.1:PORT/ or --config keel.toml")?;
                Target::at(url.url()?)
            }
        };
        if let Some(url) = &self.url {
            target.url = url.url()?;
        }
        target.h2_port = self.h2_port;
        if let Some(path) = &self.body {
            target.body = Some(Request::new(Method::POST, path.clone()).header("Content-Type", "application/json"));
        }
        if let (Some(path), Some(body)) = (&self.login, &self.login_body) {
            has_place_for_password(body)?;
            let json = serde_json::from_str::<serde_json::Value>(body).is_ok();
            let media_type = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            let request = Request::new(Method::POST, path.clone()).header("Content-Type", media_type);
            target.login = Some(attack::target::Login { request: request.body(body.clone()) });
        }
        let token = Token::fresh();
        if !is_loopback(&target.url) {
            eprintln!("keel: the target must serve {token} at {}", attack::consent::PATH);
            wait_for_return();
        }
        target.consent = Some(token);
        Ok(target)
    }

    fn tell(&self, outcomes: &[AttackResult]) -> Result<u8, String> {
        print(&plain_lines(&tell::text(outcomes)));
        if let Some(path) = &self.json {
            save(path, outcomes)?;
        }
        let fell = outcomes.iter().any(|outcome| outcome.verdict == AttackVerdict::Fell);
        Ok(if fell { FELL } else { FINE })
    }
}

/// The body of a login is a template of `{password}` and nothing else.
fn has_place_for_password(body: &str) -> Result<(), String> {
    if let Some(name) = template::unknown(body, |name| name == "password").first() {
        return Err(format!("--login-body: {{{name}}} is unknown; only {{password}} is replaced"));
    }
    match body.contains("{password}") {
        true => Ok(()),
        false => Err("--login-body: {password} is missing; it marks the place of each tried password".to_owned()),
    }
}

/// A first guess, for the hint alone: what decides is the address that the name resolves to.
fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.starts_with("127.") || host == "localhost" || host == "[::1]")
}

/// Waits for the owner of the target to serve the token.
fn wait_for_return() {
    eprintln!("keel: press Return once it does");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Removes control characters from the server's answers, so that they cannot drive the terminal.
fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(line).to_string() + "\n").collect()
}

fn save(path: &Path, outcomes: &[AttackResult]) -> Result<(), String> {
    let text = serde_json::to_string_pretty(outcomes).map_err(|error| error.to_string())?;
    write(path, &(text + "\n"))
}
