//! Cost of the guards of a call, beside those of peers: criterion's figures of `bench/peers/guards`, and callgrind's, as one table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure;

const MANIFEST: &str = "bench/peers/guards/Cargo.toml";
const TARGET: &str = "target/peers/guards";
/// Calls whose instructions are counted.
const COUNTED: u64 = 10_000;

/// Number of rounds. The table has the median of the rounds, as other load on the machine changes by the minute.
const ROUNDS: usize = 3;

/// Figures of one round for one guard.
struct Figures {
    guard: String,
    whose: String,
    one: f64,
    two: Option<f64>,
    allocations: f64,
}

/// One row: what guards, whose it is, and what it takes.
struct Row {
    guard: String,
    whose: String,
    /// Nanoseconds a call on one thread.
    one: f64,
    /// The same on each of two threads that share one instance; none where it cannot be shared.
    two: Option<f64>,
    instructions: f64,
    allocations: f64,
}

/// The guards' part of the report.
pub(crate) fn report() -> Result<String, String> {
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let target = here.join(TARGET);
    let (figures, allocations) = (target.join("criterion"), target.join("allocations.json"));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(&target, &figures, &allocations)?);
    }
    let program = program(&target)?;
    let rows = rounds[0].iter().enumerate().map(|(at, Figures { guard, whose, allocations, .. })| {
        let instructions = instructions(&program, &format!("{guard}/{whose}"))?;
        let one = measure::median(rounds.iter().map(|round| round[at].one).collect());
        let two: Vec<f64> = rounds.iter().filter_map(|round| round[at].two).collect();
        let two = (!two.is_empty()).then(|| measure::median(two));
        Ok(Row { guard: guard.clone(), whose: whose.clone(), one, two, instructions, allocations: *allocations })
    });
    Ok(table(&rows.collect::<Result<Vec<_>, String>>()?))
}

/// All of them once, in their order.
fn round(target: &Path, figures: &Path, allocations: &Path) -> Result<Vec<Figures>, String> {
    let ran = Command::new("cargo")
        .args(["bench", "--quiet", "--manifest-path", MANIFEST, "--target-dir"])
        .arg(target)
        .env("CRITERION_HOME", figures)
        .env("ALLOCATIONS", allocations)
        .stdout(std::process::Stdio::null())
        .status();
    if !ran.is_ok_and(|status| status.success()) {
        return Err(format!("the benches of {MANIFEST} do not run: see above"));
    }
    let text = std::fs::read(allocations).map_err(|error| format!("{}: {error}", allocations.display()))?;
    let counted: Vec<(String, String, f64)> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let all = counted.into_iter().map(|(guard, whose, allocations)| {
        let figure = |threads: &str| of_criterion(&figures.join(threads).join(&guard).join(&whose));
        let one = figure("one").ok_or_else(|| format!("criterion has no figure of {guard}, {whose}"))?;
        let two = figure("two");
        Ok(Figures { guard, whose, one, two, allocations })
    });
    all.collect()
}

/// The benches as a program.
fn program(target: &Path) -> Result<PathBuf, String> {
    let built = Command::new("cargo")
        .args(["bench", "--bench=guards", "--quiet", "--no-run", "--message-format=json", "--manifest-path", MANIFEST])
        .arg("--target-dir")
        .arg(target)
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let programs = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let last = programs.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?))).next_back();
    last.ok_or_else(|| format!("cargo tells no program of {MANIFEST}"))
}

/// Instructions a call, counted by callgrind: the difference between two runs of different length.
fn instructions(program: &Path, only: &str) -> Result<f64, String> {
    let count = |calls: u64| {
        let run = Command::new("valgrind")
            .args(["--tool=callgrind", "--toggle-collect=guards::run*", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .arg("--bench")
            .envs([("ONLY", only.to_owned()), ("CALLS", calls.to_string())])
            .output()
            .map_err(|error| format!("cannot run valgrind: {error}; make setup installs it"))?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        measure::collected(&said).ok_or_else(|| format!("callgrind said:\n{said}"))
    };
    let counted = count(2 * COUNTED)? - count(COUNTED)?;
    if counted <= 0.0 {
        return Err(format!("{only}: callgrind saw none of its calls; is guards::run still a function of its own?"));
    }
    Ok(counted / COUNTED as f64)
}

/// Criterion's median, in nanoseconds.
fn of_criterion(folder: &Path) -> Option<f64> {
    let text = std::fs::read(folder.join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_slice(&text).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "## The guards of a call\n\nA call that is answered at once and well, behind one guard or the whole stack (deadline, retry with its budget, \
         rate limit, bulkhead, breaker, timeout); nanoseconds a call, the call itself included, and the ratio to the first of its kind. Two threads: \
         each makes calls through one shared instance, the time of a call on each. Medians of three rounds of criterion's medians; instructions by callgrind, which do not \
         depend on what else the machine does. *limits* says what no \
         guard can be faster than: one reading of the clock, one atomic addition that nobody else wants (and on two threads, that \
         another one wants), the call without a guard, and the same in the box that a layer without a named future needs.\n\n\
         | | | one thread | ratio | two threads | instructions | ratio | allocations |\n|---|---|---|---|---|---|---|---|\n",
    );
    let (mut guard, mut first) = ("", &rows[0]);
    for row in rows {
        let new = row.guard != guard;
        if new {
            (guard, first) = (&row.guard, row);
        }
        let ratio =
            |one: f64, first: f64| if guard == "limits" { String::new() } else { format!("{:.2}", one / first) };
        let two = row.two.map_or_else(|| "cannot be shared".to_owned(), |two| format!("{two:.0} ns"));
        let shown = if new { guard } else { "" };
        let (in_time, in_work) = (ratio(row.one, first.one), ratio(row.instructions, first.instructions));
        let _ = writeln!(
            text,
            "| {shown} | {} | {:.0} ns | {in_time} | {two} | {:.0} | {in_work} | {} |",
            row.whose, row.one, row.instructions, row.allocations
        );
    }
    format!("{text}\n- `cargo bench --manifest-path {MANIFEST} --target-dir {TARGET}`\n\n")
}
