//! The processes of a group, as `/proc` shows them.

use std::time::Duration;

use super::Usage;

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
}

/// The living processes of group `leader`, and their descendants that went into another group; leader first.
pub(super) fn members(leader: u32) -> Vec<u32> {
    family(&all(), leader).iter().filter(|entry| entry.alive).map(|entry| entry.pid).collect()
}

/// What the group of `leader` uses now.
pub(super) fn usage(leader: u32) -> Usage {
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    let mut usage = Usage::default();
    let mut ticks = 0;
    for entry in family(&all(), leader) {
        ticks += entry.ticks;
        if entry.alive {
            usage.processes += 1;
            usage.resident += resident(entry.pid);
            usage.descriptors += descriptors(entry.pid);
        }
    }
    usage.cpu = Duration::from_millis(ticks * 1000 / ticks_per_second);
    usage
}

fn family(all: &[Entry], leader: u32) -> Vec<Entry> {
    let mut family: Vec<Entry> =
        all.iter().filter(|entry| entry.group == leader || entry.pid == leader).copied().collect();
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
    folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
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
        alive: !matches!(*fields.first()?, "Z" | "X" | "x"),
        ticks: (11..=14).filter_map(number).sum(),
    })
}

fn resident(pid: u32) -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm"))
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

fn descriptors(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |folder| folder.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped_over() {
        let stat = "42 (a b) (c) S 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99";
        assert_eq!(parse(stat), Some(Entry { pid: 42, parent: 7, group: 40, alive: true, ticks: 5 + 6 + 7 + 8 }));
    }

    #[test]
    fn a_descendant_that_left_the_group_still_belongs_to_the_family() {
        let entry = |pid, parent, group| Entry { pid, parent, group, alive: true, ticks: 0 };
        let all = [entry(1, 0, 1), entry(11, 10, 10), entry(10, 1, 10), entry(12, 11, 12), entry(13, 1, 13)];
        let pids: Vec<u32> = family(&all, 10).iter().map(|entry| entry.pid).collect();
        assert_eq!(pids, [10, 11, 12]);
    }

    #[test]
    fn this_process_uses_memory_and_descriptors() {
        let usage = usage(std::process::id());
        assert!(usage.processes >= 1 && usage.resident > 0 && usage.descriptors > 0, "{usage:?}");
    }
}
