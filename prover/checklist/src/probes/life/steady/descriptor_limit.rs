//! Descriptor exhaustion: the service is started with a low limit, so that it knows the limit, and half-sent
//! requests take what there is.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::raw::RawConnection;
use procfs::process::Process;

use crate::clause::life::steady as clause;
use crate::contention::{self, Contention};
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::core_share::{Clock, CoreShare};
use crate::probes::support::descriptors;
use crate::probes::support::peace::Peace;
use crate::probes::support::printed;
use crate::recipe::Recipe;
use crate::recipe::strain::Spent;

/// The limit: this, or so many more than a process has open in peace.
const LEAST_LIMIT: u64 = 96;
const ROOM: u64 = 48;
/// Half-sent requests, and those of them that are sent while there is room, to see what they cost by themselves.
const HALF_SENT: usize = 300;
const FEW: usize = 12;
/// Descriptors that one connection may need: the next one does not fit when fewer are left.
const A_CONNECTION: u64 = 3;
/// Opened at a time.
const BATCH: usize = 50;
/// Time limit of a connection.
const EACH: Duration = Duration::from_secs(2);
/// Time for which they are held before the measurement, and its duration.
const SETTLES: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);
const LEAST_MEASURED: Duration = Duration::from_secs(1);
/// Interval between two checks of the limit.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of log a second: from here on it floods; between the two it is not judged.
const FLOODS: f64 = 10_000.0;
const LITTLE: f64 = 7_000.0;
/// Maximum time until it serves again once the connections are gone.
const AGAIN: Duration = Duration::from_secs(10);
/// Source address of the half-sent requests.
const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Starts it with the limit, examines it, and leaves it stopped.
pub(super) async fn examine(lab: &mut Lab, peace: &Peace) -> Vec<Evidence> {
    if descriptors::spare(HALF_SENT) < HALF_SENT {
        return vec![clause::DESCRIPTORS.gap("keel has too few descriptors itself: raise its limit")];
    }
    let open = pids(lab).into_iter().filter_map(numbers).map(|open| open.len() as u64).max().unwrap_or_default();
    let limit = LEAST_LIMIT.max(open + ROOM);
    lab.stop().await;
    let command = format!("ulimit -n {limit} && {{ {}; }}", lab.launch().command);
    if let Err(failure) = lab.start_with(|launch| launch.command = command).await {
        let what = format!("with a limit of {limit} descriptors it does not start: {}", failure.reason);
        return vec![clause::DESCRIPTORS.gap(what)];
    }
    let few = hold(peace, FEW).await;
    tokio::time::sleep(SETTLES).await;
    let before = Cost::measured(lab, limit, LEAST_MEASURED).await.0;
    drop(few);
    tokio::time::sleep(SETTLES).await;
    let held = hold(peace, HALF_SENT).await;
    // The beginning has the cost of the connections themselves.
    let (_, reached) = Cost::measured(lab, limit, SETTLES).await;
    let (cost, later) = Cost::measured(lab, limit, lab.pace.of(MEASURED).max(LEAST_MEASURED)).await;
    let exit = lab.running().and_then(|process| process.exit());
    let opened = held.len();
    drop(held);
    let contention = contention::Watch::begin(lab);
    let again = peace.answered_again(AGAIN).await;
    let contention = contention.end();
    let spent = reached.max(later);
    let told = format!("{spent} of {limit} descriptors were open beside {opened} half-sent requests");
    let control = match Control::seen(
        spent + A_CONNECTION >= limit || exit.is_some(),
        told.clone(),
        format!("only {told}: it takes fewer connections at a time, so its limit was not met"),
    ) {
        Ok(control) => control,
        Err(failed) => return vec![clause::DESCRIPTORS.uncontrolled(&failed)],
    };
    let seen = Seen { exit: exit.map(|exit| format!("{exit:?}")), before, cost, again, contention };
    // More than its limit and what the kernel keeps for it.
    let connections = limit + ROOM;
    let recipe = Recipe::Spent(Spent { limit, connections, begin: begin(peace) });
    let spins = seen.cost.core.spins() == Some(true);
    let shown = |piece: Evidence| if spins { piece.reproduced_by(recipe.clone()) } else { piece };
    judge(&seen).into_iter().map(|piece| shown(piece.by(&control))).collect()
}

/// Observations at the limit.
struct Seen {
    exit: Option<String>,
    before: Cost,
    cost: Cost,
    again: Result<Duration, String>,
    /// Contention until it served again.
    contention: Contention,
}

fn judge(seen: &Seen) -> Vec<Evidence> {
    const WHEN: &str = "while its descriptors are spent";
    if let Some(exit) = &seen.exit {
        return vec![clause::DESCRIPTORS.contradicts(format!("it ends {WHEN}: {exit}"))];
    }
    let Cost { core, log } = seen.cost;
    let cpu = format!("it takes {} {WHEN}", core.told());
    let cpu = match (core.spins(), seen.before.core.spins()) {
        (Some(true), Some(false)) => clause::DESCRIPTORS.contradicts(format!("it spins: {cpu}")),
        (Some(false), _) => clause::DESCRIPTORS.holds(cpu),
        _ => clause::DESCRIPTORS.gap(format!("{cpu}, and {} before", seen.before.core.told())),
    };
    let log_told = format!("it logs {:.1} KB/s {WHEN}", log / 1000.0);
    let log = match log {
        log if log >= FLOODS => clause::DESCRIPTORS.contradicts(format!("it floods its log: {log_told}")),
        log if log >= LITTLE => clause::DESCRIPTORS.gap(log_told),
        _ => clause::DESCRIPTORS.holds(log_told),
    };
    let again = match &seen.again {
        Ok(took) => clause::DESCRIPTORS.holds(format!("it serves again {took:.1?} after the connections are gone")),
        Err(how) => {
            let what = format!("it does not serve again within {AGAIN:?} after its descriptors were spent");
            seen.contention.excuse_given_up(clause::DESCRIPTORS.contradicts(what).showing(how), AGAIN)
        }
    };
    vec![cpu, log, again]
}

/// The request without its last line.
fn begin(peace: &Peace) -> Vec<u8> {
    let mut head = peace.bytes.clone();
    head.truncate(head.len().saturating_sub(2));
    head
}

/// Sends so many requests that lack their last line, and holds their connections.
async fn hold(peace: &Peace, count: usize) -> Vec<RawConnection> {
    let head = begin(peace);
    let mut held = Vec::with_capacity(count);
    for batch in (0..count).step_by(BATCH) {
        let opened = join_all((batch..count.min(batch + BATCH)).map(|_| async {
            let mut connection = peace.listener.open_from(FLOODER, EACH).await.ok()?;
            connection.write(&head, EACH).await.ok()?;
            Some(connection)
        }));
        held.extend(opened.await.into_iter().flatten());
    }
    held
}

/// Usage at rest: the share of a core, and bytes of log a second.
#[derive(Clone, Copy, Debug)]
struct Cost {
    core: CoreShare,
    log: f64,
}

impl Cost {
    /// Measures for so long, and counts meanwhile the descriptors below the limit of the process that has most.
    async fn measured(lab: &Lab, limit: u64, lasts: Duration) -> (Self, u64) {
        let (clock, logged, begun) = (Clock::of(lab), printed::with_files(lab), Instant::now());
        let mut most = 0;
        while begun.elapsed() < lasts {
            tokio::time::sleep(LOOK).await;
            let open = pids(lab).into_iter().filter_map(numbers).map(|open| open.range(..limit).count() as u64);
            most = most.max(open.max().unwrap_or_default());
        }
        let seconds = begun.elapsed().as_secs_f64();
        let core = Clock::of(lab).since(clock);
        let log = printed::with_files(lab).saturating_sub(logged) as f64 / seconds;
        (Self { core, log }, most)
    }
}

fn pids(lab: &Lab) -> Vec<u32> {
    lab.running().map(|process| process.pids()).unwrap_or_default()
}

/// The numbers of its open descriptors.
fn numbers(pid: u32) -> Option<BTreeSet<u64>> {
    let descriptors = Process::new(pid.cast_signed()).and_then(|process| process.fd()).ok()?;
    Some(descriptors.flatten().filter_map(|info| u64::try_from(info.fd).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Bearing;

    fn bearings(ran: f64, log: f64, again: Result<Duration, String>) -> Vec<Bearing> {
        let cost = |ran, log| Cost { core: CoreShare { ran, waited: 0.0 }, log };
        let seen =
            Seen { exit: None, before: cost(0.0, 0.0), cost: cost(ran, log), again, contention: Contention::default() };
        judge(&seen).iter().map(crate::finding::Evidence::bearing).collect()
    }

    #[test]
    fn a_spin_a_flood_of_log_and_a_service_that_does_not_come_back_fall_short() {
        use Bearing::{Against, For, Gap};
        let back = || Ok(Duration::ZERO);
        assert_eq!(bearings(0.1, 500.0, back()), [For, For, For]);
        assert_eq!(bearings(0.5, 10_000.0, back()), [Against, Against, For]);
        assert_eq!(bearings(0.4, 8_000.0, back()), [Gap, Gap, For]);
        assert_eq!(bearings(0.1, 0.0, Err("nothing".to_owned())), [For, For, Against]);
    }

    #[test]
    fn a_service_that_waited_for_a_busy_machine_may_come_back_later() {
        let cost = Cost { core: CoreShare { ran: 0.1, waited: 0.0 }, log: 0.0 };
        let contention = Contention { waited: AGAIN / 2, ..Contention::default() };
        let seen = Seen { exit: None, before: cost, cost, again: Err("nothing".to_owned()), contention };
        assert_eq!(judge(&seen).last().map(crate::finding::Evidence::bearing), Some(Bearing::Gap));
    }
}
