//! Experiments of the Chaos Toolkit, run by keel and by its own `chaos run`: the same verdicts, journals and exit codes.
//!
//! Ten are written after published ones, with their structure, providers, tolerances, pauses and strategies; the others cover
//! every field of the format. What may differ in the journals, and why:
//!
//! - `start`, `end`, `duration`: when it was run. `platform`: Python adds the C library to it.
//! - `exception`: Python's traceback has its own files and addresses; the last line is compared, a refused connection up to
//!   the address that refused.
//! - `steady_states.during`: how many looks fit in is a matter of time; equal looks in a row are compared as one.
//! - the address of the server, which each run has for itself.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

mod shop;

/// File, where the published one is, what is given on the command line, the status, whether it deviates.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str, bool);

const CATALOG: &str = "open-chaos/experiment-catalog";
const PUBLISHED: &[Case] = &[
    ("published-docker-restart.json", "open-chaos/experiment-catalog: docker/docker_restart", &[], "completed", false),
    ("published-chaos-mesh.json", "open-chaos/experiment-catalog: local/choas-mesh-turbulence", &[], "completed", true),
    ("published-litmus.json", "open-chaos/experiment-catalog: local/litmus-chaos-turbulenace", &[], "completed", true),
    ("published-url-responds.json", "open-chaos/experiment-catalog: local/url-responds", &[], "completed", false),
    (
        "published-controls.json",
        "chaostoolkit-incubator/community-playground: interactive-controls/samples/yorn-interactive-experiment.json",
        &[],
        "completed",
        false,
    ),
    (
        "published-baseline.json",
        "teinelund/Chaostoolkit-Examples-for-PRECISE: experiments/experiment_1_baseline.json",
        &[],
        "completed",
        false,
    ),
    (
        "published-slow-backend.json",
        "teinelund/Chaostoolkit-Examples-for-PRECISE: experiments/experiment_2_slow_backend.json",
        &[],
        "completed",
        false,
    ),
    (
        "published-hello.json",
        "chaostoolkit/chaostoolkit-documentation: sources/deployment/local/docker.md",
        &[],
        "completed",
        false,
    ),
    ("published-stress-all.yml", "emylincon/k8chaos: experiments/computing/stress_compute.yml", &[], "failed", false),
    ("published-stress-cpu.yml", "emylincon/k8chaos: experiments/computing/stress_cpu.yml", &[], "completed", false),
];

const FORMAT: &[Case] = &[
    ("format-tolerances.json", "", &[], "completed", false),
    ("format-missed-number.json", "", &[], "completed", false),
    ("format-missed-list.json", "", &[], "completed", false),
    ("format-missed-text.json", "", &[], "completed", false),
    ("format-missed-flag.json", "", &[], "completed", false),
    ("format-missed-pattern.json", "", &[], "completed", false),
    ("format-missed-path.json", "", &[], "completed", false),
    ("format-missed-range.json", "", &[], "completed", false),
    ("format-missed-exact-range.json", "", &[], "completed", false),
    ("format-missed-word-in-range.json", "", &[], "completed", false),
    ("format-missed-number.json", "", &["--hypothesis-strategy", "after-method-only"], "completed", true),
    ("format-providers.json", "", &[], "completed", false),
    ("format-failures.json", "", &[], "completed", false),
    (
        "format-variables.yaml",
        "",
        &["--var", "overridden=after", "--var", "number:int=9", "--var", "short:float=0.1"],
        "completed",
        false,
    ),
    ("format-background.yaml", "", &[], "completed", false),
    ("format-deviates.json", "", &[], "completed", true),
    ("format-deviates.json", "", &["--rollback-strategy", "never"], "completed", true),
    ("format-deviates.json", "", &["--rollback-strategy", "always"], "completed", true),
    ("format-deviates.json", "", &["--hypothesis-strategy", "before-method-only"], "completed", false),
    ("format-deviates-and-undoes.json", "", &[], "completed", true),
    ("format-holds-and-leaves.json", "", &[], "completed", false),
    ("format-fails-after.json", "", &[], "failed", true),
    ("format-gate-fails.json", "", &[], "failed", false),
    ("format-gate-fails.json", "", &["--rollback-strategy", "always"], "failed", false),
    ("format-fatal.json", "", &[], "aborted", false),
    ("format-fatal-beside.json", "", &[], "completed", false),
    ("format-skip.json", "", &[], "completed", false),
    (
        "format-slow-break.json",
        "",
        &["--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.2"],
        "completed",
        false,
    ),
    ("format-slow-break.json", "", &["--hypothesis-strategy", "during-method-only", "--fail-fast"], "failed", false),
    ("format-failures.json", "", &["--dry", "actions"], "completed", false),
    ("format-tolerances.json", "", &["--dry", "probes"], "completed", false),
    ("format-gate-fails.json", "", &["--dry", "activities"], "completed", false),
    ("format-slow-break.json", "", &["--dry", "pause"], "completed", false),
];

#[test]
fn experiments_after_ten_published_ones_run_as_chaos_run_runs_them() {
    assert_eq!(PUBLISHED.len(), 10);
    assert!(PUBLISHED.iter().filter(|case| case.1.starts_with(CATALOG)).count() == 4);
    assert!(PUBLISHED.iter().all(|case| case.1.contains(": ")));
    compare(PUBLISHED);
}

/// The short twin of the next: each fifth of its experiments.
#[test]
fn a_fifth_of_the_experiments_of_every_field_run_as_chaos_run_runs_them() {
    let some: Vec<Case> = FORMAT.iter().step_by(5).copied().collect();
    compare(&some);
}

#[test]
#[ignore = "long: run by make test-long"]
fn experiments_of_every_field_of_the_format_run_as_chaos_run_runs_them() {
    compare(FORMAT);
}

#[test]
fn a_signal_leaves_the_same_journal_as_chaos_run() {
    const CASES: &[(Signal, &str)] =
        &[(Signal::INT, "default"), (Signal::INT, "always"), (Signal::TERM, "default"), (Signal::TERM, "always")];
    beside(CASES, |(signal, rollbacks)| {
        let [chaos, keel] = [Tool::Chaos, Tool::Keel].map(|tool| broken_off(tool, signal, rollbacks));
        let mut told = String::new();
        different("", &chaos, &keel, &mut told);
        assert!(told.is_empty(), "{signal:?} {rollbacks}: chaos run, then keel:\n{told}");
        assert_eq!(chaos["journal"]["status"], "interrupted");
    });
}

/// Sends the signal once the activity that takes long has begun.
fn broken_off(tool: Tool, signal: Signal, rollbacks: &str) -> Value {
    let step = |name: &str, run: &str| {
        serde_json::json!({ "type": "action", "name": name,
            "provider": { "type": "process", "path": "sh", "arguments": ["-c", run] } })
    };
    let document = serde_json::json!({
        "title": "t", "description": "d", "rollbacks": [step("undo", "echo undone")],
        "method": [step("quick", "echo quick"), step("long", "touch begun; exec sleep 600"), step("never", "echo never")],
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("e.json"), document.to_string()).unwrap();
    let mut command = tool.command("e.json", &["--rollback-strategy", rollbacks]);
    command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    while !folder.path().join("begun").exists() {
        assert!(process.try_wait().unwrap().is_none(), "{tool:?} ended by itself");
        std::thread::yield_now();
    }
    kill_process(Pid::from_raw(process.id().cast_signed()).unwrap(), signal).unwrap();
    let exit = process.wait().unwrap();
    let mut journal =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("journal.json")).unwrap()).unwrap();
    without_what_may_differ(&mut journal);
    serde_json::json!({ "exit": exit.code(), "journal": journal })
}

/// Documents that are no experiments, and a word of what keel says. The reference's exit code is 1, keel's 2.
const REFUSED: &[(&str, &str)] = &[
    ("{}", "empty"),
    (r#"{"description": "d", "method": []}"#, "title"),
    (r#"{"title": "t", "method": []}"#, "description"),
    (r#"{"title": "t", "description": "d"}"#, "method"),
    (r#"{"title": "t", "description": "d", "tags": [5], "method": []}"#, "tags"),
    (
        r#"{"title": "t", "description": "d", "method": [{"type": "guess", "name": "n", "provider": {"type": "process"}}]}"#,
        "guess",
    ),
    (
        r#"{"title": "t", "description": "d", "method": [{"type": "action", "provider": {"type": "process", "path": "true"}}]}"#,
        "name",
    ),
    (r#"{"title": "t", "description": "d", "method": [{"type": "action", "name": "n"}]}"#, "provider"),
    (
        r#"{"title": "t", "description": "d", "method": [{"type": "action", "name": "n", "provider": {"type": "process", "path": "no-such-program"}}]}"#,
        "no-such-program",
    ),
    (r#"{"title": "t", "description": "d", "method": [{"ref": "nobody"}]}"#, "nobody"),
    (
        r#"{"title": "t", "description": "d", "method": [{"type": "action", "name": "n", "pauses": {"before": "long"}, "provider": {"type": "process", "path": "true"}}]}"#,
        "pause",
    ),
    (
        r#"{"title": "t", "description": "d", "steady-state-hypothesis": {"title": "s", "probes": [{"type": "probe", "name": "n", "provider": {"type": "process", "path": "true"}}]}, "method": []}"#,
        "tolerance",
    ),
    (
        r#"{"title": "t", "description": "d", "steady-state-hypothesis": {"title": "s", "probes": [{"type": "probe", "name": "n", "tolerance": {"type": "jsonpath", "path": "x["}, "provider": {"type": "process", "path": "true"}}]}, "method": []}"#,
        "JSON path",
    ),
    (
        r#"{"title": "t", "description": "d", "steady-state-hypothesis": {"title": "s", "probes": [{"type": "probe", "name": "n", "tolerance": {"type": "regex", "pattern": "("}, "provider": {"type": "process", "path": "true"}}]}, "method": []}"#,
        "pattern",
    ),
    (
        r#"{"title": "t", "description": "d", "configuration": {"a": {"type": "env", "key": "NOBODY_SETS_THIS"}}, "method": []}"#,
        "NOBODY_SETS_THIS",
    ),
    (r#"{"title": "t", "description": "d", "controls": [{"name": "c"}], "method": []}"#, "provider"),
];

#[test]
fn keel_refuses_the_files_that_chaos_run_refuses_and_gives_the_reason() {
    let refused = |tool: Tool, document: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("experiment.json"), document).unwrap();
        let output = tool.command("experiment.json", &[]).current_dir(folder.path()).output().unwrap();
        assert!(!folder.path().join("journal.json").exists(), "{tool:?} ran {document}");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    beside(REFUSED, |(document, word)| {
        assert_eq!(refused(Tool::Chaos, document).0, Some(1), "{document}");
        let (code, said) = refused(Tool::Keel, document);
        assert_eq!(code, Some(2), "{document}: {said}");
        assert!(said.contains(word), "{document}: {said}");
    });
    for (provider, word) in [
        (r#""type": "python", "module": "os", "func": "getcwd""#, "python3"),
        (r#""type": "http", "url": "https://127.0.0.1/""#, "TLS"),
    ] {
        let step = format!(r#"{{"type": "action", "name": "n", "provider": {{{provider}}}}}"#);
        let (code, said) = refused(Tool::Keel, &format!(r#"{{"title": "t", "description": "d", "method": [{step}]}}"#));
        assert!(code == Some(2) && said.contains(word), "{said}");
    }
}

/// The program that runs an experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tool {
    Chaos,
    Keel,
}

impl Tool {
    fn command(self, file: &str, arguments: &[&str]) -> Command {
        let mut command = match self {
            Self::Keel => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
                command.arg("drill");
                command
            }
            Self::Chaos => {
                let mut command = Command::new(chaos());
                command.args(["--no-version-check", "--settings", "none.yaml", "run"]);
                command
            }
        };
        command.args(arguments).arg(file).env("PYTHONWARNINGS", "ignore");
        command
    }
}

fn chaos() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let chaos = root.join("target/peers/python/bin/chaos");
    assert!(chaos.exists(), "{} is missing: run `make setup-tests` first", chaos.display());
    chaos
}

/// Runs each case by both and says every difference at once.
fn compare(cases: &[Case]) {
    let differences = Mutex::new(String::new());
    beside(cases, |case| {
        let [chaos, keel] = [Tool::Chaos, Tool::Keel].map(|tool| ran(tool, case));
        let mut told = String::new();
        different("", &chaos, &keel, &mut told);
        let verdict = (chaos["journal"]["status"].as_str(), chaos["journal"]["deviated"].as_bool());
        if verdict != (Some(case.3), Some(case.4)) {
            writeln!(told, "  the verdict is {verdict:?}").unwrap();
        }
        if !told.is_empty() {
            writeln!(differences.lock().unwrap(), "{} {:?}:\n{told}", case.0, case.2).unwrap();
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "chaos run, then keel:\n{differences}");
}

/// Four at a time.
fn beside<T: Copy + Send + Sync>(items: &[T], work: impl Fn(T) + Sync) {
    let left = Mutex::new(VecDeque::from_iter(items.iter().copied()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop_front();
                    match next {
                        Some(item) => work(item),
                        None => return,
                    }
                }
            });
        }
    });
}

/// The exit code, the journal without what may differ, and what the server was left as.
fn ran(tool: Tool, (file, _, arguments, _, _): Case) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/chaos_toolkit");
    std::fs::copy(here.join(file), folder.path().join(file)).unwrap();
    let shop = shop::Shop::open();
    stand_ins(folder.path(), &shop);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = tool
        .command(file, arguments)
        .current_dir(folder.path())
        .env("PATH", path)
        .env("SERVER", shop.address())
        .envs([
            ("CONTAINER", "shop"),
            ("MANIFEST", "fault.yaml"),
            ("HOME_OF_TEST", "home"),
            ("NUMBER", "8"),
            ("FLAG", "No"),
        ])
        .env("JSON", r#"{"a": [1, true]}"#)
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    let journal = std::fs::read_to_string(folder.path().join("journal.json"));
    let journal = journal.unwrap_or_else(|error| panic!("{tool:?} left no journal of {file}: {error}\n{told}"));
    let journal = journal.replace(&shop.address(), "http://server").replace(&shop.authority(), "server");
    let mut journal: Value = serde_json::from_str(&journal).unwrap();
    without_what_may_differ(&mut journal);
    serde_json::json!({ "exit": output.status.code(), "journal": journal, "asked": shop.asked() })
}

/// Programs that experiments call and that are not here: `docker` does nothing, `kubectl` breaks the shop and mends it.
fn stand_ins(folder: &Path, shop: &shop::Shop) {
    let post = |path: &str| {
        format!(
            "exec 3<>/dev/tcp/{}\nprintf 'POST {path} HTTP/1.1\\r\\n\\r\\n' >&3\ncat <&3 >/dev/null\n",
            shop.authority().replace(':', "/")
        )
    };
    let kubectl = format!("echo \"$@\"\nif [ $1 = apply ]; then\n{}else\n{}fi\n", post("/break"), post("/mend"));
    for (name, text) in [
        ("docker", "echo \"$@\"\n".to_owned()),
        ("kubectl", kubectl),
        ("ansible-playbook", "echo \"ok=1 $@\"\n".to_owned()),
        ("stress.sh", "echo busy\n".to_owned()),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn without_what_may_differ(value: &mut Value) {
    // Chaos Toolkit's threads write down what they run: what runs beside comes before or after what follows it by lot.
    if let Some(run) = value.pointer_mut("/run").and_then(Value::as_array_mut)
        && run.iter().any(|one| one.pointer("/activity/background") == Some(&Value::Bool(true)))
    {
        run.sort_by_key(|one| one.pointer("/activity/name").map(Value::to_string));
    }
    if let Some(during) = value.pointer_mut("/steady_states/during").and_then(Value::as_array_mut) {
        during.iter_mut().for_each(without_what_may_differ);
        during.dedup();
    }
    match value {
        Value::Object(map) => {
            for volatile in ["start", "end", "duration", "platform"] {
                if map.contains_key(volatile) {
                    map.insert(volatile.to_owned(), "...".into());
                }
            }
            if let Some(lines) = map.get_mut("exception") {
                let last = lines.as_array().and_then(|lines| lines.last()).and_then(Value::as_str).unwrap_or_default();
                let address = last.split_once("failed to connect to ").map(|(before, after)| {
                    format!("{before}failed to connect to {}", after.split(": ").next().unwrap_or_default())
                });
                *lines = address.unwrap_or_else(|| last.to_owned()).into();
            }
            map.values_mut().for_each(without_what_may_differ);
        }
        Value::Array(items) => items.iter_mut().for_each(without_what_may_differ),
        _ => {}
    }
}

fn different(place: &str, chaos: &Value, keel: &Value, told: &mut String) {
    match (chaos, keel) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let missing = Value::String("(missing)".to_owned());
                let sides = [left, right].map(|side| side.get(key).unwrap_or(&missing));
                different(&format!("{place}/{key}"), sides[0], sides[1], told);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (number, (left, right)) in left.iter().zip(right).enumerate() {
                different(&format!("{place}/{number}"), left, right, told);
            }
        }
        _ if chaos == keel => {}
        _ => writeln!(told, "  {place}: {chaos} is not {keel}").unwrap(),
    }
}
