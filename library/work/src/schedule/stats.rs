//! Vitals of schedules.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use vitals::{Column, Source, Table, TableRow, TableValue, Unit};

use super::table::ScheduleRow;

const JOB_SCHEDULE: Table = Table {
    name: "job_schedule",
    help: "A schedule of jobs, as all nodes see it.",
    columns: &[
        Column::label("schedule", "The schedule."),
        Column::state("state", "working or paused."),
        Column::state("cron", "The pattern and the time zone."),
        Column::gauge("next", "Time until the next slot; negative when it is late.").in_unit(Unit::Seconds),
        Column::gauge("last", "Time since the last slot that was fired; -1 before the first.").in_unit(Unit::Seconds),
    ],
};

/// The row source of schedules, with the rows that were read last.
#[derive(Debug, Default)]
pub(crate) struct ScheduleTable(Mutex<Vec<ScheduleRow>>);

impl ScheduleTable {
    pub(crate) fn set(&self, rows: Vec<ScheduleRow>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }
}

impl Source for ScheduleTable {
    fn table(&self) -> &'static Table {
        &JOB_SCHEDULE
    }

    fn rows(&self) -> Vec<TableRow> {
        let now = SystemTime::now();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|row| table_row(row, now)).collect()
    }
}

fn table_row(row: &ScheduleRow, now: SystemTime) -> TableRow {
    let seconds = |from: SystemTime, to: SystemTime| match to.duration_since(from) {
        Ok(time) => time.as_secs_f64(),
        Err(error) => -error.duration().as_secs_f64(),
    };
    vec![
        TableValue::text(row.name.as_str()),
        TableValue::text(if row.is_paused { "paused" } else { "working" }),
        TableValue::text(format!("{} {}", row.cron, row.zone)),
        TableValue::Level(seconds(now, row.next_at)),
        TableValue::Level(row.last_at.map_or(-1.0, |last| seconds(last, now).max(0.0))),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_late_slot_is_negative_and_a_schedule_that_never_fired_says_so() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let row = ScheduleRow {
            name: "nightly".to_owned(),
            cron: "0 3 * * *".to_owned(),
            zone: "UTC".to_owned(),
            next_at: now - Duration::from_secs(60),
            last_at: None,
            is_paused: true,
        };
        let values = table_row(&row, now);
        assert_eq!(values[1], TableValue::text("paused"));
        assert_eq!(values[3..], [TableValue::Level(-60.0), TableValue::Level(-1.0)]);
    }
}
