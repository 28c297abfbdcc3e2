//! Runs one probe against one specimen, as a process of its own: the example `specimen` of this crate.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_wire::port::ReservedPort;
use keel_wire::testing::example;

use crate::clause::Clause;
use crate::finding::{Bearing, Finding, Verdict};
use crate::lab::{Lab, Pace};
use crate::probes;
use crate::selftest;
use crate::subject::{Dependencies, Dependency, RequestSpec, Subject};

pub(crate) mod exchange;

/// Specimens are quick, so their examination is: the probes' own durations are for the long run.
pub(crate) const PACE: Pace = selftest::PACE;

/// Examines the specimen called `name` with the probe of attribute `id`, with nothing declared about it.
pub(crate) async fn examine(id: &str, name: &str) -> Finding {
    examine_declared(id, name, |_| {}).await
}

/// Examines the specimen called `name` with the probe of attribute `id`; `declare` says what keel.toml would say.
pub(crate) async fn examine_declared(id: &str, name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let mut lab = lab(name, declare).await;
    examine_in(id, &mut lab).await
}

/// Runs the probe of attribute `id` in a lab that is open already.
pub(crate) async fn examine_in(id: &str, lab: &mut Lab) -> Finding {
    let probes = probes::all();
    let probe = probes.iter().find(|probe| probe.id == id).unwrap_or_else(|| panic!("no probe is called {id}"));
    let finding = (probe.examine)(lab).await;
    assert_eq!(finding.id(), id, "the finding carries the id of its probe");
    finding
}

/// A lab in which the specimen called `name` runs and is ready.
pub(crate) async fn lab(name: &str, declare: impl FnOnce(&mut Subject)) -> Lab {
    let mut subject = subject(name);
    declare(&mut subject);
    let mut lab = Lab::open(subject).await.unwrap_or_else(|failure| panic!("the lab opens: {failure:?}"));
    lab.pace = PACE;
    lab.ensure_running().await.unwrap_or_else(|failure| panic!("the specimen {name} starts: {failure:?}"));
    lab
}

/// Returns the description of the specimen called `name` before anything is declared, on a port of its own.
pub(crate) fn subject(name: &str) -> Subject {
    let port = reserved_port();
    selftest::bare(name, command(name, port), port, &std::env::temp_dir())
}

/// The shell command that runs the specimen called `name` on a port.
pub(crate) fn command(name: &str, port: u16) -> String {
    format!("{} {name} {port}", program())
}

/// The program to which the name and the port of a specimen are added.
pub(crate) fn program() -> String {
    format!("'{}'", example("keel-checklist", env!("CARGO_MANIFEST_DIR"), "specimen").display())
}

/// A GET for the mix.
pub(crate) fn get(path: &str) -> RequestSpec {
    request("GET", path)
}

/// A request for the mix, named by its method and path.
pub(crate) fn request(method: &str, path: &str) -> RequestSpec {
    RequestSpec {
        name: format!("{method} {path}"),
        method: method.to_owned(),
        path: path.to_owned(),
        ..RequestSpec::default()
    }
}

/// Says that the specimen calls another one, which tells prices, and which request does.
pub(crate) fn calls_for_prices(subject: &mut Subject) {
    let port = reserved_port();
    subject.deadline = Duration::from_secs(1);
    subject.dependencies = Dependencies::Declared(vec![Dependency {
        name: "prices".to_owned(),
        env: "DEPENDENCY_URL".to_owned(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(command("call-dependency", port)),
        ready: Some("/".to_owned()),
        env_of_run: BTreeMap::new(),
        many: None,
        value: None,
        sets: BTreeMap::new(),
        listen: None,
        named: None,
        trip: None,
        release: None,
    }]);
    subject.requests = vec![get("/"), RequestSpec { uses: vec!["prices".to_owned()], ..get("/price") }];
}

/// A POST of JSON for the mix.
pub(crate) fn post(path: &str, json: serde_json::Value) -> RequestSpec {
    RequestSpec { json: Some(json), ..request("POST", path) }
}

/// Returns a loopback port that is given to no other program before this process ends.
pub(crate) fn reserved_port() -> u16 {
    ReservedPort::new().expect("a loopback port can be had").for_this_process()
}

#[track_caller]
pub(crate) fn holds(finding: &Finding) {
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
}

/// Every clause was seen to hold but these, which were not seen whole.
#[track_caller]
pub(crate) fn holds_but_for(finding: &Finding, unseen: &[Clause]) {
    let not: Vec<(&str, Verdict)> = finding
        .clauses()
        .iter()
        .filter(|clause| clause.verdict != Verdict::Holds)
        .map(|clause| (clause.id.as_str(), clause.verdict))
        .collect();
    let expected: Vec<(&str, Verdict)> = unseen.iter().map(|clause| (clause.id(), Verdict::Unknown)).collect();
    assert_eq!(not, expected, "{finding:#?}");
    assert_eq!(finding.verdict(), if unseen.is_empty() { Verdict::Holds } else { Verdict::Unknown }, "{finding:#?}");
}

/// It falls short, and only for the reasons that are told by these words: each is in a piece against it.
#[track_caller]
pub(crate) fn falls_short(finding: &Finding, words: &[&str]) {
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    says(finding, Bearing::Against, words);
}

/// It is unknown, and a gap tells this word.
#[track_caller]
pub(crate) fn is_unknown(finding: &Finding, word: &str) {
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    says(finding, Bearing::Gap, &[word]);
}

/// Words of the reasons that blame a busy machine.
const BUSY: [&str; 3] = ["too busy to tell", "less busy", "nothing else runs"];

/// Returns true if it is unknown as the machine was too busy.
pub(crate) fn was_busy(finding: &Finding) -> bool {
    let blames_it = |what: &str| BUSY.iter().any(|words| what.contains(words));
    finding.verdict() == Verdict::Unknown && finding.pieces(Bearing::Gap).any(|piece| blames_it(&piece.what))
}

/// It has this verdict; or it is unknown as the machine was too busy, which a test on a busy machine cannot see past.
#[track_caller]
pub(crate) fn is_unless_busy(finding: &Finding, verdict: Verdict) {
    assert!(was_busy(finding) || finding.verdict() == verdict, "it is {verdict:?}: {finding:#?}");
}

/// It falls short for these reasons; or it is unknown as the machine was too busy, which a test on a busy machine cannot see past.
#[track_caller]
pub(crate) fn falls_short_unless_busy(finding: &Finding, words: &[&str]) {
    is_unless_busy(finding, Verdict::FallsShort);
    if finding.verdict() == Verdict::FallsShort {
        says(finding, Bearing::Against, words);
    }
}

/// Each of these words is in a piece of this bearing.
#[track_caller]
pub(crate) fn says(finding: &Finding, bearing: Bearing, words: &[&str]) {
    for word in words {
        let told = finding.pieces(bearing).any(|piece| piece.what.contains(word));
        assert!(told, "no piece {bearing:?} says {word:?}: {finding:#?}");
    }
}

/// A piece of any bearing says this word.
#[track_caller]
pub(crate) fn mentions(finding: &Finding, word: &str) {
    let told = finding.summary().contains(word) || finding.evidence().iter().any(|piece| piece.what.contains(word));
    assert!(told, "nothing says {word:?}: {finding:#?}");
}

#[track_caller]
pub(crate) fn does_not_apply(finding: &Finding) {
    assert_eq!(finding.verdict(), Verdict::NotApplicable, "{finding:#?}");
}
