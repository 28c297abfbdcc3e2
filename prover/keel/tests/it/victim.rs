//! A keel with a journal of its own, and what it breaks.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use keel_drill::fault::Journal;
use keel_drill::process::{Launch, Process};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const GIVE_UP: Duration = Duration::from_secs(30);

/// A keel with a journal of its own.
pub(crate) struct Keel {
    state: TempDir,
}

impl Keel {
    pub(crate) fn new() -> Self {
        Self { state: tempfile::tempdir().unwrap() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
        command.env("KEEL_STATE", self.state.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command().args(words).output().unwrap()
    }

    /// `keel fault`, once it says that the fault acts.
    pub(crate) fn start_fault(&self, words: &[&str]) -> UnderWay {
        let mut child = self
            .command()
            .arg("fault")
            .args(words)
            .args(["--for", "600"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if !line.contains("acts") {
            panic!("{words:?}: {line}{:?}", child.wait_with_output());
        }
        UnderWay(child)
    }

    /// `keel undo`, which must do it.
    pub(crate) fn undo(&self) {
        let output = self.run(&["undo"]);
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::open(&self.state.path().join("faults")).unwrap()
    }

    /// An empty folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.state.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

impl Drop for Keel {
    fn drop(&mut self) {
        // A test that fails must not leave the host broken.
        let _ = self.command().args(["undo", "--all"]).output();
    }
}

/// A keel while its fault acts.
pub(crate) struct UnderWay(Child);

impl UnderWay {
    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that faults are done to; killed when it is dropped.
pub(crate) struct Victim(Child);

impl Victim {
    pub(crate) fn idle() -> Self {
        Self::run("exec sleep 600")
    }

    pub(crate) fn busy() -> Self {
        Self::run("while :; do :; done")
    }

    fn run(script: &str) -> Self {
        Self(Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn setting(&self) -> String {
        format!("pid={}", self.pid())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }

    /// The line of `/proc/PID/limits` that begins so.
    pub(crate) fn limit(&self, name: &str) -> String {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.pid())).unwrap();
        limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    }

    /// The path of its control group.
    pub(crate) fn control_group(&self, controller: &str) -> String {
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", self.pid())).unwrap();
        let of = |name: &str| {
            groups.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let names = parts.next()?;
                names.split(',').any(|one| one == name).then(|| parts.next().unwrap_or("").to_owned())
            })
        };
        of(controller).or_else(|| of("")).unwrap_or_default()
    }

    /// The folder of its control group, in either version.
    pub(crate) fn group_folder(&self, controller: &str) -> PathBuf {
        let group = self.control_group(controller);
        let first = Path::new("/sys/fs/cgroup").join(controller).join(group.trim_start_matches('/'));
        if first.is_dir() { first } else { Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/')) }
    }

    pub(crate) fn times_throttled(&self) -> u64 {
        let said = std::fs::read_to_string(self.group_folder("cpu").join("cpu.stat")).unwrap_or_default();
        let line = said.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        line.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The state letter of a process; `-` when there is none.
pub(crate) fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

/// The number of living processes that carry this in their environment, without the shells that wait for them.
pub(crate) fn carrying(variable: &str) -> usize {
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let carries = |pid: &String| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes())
    };
    pids.filter(|pid| pid.parse::<u32>().is_ok()).filter(carries).count()
}

pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < GIVE_UP, "{what}: not within {GIVE_UP:?}");
        std::thread::yield_now();
    }
}

/// A program in Python, started in this folder.
pub(crate) fn python(script: &str, folder: &Path) -> Launch {
    let file = folder.with_extension("py");
    std::fs::write(&file, script).unwrap();
    Launch {
        command: format!("/usr/bin/python3 {}", file.display()),
        workdir: Some(folder.to_owned()),
        ..Launch::default()
    }
}

/// Until it says this line, after all that it has said already.
pub(crate) async fn says(process: &Process, line: &str) {
    says_such(process, line, |said| said == line).await;
}

/// Until it says such a line, after all that it has said already.
pub(crate) async fn says_such(process: &Process, what: &str, is_such: impl Fn(&str) -> bool) {
    let before = process.output().len();
    let since = Instant::now();
    loop {
        let output = process.output();
        if output.iter().skip(before).any(|line| is_such(&line.text)) {
            return;
        }
        let last: Vec<&str> = output.iter().rev().take(5).map(|line| line.text.as_str()).collect();
        assert!(since.elapsed() < GIVE_UP, "{what}: not said within {GIVE_UP:?}, but {last:?}");
        tokio::task::yield_now().await;
    }
}

/// Until it says nothing for so long between two lines.
pub(crate) async fn pauses(process: &Process, pause: Duration) {
    let before = process.output().len();
    let since = Instant::now();
    loop {
        let output = process.output();
        if output[before.min(output.len())..].windows(2).any(|pair| pair[1].at - pair[0].at >= pause) {
            return;
        }
        assert!(since.elapsed() < GIVE_UP, "no pause of {pause:?} within {GIVE_UP:?}");
        tokio::task::yield_now().await;
    }
}

/// Two hosts in network namespaces of their own, with a wire between them.
pub(crate) struct Hosts {
    pub(crate) near: String,
    far: String,
    pub(crate) device: String,
}

impl Hosts {
    /// None where namespaces cannot be made.
    pub(crate) fn new() -> Option<Self> {
        let id = std::process::id();
        let hosts = Self { near: format!("keel-a-{id}"), far: format!("keel-b-{id}"), device: format!("ka{id}") };
        let (near, far, device, other) = (&hosts.near, &hosts.far, &hosts.device, format!("kb{id}"));
        let steps = [
            format!("ip netns add {near}"),
            format!("ip netns add {far}"),
            format!("ip -n {near} link add {device} type veth peer name {other} netns {far}"),
            format!("ip -n {near} addr add 10.231.0.1/30 dev {device}"),
            format!("ip -n {far} addr add 10.231.0.2/30 dev {other}"),
            format!("ip -n {near} link set {device} up"),
            format!("ip -n {far} link set {other} up"),
            format!("ip -n {near} route add default via 10.231.0.2"),
        ];
        steps.iter().all(|step| shell(step)).then_some(hosts)
    }

    /// Returns true if the near side has a default route.
    pub(crate) fn has_default_route(&self) -> bool {
        let shown = Command::new("ip").args(["-n", &self.near, "route", "show", "default"]).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).contains("via 10.231.0.2")
    }

    /// Returns true if a connection from the near side reaches the host; a refused connection counts.
    pub(crate) fn reach(&self) -> bool {
        let script = "import socket, sys\ns = socket.socket(); s.settimeout(0.5)\ntry: s.connect(('10.231.0.2', 9))\nexcept ConnectionRefusedError: sys.exit(0)\nexcept OSError: sys.exit(1)\n";
        let asked = Command::new("ip").args(["netns", "exec", &self.near, "/usr/bin/python3", "-c", script]).status();
        asked.is_ok_and(|status| status.success())
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            shell(&format!("ip netns del {namespace}"));
        }
    }
}

fn shell(line: &str) -> bool {
    Command::new("sh").args(["-c", line]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
