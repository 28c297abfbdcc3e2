//! The service's pool for CPU-bound work.

use resilience::{CpuPool, CpuRules};
use vitals::Registry;

use crate::failed::Failed;
use crate::settings::Standard;

/// The name of the pool and of its threads.
const NAME: &str = "cpu";

/// Opens the pool that the settings describe, with its threads pinned.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) fn open(standard: &Standard, registry: &Registry) -> Result<CpuPool, Failed> {
    let sized = standard.cpu_threads.map_or_else(CpuRules::default, CpuRules::of);
    let queue = standard.cpu_queue.unwrap_or(sized.queue);
    let cores = standard.cpu_cores.clone();
    let rules = sized.queue(queue);
    #[cfg(feature = "without-guards")]
    let rules = standard.without.cpu(rules);
    let pool = CpuPool::begun_with(NAME, rules, move |thread| cores.pin(thread));
    let pool = pool.map_err(|why| Failed::Cpu(why.into()))?;
    pool.register(registry);
    Ok(pool)
}
