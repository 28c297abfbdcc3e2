//! Drills as a user meets them: refusals, verdicts, accepted gaps, and what is undone after keel itself was killed.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use keel_checklist::subject::Subject;
use keel_drill::experiment::plan::Plan;

const GIVE_UP: Duration = Duration::from_secs(30);

/// A folder with a server of files as the subject, and a drill that ends with `rest`.
fn folder(rest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let port = keel_wire::port::ReservedPort::new().unwrap().for_this_process();
    let config = format!(
        "[service]\nname = \"files\"\nrun = \"python3 -m http.server {port} --bind 127.0.0.1\"\nurl = \"http://127.0.0.1:{port}\"\n\
         state = \"none\"\n[[requests]]\nname = \"look\"\npath = \"/\"\n"
    );
    std::fs::write(folder.path().join("keel.toml"), config).unwrap();
    let drill = format!(
        "title = \"A drill\"\ndescription = \"d\"\n[load]\nrate = 20\nlasts = \"3s\"\nallowed-lag = \"1m\"\nmix = {{ look = 1 }}\n{rest}"
    );
    std::fs::write(folder.path().join("drill.toml"), drill).unwrap();
    folder
}

fn keel(folder: &Path, arguments: &[&str]) -> Command {
    let mut keel = Command::new(env!("CARGO_BIN_EXE_keel"));
    keel.args(["drill", "drill.toml"]).args(arguments).current_dir(folder).env("TMPDIR", folder);
    keel
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const COMMAND: &str = r#"
[blast-radius]
commands = true
[[step]]
name = "a file is made"
at = "500ms"
lasts = "1s"
does = { command = { run = "touch broken", undo = "rm -f broken" } }
"#;
const ANSWERS: &str = r#"
[[hypothesis]]
name = "it answers"
load = { thresholds = ["errors<=0%"] }
"#;

#[test]
fn a_drill_that_holds_says_so_and_writes_its_reports() {
    let folder = folder(&format!("{COMMAND}{ANSWERS}"));
    let output = keel(folder.path(), &["--reports", "reports"]).output().unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for word in ["A drill: held", "a file is made", "over: a file is made", "it answers"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(!folder.path().join("broken").exists());
    let json = std::fs::read_to_string(folder.path().join("reports/drill.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "held");
    assert!(std::fs::read_to_string(folder.path().join("reports/drill.html")).unwrap().contains("<svg"));
}

#[test]
fn a_failed_hypothesis_sets_the_exit_code_unless_it_is_accepted() {
    let folder = folder("[[hypothesis]]\nname = \"it is never slow\"\nload = { thresholds = [\"p50<1us\"] }\n");
    let output = keel(folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let gap =
        "[[accept]]\ndrill = \"drill\"\nhypothesis = \"it is never slow\"\nowner = \"us\"\nreason = \"physics\"\n";
    for (expires, code) in [("2999-01-01", 0), ("2001-01-01", 1)] {
        std::fs::write(folder.path().join("accepted.toml"), format!("{gap}expires = \"{expires}\"\n")).unwrap();
        let output = keel(folder.path(), &["--accepted", "accepted.toml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert_eq!(told(&output).contains("physics"), code == 0);
    }
}

#[test]
fn an_accepted_hypothesis_that_holds_is_reported() {
    let folder = folder(ANSWERS);
    let gap = "[[accept]]\ndrill = \"drill\"\nhypothesis = \"it answers\"\nowner = \"us\"\nreason = \"it was down\"\n";
    std::fs::write(folder.path().join("accepted.toml"), format!("{gap}expires = \"2999-01-01\"\n")).unwrap();
    let output = keel(folder.path(), &["--accepted", "accepted.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("it held, and is still accepted by us"), "{}", told(&output));
}

#[test]
fn a_step_outside_of_the_blast_radius_is_refused_before_anything_starts() {
    let folder = folder(&format!("{}{ANSWERS}", COMMAND.replace("commands = true", "")));
    let output = keel(folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("blast-radius.commands"), "{}", told(&output));
    assert!(!folder.path().join("broken").exists());
}

#[test]
fn faults_of_a_killed_keel_are_undone_by_the_next_one() {
    let folder = folder(&format!("{}{ANSWERS}", COMMAND.replace("lasts = \"1s\"", "lasts = \"2s\"")));
    let broken = folder.path().join("broken");
    let mut first = keel(folder.path(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let since = Instant::now();
    while !broken.exists() {
        assert!(since.elapsed() < GIVE_UP, "the step was not taken within {GIVE_UP:?}");
        std::thread::yield_now();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(broken.exists());
    // Even one that has nothing to do itself.
    std::fs::write(folder.path().join("drill.toml"), "title = 5").unwrap();
    let output = keel(folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("undid"), "{}", told(&output));
    assert!(!broken.exists());
}

#[test]
fn every_drill_that_ships_is_read_and_asks_what_a_user_needs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = std::fs::read_dir(root.join("drills")).unwrap().map(|entry| entry.unwrap().path());
    let drills: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    assert!(!drills.is_empty());
    let guide = std::fs::read_to_string(root.join("docs/guide/drills.md")).unwrap();
    for path in drills {
        let row = format!("`{}`", path.file_stem().unwrap().to_str().unwrap());
        let told = guide.lines().any(|line| line.starts_with("| ") && line.contains(&row));
        assert!(told, "{row} has no row in the guide's table of drills");
        let plan = Plan::from_file(&path).unwrap();
        assert!(plan.hypotheses.iter().any(|hypothesis| hypothesis.bank.is_some()), "{}", path.display());
        let config = plan.subject.config.clone().unwrap_or_else(|| "../keel.toml".into());
        let subject = Subject::from_file(&path.parent().unwrap().join(config)).unwrap();
        // What moves money must be there under its name, and the reads of its accounts too.
        let bank = plan.hypotheses.iter().find_map(|hypothesis| hypothesis.bank.as_ref()).unwrap();
        for name in plan.load.mix.keys().chain(bank.moves.keys()) {
            assert!(subject.requests.iter().any(|spec| spec.name == *name), "{}: {name}", path.display());
        }
        let read = |path: &String| subject.requests.iter().any(|spec| spec.path == *path);
        assert!(bank.accounts.values().any(read), "{}: no request of the load reads a balance", path.display());
    }
}

#[test]
fn the_drill_of_the_guide_is_the_one_that_ships() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/guide/drills.md")).unwrap();
    let shipped = std::fs::read_to_string(root.join("drills/dependency-slow.toml")).unwrap();
    let worked = guide.split("\n## ").find(|section| section.starts_with("One drill, worked through")).unwrap();
    let pieces: Vec<&str> = worked.split("```toml\n").skip(1).map(|piece| piece.split("```").next().unwrap()).collect();
    assert!(pieces.len() >= 5);
    for piece in pieces {
        assert!(shipped.contains(piece), "not in drills/dependency-slow.toml:\n{piece}");
    }
}
