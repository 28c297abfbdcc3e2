//! The table of schedules.
//!
//! Each function is cancel-safe: a dropped future leaves each of its transactions whole or undone.

use std::time::SystemTime;

use store::{Row, StoreError, args};

use crate::error::WorkError;
use crate::job::enqueue::moment;
use crate::job::store::JobStore;
use crate::statement::{Statement, statement};

const LIST: Statement = statement!("schedule_list");
const PAUSE: Statement = statement!("schedule_pause");

/// A schedule in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScheduleRow {
    /// The name.
    pub name: String,
    /// The cron pattern.
    pub cron: String,
    /// The time zone.
    pub zone: String,
    /// The next slot.
    pub next_at: SystemTime,
    /// The last slot that was fired.
    pub last_at: Option<SystemTime>,
    /// True when it does not fire.
    pub is_paused: bool,
}

impl JobStore {
    /// Lists the schedules of all releases that ran on this database.
    ///
    /// # Errors
    /// The store's.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRow>, WorkError> {
        let engine = self.store().engine();
        let rows = self
            .store()
            .read(|tx| Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(LIST.on(engine), args![]).await?) }))
            .await?;
        let read = |row: &Row| {
            Ok::<_, StoreError>(ScheduleRow {
                name: row.get("name")?,
                cron: row.get("cron")?,
                zone: row.get("zone")?,
                next_at: moment(row.get("next_at")?),
                last_at: row.get::<Option<i64>>("last_at")?.map(moment),
                is_paused: row.get("paused")?,
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Pauses a schedule, or lets it go on; returns false when there is none of this name. The slots of the pause are missed ones.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause_schedule(&self, name: &str, paused: bool) -> Result<bool, WorkError> {
        let engine = self.store().engine();
        self.write(|tx| {
            let values = args![name, paused];
            Box::pin(async move { Ok(tx.execute(PAUSE.on(engine), values).await? == 1) })
        })
        .await
    }
}
