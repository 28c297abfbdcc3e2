//! Run and wait times of threads, as the kernel counts them: `/proc/PID/task/TID/schedstat`, in nanoseconds.

use std::path::Path;
use std::time::Duration;

/// Threads of a process that are read: of more, these are a sample.
const MAX_THREADS: usize = 2_000;

/// The kernel's counters of a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// The time for which it ran.
    pub(crate) ran: Duration,
    /// The time for which it was ready to run while others had the processors.
    pub(crate) waited: Duration,
}

/// The clocks of the threads of a process, by thread; none where the kernel does not tell.
pub(crate) fn clocks(pid: u32) -> Vec<(u32, Clock)> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of_thread = |thread: std::fs::DirEntry| {
        Some((thread.file_name().to_str()?.parse().ok()?, read(&thread.path().join("schedstat"))?))
    };
    threads.take(MAX_THREADS).filter_map(Result::ok).filter_map(of_thread).collect()
}

/// The sum of the waits of all threads of these processes; zero where the kernel does not tell.
pub(crate) fn waited(pids: &[u32]) -> Duration {
    pids.iter().flat_map(|pid| clocks(*pid)).map(|(_, clock)| clock.waited).sum()
}

fn read(file: &Path) -> Option<Clock> {
    clock(&std::fs::read_to_string(file).ok()?)
}

/// The first two numbers of a `schedstat`.
fn clock(schedstat: &str) -> Option<Clock> {
    let mut figures = schedstat.split_whitespace().map(|figure| figure.parse().map(Duration::from_nanos));
    Some(Clock { ran: figures.next()?.ok()?, waited: figures.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_a_processor_is_the_second_number() {
        assert_eq!(clock("1000 2500000000 7\n").map(|clock| clock.waited), Some(Duration::from_millis(2500)));
        assert!(clock("1000").is_none());
    }

    #[test]
    fn a_process_that_is_gone_waited_for_nothing() {
        assert_eq!(waited(&[u32::MAX]), Duration::ZERO);
    }

    #[test]
    fn the_clocks_of_this_process_are_read() {
        assert!(clocks(std::process::id()).iter().any(|(_, clock)| clock.ran > Duration::ZERO));
    }
}
