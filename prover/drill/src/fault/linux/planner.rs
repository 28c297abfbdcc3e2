//! Plans faults: the action of each, and its undo.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use procfs::process::Process;
use rustix::process::{Pid, Signal};

use super::{cgroup, disk, limits, network};
use crate::fault::error::FaultError;
use crate::fault::identity::Identity;
use crate::fault::journal::Journal;
use crate::fault::kind::{Fault, MAX_HOGS, MAX_VOLUME};
use crate::fault::limit::Limit;
use crate::fault::plan::{Act, Plan};
use crate::fault::switch::set_switch;
use crate::fault::undo::{MARK, Undo};
use crate::fault::{available, prepared, resolver};
use crate::process::{self, Launch};

fn act(what: impl FnOnce() -> Result<(), String> + 'static) -> Act {
    Box::new(|| what().map(|()| Vec::new()))
}

/// Plans a fault: whether it makes sense and can be done here.
pub(crate) fn plan(fault: &Fault) -> Result<Plan, FaultError> {
    if let Some(why) = available::lacking(fault) {
        return Err(fault.unavailable(why));
    }
    let id = Journal::fresh_id();
    let (undo, act) = match fault {
        Fault::Kill { pid } => (Vec::new(), signal(process(fault, *pid)?, Signal::KILL)),
        Fault::Stop { pid } => {
            let process = process(fault, *pid)?;
            (vec![Undo::Continue { process: process.clone() }], signal(process, Signal::STOP))
        }
        Fault::Cpu { pid, share } => cpu(fault, *pid, *share, &id)?,
        Fault::CpuHog { processes } => hogs(fault, *processes, &id)?,
        Fault::Memory { pid, headroom } => memory(fault, *pid, *headroom, &id)?,
        Fault::Descriptors { pid, headroom } => {
            limit(fault, *pid, Limit::Descriptors, descriptors_up_to(*pid, *headroom))?
        }
        Fault::FileSize { pid, bytes } => limit(fault, *pid, Limit::FileSize, *bytes)?,
        Fault::Volume { folder, bytes } => volume(fault, folder, *bytes)?,
        Fault::FullDisk { folder, leave } => full(fault, folder, *leave, &id)?,
        Fault::ReadOnlyDisk { folder } => {
            let (folder, undo) = mounted_on(fault, folder)?;
            (undo, act(move || disk::mount_read_only(&folder)))
        }
        Fault::Disk { switch, .. } => switched(fault, switch, prepared::disk_words(fault)?)?,
        Fault::Clock { switch, jump, speed } => switched(fault, switch, prepared::clock_words(fault, *jump, *speed)?)?,
        Fault::Dns { switch, answer, address, delay_ms } => {
            let words = resolver::words(*answer, *address, *delay_ms).map_err(|why| fault.mistaken(why))?;
            switched(fault, switch, words)?
        }
        Fault::Partition { namespace, device } => {
            network::look(fault, namespace, device)?;
            let undo = network::undo_of_partition(fault, namespace, device)?;
            (vec![undo], act(network::partition(namespace, device)))
        }
        Fault::Netem { namespace, device, .. } => {
            network::look(fault, namespace, device)?;
            let undo = Undo::Qdisc { namespace: namespace.clone(), device: device.clone() };
            (vec![undo], act(network::netem(fault, namespace, device)?))
        }
    };
    Ok(Plan { id, undo, act })
}

fn process(fault: &Fault, pid: u32) -> Result<Identity, FaultError> {
    if pid <= 1 || pid == std::process::id() {
        return Err(fault.mistaken(format!("process {pid} is the host's first or keel itself: name the victim's id")));
    }
    Identity::of(pid).ok_or_else(|| fault.mistaken(format!("there is no process {pid}")))
}

fn signal(process: Identity, signal: Signal) -> Act {
    act(move || {
        let pid = Pid::from_raw(process.pid.cast_signed()).filter(|_| process.is_alive());
        let pid = pid.ok_or_else(|| format!("process {} has ended meanwhile", process.pid))?;
        rustix::process::kill_process(pid, signal).map_err(|error| format!("{signal:?} to {}: {error}", process.pid))
    })
}

fn limit(fault: &Fault, pid: u32, limit: Limit, to: u64) -> Result<(Vec<Undo>, Act), FaultError> {
    let process = process(fault, pid)?;
    let id = Pid::from_raw(pid.cast_signed()).ok_or_else(|| fault.mistaken("process ids are positive"))?;
    let before =
        limits::of(limit, id).map_err(|error| fault.mistaken(format!("the limits of process {pid}: {error}")))?;
    let undo = Undo::Limit { process, limit, soft: before.current };
    let set = move || {
        limits::set(limit, pid, Some(to)).map(drop).map_err(|error| format!("limits of process {pid}: {error}"))
    };
    Ok((vec![undo], act(set)))
}

/// The limit is one of numbers: the first below which so many are free.
fn descriptors_up_to(pid: u32, headroom: u64) -> u64 {
    let listed = Process::new(pid.cast_signed()).and_then(|process| process.fd());
    let listed = listed.into_iter().flatten().flatten();
    let open: BTreeSet<u64> = listed.filter_map(|held| u64::try_from(held.fd).ok()).collect();
    let mut free = 0;
    // Ends: of any headroom + open.len() numbers so many are free.
    (0..)
        .find(|number| {
            let enough = free == headroom;
            free += u64::from(!open.contains(number));
            enough
        })
        .unwrap_or(headroom)
}

fn cpu(fault: &Fault, pid: u32, share: f64, id: &str) -> Result<(Vec<Undo>, Act), FaultError> {
    if !(0.01..=64.0).contains(&share) {
        return Err(fault.mistaken(format!("share is {share}; it is of one processor, from 0.01 to 64")));
    }
    let process = process(fault, pid)?;
    let group = cgroup::Group::plan(cgroup::Controller::Cpu, &process, id).map_err(|why| fault.unavailable(why))?;
    Ok((vec![group.undo()], act(move || group.enter(|group| group.set_cpu(share)))))
}

fn memory(fault: &Fault, pid: u32, headroom: u64, id: &str) -> Result<(Vec<Undo>, Act), FaultError> {
    let victim = process(fault, pid)?;
    match cgroup::Group::plan(cgroup::Controller::Memory, &victim, id) {
        Ok(group) => Ok((vec![group.undo()], act(move || group.enter(|group| group.set_memory(headroom))))),
        Err(_) => limit(fault, pid, Limit::AddressSpace, address_space(pid) + headroom),
    }
}

fn address_space(pid: u32) -> u64 {
    let pages = Process::new(pid.cast_signed()).and_then(|process| process.statm()).map_or(0, |statm| statm.size);
    pages * procfs::page_size()
}

fn hogs(fault: &Fault, processes: u32, id: &str) -> Result<(Vec<Undo>, Act), FaultError> {
    if !(1..=MAX_HOGS).contains(&processes) {
        return Err(fault.mistaken(format!("{processes} processes; 1 to {MAX_HOGS} can be started")));
    }
    let mark = id.to_owned();
    let start = move || {
        let launch = Launch {
            command: "while :; do :; done".to_owned(),
            env: [(MARK.to_owned(), mark)].into(),
            ..Launch::default()
        };
        let start = |_| {
            process::Process::start(launch.clone()).map_err(|error| format!("a shell could not be started: {error}"))
        };
        (0..processes).map(start).collect()
    };
    Ok((vec![Undo::Marked { mark: id.to_owned() }], Box::new(start)))
}

/// The folder without links in its path, and the undo of one more mount on it.
fn mounted_on(fault: &Fault, folder: &Path) -> Result<(PathBuf, Vec<Undo>), FaultError> {
    let folder = folder.canonicalize().map_err(|error| fault.mistaken(format!("{}: {error}", folder.display())))?;
    if folder.parent().is_none() || !folder.is_dir() {
        return Err(fault.mistaken(format!("{} is no folder below the root", folder.display())));
    }
    let below = disk::mounts_on(&folder).map_err(|why| fault.unavailable(why))?;
    Ok((folder.clone(), vec![Undo::Unmount { folder, below }]))
}

fn volume(fault: &Fault, folder: &Path, bytes: u64) -> Result<(Vec<Undo>, Act), FaultError> {
    if !(4096..=MAX_VOLUME).contains(&bytes) {
        return Err(fault.mistaken(format!("{bytes} bytes; a volume has 4096 to {MAX_VOLUME}")));
    }
    let (folder, undo) = mounted_on(fault, folder)?;
    if folder.read_dir().map_or(true, |mut listed| listed.next().is_some()) {
        return Err(fault.mistaken(format!("{} is not empty: its files would be hidden", folder.display())));
    }
    Ok((undo, act(move || disk::mount_volume(&folder, bytes))))
}

fn full(fault: &Fault, folder: &Path, leave: u64, id: &str) -> Result<(Vec<Undo>, Act), FaultError> {
    let size = disk::size(folder).map_err(|why| fault.mistaken(why))?;
    if size > MAX_VOLUME {
        let message = "{} is on a file system of {} MiB, and only those of up to {} MiB are filled";
        let message = message.replacen("{}", &folder.display().to_string(), 1);
        let message =
            message.replacen("{}", &(size >> 20).to_string(), 1).replacen("{}", &(MAX_VOLUME >> 20).to_string(), 1);
        return Err(fault.mistaken(format!("{message}: put a volume under it first (fault `volume`)")));
    }
    let file = folder.join(format!(".ballast-{id}"));
    let undo = Undo::Remove { file: file.clone() };
    Ok((vec![undo], act(move || disk::fill(&file, leave))))
}

fn switched(fault: &Fault, switch: &Path, words: String) -> Result<(Vec<Undo>, Act), FaultError> {
    let before = std::fs::read_to_string(switch).map_err(|error| {
        fault
            .mistaken(format!("{}: {error}; it is the switch of a program that was started prepared", switch.display()))
    })?;
    let file = switch.to_owned();
    Ok((vec![Undo::Switch { file: file.clone(), contents: before }], act(move || set_switch(&file, &words))))
}
