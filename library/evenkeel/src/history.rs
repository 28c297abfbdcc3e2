//! Records the history of the registry, so that health and metrics can show the last minutes.

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use vitals::Registry;
use vitals::history::STEP;

/// Records the values of all rows every [`STEP`], for ever. A late tick moves the later ones: steps are never closer than that.
pub(crate) async fn record(registry: Registry) {
    let mut steps = interval_at(Instant::now() + STEP, STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        steps.tick().await;
        registry.record_history();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use vitals::{Column, Source, Table, TableRow, TableValue};

    use super::*;

    const PART: Table = Table { name: "part", help: "A part.", columns: &[Column::gauge("level", "Its level.")] };

    struct Part;

    impl Source for Part {
        fn table(&self) -> &'static Table {
            &PART
        }
        fn rows(&self) -> Vec<TableRow> {
            vec![vec![TableValue::from(3.0)]]
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_has_twelve_steps() {
        let (registry, part) = (Registry::new(), Arc::new(Part));
        registry.register(part.clone());
        let recording = tokio::spawn(record(registry.clone()));
        tokio::time::sleep(Duration::from_secs(61)).await;
        let points = registry.history().points(&PART, &part.rows()[0], 0);
        assert_eq!((points.fine.len(), points.coarse), (12, vec![3.0]));
        recording.abort();
    }
}
