//! Benches of peers, which are packages of their own: criterion's figures, and callgrind's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure;

/// Number of rounds. Tables have the median of the rounds, as other load on the machine changes by the minute.
const ROUNDS: usize = 3;

/// A package with one bench.
pub(crate) struct Package {
    pub(crate) manifest: &'static str,
    pub(crate) target: &'static str,
    /// The name of the bench; its function `run` makes the calls that are counted.
    pub(crate) bench: &'static str,
    /// Calls whose instructions are counted, by their kind.
    pub(crate) counted: fn(&str) -> u64,
}

/// Figures of one round.
struct Figures {
    kind: String,
    whose: String,
    one: f64,
    two: Option<f64>,
    allocations: f64,
}

/// One row: the kind of the call, whose it is, and what it takes.
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) whose: String,
    /// Nanoseconds a call on one thread.
    pub(crate) one: f64,
    /// The same on each of two threads that share one instance; none where it cannot be shared.
    pub(crate) two: Option<f64>,
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
}

impl Package {
    /// The command that measures it, as it is called from the root of the repository.
    pub(crate) fn command(&self) -> String {
        format!("cargo bench --manifest-path {} --target-dir {}", self.manifest, self.target)
    }

    /// Measures everything, and counts instructions.
    pub(crate) fn rows(&self) -> Result<Vec<Row>, String> {
        let target = std::env::current_dir().map_err(|error| error.to_string())?.join(self.target);
        let (figures, allocations) = (target.join("criterion"), target.join("allocations.json"));
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(self.round(&target, &figures, &allocations)?);
        }
        let program = self.program(&target)?;
        let rows = rounds[0].iter().enumerate().map(|(at, Figures { kind, whose, allocations, .. })| {
            let instructions = self.instructions(&program, kind, whose)?;
            let one = measure::median(rounds.iter().map(|round| round[at].one).collect());
            let two: Vec<f64> = rounds.iter().filter_map(|round| round[at].two).collect();
            let two = (!two.is_empty()).then(|| measure::median(two));
            Ok(Row { kind: kind.clone(), whose: whose.clone(), one, two, instructions, allocations: *allocations })
        });
        rows.collect()
    }

    /// All of them once, in their order.
    fn round(&self, target: &Path, figures: &Path, allocations: &Path) -> Result<Vec<Figures>, String> {
        let ran = Command::new("cargo")
            .args(["bench", "--quiet", "--manifest-path", self.manifest, "--target-dir"])
            .arg(target)
            .env("CRITERION_HOME", figures)
            .env("ALLOCATIONS", allocations)
            .stdout(Stdio::null())
            .status();
        if !ran.is_ok_and(|status| status.success()) {
            return Err(format!("the benches of {} do not run: see above", self.manifest));
        }
        let text = std::fs::read(allocations).map_err(|error| format!("{}: {error}", allocations.display()))?;
        let counted: Vec<(String, String, f64)> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let all = counted.into_iter().map(|(kind, whose, allocations)| {
            let figure = |threads: &str| of_criterion(&figures.join(threads).join(folder(&kind)).join(folder(&whose)));
            let one = figure("one").ok_or_else(|| format!("criterion has no figure of {kind}, {whose}"))?;
            let two = figure("two");
            Ok(Figures { kind, whose, one, two, allocations })
        });
        all.collect()
    }

    /// The benches as a program.
    fn program(&self, target: &Path) -> Result<PathBuf, String> {
        let built = Command::new("cargo")
            .args(["bench", "--bench", self.bench, "--quiet", "--no-run", "--message-format=json", "--manifest-path"])
            .args([self.manifest, "--target-dir"])
            .arg(target)
            .output()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        let messages = String::from_utf8_lossy(&built.stdout).into_owned();
        let programs = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let last = programs.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?))).next_back();
        last.ok_or_else(|| format!("cargo reports no program of {}", self.manifest))
    }

    /// Instructions a call, counted by callgrind: the difference between two runs of different length.
    fn instructions(&self, program: &Path, kind: &str, whose: &str) -> Result<f64, String> {
        let (only, calls) = (format!("{kind}/{whose}"), (self.counted)(kind));
        let count = |calls: u64| {
            let run = Command::new("valgrind")
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg(format!("--toggle-collect={}::run*", self.bench))
                .arg(program)
                .arg("--bench")
                .envs([("ONLY", only.clone()), ("CALLS", calls.to_string())])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .output()
                .map_err(|error| format!("cannot run valgrind: {error}; make setup installs it"))?;
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            measure::collected(&said).ok_or_else(|| format!("callgrind said:\n{said}"))
        };
        let counted = count(2 * calls)? - count(calls)?;
        if counted <= 0.0 {
            return Err(format!(
                "{only}: callgrind saw none of its calls; is {}::run still a function of its own?",
                self.bench
            ));
        }
        Ok(counted / calls as f64)
    }
}

/// The name of criterion's folder for a name.
fn folder(name: &str) -> String {
    name.replace(['?', '"', '/', '\\', '*', '<', '>', ':', '|', '^'], "_")
}

/// Criterion's median, in nanoseconds.
fn of_criterion(folder: &Path) -> Option<f64> {
    let text = std::fs::read(folder.join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_slice(&text).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
