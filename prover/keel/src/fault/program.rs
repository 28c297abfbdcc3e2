//! A program that is started to be broken: prepared for the fault where that is needed, in the foreground.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;

use keel_drill::environment::without_manager;
use keel_drill::fault::resolver::Resolver;
use keel_drill::fault::{About, FaultError, Prepared};
use keel_drill::process::Launch;
use tokio::process::{Child, Command};

/// The port of DNS.
const DNS: u16 = 53;

/// Options that prepare the program, beside the settings of the fault.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Fault `disk`: fail only system calls on files below this folder [default: the current folder]
    #[arg(long, value_name = "FOLDER")]
    below: Option<PathBuf>,
    /// Fault `dns`: a name that the program's resolver answers, and its address; can be repeated. Other names do not exist
    #[arg(long = "name", value_name = "NAME=ADDRESS", value_parser = name)]
    names: Vec<(String, IpAddr)>,
}

/// A program that is not started yet.
pub(super) struct Program {
    launch: Launch,
    /// The setting of the fault that keel fills in.
    setting: Option<(&'static str, toml::Value)>,
    /// Of switches; must stay until the program has ended.
    _folder: tempfile::TempDir,
    _resolver: Option<Resolver>,
}

impl Program {
    /// Prepares it for a fault of that name.
    ///
    /// # Errors
    /// When the fault is not about a program, or cannot be prepared here.
    pub(super) async fn prepare(fault: &str, words: &[String], options: &Options) -> Result<Self, FaultError> {
        let failed = |error: &dyn std::fmt::Display| FaultError::Mistaken(format!("{fault}: {error}"));
        let folder = tempfile::Builder::new().prefix("keel-fault-").tempdir().map_err(|error| failed(&error))?;
        let mut launch = Launch { command: quoted(words), ..Launch::default() };
        let mut prepared = Prepared::new(folder.path())?;
        let mut resolver = None;
        let switch = match (About::of(fault), fault) {
            (Some(About::Switch), "clock") => Some(prepared.with_clock(&mut launch)?),
            (Some(About::Switch), "disk") => {
                let below = options.below.clone().unwrap_or_else(|| PathBuf::from("."));
                Some(prepared.with_disk(&mut launch, &below)?)
            }
            (Some(About::Switch), _) => {
                let address = own_address();
                let switch = prepared.with_resolver(&mut launch, address)?;
                let mut names = BTreeMap::<String, Vec<IpAddr>>::new();
                options.names.iter().for_each(|(name, at)| names.entry(name.clone()).or_default().push(*at));
                let started = Resolver::start(SocketAddr::from((address, DNS)), &names, switch.path()).await;
                resolver = Some(started.map_err(|error| failed(&format!("no resolver at {address}: {error}")))?);
                Some(switch)
            }
            (Some(About::Process), _) => None,
            (Some(About::Host), _) => {
                return Err(failed(&"it is about the host and not about a program: leave the program out"));
            }
            (None, _) => return Err(failed(&"there is no such fault; `keel fault list` names them")),
        };
        let setting = switch.map(|switch| ("switch", switch.path().to_string_lossy().into_owned().into()));
        Ok(Self { launch, setting, _folder: folder, _resolver: resolver })
    }

    /// The setting that is filled in before the program starts.
    pub(super) fn setting(&self) -> Option<(&'static str, toml::Value)> {
        self.setting.clone()
    }

    /// Starts it, with keel's own input and output. Its process id is the program's own.
    pub(super) fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new("/bin/sh");
        without_manager(command.as_std_mut());
        command.arg("-c").arg(format!("exec {}", self.launch.command)).envs(&self.launch.env);
        command.spawn()
    }
}

/// The exit code of the program by the convention of shells: 128 plus the signal's number if a signal ended it.
pub(super) fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// An address of the loopback that another keel is not likely to have.
fn own_address() -> IpAddr {
    let pid = std::process::id();
    let byte = |number: u32| u8::try_from(number % 250 + 1).unwrap_or(1);
    IpAddr::from([127, 53, byte(pid / 250), byte(pid)])
}

fn quoted(words: &[String]) -> String {
    let quote = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

fn name(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=ADDRESS"))?;
    let address = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
    Ok((name.to_owned(), address))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_as_they_are() {
        let words = ["printf", "%s|", "it's", "a  b", "$HOME", "x\ny", ""].map(str::to_owned);
        let output = std::process::Command::new("sh").arg("-c").arg(quoted(&words)).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's|a  b|$HOME|x\ny||");
    }

    #[test]
    fn a_name_has_an_address() {
        assert_eq!(name("bank.test=127.0.0.9").unwrap().1, IpAddr::from([127, 0, 0, 9]));
        assert!(name("bank.test").unwrap_err().contains("NAME=ADDRESS"));
        assert!(name("bank.test=here").unwrap_err().contains("no IP address"));
    }
}
