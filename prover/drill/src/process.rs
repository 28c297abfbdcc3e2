//! A program under examination: its own process group, its output collected, its end certain.
//!
//! Its end is certain in three ways: [`Process::stop`] ends it in order, dropping it kills the whole group, and a
//! watchdog process kills the group when the examiner itself is killed. The leader stays a zombie until the
//! [`Process`] is dropped, so that its process id cannot come to mean another process.

mod attached;
#[cfg(target_os = "linux")]
mod group;
#[cfg(not(target_os = "linux"))]
#[path = "process/group_elsewhere.rs"]
mod group;
mod one_shot;
mod output;
mod tap;
mod usage;
mod watchdog;

use std::collections::{BTreeMap, HashSet};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::environment::without_manager;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

pub use attached::Attached;
pub(crate) use group::Member;
pub use one_shot::{Ended, MAX_OUTPUT, run_to_end};
use output::Output;
pub use output::{Line, MAX_BYTES, MAX_LINE, MAX_LINES, Stream};
pub use tap::Fill;
pub(crate) use usage::Resident;
pub use usage::Usage;
use watchdog::Watchdog;

/// The time limit for the end of a killed group; the kernel needs milliseconds.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// The time limit for the last lines after the leader's end, when other processes hold its output open.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(250);
/// Between two looks at a group that has been killed.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The command, environment and folder of a program.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// A shell command line, run as `sh -c 'exec COMMAND'`, or without `exec` where it is compound.
    pub command: String,
    /// Set on top of the inherited environment. `DRILL_TARGET` is set as well: it marks the target's processes.
    pub env: BTreeMap<String, String>,
    /// Removed from the inherited environment.
    pub env_remove: Vec<String>,
    /// The working directory; the caller's when none.
    pub workdir: Option<PathBuf>,
    /// Streams that go to a full disk (`/dev/full`) and are not collected: every write to them finds no space.
    pub full_disk: Vec<Stream>,
    /// In a session of its own, which has no terminal: started by the program `setsid`.
    pub own_session: bool,
}

/// The end of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// A running program. Dropping it kills its whole process group; so does the death of the examiner.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    pid: u32,
    mark: String,
    started: Instant,
    output: Arc<Output>,
    exit: watch::Receiver<Option<(Exit, Instant)>>,
    /// Dropped to let the leader be reaped.
    reap: Option<mpsc::Sender<()>>,
    /// None only while it is dropped.
    watchdog: Option<Watchdog>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(launch: Launch) -> std::io::Result<Self> {
        let started = Instant::now();
        let mark = mark();
        let mut child = command(&launch, &mark)?.spawn()?;
        let pid = child.id();
        let output = Output::new(started);
        if let Some(pipe) = child.stdout.take() {
            output.collect(Stream::Out, pipe);
        }
        if let Some(pipe) = child.stderr.take() {
            output.collect(Stream::Err, pipe);
        }
        let (exit, reap) = await_end(child);
        let mut process = Self { launch, pid, mark, started, output, exit, reap: Some(reap), watchdog: None };
        // An error from here on drops the process, which kills it.
        process.watchdog = Some(Watchdog::over(pid)?);
        Ok(process)
    }

    /// Its command, environment and folder.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// The time of its start.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The leader's process id, which is the group's id too.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The group's living processes now, and those that left it: descendants, and daemons as far as they still have the
    /// environment that they were started with. Leader first.
    pub fn pids(&self) -> Vec<u32> {
        group::members(self.pid, &self.mark).into_iter().map(|member| member.pid).collect()
    }

    /// Returns true while the leader runs.
    pub fn is_running(&mut self) -> bool {
        self.exit().is_none()
    }

    /// The end of the leader, when it has ended.
    pub fn exit(&self) -> Option<Exit> {
        self.exit.borrow().map(|(exit, _)| exit)
    }

    /// Sends a signal to the leader alone (as a process manager does). Numbers that name no standard signal are ignored.
    pub fn signal(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            // Cannot reach a stranger: the id is ours until the drop. Fails only when the leader is dead.
            let _ = rustix::process::kill_process(self.id(), signal);
        }
    }

    /// Sends a signal to the whole group. Numbers that name no standard signal are ignored.
    pub fn signal_group(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            let _ = rustix::process::kill_process_group(self.id(), signal);
        }
    }

    /// Waits for the leader's end; none when it still runs after `timeout`. Cancel-safe.
    pub async fn wait(&mut self, timeout: Duration) -> Option<Exit> {
        let mut exit = self.exit.clone();
        let ended = tokio::time::timeout(timeout, exit.wait_for(Option::is_some)).await;
        let (exit, _) = (*ended.ok()?.ok()?)?;
        // What it printed last is on its way through the pipe.
        let _ = tokio::time::timeout(OUTPUT_PATIENCE, self.output.ended()).await;
        Some(exit)
    }

    /// SIGTERM, then SIGKILL to the group after `grace`. Returns how the leader ended and how long it took.
    ///
    /// The rest of the group is killed after the leader's end, so that its ports are free again.
    pub async fn stop(&mut self, grace: Duration) -> (Option<Exit>, Duration) {
        let asked = Instant::now();
        self.signal(Signal::TERM.as_raw());
        let mut exit = self.wait(grace).await;
        let mut seen = HashSet::new();
        let _ = tokio::time::timeout(KILL_PATIENCE, async {
            while !self.kill_all(&mut seen) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        })
        .await;
        if exit.is_none() {
            exit = self.wait(KILL_PATIENCE).await;
        }
        let ended = self.exit.borrow().map_or_else(Instant::now, |(_, at)| at);
        (exit, ended.saturating_duration_since(asked))
    }

    /// Kills the processes that listen on this TCP port and were started after the leader: daemons that lost everything by which
    /// they could be found. Only for a port that was free before the start. Returns the number of killed processes.
    pub fn kill_listeners(&self, port: u16) -> usize {
        let listeners = group::listeners(self.pid, port);
        kill(&listeners);
        listeners.len()
    }

    /// Everything it has printed so far, at most the last 20,000 lines.
    pub fn output(&self) -> Vec<Line> {
        self.output.lines()
    }

    /// Returns the number of bytes of this stream that were read so far.
    pub fn printed(&self, stream: Stream) -> u64 {
        self.output.tap(stream).map_or(0, |tap| tap.read_so_far())
    }

    /// Stops reading what it prints, as a stalled log reader does: after at most one more piece its pipes fill. They are made as
    /// small as the system allows (a page on Linux).
    pub fn hold_output(&self) {
        self.output.taps().for_each(|tap| tap.hold());
    }

    /// Reads on after [`Process::hold_output`].
    pub fn release_output(&self) {
        self.output.taps().for_each(|tap| tap.release());
    }

    /// Closes the reading end of both pipes for good, as a log reader that ends does. What is printed first may still be read.
    pub fn close_output(&self) {
        self.output.taps().for_each(|tap| tap.close());
    }

    /// Returns true if the reading end of this stream is closed, so that the next write to it fails.
    pub fn output_is_closed(&self, stream: Stream) -> bool {
        self.output.tap(stream).is_some_and(|tap| tap.is_gone())
    }

    /// Returns the fill of the pipe of this stream; `None` if it is closed, was never there, or the system does not report it.
    pub fn pipe(&self, stream: Stream) -> Option<Fill> {
        self.output.tap(stream)?.fill()
    }

    /// Returns the usage of the group now.
    pub fn usage(&self) -> Usage {
        group::usage(self.pid, &self.mark)
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.pid.cast_signed()).expect("a spawned process has a positive id")
    }

    /// SIGKILL to the group and to those that left it. Returns whether all that were ever `seen` are dead: one that is dying
    /// may not be found any more and still hold its ports.
    fn kill_all(&self, seen: &mut HashSet<Member>) -> bool {
        let members = group::members(self.pid, &self.mark);
        let _ = rustix::process::kill_process_group(self.id(), Signal::KILL);
        kill(&members);
        seen.extend(members);
        seen.retain(Member::is_alive);
        seen.is_empty()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A reader that is held would wait for ever.
        self.release_output();
        let deadline = Instant::now() + KILL_PATIENCE;
        let mut seen = HashSet::new();
        while !self.kill_all(&mut seen) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        // In this order: once the leader is reaped its id may be given to others, and the watchdog must not know it then.
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.retire();
        }
        self.reap = None;
    }
}

fn kill(members: &[Member]) {
    for pid in members.iter().filter_map(|member| Pid::from_raw(member.pid.cast_signed())) {
        // Fails only when it is dead already.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Unique on this machine.
fn mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{}", std::process::id(), since_epoch.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn command(launch: &Launch, mark: &str) -> std::io::Result<Command> {
    let mut command = Command::new(if launch.own_session { "setsid" } else { "sh" });
    if launch.own_session {
        // It does not fork where it leads no group: the shell keeps this process id and leads session and group.
        command.arg("sh");
    } else {
        command.process_group(0);
    }
    let exec = if is_simple(&launch.command) { "exec " } else { "" };
    command.arg("-c").arg(format!("{exec}{}", launch.command));
    without_manager(&mut command);
    for name in &launch.env_remove {
        command.env_remove(name);
    }
    command.envs(&launch.env).env(group::MARK, mark);
    if let Some(folder) = &launch.workdir {
        command.current_dir(folder);
    }
    let sink = |stream| match launch.full_disk.contains(&stream) {
        true => std::fs::OpenOptions::new().write(true).open("/dev/full").map(Stdio::from),
        false => Ok(Stdio::piped()),
    };
    command.stdin(Stdio::null()).stdout(sink(Stream::Out)?).stderr(sink(Stream::Err)?);
    Ok(command)
}

/// Returns true if `exec` may stand before the command: one command, not of the shell itself, without assignments before it. In doubt
/// false: the service is then a child of the shell, and SIGTERM reaches the shell.
pub fn is_simple(command: &str) -> bool {
    const OF_THE_SHELL: [&str; 29] = [
        "!", "{", ".", ":", "[", "case", "cd", "command", "eval", "exec", "exit", "export", "false", "for", "if",
        "printf", "read", "return", "set", "shift", "test", "times", "trap", "true", "ulimit", "umask", "unset",
        "until", "while",
    ];
    let first = command.split_whitespace().next().unwrap_or("");
    !first.is_empty() && !OF_THE_SHELL.contains(&first) && !first.contains('=') && !has_operator(command.trim())
}

/// Returns true if an operator of the shell stands outside quotes: one that joins commands, or a parenthesis. Redirections
/// (`2>&1`) do not count, unbalanced quotes do.
fn has_operator(command: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('\''), '\\') => {}
            (_, '\\') => drop(characters.next()),
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '&') if before == '>' => {}
            (None, ';' | '&' | '|' | '(' | ')' | '`' | '\n') => return true,
            (None, _) => {}
        }
        before = character;
    }
    quote.is_some()
}

/// Learns of the end on a thread of its own, without reaping; reaps when the sender is dropped.
fn await_end(mut child: Child) -> (watch::Receiver<Option<(Exit, Instant)>>, mpsc::Sender<()>) {
    let (ended, exit) = watch::channel(None);
    let (reap, may_reap) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        let id = Pid::from_child(&child);
        let outcome = loop {
            match rustix::process::waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(Some(status)) => {
                    break match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => Exit::Code(code),
                        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
                    };
                }
                // Somebody else reaped it; what is left is what the standard library knows.
                Ok(None) | Err(_) => {
                    let status = child.wait().ok();
                    let code = status.and_then(|status| status.code());
                    let signal = status.and_then(|status| status.signal()).unwrap_or(0);
                    break code.map_or(Exit::Signal(signal), Exit::Code);
                }
            }
        };
        ended.send_replace(Some((outcome, Instant::now())));
        let _ = may_reap.recv();
        let _ = child.wait();
    });
    (exit, reap)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_death_of_the_examiner_ends_the_group() {
        let mut process =
            Process::start(Launch { command: "sleep 1000 & wait".to_owned(), ..Launch::default() }).unwrap();
        process.watchdog.take().unwrap().abandon();
        assert_eq!(process.wait(KILL_PATIENCE).await, Some(Exit::Signal(9)));
    }

    #[tokio::test]
    async fn a_retired_watchdog_kills_no_process() {
        let mut process = Process::start(Launch { command: "sleep 1000".to_owned(), ..Launch::default() }).unwrap();
        process.watchdog.take().unwrap().retire();
        assert!(process.is_running());
    }

    #[test]
    fn exec_stands_only_before_one_simple_command() {
        for simple in [
            "sleep 1",
            "'/a b/server' 80",
            "python3 -m http.server ${PORT} >log 2>&1",
            "nginx -g 'daemon off;'",
            r"a \; b",
            r#"a "\";""#,
        ] {
            assert!(is_simple(simple), "{simple}");
        }
        for compound in [
            "a; b",
            "a && b",
            "a | b",
            "A=1 b",
            "cd x",
            "exit 3",
            "(a)",
            "{ a; }",
            "a &",
            "a\nb",
            "",
            "a 'b' & c",
            "a 'b",
            r"a '\' ; b'",
        ] {
            assert!(!is_simple(compound), "{compound}");
        }
    }
}
