//! The tables of this crate, as migrations under owners of their own.

use store::{Migration, Migrations};

use crate::statement::{Statement, statement};

/// One step of the schema. It is never changed after a release; later steps are added.
struct Step {
    version: i64,
    name: &'static str,
    script: Statement,
}

/// The steps of each owner.
const PARTS: [(&str, &[Step]); 5] =
    [("jobs", JOBS), ("leases", LEASES), ("events", EVENTS), ("quarantine", QUARANTINE), ("runs", RUNS)];
const JOBS: &[Step] = &[
    Step { version: 1, name: "jobs", script: statement!("jobs_schema") },
    Step { version: 2, name: "kinds", script: statement!("kinds_schema") },
    Step { version: 3, name: "running index", script: statement!("running_index") },
];
const LEASES: &[Step] = &[Step { version: 1, name: "leases", script: statement!("leases_schema") }];
const EVENTS: &[Step] = &[Step { version: 1, name: "events", script: statement!("events_schema") }];
const QUARANTINE: &[Step] = &[Step { version: 1, name: "quarantine", script: statement!("quarantine_schema") }];
const RUNS: &[Step] = &[Step { version: 1, name: "runs", script: statement!("runs_schema") }];

/// Adds the tables of jobs to the migrations of a service.
///
/// They are applied before the service's own steps. All have names that begin with `evenkeel_`. `Service::jobs` calls this; a service that
/// enqueues and runs no workers calls it itself.
pub fn add_schema(migrations: impl Into<Migrations>) -> Migrations {
    PARTS.iter().fold(migrations.into(), |migrations, (owner, steps)| {
        let step = |step: &Step| {
            Migration::both(step.version, step.name, step.script.sqlite).on_postgres(step.script.postgres)
        };
        migrations.library(owner, steps.iter().map(step).collect())
    })
}
