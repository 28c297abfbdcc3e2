//! Clients that leave in the middle: half a head, a request whose answer they do not wait for, an answer that they break off.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::raw::RawConnection;

use crate::clause::life::steady as clause;
use crate::contention;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::largest;
use crate::probes::support::peace::Peace;

/// Number of clients that leave, as far as [`SENDING`] is enough; before that, as many warm it up.
const LEAVE: u32 = 3_000;
const SENDING: Duration = Duration::from_secs(6);
const WARM_UP: u32 = 96;
/// At a time.
const AT_A_TIME: u32 = 24;
/// Time limit of one request.
const EACH: Duration = Duration::from_secs(2);
/// Number of bytes of an answer that are read before it is broken off.
const BEGINNING: usize = 1;
/// Connections that are held to see that descriptors are counted.
const HELD: usize = 4;
/// Time limit for giving descriptors back, and the interval between two checks.
const GIVEN_BACK: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);
/// So many more than before are what pools and caches explain; from one in so many of those who left on, it is a leak.
const POOLS: u64 = 5;
const ONE_IN: u64 = 100;

/// Examines it.
pub(super) async fn examine(lab: &Lab, peace: &Peace) -> Vec<Evidence> {
    let largest = largest::find(lab).await;
    let answered = largest.map_or_else(|| peace.bytes.clone(), |largest| peace.listener.bytes(&largest.request));
    leave(peace, &answered, WARM_UP, EACH).await;
    tokio::time::sleep(2 * LOOK).await;
    let before = open(lab);
    let control = match counted(lab, peace, before).await {
        Ok(control) => control,
        Err(piece) => return vec![piece],
    };
    let count = lab.pace.count(LEAVE);
    let left = leave(peace, &answered, count, lab.pace.of(SENDING)).await;
    let begun = Instant::now();
    let mut now = open(lab);
    while now > before + POOLS && begun.elapsed() < GIVEN_BACK && lab.running().is_some_and(|it| it.exit().is_none()) {
        tokio::time::sleep(LOOK).await;
        now = open(lab);
    }
    let took = begun.elapsed();
    let told = format!("{before} descriptors are open before {left} clients leave midway, {now} {took:.1?} after");
    let contention = contention::Watch::begin(lab);
    let again = peace.answered_again(EACH).await;
    let contention = contention.end();
    let mut evidence = vec![if lab.running().is_none_or(|process| process.exit().is_some()) {
        clause::ABORTS.contradicts(format!("it ends when {left} clients leave midway"))
    } else if left == 0 {
        clause::ABORTS.gap("no connection could be made to leave midway")
    } else {
        judge(now.saturating_sub(before), left, told).by(&control)
    }];
    if let Err(how) = again {
        let within = peace.within(EACH);
        let what = format!("it does not answer within {within:.1?} after {left} clients left midway");
        evidence.push(contention.excuse_given_up(clause::ABORTS.contradicts(what).by(&control).showing(how), within));
    }
    evidence
}

fn judge(more: u64, left: u64, told: String) -> Evidence {
    match more {
        0..=POOLS => clause::ABORTS.holds(told),
        more if more * ONE_IN >= left => clause::ABORTS.contradicts(format!("descriptors leak: {told}")),
        _ => clause::ABORTS.gap(format!("{told}: a pool looks the same")),
    }
}

fn open(lab: &Lab) -> u64 {
    lab.usage().map_or(0, |usage| usage.descriptors)
}

/// Shows that a connection which is held is seen among the descriptors.
async fn counted(lab: &Lab, peace: &Peace, before: u64) -> Result<Control, Evidence> {
    let held: Vec<RawConnection> =
        join_all((0..HELD).map(|_| peace.listener.open())).await.into_iter().filter_map(Result::ok).collect();
    for _ in 0..8 {
        tokio::time::sleep(LOOK / 4).await;
        if open(lab) > before {
            break;
        }
    }
    let now = open(lab);
    let control = Control::seen(
        now > before,
        format!("{} connections that are held raise its descriptors from {before} to {now}", held.len()),
        "connections that are held are not seen among its descriptors: nothing is known of those that left",
    );
    drop(held);
    let begun = Instant::now();
    while open(lab) > before && begun.elapsed() < EACH {
        tokio::time::sleep(LOOK / 4).await;
    }
    control.map_err(|failed| clause::ABORTS.uncontrolled(&failed))
}

/// So many clients come and leave, in three ways by turns. How many had a connection.
async fn leave(peace: &Peace, answered: &[u8], count: u32, bound: Duration) -> u64 {
    let begun = Instant::now();
    let mut left = 0;
    for batch in (0..count).step_by(AT_A_TIME as usize) {
        if begun.elapsed() >= bound {
            break;
        }
        let clients = (batch..count.min(batch + AT_A_TIME)).map(|number| one(peace, answered, number));
        left += join_all(clients).await.into_iter().flatten().count() as u64;
    }
    left
}

async fn one(peace: &Peace, answered: &[u8], number: u32) -> Option<()> {
    let mut connection = peace.listener.open().await.ok()?;
    let half = &answered[..answered.len() / 2];
    // A write that fails is a service that was quicker to leave.
    match number % 3 {
        0 => drop(connection.write(half, EACH).await),
        1 => {
            let _ = connection.write(answered, EACH).await;
            let _ = connection.reset();
        }
        _ => {
            let _ = connection.write(answered, EACH).await;
            connection.listen(BEGINNING, EACH).await;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Bearing;

    #[test]
    fn a_descriptor_for_one_in_a_hundred_that_left_is_a_leak_and_a_handful_is_none() {
        let bearing = |more, left| judge(more, left, String::new()).bearing();
        assert_eq!(bearing(5, 100), Bearing::For);
        assert_eq!(bearing(6, 3_000), Bearing::Gap);
        assert_eq!(bearing(29, 3_000), Bearing::Gap);
        assert_eq!(bearing(30, 3_000), Bearing::Against);
    }
}
