//! CPU pinning of threads. Pinning works on Linux; elsewhere it logs a warning.

/// Cores that threads are pinned to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

/// Cores that a machine can have.
#[cfg(target_os = "linux")]
const MAX_CORES: usize = rustix::thread::CpuSet::MAX_CPU;
#[cfg(not(target_os = "linux"))]
const MAX_CORES: usize = 1024;

/// A text that is not the number of a core of any machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the number of a core, such as 0 or 3")]
#[non_exhaustive]
pub struct InvalidCore {
    /// The text.
    pub text: String,
}

impl Cores {
    /// Reads numbers with commas between.
    ///
    /// # Errors
    /// The first that is not a core of any machine.
    pub fn parse(text: &str) -> Result<Self, InvalidCore> {
        let core = |number: &str| match number.parse() {
            Ok(core) if core < MAX_CORES => Ok(core),
            _ => Err(InvalidCore { text: number.to_owned() }),
        };
        let numbers = text.split(',').map(str::trim).filter(|number| !number.is_empty());
        numbers.map(core).collect::<Result<_, _>>().map(Self)
    }

    /// Pins the running thread, the pool's thread of this number, to its core. Logs a warning when this process may not use
    /// the core; the thread then runs anywhere.
    pub(crate) fn pin(&self, thread: u32) {
        if self.0.is_empty() {
            return;
        }
        let core = self.0[thread as usize % self.0.len()];
        if let Err(error) = pin_to(core) {
            tracing::warn!(core, %error, "a thread is not pinned: CPU_CORES names a core that this process may not have");
        }
    }
}

#[cfg(target_os = "linux")]
fn pin_to(core: usize) -> std::io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_core: usize) -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "threads can be pinned on Linux only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_numbers_with_commas_between() {
        assert_eq!(Cores::parse("0, 3"), Ok(Cores(vec![0, 3])));
        assert_eq!(Cores::parse(""), Ok(Cores::default()));
        for text in ["a", "0-3", "-1", "99999"] {
            assert!(Cores::parse(text).unwrap_err().to_string().contains("such as"), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_pinned_to_its_core() {
        let allowed = rustix::thread::sched_getaffinity(None).expect("the cores of this thread");
        let core = (0..MAX_CORES).find(|core| allowed.is_set(*core)).expect("it runs somewhere");
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
