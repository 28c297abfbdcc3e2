//! The service's pool for work that computes: its size, and the cores it may have.

use resilience::{CpuPool, CpuRules};
use rustix::thread::{CpuSet, sched_setaffinity};
use vitals::Registry;

use crate::settings::Standard;

/// The name of the pool and of its threads.
const NAME: &str = "cpu";

/// Cores that threads are pinned to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

impl Cores {
    /// Reads numbers with commas between.
    ///
    /// # Errors
    /// The first that is not a core of any machine.
    pub fn parse(text: &str) -> Result<Self, String> {
        let core = |number: &str| match number.parse() {
            Ok(core) if core < CpuSet::MAX_CPU => Ok(core),
            _ => Err(format!("{number:?} is not the number of a core, such as 0 or 3")),
        };
        let numbers = text.split(',').map(str::trim).filter(|number| !number.is_empty());
        numbers.map(core).collect::<Result<_, _>>().map(Self)
    }

    /// Pins the running thread, the pool's thread of this number, to its core. One that this process may not have is told, and
    /// the thread runs where it can.
    fn pin(&self, thread: u32) {
        if self.0.is_empty() {
            return;
        }
        let core = self.0[thread as usize % self.0.len()];
        let mut set = CpuSet::new();
        set.set(core);
        if let Err(error) = sched_setaffinity(None, &set) {
            tracing::warn!(core, %error, "a thread is not pinned: CPU_CORES names a core that this process may not have");
        }
    }
}

/// Opens the pool.
///
/// # Errors
/// Why its threads cannot be had.
pub(crate) fn open(standard: &Standard, registry: &Registry) -> Result<CpuPool, String> {
    let sized = standard.cpu_threads.map_or_else(CpuRules::default, CpuRules::of);
    let queue = standard.cpu_queue.unwrap_or(sized.queue);
    let cores = standard.cpu_cores.clone();
    let rules = standard.without.cpu(CpuRules { queue, ..sized });
    let pool = CpuPool::begun_with(NAME, rules, move |thread| cores.pin(thread))?;
    pool.register(registry);
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_numbers_with_commas_between() {
        assert_eq!(Cores::parse("0, 3"), Ok(Cores(vec![0, 3])));
        assert_eq!(Cores::parse(""), Ok(Cores::default()));
        for text in ["a", "0-3", "-1", "99999"] {
            assert!(Cores::parse(text).unwrap_err().contains("such as"), "{text}");
        }
    }

    #[test]
    fn a_thread_is_pinned_to_its_core() {
        let allowed = rustix::thread::sched_getaffinity(None).expect("the cores of this thread");
        let core = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).expect("it runs somewhere");
        std::thread::spawn(move || {
            Cores(vec![core]).pin(7);
            let now = rustix::thread::sched_getaffinity(None).expect("the cores of this thread");
            assert!(now.is_set(core));
            assert_eq!(now.count(), 1);
        })
        .join()
        .expect("it was pinned");
    }
}
