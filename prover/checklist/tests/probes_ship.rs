//! Each probe of chapters `ship`, `data` and `access` on specimens and repositories that hold and that do not.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod specimen;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::subject::{RequestSpec, State, Subject};
use specimen::{examine_declared, get, post};

const PASSWORD: &str = "h7Gq2kZ9xW4m";

/// The specimen with a folder for its data and one to work in, which end with the test.
async fn examine(id: &str, name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().unwrap();
    let (data, work) = (folder.path().join("data"), folder.path().join("work"));
    std::fs::create_dir_all(&data).unwrap();
    std::fs::create_dir_all(&work).unwrap();
    examine_declared(id, name, |subject| {
        let port = subject.url.port().unwrap();
        subject.workdir = work;
        subject.env.extend([
            ("SHIP_PORT".to_owned(), port.to_string()),
            ("SHIP_LIMIT".to_owned(), "10".to_owned()),
            ("SHIP_DATA".to_owned(), data.display().to_string()),
            ("SHIP_DATABASE".to_owned(), format!("postgres://me:{PASSWORD}@127.0.0.1/none")),
        ]);
        subject.data = vec![data];
        subject.state = State::Durable;
        subject.requests = vec![get("/"), make()];
        declare(subject);
    })
    .await
}

fn make() -> RequestSpec {
    RequestSpec {
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        read: Some("/things/{thing}".to_owned()),
        expect: Some(201),
        ..post("/things", serde_json::json!({ "colour": "blue" }))
    }
}

async fn holds(id: &str) -> Finding {
    let finding = examine(id, "ship-good", |_| {}).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    finding
}

/// The specimen falls short, and the summary says of what.
async fn falls_short(id: &str, name: &str, of: &str) {
    let Finding { verdict, summary, evidence, .. } = examine(id, name, |_| {}).await;
    assert_eq!(verdict, Verdict::FallsShort, "{name}: {summary} {evidence:#?}");
    assert!(summary.contains(of), "{name} falls short of {of:?}: {summary}");
}

/// What a probe that reads the repository finds in these files.
async fn repository(id: &str, files: &[(&str, &str)]) -> Finding {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let root = folder.path().to_owned();
    examine(id, "ship-good", |subject| subject.repository = Some(root)).await
}

const MAKEFILE: &str = "setup run test check bench release deploy:\n\t@echo $@\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_read_is_refused_by_name() {
    let spoil = |subject: &mut Subject| {
        subject.env.remove("SHIP_DATABASE");
        subject.start_timeout = Duration::from_secs(2);
    };
    let finding = examine("ship.config", "ship-good", spoil).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    for (name, of) in [
        ("ship-lenient", "as if nothing were wrong"),
        ("ship-mute", "without naming"),
        ("ship-one-at-a-time", "without naming SHIP_PORT"),
        ("ship-trace", "stack trace"),
        ("ship-fixed-port", "does not listen there"),
    ] {
        let finding = examine("ship.config", name, spoil).await;
        assert_eq!(finding.verdict, Verdict::FallsShort, "{name}: {finding:#?}");
        // Which of two mistakes is told first is the specimen's choice.
        let told =
            finding.summary.contains(of) || name == "ship-one-at-a-time" && finding.summary.contains("without naming");
        assert!(told, "{name}: {}", finding.summary);
    }
    let finding = examine("ship.config", "ship-good", |subject| subject.env.clear()).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn make_must_know_the_usual_targets_and_ci_must_call_it() {
    let finding = repository("ship.make", &[("Makefile", MAKEFILE), (".ci/run", "exec make test\n")]).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = repository("ship.make", &[("Makefile", "setup run test:\n\t@echo\n")]).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("release"), "{}", finding.summary);
    let finding = repository("ship.make", &[("Makefile", MAKEFILE), (".ci/run", "cargo test\n")]).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert_eq!(repository("ship.make", &[("README.md", "none")]).await.verdict, Verdict::FallsShort);
    assert_eq!(examine("ship.make", "ship-good", |_| {}).await.verdict, Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_must_be_pinned_and_checked() {
    const MANIFEST: (&str, &str) = ("Cargo.toml", "[dependencies]\nserde = \"1\"\n");
    const LOCK: (&str, &str) = ("Cargo.lock", "source = \"registry\"\nchecksum = \"00\"\n");
    const CHECKED: (&str, &str) = ("Makefile", "check:\n\tcargo deny check\n");
    let finding = repository("ship.supply-chain", &[MANIFEST, LOCK, CHECKED]).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    for files in [&[MANIFEST, CHECKED][..], &[MANIFEST, LOCK], &[MANIFEST, ("Cargo.lock", "source = \"x\""), CHECKED]] {
        let finding = repository("ship.supply-chain", files).await;
        assert_eq!(finding.verdict, Verdict::FallsShort, "{files:?}: {finding:#?}");
    }
    assert_eq!(repository("ship.supply-chain", &[("README.md", "none")]).await.verdict, Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockfile_that_git_does_not_track_pins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    for (name, text) in [
        ("Cargo.toml", "[dependencies]\n"),
        ("Cargo.lock", "source = \"r\"\nchecksum = \"0\""),
        ("Makefile", "check:\n\tcargo deny check\n"),
    ] {
        std::fs::write(root.join(name), text).unwrap();
    }
    git(&root, &["init", "-q"]);
    git(&root, &["add", "Cargo.toml", "Makefile"]);
    let finding = examine("ship.supply-chain", "ship-good", |subject| subject.repository = Some(root)).await;
    assert!(finding.summary.contains("git does not track it"), "{finding:#?}");
}

fn git(root: &Path, arguments: &[&str]) {
    assert!(Command::new("git").arg("-C").arg(root).args(arguments).status().unwrap().success(), "git {arguments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_written_where_it_was_declared_and_nowhere_else() {
    holds("data.location").await;
    falls_short("data.location", "data-scattered", "scattered.tmp").await;
    falls_short("data.location", "data-open-elsewhere", "outside of the declared folders").await;
    let finding = examine("data.location", "data-nowhere", |_| {}).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    let finding = examine("data.location", "ship-good", |subject| subject.state = State::Unsaid).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    let finding = examine("data.location", "data-nowhere", |subject| subject.state = State::None).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_survived_and_nothing_acknowledged_is_lost_on_it() {
    let finding = holds("data.location").await;
    if finding.evidence.iter().any(|piece| piece.what.contains("not tried")) {
        eprintln!("this host does not let a test mount a volume: {finding:#?}");
        return;
    }
    assert!(finding.evidence.iter().any(|piece| piece.what.contains("clearly refused")), "{finding:#?}");
    falls_short("data.location", "data-mortal", "has ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_printed_nor_answered() {
    holds("access.secrets").await;
    falls_short("access.secrets", "secrets-printing", "it prints the password in SHIP_DATABASE").await;
    falls_short("access.secrets", "secrets-telling", "GET /env").await;
    falls_short("access.secrets", "secrets-eavesdropping", "it prints").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_a_repository_are_found_and_never_shown() {
    let assigned = format!("password: {PASSWORD}\n");
    let finding = repository("access.secrets", &[("app.yaml", &assigned)]).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(!format!("{finding:?}").contains(PASSWORD), "the finding does not repeat the secret");
    let finding =
        repository("access.secrets", &[("tests/app.yaml", &assigned), ("app.yaml", "password: ${PASSWORD}")]).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}
