//! The process provider: a program, its arguments, what it printed and how it ended.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;

use keel_drill::environment::without_manager;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::failure::Failure;
use super::seconds::seconds;
use super::substitution::Names;
use super::{python, validity};
use crate::value::Value;

/// The most bytes of each stream that are kept; what comes after is read and dropped.
pub(super) const MAX_OUTPUT: usize = 8 << 20;

/// Runs it to its end, or until its timeout; without one, as long as it takes.
pub(super) async fn run(provider: &Value, names: &Names) -> Result<Value, Failure> {
    let mut command = command(provider, names)?;
    let timeout = match provider.some("timeout") {
        Some(timeout) => {
            Some(seconds(timeout).ok_or_else(|| Failure::fatal("the timeout of a process must be a number"))?)
        }
        None => None,
    };
    let mut child = command
        .spawn()
        .map_err(|error| Failure::fatal(format!("cannot start {:?}: {error}", command.as_std().get_program())))?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let outcome = match timeout {
        Some(timeout) => tokio::time::timeout(timeout, finish(&mut child)).await.ok(),
        None => Some(finish(&mut child).await),
    };
    let Some(outcome) = outcome else {
        // Dropping the group ends what the program started too.
        return Err(Failure::Activity("process activity took too long to complete".to_owned()));
    };
    let (code, stdout, stderr) =
        outcome.map_err(|error| Failure::fatal(format!("cannot wait for its end: {error}")))?;
    // It ended by itself: what it left running is meant to run.
    group.0 = None;
    let output = [("status", Value::Int(code)), ("stdout", decoded(stdout)?), ("stderr", decoded(stderr)?)];
    Ok(Value::Map(output.into_iter().collect()))
}

/// A program and everything that it started; killed when dropped before the program's own end.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn finish(child: &mut Child) -> std::io::Result<(i64, Vec<u8>, Vec<u8>)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) = tokio::join!(read(stdout), read(stderr), child.wait());
    let status = status?;
    let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
    Ok((i64::from(code), stdout?, stderr?))
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&piece[..length.min(MAX_OUTPUT - kept.len())]);
    }
}

/// Arguments that are one text are given to a shell; a mapping is its keys and values one after the other.
fn command(provider: &Value, names: &Names) -> Result<Command, Failure> {
    let path = expanded(provider.text("path").unwrap_or_default());
    let program = validity::which(&path).ok_or_else(|| Failure::fatal(format!("there is no program {path}")))?;
    let none = Value::List(Vec::new());
    let arguments = provider.get("arguments").unwrap_or(&none);
    let arguments =
        if arguments.is_truthy() && !names.is_empty() { names.substitute(arguments) } else { arguments.clone() };
    let given = |value: &&Value| **value != Value::Null && value.as_text() != Some("");
    let mut command = match &arguments {
        Value::Text(text) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(format!("{} {text}", program.display()));
            shell
        }
        Value::List(items) => with_arguments(program, items.iter().filter(given).map(python::text)),
        Value::Map(map) => with_arguments(
            program,
            map.iter().flat_map(|(key, value)| {
                let key = Some(key.to_owned()).filter(|key| !key.is_empty());
                key.into_iter().chain(Some(value).filter(given).map(python::text))
            }),
        ),
        _ => return Err(Failure::fatal("the arguments of a process must be a text, a list or a mapping")),
    };
    without_manager(command.as_std_mut());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    Ok(command)
}

fn with_arguments(program: PathBuf, arguments: impl Iterator<Item = String>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// `~` at the start is the home folder.
fn expanded(path: &str) -> String {
    match (path.strip_prefix('~'), std::env::var("HOME")) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => path.to_owned(),
    }
}

fn decoded(bytes: Vec<u8>) -> Result<Value, Failure> {
    String::from_utf8(bytes)
        .map(Value::Text)
        .map_err(|_| Failure::Activity("Failed to decode bytes using encoding 'utf-8'".to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    async fn ran(provider: &str) -> Result<Value, Failure> {
        let names =
            Names { configuration: [("word", Value::from("hello there"))].into_iter().collect(), ..Names::default() };
        run(&serde_json::from_str(provider).unwrap(), &names).await
    }

    #[tokio::test]
    async fn arguments_come_as_a_list_a_mapping_or_a_text() {
        for (arguments, printed) in [
            (r#"["<%s>", "${word}", "", null, 5, true]"#, "<hello there><5><True>"),
            (r#"{"<%s>": "${word}", "--b": 1.0}"#, "<hello there><--b><1.0>"),
            (r#""'<%s>' ${word} | tr a-z A-Z""#, "<HELLO><THERE>"),
        ] {
            let output = ran(&format!(r#"{{"path":"printf","arguments":{arguments}}}"#)).await.unwrap();
            assert_eq!(output.text("stdout"), Some(printed));
            assert_eq!(output.get("status"), Some(&Value::Int(0)));
        }
    }

    #[tokio::test]
    async fn a_signal_is_a_negative_status_and_errors_are_kept_apart() {
        let output = ran(r#"{"path":"sh","arguments":["-c","echo no >&2; kill -9 $$$$"]}"#).await.unwrap();
        assert_eq!(output.text("stderr"), Some("no\n"));
        assert_eq!(output.get("status"), Some(&Value::Int(-9)));
    }

    #[tokio::test]
    async fn a_process_over_its_timeout_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let arguments = format!("-c 'sleep 600 & echo $! >{0}; wait'", file.display());
        let begun = Instant::now();
        let failure = ran(&format!(r#"{{"path":"sh","timeout":2,"arguments":"{arguments}"}}"#)).await.unwrap_err();
        assert!(matches!(failure, Failure::Activity(problem) if problem.contains("too long")));
        assert!(begun.elapsed() < Duration::from_secs(60));
        let pid: u32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        let running = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while running() {
            tokio::task::yield_now().await;
        }
    }
}
