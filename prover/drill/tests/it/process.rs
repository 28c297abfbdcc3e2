//! A program under examination is collected, measured and ended for certain.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keel_drill::process::{Exit, Launch, Process, Stream};

/// Far beyond what any of this takes, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(command: &str) -> Process {
    Process::start(Launch { command: command.to_owned(), ..Launch::default() }).unwrap()
}

fn texts(process: &Process, stream: Stream) -> Vec<String> {
    process.output().into_iter().filter(|line| line.stream == stream).map(|line| line.text).collect()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// Neither gone, nor a zombie, nor just being reaped.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A built example: they are in `examples/` beside the folder of the test binary.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}

#[tokio::test]
async fn output_of_both_streams_is_collected_to_the_last_line() {
    let mut process = start("echo one; echo two >&2; printf three");
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Code(0)));
    assert_eq!(texts(&process, Stream::Out), ["one", "three"]);
    assert_eq!(texts(&process, Stream::Err), ["two"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn output_that_is_held_blocks_the_writer_until_it_is_released() {
    let mut process = start("head -c 100000 /dev/zero | tr '\\0' '\\n'; echo end >&2");
    process.hold_output();
    until("the pipe is full", || process.pipe(Stream::Out).is_some_and(|pipe| pipe.unread == pipe.capacity));
    assert!(process.is_running());
    process.release_output();
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Code(0)));
    assert_eq!(process.printed(Stream::Out), 100_000);
}

#[tokio::test]
async fn output_that_is_closed_ends_a_writer_that_does_not_ignore_it() {
    let mut process = start("exec yes");
    process.close_output();
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Signal(13)));
    assert!(process.output_is_closed(Stream::Out));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_takes_nothing_of_one_stream_and_the_other_is_collected() {
    let launch = Launch {
        command: "echo lost || echo refused >&2".to_owned(),
        full_disk: vec![Stream::Out],
        ..Launch::default()
    };
    let mut process = Process::start(launch).unwrap();
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Code(0)));
    assert!(texts(&process, Stream::Out).is_empty());
    assert!(texts(&process, Stream::Err).last().is_some_and(|line| line == "refused"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_session_of_its_own_has_no_terminal_and_is_led_by_the_process() {
    let command = "cut -d' ' -f5,6,7 /proc/self/stat".to_owned();
    let mut process = Process::start(Launch { command, own_session: true, ..Launch::default() }).unwrap();
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Code(0)));
    let leader = process.pid();
    assert_eq!(texts(&process, Stream::Out), [format!("{leader} {leader} 0")]);
}

#[tokio::test]
async fn the_environment_and_the_folder_are_as_launched() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(Launch {
        command: "echo \"$COLOUR ${HOME-unset}\" && pwd".to_owned(),
        env: [("COLOUR".to_owned(), "green".to_owned())].into(),
        env_remove: vec!["HOME".to_owned()],
        workdir: Some(folder.path().to_owned()),
        ..Launch::default()
    })
    .unwrap();
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Code(0)));
    let lines = texts(&process, Stream::Out);
    assert_eq!(lines[0], "green unset");
    assert_eq!(Path::new(&lines[1]), folder.path().canonicalize().unwrap());
}

#[tokio::test]
async fn the_exit_is_reported_as_code_or_signal() {
    assert_eq!(start("exit 7").wait(PATIENCE).await, Some(Exit::Code(7)));
    let mut sleeper = start("sleep 1000");
    assert_eq!(sleeper.wait(Duration::ZERO).await, None);
    assert!(sleeper.is_running());
    sleeper.signal_group(15);
    assert_eq!(sleeper.wait(PATIENCE).await, Some(Exit::Signal(15)));
    assert!(!sleeper.is_running());
    assert!(sleeper.pids().is_empty(), "a zombie is not a running process");
}

#[tokio::test]
async fn a_simple_command_is_the_leader_itself() {
    let process = start("sleep 1000");
    until("the shell becomes sleep", || {
        std::fs::read_to_string(format!("/proc/{}/comm", process.pid())).is_ok_and(|name| name.trim() == "sleep")
    });
    assert_eq!(process.pids(), [process.pid()]);
    let usage = process.usage();
    assert_eq!(usage.processes, 1);
    assert!(usage.resident > 0 && usage.descriptors >= 3, "{usage:?}");
}

#[tokio::test]
async fn stop_asks_first_and_kills_after_the_grace() {
    let mut polite = start("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done");
    until("it is up", || !polite.output().is_empty());
    let (exit, _) = polite.stop(PATIENCE).await;
    assert_eq!(exit, Some(Exit::Code(3)));
    assert_eq!(texts(&polite, Stream::Out), ["up", "bye"]);

    let mut deaf = start("trap '' TERM; echo up; while :; do sleep 0.01; done");
    until("it is up", || !deaf.output().is_empty());
    let (exit, _) = deaf.stop(Duration::from_millis(1)).await;
    assert_eq!(exit, Some(Exit::Signal(9)));
    assert!(deaf.pids().is_empty());
}

#[tokio::test]
async fn a_daemon_that_left_group_and_parents_is_killed_too() {
    let mut process = start("setsid sh -c 'sleep 1000 & echo $!'");
    assert_eq!(process.wait(PATIENCE).await, Some(Exit::Code(0)));
    let daemon: u32 = texts(&process, Stream::Out)[0].parse().unwrap();
    assert_eq!(process.pids(), [daemon]);
    process.stop(PATIENCE).await;
    assert!(!is_alive(daemon));
}

#[tokio::test]
async fn the_death_of_the_examiner_ends_the_target() {
    let mut examiner = std::process::Command::new(example("hold"))
        .arg("sleep 1000 & echo $! $$; wait")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(examiner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(*pid)), "{line}");
    // SIGKILL: nothing of the examiner's own can clean up.
    examiner.kill().unwrap();
    examiner.wait().unwrap();
    until("the target is killed", || !pids.iter().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn dropping_kills_the_group_to_the_last_grandchild() {
    let process = start("sh -c 'sleep 1000 & sleep 1000' & setsid sleep 1000 & wait");
    until("all of them run", || process.pids().len() >= 5);
    let pids = process.pids();
    drop(process);
    let alive: Vec<&u32> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(alive.is_empty(), "{alive:?} of {pids:?}");
}
