//! `keel fault`: breaks one thing by hand for a while, and mends it.

mod program;

use std::time::Duration;

use keel_drill::fault::{About, Available, Fault, FaultError, Injected, Journal};
use keel_input::diagnostics::clearer;
use serde::Deserialize as _;
use tokio::process::Child;

use self::program::Program;
use crate::exit::{FINE, usage};
use crate::interrupt::Interrupt;
use crate::output::print;
use crate::undo;

/// The fault failed, or could not be undone.
const FAILED: u8 = 1;
/// The exit code when this host does not support the fault.
const UNAVAILABLE: u8 = 4;
/// The maximum duration of a fault, in seconds.
const MAX_SECONDS: u64 = 3600;

/// Arguments of `keel fault`: the fault, its settings, and its duration.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  keel fault stop pid=4711 --for 5s\n  keel fault memory pid=4711 headroom=67108864\n  keel \
                  fault clock jump=3600 -- date\n  keel fault disk fsync=EIO --below data --after 5s -- ./server\n  keel \
                  fault dns answer=nxdomain -- curl http://bank.test/\n\nExit codes:\n  0    the fault was injected and undone\n  \
                  1    it failed, or could not be undone\n  2    a mistake in the command line\n  4    this host cannot \
                  inject it; `keel fault list` says why\nWith a program, the exit code is the program's once the fault is undone."
)]
pub(crate) struct Arguments {
    /// The fault to inject, or `list` to show the faults that this host supports, with the reasons for the others
    fault: String,
    /// Settings of the fault
    #[arg(value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The duration of the fault, such as 10s; Ctrl-C ends it sooner
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = time)]
    lasts: Duration,
    /// The delay between the start of the program and the fault, such as 5s [default: none]
    #[arg(long, value_name = "DURATION", requires = "program", value_parser = delay)]
    after: Option<Duration>,
    #[command(flatten)]
    prepared: program::Options,
    /// A program to start and to inject the fault into; keel fills in `pid` and `switch`
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    if arguments.fault == "list" {
        return list();
    }
    undo::before_anything_else();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    let table = match table(&arguments.fault, &arguments.settings) {
        Ok(table) => table,
        Err(problem) => return usage(problem),
    };
    let lasts = arguments.lasts;
    if arguments.program.is_empty() {
        return match fault(&arguments.fault, table) {
            Ok(fault) => runtime.block_on(act(&fault, lasts)),
            Err(problem) => usage(problem),
        };
    }
    runtime.block_on(on_a_program(arguments, table, lasts)).unwrap_or_else(|code| code)
}

/// A time of the command line, within the bound; a bare number counts seconds.
fn time(text: &str) -> Result<Duration, String> {
    let time = keel_input::duration::parse_or_seconds(text)?;
    match time <= Duration::from_secs(MAX_SECONDS) {
        true => Ok(time),
        false => Err(format!("{text:?} is longer than the maximum of {MAX_SECONDS} s")),
    }
}

/// The same, and `0` for at once.
fn delay(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { time(text) }
}

async fn act(fault: &Fault, lasts: Duration) -> u8 {
    let mut interrupt = match Interrupt::new() {
        Ok(interrupt) => interrupt,
        Err(error) => return usage(format!("cannot listen to signals: {error}")),
    };
    let injected = match injected(fault) {
        Ok(injected) => injected,
        Err(error) => return refused(&error),
    };
    if matches!(fault, Fault::Kill { .. }) {
        print("kill: done; there is nothing to undo\n");
        return FINE;
    }
    print(&format!("{}: acts for {} s, or until Ctrl-C\n", fault.name(), lasts.as_secs_f64()));
    tokio::select! {
        () = tokio::time::sleep(lasts) => {}
        () = interrupt.first() => {}
    }
    end(fault, injected, print)
}

/// Starts the program, breaks it for a while, and waits for its end. Output is the program's: keel speaks to standard error.
async fn on_a_program(arguments: &Arguments, mut table: toml::Table, lasts: Duration) -> Result<u8, u8> {
    let (name, after) = (arguments.fault.as_str(), arguments.after.unwrap_or_default());
    let mut interrupt = Interrupt::new().map_err(|error| usage(format!("cannot listen to signals: {error}")))?;
    let program = Program::prepare(name, &arguments.program, &arguments.prepared).await;
    let program = program.map_err(|error| refused(&error))?;
    table.extend(program.setting().map(|(key, value)| (key.to_owned(), value)));
    // What can be read before anything is started is.
    let at_once = About::of(name) == Some(About::Switch);
    let early = if at_once { Some(fault(name, table.clone()).map_err(usage)?) } else { None };
    let mut acting = match &early {
        Some(fault) if after.is_zero() => Some(injected(fault).map_err(|error| refused(&error))?),
        _ => None,
    };
    let mut child = program.start().map_err(|error| {
        usage(format!("cannot start a shell for the program: {error}"));
        FAILED
    })?;
    let fault = match early {
        Some(fault) => fault,
        None => {
            table.insert("pid".to_owned(), i64::from(child.id().unwrap_or_default()).into());
            match fault(name, table) {
                Ok(fault) => fault,
                Err(problem) => return Ok(stop(&mut child, &mut interrupt, usage(problem)).await),
            }
        }
    };
    let mut ended = waited(&mut child, &mut interrupt, after).await;
    if ended == Ended::No {
        if acting.is_none() {
            match injected(&fault) {
                Ok(injected) => acting = Some(injected),
                Err(error) => return Ok(stop(&mut child, &mut interrupt, refused(&error)).await),
            }
        }
        eprintln!("keel: {name}: acts for {} s, or until Ctrl-C", lasts.as_secs_f64());
        ended = waited(&mut child, &mut interrupt, lasts).await;
    }
    let undone = acting.map_or(FINE, |injected| end(&fault, injected, |line| eprint!("keel: {line}")));
    if undone != FINE {
        return Ok(stop(&mut child, &mut interrupt, undone).await);
    }
    match ended {
        Ended::Interrupted => terminate(&child),
        Ended::Program | Ended::No => {}
    }
    Ok(until_its_end(&mut child, &mut interrupt).await)
}

/// The event that ended the wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    No,
    Program,
    Interrupted,
}

async fn waited(child: &mut Child, interrupt: &mut Interrupt, lasts: Duration) -> Ended {
    tokio::select! {
        _ = child.wait() => Ended::Program,
        () = interrupt.first() => Ended::Interrupted,
        () = tokio::time::sleep(lasts) => Ended::No,
    }
}

/// Its exit code. A signal is passed on as SIGTERM, the next one as SIGKILL.
async fn until_its_end(child: &mut Child, interrupt: &mut Interrupt) -> u8 {
    let mut asked = false;
    loop {
        tokio::select! {
            status = child.wait() => return status.map_or(FAILED, program::code),
            () = interrupt.first() => {
                if asked {
                    // It has ended, when that fails.
                    let _ = child.start_kill();
                }
                terminate(child);
                asked = true;
            }
        }
    }
}

/// Ends it because of a failure, which is the exit code.
async fn stop(child: &mut Child, interrupt: &mut Interrupt, code: u8) -> u8 {
    terminate(child);
    until_its_end(child, interrupt).await;
    code
}

fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // It has ended, when that fails.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

fn injected(fault: &Fault) -> Result<Injected, FaultError> {
    let journal = Journal::open(&Journal::default_folder()).map_err(FaultError::from)?;
    fault.inject(&journal)
}

fn end(fault: &Fault, injected: Injected, tell: impl Fn(&str)) -> u8 {
    match injected.undo() {
        Ok(()) => {
            tell(&format!("{}: undone\n", fault.name()));
            FINE
        }
        Err(why) => {
            usage(format!("{}: {why}; `keel undo` tries again", fault.name()));
            FAILED
        }
    }
}

fn refused(error: &FaultError) -> u8 {
    let code = usage(error);
    match error {
        FaultError::Mistaken(_) | FaultError::Journal(_) => code,
        FaultError::Unavailable { .. } => UNAVAILABLE,
        FaultError::Failed { .. } => FAILED,
    }
}

/// The words as a TOML table, whose values need no quotes.
fn table(name: &str, settings: &[String]) -> Result<toml::Table, String> {
    let mut table = toml::Table::new();
    table.insert("fault".to_owned(), name.into());
    for setting in settings {
        let (key, text) = setting.split_once('=').ok_or_else(|| format!("{setting} is not NAME=VALUE"))?;
        let bare =
            toml::from_str::<toml::Table>(&format!("value = {text}")).ok().and_then(|mut said| said.remove("value"));
        let value = bare.unwrap_or_else(|| text.into());
        table.insert(key.to_owned(), value);
    }
    Ok(table)
}

fn fault(name: &str, table: toml::Table) -> Result<Fault, String> {
    Fault::deserialize(table.clone()).map_err(|error| {
        let message = error.message();
        // The parser names a value that it refuses, and not its key.
        let refused = |(key, value): &(&String, &toml::Value)| *key != "fault" && message.contains(&value.to_string());
        let key = table.iter().find(refused).filter(|_| message.starts_with("invalid"));
        let key = key.map_or_else(String::new, |(key, _)| format!("`{key}`: "));
        format!("{name}: {key}{}", clearer(message))
    })
}

fn list() -> u8 {
    for Available { fault, how, lacking } in Available::all() {
        match lacking {
            None => print(&format!("{fault:15} can be done: {how}\n")),
            Some(why) => print(&format!("{fault:15} CANNOT be done here: {why}\n")),
        }
    }
    FINE
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Fault, String> {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().unwrap();
        table(&name, &words.collect::<Vec<_>>()).and_then(|table| fault(&name, table))
    }

    #[test]
    fn a_fault_is_named_and_set_by_words() {
        assert_eq!(words("stop pid=7").unwrap(), Fault::Stop { pid: 7 });
        let Fault::Disk { slow_ms, fsync, .. } = words("disk switch=/x/y fsync=EIO slow_ms=20").unwrap() else {
            panic!()
        };
        assert_eq!((slow_ms, fsync), (20, Some(keel_drill::fault::Errno::Eio)));
        assert_eq!(words("dns switch=/x answer=slow delay_ms=100"), words("dns switch=/x answer=slow delay=100ms"));
        assert!(words("dns switch=/x answer=slow delay=100ms").is_ok() && words("dns switch=/x delay=1us").is_err());
    }

    #[test]
    fn times_are_durations_or_seconds_within_the_bound() {
        assert_eq!(time("5s"), time("5"));
        assert!(time("0").is_err() && delay("0") == Ok(Duration::ZERO) && time("2h").unwrap_err().contains("3600 s"));
    }

    #[test]
    fn a_mistake_is_reported_with_the_expected_form() {
        assert!(words("stop").unwrap_err().contains("pid"));
        assert_eq!(words("stop pid=x").unwrap_err(), "stop: `pid`: invalid type: string \"x\", expected u32");
        assert!(words("earthquake").unwrap_err().contains("read-only-disk"));
        assert!(words("disk switch=/x fsink=EIO").unwrap_err().contains("fsync"));
        assert!(words("slop pid=7").unwrap_err().contains("there is no `slop`: did you mean `stop`?"));
        assert!(words("stop 7").unwrap_err().contains("NAME=VALUE"));
        assert!(words("stop pid=7 force=1").unwrap_err().contains("force"), "{:?}", words("stop pid=7 force=1"));
    }
}
