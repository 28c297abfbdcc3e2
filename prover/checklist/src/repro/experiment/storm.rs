//! Experiment that sends a storm of one request, and others beside it.

use std::collections::BTreeSet;

use crate::recipe::storm::Storm;
use crate::repro::literal;
use crate::repro::steps::{Experiment, MANY_DESCRIPTORS};
use crate::subject::Subject;

/// Clients that measure the throughput, and for how many seconds.
const CLIENTS: usize = 16;
const MEASURED: usize = 3;
/// Seconds of the requests alone, and of the storm.
const ALONE: usize = 2;
const LASTS: usize = 5;
/// By how many seconds the script itself may be late.
const LATE: usize = 2;
/// The share that is answered in time when no storm is sent.
const IN_PEACE: f64 = 0.9;

pub(super) fn storm(subject: &Subject, recipe: &Storm) -> Experiment {
    let Storm { storm, times, beside, rate, clients, objective, least } = recipe;
    let (at, objective) = (literal::address(&subject.url), literal::seconds(*objective));
    // The storm has the address that the system gives, which is 127.0.0.1.
    let from = match clients {
        0 => "None".to_owned(),
        _ => format!("n is not None and (f\"127.0.1.{{n % {clients} + 1}}\", 0) or None"),
    };
    Experiment {
        modules: BTreeSet::from(["asyncio", "resource"]),
        before: vec![
            "async def one(request, wait=0, n=None):".to_owned(),
            "    await asyncio.sleep(wait); began = time.time()".to_owned(),
            format!(
                "    try: r, w = await asyncio.wait_for(asyncio.open_connection(*{at}, local_addr={from}), {objective}); w.write(request); a = await \
                 asyncio.wait_for(r.readuntil(b\"\\r\\n\\r\\n\"), {objective}); w.close(); return a[9:10] == b\"2\" and time.time() - began < \
                 {objective}"
            ),
            "    except Exception: return False".to_owned(),
            "async def client(end): return [await one(STORM) for _ in range(99999) if time.time() < end]".to_owned(),
            "async def many(works): return await asyncio.gather(*works)".to_owned(),
        ],
        steps: vec![
            format!(
                "{MANY_DESCRIPTORS}; STORM, BESIDE, RATE = {}, {}, {rate:.2}; others = lambda seconds: [one(BESIDE, n / RATE, n) for n in range(int(RATE * seconds))]",
                literal::bytes(storm),
                literal::bytes(beside)
            ),
            format!(
                "able = sum(sum(asyncio.run(many(client(time.time() + {MEASURED}) for _ in range({CLIENTS}))), [])) / {MEASURED}; alone = \
                 asyncio.run(many(others({ALONE}))); sum(alone) >= {IN_PEACE} * len(alone) or sys.exit(2)"
            ),
            format!(
                "began = time.time(); storm = [one(STORM, n / able / {times}) for n in range(int(able * {times} * {LASTS}))]; seen = \
                 asyncio.run(many(others({LASTS}) + storm))[:int(RATE * {LASTS})]; time.time() - began < {LASTS} + 2 * {objective} + {LATE} or \
                 sys.exit(2)"
            ),
        ],
        seen: format!(
            "f\"it does {{able:.0f}} a second; beside {times} times as many, of {{len(seen)}} other requests {{sum(seen)}} were answered in \
             time\""
        ),
        fault: format!("sum(seen) < {least} * len(seen)"),
        ..Experiment::default()
    }
}
