//! Schedules fire each slot once.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use store::args;

use super::bench::{Bench, Note, note_of};
use crate::{JobError, Schedule, Workers};

fn nightly(bench: &Bench, cron: &'static str) -> Workers {
    let slot_as_note = |slot: SystemTime| {
        let seconds = slot.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        crate::NewJob::from(&Note { n: i64::try_from(seconds).unwrap_or(i64::MAX) })
    };
    Workers::new(&bench.store)
        .handle(|_: Note, _| async { Ok::<_, JobError>(()) })
        .schedule(Schedule::new("nightly", cron).zone("Europe/Berlin"), slot_as_note)
}

pub(super) async fn w9_a_slot_is_fired_once_by_eight_processes(bench: Bench) {
    let processes: Vec<Workers> = (0..8).map(|_| nightly(&bench, "0 3 * * *")).collect();
    assert_eq!(processes[0].fire_schedules().await.unwrap(), 0, "the first slot is in the future");
    for round in 1..=3 {
        // The clock passes two slots: the policy fires the last one.
        bench.run("UPDATE evenkeel_schedule SET next_at = next_at - 172800000000").await;
        let fired = join_all(processes.iter().map(Workers::fire_schedules)).await;
        let fired: usize = fired.into_iter().map(Result::unwrap).sum();
        assert_eq!((fired, bench.live().await), (1, round));
        assert_eq!(processes[0].fire_schedules().await.unwrap(), 0);
        let row = bench.jobs.schedules().await.unwrap().remove(0);
        assert!(
            row.next_at > SystemTime::now() - Duration::from_secs(60)
                && row.last_at.is_some_and(|last| last < row.next_at)
        );
    }
    let slot = note_of(&bench.claim(1).await[0]);
    assert_eq!(slot % 3600, 0, "the job has the slot and not the present time");
    assert!(bench.jobs.pause_schedule("nightly", true).await.unwrap());
    bench.run("UPDATE evenkeel_schedule SET next_at = 1").await;
    assert_eq!(processes[0].fire_schedules().await.unwrap(), 0, "it is paused");
}

pub(super) async fn w9_a_schedule_that_was_changed_waits_for_its_new_slot(bench: Bench) {
    let next = || bench.number("SELECT next_at FROM evenkeel_schedule", args![]);
    nightly(&bench, "0 3 * * *").fire_schedules().await.unwrap();
    let before = next().await;
    nightly(&bench, "0 3 * * *").fire_schedules().await.unwrap();
    assert_eq!(next().await, before, "a restart changes nothing");
    nightly(&bench, "0 4 * * *").fire_schedules().await.unwrap();
    assert_eq!((next().await - before) % 3_600_000_000, 0);
    assert_ne!(next().await, before);
    assert_eq!(bench.live().await, 0);
}
