//! What the guards of a call cost, beside those of peers: criterion's figures of `bench/peers/guards`, as one table.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const MANIFEST: &str = "bench/peers/guards/Cargo.toml";
const TARGET: &str = "target/peers/guards";

/// One row: what guards, whose it is, and what it takes.
struct Row {
    guard: String,
    whose: String,
    /// Nanoseconds a call on one thread.
    one: f64,
    /// The same on each of two threads that share one instance; none where it cannot be shared.
    two: Option<f64>,
    allocations: f64,
}

/// The guards' part of the report.
pub(crate) fn report() -> Result<String, String> {
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let target = here.join(TARGET);
    let (figures, allocations) = (target.join("criterion"), target.join("allocations.json"));
    let ran = Command::new("cargo")
        .args(["bench", "--quiet", "--manifest-path", MANIFEST, "--target-dir"])
        .arg(&target)
        .env("CRITERION_HOME", &figures)
        .env("ALLOCATIONS", &allocations)
        .stdout(std::process::Stdio::null())
        .status();
    if !ran.is_ok_and(|status| status.success()) {
        return Err(format!("the benches of {MANIFEST} do not run: see above"));
    }
    let text = std::fs::read(&allocations).map_err(|error| format!("{}: {error}", allocations.display()))?;
    let counted: Vec<(String, String, f64)> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let rows = counted.into_iter().map(|(guard, whose, allocations)| {
        let figure = |threads: &str| median(&figures.join(threads).join(&guard).join(&whose));
        let one = figure("one").ok_or_else(|| format!("criterion has no figure of {guard}, {whose}"))?;
        let two = figure("two");
        Ok(Row { guard, whose, one, two, allocations })
    });
    Ok(table(&rows.collect::<Result<Vec<_>, String>>()?))
}

/// Criterion's median, in nanoseconds.
fn median(folder: &Path) -> Option<f64> {
    let text = std::fs::read(folder.join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_slice(&text).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "## The guards of a call\n\nA call that is answered at once and well, behind one guard or the whole stack (deadline, retry with its budget, \
         rate limit, bulkhead, breaker, timeout); nanoseconds a call, the call itself included, and the ratio to the first of its kind. Two threads: \
         each makes calls through one shared instance, the time of a call on each. Medians of criterion. *limits* says what no \
         guard can be faster than: one reading of the clock, one atomic addition that nobody else wants (and on two threads, that \
         another one wants), the call without a guard, and the same in the box that a layer without a named future needs.\n\n\
         | | | one thread | ratio | two threads | allocations |\n|---|---|---|---|---|---|\n",
    );
    let (mut guard, mut first) = ("", 1.0);
    for row in rows {
        let new = row.guard != guard;
        if new {
            (guard, first) = (&row.guard, row.one);
        }
        let ratio = if guard == "limits" { String::new() } else { format!("{:.2}", row.one / first) };
        let two = row.two.map_or_else(|| "cannot be shared".to_owned(), |two| format!("{two:.0} ns"));
        let shown = if new { guard } else { "" };
        let _ =
            writeln!(text, "| {shown} | {} | {:.0} ns | {ratio} | {two} | {} |", row.whose, row.one, row.allocations);
    }
    format!("{text}\n- `cargo bench --manifest-path {MANIFEST} --target-dir {TARGET}`\n\n")
}
