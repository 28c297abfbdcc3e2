//! Experiments that strain the service.

use std::collections::BTreeSet;

use crate::recipe::strain::{Bomb, Overload, Overloaded, Spent, Unread};
use crate::repro::literal;
use crate::repro::script::command;
use crate::repro::steps::{BEYOND, Experiment, Launch, MANY_DESCRIPTORS, PEAK_MEMORY, arguments};
use crate::subject::Subject;

/// Clients that measure the throughput, and for how many seconds.
const CLIENTS: usize = 16;
const MEASURED: usize = 3;
/// Seconds of overload, and how much longer the script itself may take for it.
const LASTS: usize = 5;
const LATE: usize = 2;
/// Of a core: above it a service at rest spins. Time for which its threads wait for a core counts.
const SPINS: f64 = 0.5;

pub(super) fn overload(subject: &Subject, overload: &Overload) -> Experiment {
    let Overload { request, objective, fault } = overload;
    let (at, request, objective) =
        (literal::address(&subject.url), literal::bytes(request), literal::seconds(*objective));
    let bad = match fault {
        Overloaded::Goodput(share) => format!("timely / {LASTS} < {share} * able"),
        Overloaded::Unrefused(share) => {
            format!("sum(a[9:12] in (b\"503\", b\"429\") for a, took in seen) < {share} * (len(seen) - timely)")
        }
        Overloaded::NoRetryAfter => {
            "any(a[9:12] in (b\"503\", b\"429\") and b\"\\nretry-after:\" not in a.lower() for a, took in seen)"
                .to_owned()
        }
    };
    Experiment {
        modules: BTreeSet::from(["asyncio", "resource"]),
        before: vec![
            "async def one(wait=0):".to_owned(),
            "    await asyncio.sleep(wait); began = time.time()".to_owned(),
            format!(
                "    try: r, w = await asyncio.wait_for(asyncio.open_connection(*{at}), {objective}); w.write({request}); a = await \
                 asyncio.wait_for(r.readuntil(b\"\\r\\n\\r\\n\"), {objective}); w.close(); return a, time.time() - began"
            ),
            "    except Exception: return b\"\", 0".to_owned(),
            "async def client(end): return [await one() for _ in range(99999) if time.time() < end]".to_owned(),
            "async def many(works): return await asyncio.gather(*works)".to_owned(),
        ],
        steps: vec![
            format!(
                "{MANY_DESCRIPTORS}; done = sum(asyncio.run(many(client(time.time() + {MEASURED}) for _ in range({CLIENTS}))), []); able = \
                 sum(a[9:10] == b\"2\" for a, took in done) / {MEASURED}"
            ),
            format!(
                "began = time.time(); seen = asyncio.run(many(one(n / able / 2) for n in range(int(able * 2 * {LASTS})))); time.time() - began < \
                 {LASTS} + {objective} + {LATE} or sys.exit(2)"
            ),
            format!("timely = sum(a[9:10] == b\"2\" and took < {objective} for a, took in seen)"),
        ],
        seen: format!(
            "f\"it does {{able:.0f}} a second; of {{len(seen)}} in {LASTS} s {{timely}} were answered in time\", sorted({{a[9:12] for a, took in seen}})"
        ),
        fault: bad,
        ..Experiment::default()
    }
}

pub(super) fn spent(subject: &Subject, spent: &Spent) -> Experiment {
    let at = literal::address(&subject.url);
    let run = literal::text(&format!("ulimit -n {} && {{ {}; }}", spent.limit, command(&subject.run)));
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["glob", "socket"]),
        launch: Launch::BySteps,
        steps: vec![
            format!("ready(start({run})); crowd = [socket.socket() for _ in range({})]", spent.connections),
            format!(
                "for s in crowd: s.settimeout(0.2); s.bind((\"127.0.0.2\", 0)); s.connect_ex({at}) or s.send({})",
                literal::bytes(&spent.begin)
            ),
            "used = lambda pid: sum(sum(map(int, open(path).read().split()[:2])) / 1e9 for path in glob.glob(f\"/proc/{pid}/task/*/schedstat\")) + \
             sum(used(child) for child in open(f\"/proc/{pid}/task/{pid}/children\").read().split())"
                .to_owned(),
            "time.sleep(1); before = used(job.pid); time.sleep(3); share = (used(job.pid) - before) / 3".to_owned(),
        ],
        seen: "f\"at rest it wants {share:.2f} of a core\"".to_owned(),
        fault: format!("share > {SPINS}"),
        ..Experiment::default()
    }
}

pub(super) fn unread(subject: &Subject, unread: &Unread) -> Experiment {
    let at = literal::address(&subject.url);
    let port = subject.url.port_or_known_default().unwrap_or(80);
    let held = literal::seconds(unread.held);
    Experiment {
        modules: BTreeSet::from(["glob", "re", "socket", "time"]),
        steps: vec![
            "s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)".to_owned(),
            format!("s.connect({at}); s.settimeout(5); end = time.time() + {held}"),
            format!("try: s.sendall({} * {})", literal::bytes(&unread.request), unread.times),
            "except OSError: pass".to_owned(),
            "waited = lambda pid: sum(int(open(path).read().split()[1]) / 1e9 for path in glob.glob(f\"/proc/{pid}/task/*/schedstat\")) + \
             sum(waited(child) for child in open(f\"/proc/{pid}/task/{pid}/children\").read().split())"
                .to_owned(),
            // Time that the service waited for a CPU does not count, up to twice as long.
            format!("while time.time() < end + min(waited(job.pid), 2 * {held}): time.sleep(0.1)"),
            "own = s.getsockname()[1]".to_owned(),
            // Address and port of both ends, 01 for an established connection, and the bytes that the service could not send.
            format!(
                "held = [line for path in glob.glob(\"/proc/net/tcp*\") for line in open(path) if re.search(f\":{port:04X} [0-9A-F]+:{{own:04X}} \
                 01 (?!00000000)\", line)]"
            ),
        ],
        seen: format!("\"still held after {held} s:\", held"),
        fault: "held".to_owned(),
        ..Experiment::default()
    }
}

pub(super) fn bomb(subject: &Subject, bomb: &Bomb) -> Experiment {
    let Bomb { request, size, times, most } = bomb;
    let arguments = arguments(subject.url.path(), &request.clone().body(""));
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["gzip", "threading"]),
        steps: vec![
            PEAK_MEMORY.to_owned(),
            format!("before, seen, body = held(job.pid), [], gzip.compress(bytes({size}))"),
            format!(
                "many = [threading.Thread(target=lambda: seen.append(ask({arguments}, body)[:200])) for _ in range({times})]; [one.start() for one \
                 in many]; [one.join() for one in many]; grown = held(job.pid) - before"
            ),
        ],
        seen: "seen, grown, \"bytes of memory more\"".to_owned(),
        fault: format!("grown > {most} or any(one[0] != \"4\" for one in seen)"),
        ..Experiment::default()
    }
}
