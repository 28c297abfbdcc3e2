//! The faults available on this host, and the reasons why others are not.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::command::{exists, output, run, succeeds};
#[cfg(target_os = "linux")]
use super::identity::Identity;
use super::kind::Fault;
#[cfg(target_os = "linux")]
use super::linux::cgroup;

/// A fault, and whether it can be done here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// Its name.
    pub fault: &'static str,
    /// The mechanism.
    pub how: &'static str,
    /// The reason why it cannot be done here, and the remedy.
    pub lacking: Option<String>,
}

impl Available {
    /// Every fault, in the order of [`Fault`]'s variants.
    pub fn all() -> Vec<Self> {
        let row = |fault, how, lacking: Option<String>| Self { fault, how, lacking: system().or(lacking) };
        vec![
            row("kill", "SIGKILL", None),
            row("stop", "SIGSTOP; SIGCONT undoes it", None),
            row("cpu", "a control group's quota", cpu_group()),
            row("cpu-hog", "processes that compute without end", None),
            row(
                "memory",
                match memory_group() {
                    None => "a control group's limit",
                    Some(_) => "RLIMIT_AS, as no control group can be made here",
                },
                None,
            ),
            row("descriptors", "RLIMIT_NOFILE", None),
            row("file-size", "RLIMIT_FSIZE", None),
            row("volume", "a small tmpfs", mounting()),
            row("full-disk", "a ballast file on a small file system", None),
            row("read-only-disk", "a read-only bind mount", mounting()),
            row("disk", "LD_PRELOAD of a shim that is built with cc", shim()),
            row("clock", "LD_PRELOAD of libfaketime", faketime().err()),
            row("dns", "a resolver, in the resolv.conf of a mount namespace", resolver()),
            row("partition", "`ip link set down` in a network namespace", namespaces()),
            row("netem", "`tc netem` in a network namespace", netem()),
        ]
    }
}

/// Returns the reason why this fault cannot be done here.
pub(super) fn lacking(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Volume { .. } | Fault::ReadOnlyDisk { .. } => mounting(),
        Fault::Partition { .. } => namespaces(),
        Fault::Netem { .. } => netem(),
        // What the others need is looked at where it is used: it depends on the process, or was needed at its start.
        _ => None,
    }
}

/// The reason why no fault can be injected on this system.
fn system() -> Option<String> {
    #[cfg(not(target_os = "linux"))]
    return Some(super::elsewhere::UNAVAILABLE.to_owned());
    #[cfg(target_os = "linux")]
    None
}

/// The reason why no group with a limit of processor time can be made.
fn cpu_group() -> Option<String> {
    #[cfg(not(target_os = "linux"))]
    return system();
    #[cfg(target_os = "linux")]
    cgroup::Group::plan(cgroup::Controller::Cpu, &Identity::own(), "look").err()
}

/// The reason why no group with a limit of memory can be made.
fn memory_group() -> Option<String> {
    #[cfg(not(target_os = "linux"))]
    return system();
    #[cfg(target_os = "linux")]
    cgroup::Group::plan(cgroup::Controller::Memory, &Identity::own(), "look").err()
}

/// Mounting needs more than being root: a container's root may not.
fn mounting() -> Option<String> {
    static LACKING: OnceLock<Option<String>> = OnceLock::new();
    let look = || match succeeds(&["unshare", "--mount", "true"]) {
        true => None,
        false => Some("it must mount, which only root with CAP_SYS_ADMIN may: run keel as root".to_owned()),
    };
    LACKING.get_or_init(look).clone()
}

pub(super) fn shim() -> Option<String> {
    (!exists("cc")).then(|| "there is no C compiler to build the shim: install gcc and libc6-dev".to_owned())
}

/// The library that shifts clocks.
pub(super) fn faketime() -> Result<PathBuf, String> {
    const NAME: &str = "libfaketimeMT.so.1";
    let triplet = format!("/usr/lib/{}-linux-gnu/faketime", std::env::consts::ARCH);
    let folders = [triplet.as_str(), "/usr/lib/faketime", "/usr/lib64/faketime", "/usr/local/lib/faketime"];
    let found = folders.iter().map(|folder| Path::new(folder).join(NAME)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{NAME} is not installed: on Debian, apt-get install faketime"))
}

pub(super) fn resolver() -> Option<String> {
    mounting()
        .map(|_| "a program's resolv.conf is replaced in a mount namespace of its own: run keel as root".to_owned())
}

fn namespaces() -> Option<String> {
    if !exists("ip") {
        return Some("there is no `ip`: on Debian, apt-get install iproute2".to_owned());
    }
    match succeeds(&["unshare", "--net", "true"]) {
        true => None,
        false => Some("network namespaces are root's with CAP_SYS_ADMIN: run keel as root".to_owned()),
    }
}

/// Returns the reason if the kernel lacks netem: it is tried in a temporary namespace.
fn netem() -> Option<String> {
    static LACKING: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        namespaces().or_else(|| {
            if !exists("tc") {
                return Some("there is no `tc`: on Debian, apt-get install iproute2".to_owned());
            }
            let asked = run(&["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]);
            let kernel = || output(&["uname", "-r"]).unwrap_or_default();
            asked.err().map(|why| format!("the kernel {} lacks sch_netem ({why})", kernel().trim()))
        })
    };
    LACKING.get_or_init(look).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::kind::About;

    #[test]
    fn of_every_fault_it_is_known_what_it_is_about() {
        assert!(Available::all().iter().all(|row| About::of(row.fault).is_some()));
        assert_eq!(About::of("earthquake"), None);
    }
}
