//! Work and rest of all processors, as the kernel counts them: `/proc/stat`, in ticks.

/// The processors' ticks so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processors {
    /// Ticks in which any program ran.
    pub(super) busy: u64,
    /// All ticks.
    pub(super) all: u64,
    /// The number of processors.
    pub(super) count: usize,
}

impl Processors {
    /// The ticks by now; none where the system does not tell them.
    pub(super) fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let count = text.lines().filter(|line| line.starts_with("cpu")).count().checked_sub(1)?;
        // The last two, of guests, are counted in the first two.
        let ticks: Vec<u64> =
            text.lines().next()?.split_whitespace().skip(1).take(8).filter_map(|ticks| ticks.parse().ok()).collect();
        let [_, _, _, idle, waits_for_disks, ..] = ticks.as_slice() else { return None };
        let all: u64 = ticks.iter().sum();
        Some(Self { busy: all - idle - waits_for_disks, all, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_ticks_and_waits_for_disks_are_no_work() {
        let read = Processors::read("cpu  1 2 3 40 5 6 7 8 9 9\ncpu0 1\n").expect("it is a table of processors");
        assert_eq!((read.all, read.busy, read.count), (72, 27, 1));
        assert!(Processors::now().is_some_and(|now| now.all >= now.busy));
    }
}
