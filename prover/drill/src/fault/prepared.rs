//! Preparations of a program, so that it can be broken later.
//!
//! Each preparation has a switch: a file that the program's side reads, and that faults write while it runs. A prepared
//! program without a fault behaves as it would without the preparation, but for a file that is looked at now and then.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::available;
use super::command::run;
use super::error::FaultError;
use super::kind::{Errno, Fault, MAX_DELAY_MS};
use super::resolver;
use super::switch::Switch;
use crate::process::{Launch, is_simple};

/// The shim's source; it is built where it is needed.
const SHIM: &str = include_str!("../../shim/disk.c");

/// Changes a [`Launch`] so that the program can be broken later.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    preload: Vec<PathBuf>,
}

impl Prepared {
    /// With its files in this folder, which must stay until the program has ended.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: &Path) -> Result<Self, FaultError> {
        std::fs::create_dir_all(folder)
            .and_then(|()| folder.canonicalize())
            .map(|folder| Self { folder, preload: Vec::new() })
            .map_err(|error| FaultError::Mistaken(format!("{}: {error}", folder.display())))
    }

    /// Prepares a program for [`Fault::Disk`]. System calls on files below `data` alone are touched.
    ///
    /// # Errors
    /// Where the shim cannot be built.
    pub fn with_disk(&mut self, launch: &mut Launch, data: &Path) -> Result<Switch, FaultError> {
        let unavailable = |why| FaultError::Unavailable { what: "disk", why };
        if let Some(why) = available::shim() {
            return Err(unavailable(why));
        }
        let switch = self.switch("disk", "")?;
        let (source, library) = (self.folder.join("disk.c"), self.folder.join("disk.so"));
        std::fs::write(&source, SHIM).map_err(|error| unavailable(format!("{}: {error}", source.display())))?;
        let (from, to) = (source.to_string_lossy(), library.to_string_lossy());
        run(&["cc", "-shared", "-fPIC", "-O2", "-o", &to, &from, "-ldl", "-lpthread"]).map_err(unavailable)?;
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        launch.env.insert("KEEL_DISK_SWITCH".to_owned(), switch.file.to_string_lossy().into_owned());
        launch.env.insert("KEEL_DISK_BELOW".to_owned(), data.to_string_lossy().into_owned());
        self.preload(launch, library);
        Ok(switch)
    }

    /// Prepares a program for [`Fault::Clock`].
    ///
    /// # Errors
    /// Where libfaketime is not installed.
    pub fn with_clock(&mut self, launch: &mut Launch) -> Result<Switch, FaultError> {
        let library = available::faketime().map_err(|why| FaultError::Unavailable { what: "clock", why })?;
        let switch = self.switch("clock", RIGHT_TIME)?;
        launch.env.insert("FAKETIME_TIMESTAMP_FILE".to_owned(), switch.file.to_string_lossy().into_owned());
        launch.env.insert("FAKETIME_NO_CACHE".to_owned(), "1".to_owned());
        // Waiting is by the monotonic clock, which does not jump when the wall clock does.
        launch.env.insert("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned());
        self.preload(launch, library);
        Ok(switch)
    }

    /// Prepares a program for [`Fault::Dns`]: its `/etc/resolv.conf` names `resolver` alone, in a mount namespace of its own.
    ///
    /// The [`Resolver`](super::resolver::Resolver) is started by the caller with the switch's path, on port 53 of an address of
    /// the loopback.
    ///
    /// # Errors
    /// Where nothing can be mounted.
    pub fn with_resolver(&mut self, launch: &mut Launch, resolver: std::net::IpAddr) -> Result<Switch, FaultError> {
        if let Some(why) = available::resolver() {
            return Err(FaultError::Unavailable { what: "dns", why });
        }
        let switch = self.switch("dns", resolver::RIGHT)?;
        let conf = self.folder.join("resolv.conf");
        // Short patience: what is examined is what the program makes of it, not the resolver library's own.
        std::fs::write(&conf, format!("nameserver {resolver}\noptions timeout:1 attempts:2\n"))
            .map_err(|error| FaultError::Mistaken(format!("{}: {error}", conf.display())))?;
        let command = std::mem::take(&mut launch.command);
        // The program takes the shell's place where it can, so that signals reach it.
        let exec = if is_simple(&command) { "exec " } else { "" };
        let inner = format!("mount --bind \"$KEEL_RESOLV_CONF\" /etc/resolv.conf || exit 97\n{exec}{command}");
        launch.env.insert("KEEL_RESOLV_CONF".to_owned(), conf.to_string_lossy().into_owned());
        launch.env.insert("KEEL_COMMAND".to_owned(), inner);
        launch.command = "unshare --mount --propagation private sh -c 'eval \"$KEEL_COMMAND\"'".to_owned();
        Ok(switch)
    }

    fn switch(&self, name: &str, contents: &str) -> Result<Switch, FaultError> {
        let file = self.folder.join(format!("{name}.switch"));
        std::fs::write(&file, contents)
            .map(|()| Switch { file: file.clone() })
            .map_err(|error| FaultError::Mistaken(format!("{}: {error}", file.display())))
    }

    /// One more library; those of the caller's environment stay.
    fn preload(&mut self, launch: &mut Launch, library: PathBuf) {
        self.preload.push(library);
        let inherited = std::env::var_os("LD_PRELOAD").filter(|value| !value.is_empty()).map(PathBuf::from);
        let all: Vec<String> =
            self.preload.iter().chain(&inherited).map(|library| library.to_string_lossy().into_owned()).collect();
        launch.env.insert("LD_PRELOAD".to_owned(), all.join(":"));
    }
}

/// libfaketime's words for no fault.
const RIGHT_TIME: &str = "+0\n";

/// libfaketime's words: an offset in seconds, and a factor of speed.
pub(super) fn clock_words(fault: &Fault, jump: i64, speed: f64) -> Result<String, FaultError> {
    const YEAR: i64 = 366 * 24 * 3600;
    if !(-100 * YEAR..=100 * YEAR).contains(&jump) {
        return Err(fault.mistaken("jump is in seconds, at most a hundred years"));
    }
    if !(0.01..=100.0).contains(&speed) {
        return Err(fault.mistaken(format!("speed is {speed}; it is 0.01 to 100, and 1.0 is right")));
    }
    let factor = if speed == 1.0 { String::new() } else { format!(" x{speed}") };
    if jump == 0 && factor.is_empty() {
        return Err(fault.mistaken("nothing is to happen: say jump or speed"));
    }
    Ok(format!("{jump:+}{factor}\n"))
}

/// The shim's words, a `name=number` a line.
pub(super) fn disk_words(fault: &Fault) -> Result<String, FaultError> {
    let Fault::Disk { slow_ms, slow_fsync_ms, fsync, write, open, .. } = fault else { return Ok(String::new()) };
    if *slow_ms.max(slow_fsync_ms) > MAX_DELAY_MS {
        return Err(fault.mistaken(format!("a disk is slowed down by at most {MAX_DELAY_MS} ms")));
    }
    let failures = [("fsync", fsync), ("write", write), ("open", open)];
    if slow_ms.max(slow_fsync_ms) == &0 && failures.iter().all(|(_, errno)| errno.is_none()) {
        return Err(fault.mistaken("nothing is to happen: say slow_ms, slow_fsync_ms, fsync, write or open"));
    }
    let mut words = format!("slow_ms={slow_ms}\nslow_fsync_ms={slow_fsync_ms}\n");
    for (name, errno) in failures {
        if let Some(errno) = errno {
            let _ = writeln!(words, "{name}={}", number(*errno));
        }
    }
    Ok(words)
}

fn number(errno: Errno) -> i32 {
    use rustix::io::Errno as Number;
    let number = match errno {
        Errno::Eio => Number::IO,
        Errno::Enospc => Number::NOSPC,
        Errno::Edquot => Number::DQUOT,
        Errno::Erofs => Number::ROFS,
    };
    number.raw_os_error()
}
