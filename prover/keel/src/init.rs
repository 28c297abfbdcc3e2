//! `keel init`: writes a commented `keel.toml` from a look at the running service and its OpenAPI document.

mod look;
mod mix;
mod page;

use std::path::Path;
use std::time::Duration;

use keel_checklist::lab::{Lab, StartFailure};
use keel_checklist::report::plain;
use keel_checklist::subject::{Flags, Subject};
use keel_wire::http::{Client, Request};

use self::look::Found;
use self::mix::Mix;
use crate::exit::{FINE, NOT_STARTED, usage};
use crate::interrupt::Interrupt;
use crate::output::{print, write};

/// The file that is written.
const FILE: &str = "keel.toml";
/// The time limit of each look at the service.
const PATIENCE: Duration = Duration::from_secs(5);
/// Broken off by a signal, as shells say it.
const BROKEN_OFF: u8 = 130;

/// The service to describe.
#[derive(clap::Args)]
#[command(
    after_help = "Sends GET requests only. Operations of the OpenAPI document that write are added to the file as comments: enable those that keel may \
                  send.\n\nExit \
                  codes:\n  0    keel.toml was written\n  2    a mistake in the command line, or keel.toml exists already\n  \
                  3    the service could not be started, or nothing answers\n  130  interrupted by Ctrl-C or SIGTERM"
)]
pub(crate) struct Arguments {
    /// The command that starts the service in the foreground; without it, the service must be running
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// The address of the service
    #[arg(long, value_name = "http://HOST:PORT")]
    url: String,
    /// The address of health and metrics, if they have a listener of their own
    #[arg(long, value_name = "http://HOST:PORT")]
    admin: Option<String>,
    /// The path of the OpenAPI document [default: the usual paths are tried]
    #[arg(long, value_name = "PATH")]
    openapi: Option<String>,
    /// An environment variable of the service; can be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "run")]
    env: Vec<String>,
    /// The time limit for the service to become ready [default: 10s]
    #[arg(long, value_name = "DURATION", requires = "run")]
    start_timeout: Option<String>,
    /// Replace an existing keel.toml
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    if Path::new(FILE).exists() && !arguments.force {
        return usage(format!("{FILE} exists already: pass --force to replace it"));
    }
    let subject = match arguments.subject() {
        Ok(subject) => subject,
        Err(mistakes) => return usage(mistakes),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    let outcome = runtime.block_on(async {
        let mut interrupt = Interrupt::new().map_err(|error| usage(format!("cannot listen to signals: {error}")))?;
        tokio::select! {
            seen = seen(&subject, arguments) => seen,
            () = interrupt.first() => Err(BROKEN_OFF),
        }
    });
    let (found, mix) = match outcome {
        Ok(seen) => seen,
        Err(code) => return code,
    };
    let text = page::page(&subject, arguments.run.is_some(), &found, &mix);
    if let Err(problem) = readable(&text, arguments.run.is_some()).and_then(|()| write(Path::new(FILE), &text)) {
        return usage(problem);
    }
    print(&page::told(FILE, arguments.run.is_some(), &found, &mix));
    FINE
}

impl Arguments {
    /// The subject as the command line describes it.
    fn subject(&self) -> Result<Subject, String> {
        let flags = Flags {
            // Without a command nothing is started; the text is a stand-in that is never run.
            run: self.run.clone().unwrap_or_else(|| "service".to_owned()),
            url: self.url.clone(),
            admin: self.admin.clone(),
            openapi: self.openapi.clone(),
            env: self.env.clone(),
            start_timeout: self.start_timeout.clone(),
            ..Flags::default()
        };
        Subject::from_flags(flags).map_err(|mistakes| mistakes.to_string())
    }
}

/// Starts the service where it is to be started, looks at it, and ends it.
async fn seen(subject: &Subject, arguments: &Arguments) -> Result<(Found, Mix), u8> {
    let mut lab = None;
    if arguments.run.is_some() {
        let mut started = Lab::open(subject.clone()).await.map_err(|failure| not_started(&failure))?;
        started.ensure_running().await.map_err(|failure| not_started(&failure))?;
        lab = Some(started);
    }
    let client = Client::new(subject.url.clone(), PATIENCE);
    if client.send(Request::get("/")).await.status().is_none() {
        let url = keel_input::credentials::shown(&subject.url);
        eprintln!("keel: nothing answers at {url}: start the service first, or say --run COMMAND");
        return Err(NOT_STARTED);
    }
    let admin = subject.admin.as_ref().map_or_else(|| client.clone(), |url| Client::new(url.clone(), PATIENCE));
    let found = Found::at(&client, &admin, arguments.openapi.as_deref()).await;
    let mix = Mix::of(&client, &found).await;
    if let Some(mut lab) = lab {
        lab.end_all().await;
    }
    Ok((found, mix))
}

fn not_started(failure: &StartFailure) -> u8 {
    eprintln!("keel: the service could not be started: {failure}");
    for line in &failure.output {
        eprintln!("  | {}", plain(line));
    }
    NOT_STARTED
}

/// Makes sure that `keel check` takes the text. Without a command it cannot: the file says that one is missing.
fn readable(text: &str, has_command: bool) -> Result<(), String> {
    if !has_command {
        return Ok(());
    }
    let folder = std::env::current_dir().map_err(|error| format!("the current folder cannot be read: {error}"))?;
    let read = Subject::from_text(FILE, text, &folder).map(drop);
    read.map_err(|mistakes| format!("the findings do not make a valid {FILE}, so it is not written: {mistakes}"))
}
