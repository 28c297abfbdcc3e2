//! The processes of a target, as `/proc` shows them.
//!
//! To the target belong its process group, the descendants that left the group, and whoever carries its mark: an
//! environment variable set at the start, which a daemon that left group and parents behind still has (unless it has
//! overwritten its environment, as nginx and PostgreSQL do; [`listeners`] finds those by their port).

use std::collections::HashSet;
use std::time::Duration;

use super::usage::Usage;

/// The environment variable that marks all processes of one target.
pub(super) const MARK: &str = "DRILL_TARGET";

/// One process, from `/proc/PID/stat`.
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
        Some(std::fs::read_to_string(format!("/proc/{}/comm", self.pid)).ok()?.trim_end().to_owned())
    }

    /// Whether it is not dead yet. One that is dying still holds its ports and has lost by what it could be found.
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

/// What the target uses now.
pub(super) fn usage(leader: u32, mark: &str) -> Usage {
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    let mut usage = Usage::default();
    let mut ticks = 0;
    for entry in target(leader, mark) {
        ticks += entry.ticks;
        if entry.alive {
            usage.processes += 1;
            usage.threads += threads(entry.pid);
            usage.resident += resident(entry.pid);
            usage.descriptors += descriptors(entry.pid);
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
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter_map(entry).collect()
}

fn entry(pid: u32) -> Option<Entry> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `pid (name) state ppid pgrp ...`; the name may hold spaces and parentheses, hence the last `)`.
fn parse(stat: &str) -> Option<Entry> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some(Entry {
        pid,
        parent: u32::try_from(number(1)?).ok()?,
        group: u32::try_from(number(2)?).ok()?,
        // Its first thread may be a zombie while others still end: the last one closes the ports.
        alive: !matches!(*fields.first()?, "Z" | "X" | "x") || number(17).is_some_and(|threads| threads > 1),
        ticks: (11..=14).filter_map(number).sum(),
        started: number(19)?,
    })
}

fn carries(pid: u32, mark: &str) -> bool {
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    let variables = environment.split(|byte| *byte == 0);
    variables.into_iter().any(|variable| variable.strip_prefix(MARK.as_bytes()) == Some(format!("={mark}").as_bytes()))
}

/// As `/proc/PID/fd` names them.
fn listening_sockets(port: u16) -> HashSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let inodes = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = *fields.get(3)? == "0A";
        let here = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()? == port;
        if listens && here { fields.get(9) } else { None }.map(|inode| format!("socket:[{inode}]"))
    });
    inodes.collect()
}

fn holds_one_of(pid: u32, sockets: &HashSet<String>) -> bool {
    let Ok(folder) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    folder
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
}

fn resident(pid: u32) -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm"))
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

fn threads(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |folder| folder.count() as u64)
}

fn descriptors(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |folder| folder.count() as u64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped_over() {
        let stat = "42 (a b) (c) S 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1";
        assert_eq!(
            parse(stat),
            Some(Entry { pid: 42, parent: 7, group: 40, alive: true, ticks: 5 + 6 + 7 + 8, started: 99 })
        );
    }

    #[test]
    fn a_process_is_dead_when_its_last_thread_is() {
        let alive = |state: &str, threads: u32| {
            let stat = format!("42 (a) {state} 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 99 1");
            parse(&stat).is_some_and(|entry| entry.alive)
        };
        assert!(alive("S", 1) && alive("Z", 2));
        assert!(!alive("Z", 1) && !alive("X", 0));
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
