//! The loop that fires schedules: the job of a slot is added in the transaction that moves the schedule to its next slot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Transaction, args};
use supervision::Stop;

use super::{MakeJob, Schedule, Slots};
use crate::error::{Refusal, WorkError};
use crate::job::NewJob;
use crate::job::enqueue::{enqueue_all, moment};
use crate::job::store::JobStore;
use crate::statement::{Statement, statement};

const NOW: Statement = statement!("schedule_now");
const SET: Statement = statement!("schedule_set");
const DUE: Statement = statement!("schedule_due");
const MOVE: Statement = statement!("schedule_move");
/// Wait between two looks for slots that have come, half of it early or late; each process looks.
const LOOK: Duration = Duration::from_secs(1);
/// The next slot of a pattern without one: in the year 9999.
const NEVER: i64 = 253_370_764_800_000_000;

/// One schedule with its slots and its jobs.
pub(crate) struct Entry {
    schedule: Schedule,
    slots: Slots,
    make: MakeJob,
}

/// The schedules of one process by name.
#[derive(Default)]
pub(crate) struct Schedules(BTreeMap<String, Arc<Entry>>);

impl std::fmt::Debug for Schedules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Schedules {
    pub(crate) fn add(&mut self, schedule: Schedule, make: MakeJob) -> Result<(), Refusal> {
        let slots = schedule.slots()?;
        let name = schedule.name.clone();
        if self.0.contains_key(&name) {
            return Err(Refusal::Schedule { name, reason: "there are two of this name".to_owned() });
        }
        self.0.insert(name, Arc::new(Entry { schedule, slots, make }));
        Ok(())
    }

    /// Registers the schedules and fires them until the stop.
    pub(crate) async fn run(&self, jobs: &JobStore, stop: &Stop) {
        if self.0.is_empty() {
            return;
        }
        let mut registered = false;
        while !stop.is_requested() {
            let round = async {
                if !registered {
                    self.register(jobs).await?;
                    registered = true;
                }
                self.fire(jobs).await
            };
            if let Err(error) = round.await {
                tracing::warn!(%error, "schedules could not be fired; the next look tries again");
            }
            tokio::select! {
                () = stop.requested() => {}
                () = tokio::time::sleep(LOOK.mul_f64(0.5 + vitals::random_fraction())) => {}
            }
        }
    }

    /// Adds the schedules that are new, and moves those that have changed to their next slot.
    pub(crate) async fn register(&self, jobs: &JobStore) -> Result<(), WorkError> {
        let engine = jobs.store().engine();
        jobs.write(|tx| {
            let entries: Vec<Arc<Entry>> = self.0.values().cloned().collect();
            Box::pin(async move {
                let now = moment(tx.fetch_one(NOW.on(engine), args![]).await?.get("now")?);
                let names: Vec<String> = entries.iter().map(|entry| entry.schedule.name.clone()).collect();
                let crons: Vec<String> = entries.iter().map(|entry| entry.schedule.cron.clone()).collect();
                let zones: Vec<String> = entries.iter().map(|entry| entry.schedule.zone.clone()).collect();
                let next: Vec<i64> = entries.iter().map(|entry| micros(entry.slots.after(now))).collect();
                tx.execute(SET.on(engine), args![names, crons, zones, next]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Fires the slots that have come; returns the number of jobs. Each slot is fired by one process.
    pub(crate) async fn fire(&self, jobs: &JobStore) -> Result<usize, WorkError> {
        jobs.write(|tx| Box::pin(fire_in(tx, self.0.clone()))).await
    }
}

async fn fire_in(tx: &mut Transaction, schedules: BTreeMap<String, Arc<Entry>>) -> Result<usize, WorkError> {
    let engine = tx.engine();
    let names: Vec<String> = schedules.keys().cloned().collect();
    let (mut moved, mut nexts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    let mut fired = 0;
    for row in tx.fetch_all(DUE.on(engine), args![names]).await? {
        let (name, next, now): (String, i64, i64) = (row.get("name")?, row.get("next_at")?, row.get("now")?);
        let Some(entry) = schedules.get(&name) else { continue };
        let due = entry.slots.due(moment(next), moment(now));
        let new: Vec<NewJob> = due.fire.iter().map(|slot| (entry.make)(*slot)).collect();
        fired += enqueue_all(tx, new).await?.len();
        moved.push(name);
        nexts.push(micros(due.next));
        lasts.push(due.fire.last().map_or(0, |slot| micros(Some(*slot))));
    }
    if !moved.is_empty() {
        tx.execute(MOVE.on(engine), args![moved, nexts, lasts]).await?;
    }
    Ok(fired)
}

fn micros(slot: Option<SystemTime>) -> i64 {
    let since = slot.and_then(|slot| slot.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(NEVER)
}
