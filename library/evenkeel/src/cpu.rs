//! The service's pool for CPU-bound work.

use resilience::{CpuPool, CpuRules};
use vitals::Registry;

use crate::settings::Standard;

/// The name of the pool and of its threads.
const NAME: &str = "cpu";

/// Opens the pool that the settings describe, with its threads pinned.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) fn open(standard: &Standard, registry: &Registry) -> Result<CpuPool, String> {
    let sized = standard.cpu_threads.map_or_else(CpuRules::default, CpuRules::of);
    let queue = standard.cpu_queue.unwrap_or(sized.queue);
    let cores = standard.cpu_cores.clone();
    let rules = sized.queue(queue);
    #[cfg(feature = "without-guards")]
    let rules = standard.without.cpu(rules);
    let pool = CpuPool::begun_with(NAME, rules, move |thread| cores.pin(thread)).map_err(|none| none.to_string())?;
    pool.register(registry);
    Ok(pool)
}
