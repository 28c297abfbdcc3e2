//! A service in the background: started, stopped and killed by the commands of `keel.toml`.

use std::time::{Duration, Instant};

use keel_drill::process::{Attached, Ended, Launch, Process, run_to_end};

use super::failure::{StartFailure, how};
use super::running::Running;
use crate::subject::Commands;

/// Time limit of the commands `kill` and `pid`.
const PROMPT: Duration = Duration::from_secs(10);
/// On top of the drain timeout, for `stop`: it waits for the service, and has to start itself.
const BEYOND_DRAIN: Duration = Duration::from_secs(5);
/// Between two looks for the process.
const AGAIN: Duration = Duration::from_millis(100);
/// Lines of a command's output in a failure.
const LAST_LINES: usize = 30;

/// Runs `start` to its end, and begins to read the logs. `launch` has the environment and the folder of every command.
pub(super) async fn start(commands: &Commands, launch: &Launch, limit: Duration) -> Result<Running, StartFailure> {
    done("start", launch, &commands.start, limit).await?;
    let logs = match &commands.logs {
        None => None,
        Some(logs) => Some(Process::start(with(launch, logs)).map_err(|error| StartFailure {
            reason: format!("the shell that runs `{logs}` could not be started: {error}"),
            output: Vec::new(),
        })?),
    };
    let process = Attached::to(None).ok_or_else(|| StartFailure {
        reason: "a process whose id is not known cannot be looked at".to_owned(),
        output: Vec::new(),
    })?;
    Ok(Running::Elsewhere { process, logs })
}

/// Looks for the process of a service that is ready; none when no command tells its id. A daemon may write its id late, over that
/// of an earlier run.
pub(super) async fn process(commands: &Commands, launch: &Launch) -> Result<Option<Attached>, StartFailure> {
    let Some(command) = &commands.pid else { return Ok(None) };
    let since = Instant::now();
    loop {
        let found = match done("pid", launch, command, PROMPT).await.and_then(|ended| pid(&ended, command)) {
            Ok(pid) => Attached::to(Some(pid)).ok_or_else(|| StartFailure {
                reason: format!("`pid` (`{command}`) prints {pid}, and no such process runs on this machine"),
                output: Vec::new(),
            }),
            Err(failure) => Err(failure),
        };
        match found {
            Ok(process) => return Ok(Some(process)),
            Err(failure) if since.elapsed() > PROMPT => return Err(failure),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// Runs `stop` to its end.
pub(super) async fn stop(commands: &Commands, launch: &Launch, drain: Duration) -> Result<(), StartFailure> {
    done("stop", launch, &commands.stop, drain + BEYOND_DRAIN).await.map(drop)
}

/// Runs `kill` to its end.
///
/// # Errors
/// When there is none, or it fails.
pub(super) async fn kill(commands: &Commands, launch: &Launch) -> Result<(), StartFailure> {
    let Some(kill) = &commands.kill else {
        let reason = "no command is declared that kills it: say `kill` beside `start` and `stop`".to_owned();
        return Err(StartFailure { reason, output: Vec::new() });
    };
    done("kill", launch, kill, PROMPT).await.map(drop)
}

async fn done(name: &str, launch: &Launch, command: &str, limit: Duration) -> Result<Ended, StartFailure> {
    let failed = |reason: String, output: &str| {
        let lines: Vec<String> = output.lines().map(str::to_owned).collect();
        StartFailure { reason, output: lines[lines.len().saturating_sub(LAST_LINES)..].to_vec() }
    };
    let ended = run_to_end(&with(launch, command), limit).await.map_err(|error| {
        failed(format!("the shell that runs `{name}` (`{command}`) could not be started: {error}"), "")
    })?;
    match ended.exit {
        _ if ended.is_success() => Ok(ended),
        Some(exit) => Err(failed(format!("`{name}` (`{command}`) ended {}", how(exit)), &ended.output)),
        None => {
            let reason = format!(
                "`{name}` (`{command}`) did not end within {limit:?}: it must end once that is done, and leave the service in the \
                 background"
            );
            Err(failed(reason, &ended.output))
        }
    }
}

fn with(launch: &Launch, command: &str) -> Launch {
    Launch { command: command.to_owned(), ..launch.clone() }
}

fn pid(ended: &Ended, command: &str) -> Result<u32, StartFailure> {
    let printed = ended.output.trim();
    printed.parse().ok().filter(|pid| *pid > 0).ok_or_else(|| StartFailure {
        reason: format!("`pid` (`{command}`) prints {printed:?}: expected the number of its process"),
        output: Vec::new(),
    })
}
