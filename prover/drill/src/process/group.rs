//! The processes of a target, as `/proc` shows them.
//!
//! To the target belong its process group, the descendants that left the group, and every process that carries its mark: an
//! environment variable set at the start, which a daemon that left group and parents behind still has (unless it has
//! overwritten its environment, as nginx and PostgreSQL do; [`listeners`] finds those by their port).

use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::Duration;

use crate::tcp_table::sockets_of;
use procfs::process::{FDTarget, Process, Stat, Status};

use super::usage::{Resident, Usage};

/// The environment variable that marks all processes of one target.
pub(super) const MARK: &str = "DRILL_TARGET";

/// One process of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pid: u32,
    parent: u32,
    group: u32,
    /// A zombie is dead: it holds neither memory nor descriptors nor ports.
    alive: bool,
    /// CPU time in clock ticks, that of reaped children included.
    ticks: u64,
    /// In clock ticks since the machine's start.
    started: u64,
}

/// A process for certain: an id may be given to another one later, but not with the same start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) started: u64,
}

impl Member {
    /// The process that has this id now; none when it is dead.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        entry(pid).filter(|entry| entry.alive).map(|entry| Self { pid, started: entry.started })
    }

    /// The living processes that listen on a TCP port of this host, those of this user (of everybody, for root).
    pub(crate) fn listening(port: u16) -> Vec<Self> {
        let sockets = listening_sockets(port);
        let found = if sockets.is_empty() { Vec::new() } else { all() };
        let found: Vec<Entry> = found.into_iter().filter(|entry| holds_one_of(entry.pid, &sockets)).collect();
        living(&found)
    }

    /// The name of its program, cut to 15 bytes by the kernel.
    pub(crate) fn name(&self) -> Option<String> {
        Some(stat(self.pid)?.comm)
    }

    /// Its resident memory; none when it has ended.
    pub(crate) fn resident(&self) -> Option<Resident> {
        of_status(&process(self.pid)?.status().ok()?)
    }

    /// Returns true if it is not dead yet. A dying process still holds its ports and has lost everything by which it could be found.
    pub(crate) fn is_alive(&self) -> bool {
        entry(self.pid).is_some_and(|entry| entry.started == self.started && entry.alive)
    }
}

/// The living processes of the target whose leader and mark these are; leader first.
pub(super) fn members(leader: u32, mark: &str) -> Vec<Member> {
    living(&target(leader, mark))
}

/// The living processes that listen on a TCP port and were started after `leader`.
pub(super) fn listeners(leader: u32, port: u16) -> Vec<Member> {
    let sockets = listening_sockets(port);
    let all = all();
    let Some(since) = started(&all, leader).filter(|_| !sockets.is_empty()) else { return Vec::new() };
    let mut later: Vec<Entry> = all.into_iter().filter(|entry| entry.started >= since).collect();
    later.retain(|entry| holds_one_of(entry.pid, &sockets));
    living(&later)
}

/// Returns the usage of the target now.
pub(super) fn usage(leader: u32, mark: &str) -> Usage {
    let ticks_per_second = procfs::ticks_per_second().max(1);
    let mut usage = Usage::default();
    let mut ticks = 0;
    for entry in target(leader, mark) {
        ticks += entry.ticks;
        if entry.alive {
            usage.processes += 1;
            let Some(process) = process(entry.pid) else { continue };
            usage.threads += process.tasks().map_or(0, |tasks| tasks.count() as u64);
            usage.resident += resident(&process);
            usage.descriptors += process.fd_count().map_or(0, |count| count as u64);
        }
    }
    usage.cpu = Duration::from_millis(ticks * 1000 / ticks_per_second);
    usage
}

fn living(entries: &[Entry]) -> Vec<Member> {
    let alive = entries.iter().filter(|entry| entry.alive);
    alive.map(|entry| Member { pid: entry.pid, started: entry.started }).collect()
}

fn target(leader: u32, mark: &str) -> Vec<Entry> {
    let all = all();
    // The leader is there until it is reaped, as a zombie at least.
    let Some(since) = started(&all, leader) else { return Vec::new() };
    let marked = |entry: &Entry| entry.started >= since && carries(entry.pid, mark);
    family(&all, leader, marked)
}

fn started(all: &[Entry], leader: u32) -> Option<u64> {
    all.iter().find(|entry| entry.pid == leader).map(|entry| entry.started)
}

fn family(all: &[Entry], leader: u32, marked: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let of_target = |entry: &&Entry| entry.group == leader || entry.pid == leader || marked(entry);
    let mut family: Vec<Entry> = all.iter().filter(of_target).copied().collect();
    // Breadth first; every process is added at most once, so this ends.
    let mut next = 0;
    while let Some(parent) = family.get(next).map(|entry| entry.pid) {
        for child in all.iter().filter(|entry| entry.parent == parent) {
            if !family.contains(child) {
                family.push(*child);
            }
        }
        next += 1;
    }
    family.sort_by_key(|entry| (entry.pid != leader, entry.pid));
    family
}

fn all() -> Vec<Entry> {
    let Ok(processes) = procfs::process::all_processes() else { return Vec::new() };
    processes.filter_map(|process| Some(Entry::of(&process.ok()?.stat().ok()?))).collect()
}

fn entry(pid: u32) -> Option<Entry> {
    stat(pid).as_ref().map(Entry::of)
}

fn stat(pid: u32) -> Option<Stat> {
    process(pid)?.stat().ok()
}

fn process(pid: u32) -> Option<Process> {
    Process::new(pid.cast_signed()).ok()
}

impl Entry {
    fn of(stat: &Stat) -> Self {
        let of_reaped = [stat.cutime, stat.cstime].map(|ticks| u64::try_from(ticks).unwrap_or(0));
        Self {
            pid: stat.pid.cast_unsigned(),
            parent: stat.ppid.cast_unsigned(),
            group: stat.pgrp.cast_unsigned(),
            // Its first thread may be a zombie while others still end: the last one closes the ports.
            alive: !matches!(stat.state, 'Z' | 'X' | 'x') || stat.num_threads > 1,
            ticks: stat.utime + stat.stime + of_reaped.iter().sum::<u64>(),
            started: stat.starttime,
        }
    }
}

fn carries(pid: u32, mark: &str) -> bool {
    let environment = process(pid).and_then(|process| process.environ().ok()).unwrap_or_default();
    environment.get(OsStr::new(MARK)).is_some_and(|value| value == mark)
}

/// The inodes of the sockets that listen on a port.
fn listening_sockets(port: u16) -> HashSet<u64> {
    let sockets = sockets_of(port).into_iter().filter(|socket| socket.listens && socket.local == port);
    sockets.map(|socket| socket.inode).collect()
}

fn holds_one_of(pid: u32, sockets: &HashSet<u64>) -> bool {
    let Some(Ok(descriptors)) = process(pid).map(|process| process.fd()) else { return false };
    descriptors.flatten().any(|held| matches!(held.target, FDTarget::Socket(inode) if sockets.contains(&inode)))
}

fn of_status(status: &Status) -> Option<Resident> {
    Some(Resident { now: status.vmrss? << 10, high_water: status.vmhwm? << 10 })
}

fn resident(process: &Process) -> u64 {
    process.statm().map_or(0, |statm| statm.resident) * procfs::page_size()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use procfs::FromRead as _;

    use super::*;

    /// Fields that nothing here reads: from `rss` to `cnswap`.
    const REST: &str = "0 0 0 0 0 0 0 0 0 0 0 0 0 0";

    fn parse(fields: &str) -> Entry {
        Entry::of(&Stat::from_read(format!("{fields} {REST}").as_bytes()).unwrap())
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped_over() {
        let stat = "42 (a b) (c) S 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1";
        assert_eq!(
            parse(stat),
            Entry { pid: 42, parent: 7, group: 40, alive: true, ticks: 5 + 6 + 7 + 8, started: 99 }
        );
    }

    #[test]
    fn a_process_is_dead_when_its_last_thread_is() {
        let alive = |state: &str, threads: u32| {
            let stat = format!("42 (a) {state} 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 99 1");
            parse(&stat).alive
        };
        assert!(alive("S", 1) && alive("Z", 2));
        assert!(!alive("Z", 1) && !alive("X", 0));
    }

    /// Fields of a status that nothing here reads.
    const STATUS: &str = "Name:\tcat\nState:\tS (sleeping)\nTgid:\t42\nPid:\t42\nPPid:\t1\nTracerPid:\t0\nUid:\t0\t0\t0\t0\n\
        Gid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t0\nThreads:\t1\nSigQ:\t0/1\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\n\
        SigCgt:\t0\nCapInh:\t0\nCapPrm:\t0\nCapEff:\t0\n";

    #[test]
    fn resident_memory_and_its_high_water_mark_are_read() {
        let read = |memory: &str| of_status(&Status::from_read(format!("{memory}{STATUS}").as_bytes()).unwrap());
        let status = "VmHWM:\t    1536 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(read(status), Some(Resident { now: 1 << 20, high_water: 1_536 << 10 }));
        assert_eq!(read(""), None, "a thread of the kernel has no memory of its own");
    }

    #[test]
    fn descendants_and_marked_processes_outside_the_group_belong_to_the_target() {
        let entry = |pid, parent, group| Entry { pid, parent, group, alive: true, ticks: 0, started: 0 };
        let all = [
            entry(1, 0, 1),
            entry(11, 10, 10),
            entry(10, 1, 10),
            entry(12, 11, 12),
            entry(13, 1, 13),
            entry(14, 1, 14),
        ];
        let pids: Vec<u32> = family(&all, 10, |entry| entry.pid == 14).iter().map(|entry| entry.pid).collect();
        assert_eq!(pids, [10, 11, 12, 14]);
    }

    #[test]
    fn a_process_that_listens_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found: Vec<u32> = listeners(std::process::id(), port).iter().map(|member| member.pid).collect();
        assert_eq!(found, [std::process::id()]);
        drop(listener);
        assert!(listeners(std::process::id(), port).is_empty());
    }

    #[test]
    fn this_process_uses_memory_and_descriptors() {
        let usage = usage(std::process::id(), "");
        assert!(usage.processes >= 1 && usage.resident > 0 && usage.descriptors > 0, "{usage:?}");
    }
}
