//! Background jobs on a private PostgreSQL, beside other queues on the same server: the figures of `bench/peers/jobs` as a table.

use std::process::Command;

/// The program's package, built on demand, with a PostgreSQL for tests that the workspace's own programs do not have.
const MANIFEST: &str = "bench/peers/jobs/Cargo.toml";
const TARGET: &str = "target/peers/jobs";

/// The jobs' part of the report.
pub(crate) fn report() -> Result<String, String> {
    let ran = Command::new("cargo")
        .args(["run", "--quiet", "--release", "--manifest-path", MANIFEST, "--target-dir", TARGET])
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !ran.status.success() {
        return Err(format!("the benchmark of jobs failed:\n{}", String::from_utf8_lossy(&ran.stderr)));
    }
    let rows = String::from_utf8_lossy(&ran.stdout);
    Ok(format!(
        "## Background jobs\n\nPostgreSQL and its clients on the same cores; `synchronous_commit` and `fsync` are on, `shared_buffers` is 1 GB. *Lease*: a claim and a completion, a transaction \
         each. *Exactly once*: jobs are taken in the transaction of their effect. Three loops with batches of 500; medians of three rounds in turn, with their range.\n\n\
         | | | |\n|---|---|---|\n{rows}\n- `cargo run --release --manifest-path {MANIFEST} --target-dir {TARGET}`\n\n"
    ))
}
