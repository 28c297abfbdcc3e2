//! `keel fault`: breaks one thing by hand for a while, and mends it.

use std::time::Duration;

use drill::fault::{Available, Fault, FaultError, Injected, Journal};
use serde::Deserialize as _;

use crate::interrupt::Interrupt;
use crate::output::print;
use crate::{FINE, undo, usage};

/// The fault failed, or could not be undone.
const FAILED: u8 = 1;
/// It cannot be done on this host.
const UNAVAILABLE: u8 = 4;
/// The longest that a fault acts, in seconds.
const MAX_SECONDS: u64 = 3600;

/// What is broken.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  keel fault stop pid=4711 --for 5\n  keel fault memory pid=4711 headroom=67108864\n  keel \
                  fault disk switch=/tmp/x/disk.switch fsync=EIO\n\nExit codes:\n  0    it acted and was undone\n  1    it \
                  failed, or could not be undone\n  2    a mistake in the command line\n  4    it cannot be done on this host"
)]
pub(crate) struct Arguments {
    /// The fault, or `list`: what can be done on this host, and why the rest cannot
    fault: String,
    /// Its settings
    #[arg(value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// How long it acts, in seconds; Ctrl-C ends it sooner
    #[arg(long = "for", value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    seconds: u64,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    if arguments.fault == "list" {
        return list();
    }
    undo::before_anything_else();
    let fault = match read(&arguments.fault, &arguments.settings) {
        Ok(fault) => fault,
        Err(problem) => return usage(problem),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    runtime.block_on(act(&fault, Duration::from_secs(arguments.seconds)))
}

async fn act(fault: &Fault, lasts: Duration) -> u8 {
    let mut interrupt = match Interrupt::new() {
        Ok(interrupt) => interrupt,
        Err(error) => return usage(format!("cannot listen to signals: {error}")),
    };
    let injected = Journal::open(&Journal::default_folder()).map_err(FaultError::from);
    let injected = match injected.and_then(|journal| fault.inject(&journal)) {
        Ok(injected) => injected,
        Err(error) => return refused(&error),
    };
    if matches!(fault, Fault::Kill { .. }) {
        print("kill: done; there is nothing to undo\n");
        return FINE;
    }
    print(&format!("{}: acts for {} s, or until Ctrl-C\n", fault.name(), lasts.as_secs()));
    tokio::select! {
        () = tokio::time::sleep(lasts) => {}
        () = interrupt.first() => {}
    }
    end(fault, injected)
}

fn end(fault: &Fault, injected: Injected) -> u8 {
    match injected.undo() {
        Ok(()) => {
            print(&format!("{}: undone\n", fault.name()));
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

/// The fault that the words mean: a TOML table, whose values need no quotes.
fn read(name: &str, settings: &[String]) -> Result<Fault, String> {
    let mut table = toml::Table::new();
    table.insert("fault".to_owned(), name.into());
    for setting in settings {
        let (key, text) = setting.split_once('=').ok_or_else(|| format!("{setting} is not NAME=VALUE"))?;
        let bare =
            toml::from_str::<toml::Table>(&format!("value = {text}")).ok().and_then(|mut said| said.remove("value"));
        let value = bare.unwrap_or_else(|| text.into());
        table.insert(key.to_owned(), value);
    }
    Fault::deserialize(table).map_err(|error| format!("{name}: {}", error.to_string().trim_end()))
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
        read(&name, &words.collect::<Vec<_>>())
    }

    #[test]
    fn a_fault_is_named_and_set_by_words() {
        assert_eq!(words("stop pid=7").unwrap(), Fault::Stop { pid: 7 });
        let Fault::Disk { slow_ms, fsync, .. } = words("disk switch=/x/y fsync=EIO slow_ms=20").unwrap() else {
            panic!()
        };
        assert_eq!((slow_ms, fsync), (20, Some(drill::fault::Errno::Eio)));
        assert!(words("dns switch=/x answer=slow delay_ms=100").is_ok());
    }

    #[test]
    fn a_mistake_is_told_with_what_is_wanted() {
        assert!(words("stop").unwrap_err().contains("pid"));
        assert!(words("stop pid=x").unwrap_err().contains("u32"));
        assert!(words("earthquake").unwrap_err().contains("read-only-disk"));
        assert!(words("disk switch=/x fsink=EIO").unwrap_err().contains("fsync"));
        assert!(words("stop 7").unwrap_err().contains("NAME=VALUE"));
        assert!(words("stop pid=7 force=1").unwrap_err().contains("force"), "{:?}", words("stop pid=7 force=1"));
    }
}
