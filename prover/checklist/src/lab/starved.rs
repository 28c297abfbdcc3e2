//! The time for which processes were ready to run while others had the CPU.

use std::time::Duration;

/// The sum over the main threads of these processes; zero where the kernel does not tell.
pub(super) fn waited(pids: &[u32]) -> Duration {
    let told = pids.iter().filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok());
    told.filter_map(|text| run_delay(&text)).sum()
}

/// The second number of a `schedstat`, in nanoseconds.
fn run_delay(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{run_delay, waited};

    #[test]
    fn the_wait_for_a_cpu_is_the_second_number() {
        assert_eq!(run_delay("1000 2500000000 7\n"), Some(Duration::from_millis(2500)));
        assert_eq!(run_delay("1000"), None);
    }

    #[test]
    fn a_process_that_is_gone_waited_for_nothing() {
        assert_eq!(waited(&[u32::MAX]), Duration::ZERO);
    }
}
