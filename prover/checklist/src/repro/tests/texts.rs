//! The text of every recipe: Python of at most fifteen lines without secrets.

use std::path::Path;
use std::time::Duration;

use keel_wire::http::Request;

use crate::finding::Finding;
use crate::recipe::Recipe;
use crate::recipe::created::{EACH, Identifiers, Listed, Listing};
use crate::recipe::disk::{FullDisk, OnFullDisk, Stray};
use crate::recipe::series::{Kind, Series};
use crate::recipe::strain::{Bomb, Overload, Overloaded, Spent, Unread};
use crate::recipe::{
    self, Ask, Dependency, Held, Kill, Manner, OnWire, Printed, Shows, Start, Terminate, WithDependency,
};
use crate::repro::{MAX_LINES, of, script};
use crate::subject::{Dependencies, Subject};

/// A subject of which everything is declared that makes a script longer.
fn declared_whole() -> Subject {
    let text = r#"
[service]
run = "cd here && ./serve --port 8080"
url = "http://127.0.0.1:8080/base"
admin = "http://127.0.0.1:8081"
ready = "/ready"
[service.env]
LEVEL = "info"
API_TOKEN = "s3cr3t"
[dependencies.one]
env = "ONE_URL"
url = "http://127.0.0.1:9001/v1"
run = "one"
[dependencies.one.run_env]
PORT = "9001"
[dependencies.two]
env = "TWO_URL"
url = "postgres://me:hidden@127.0.0.1:9002/two?sslmode=disable"
run = "two"
"#;
    Subject::from_text("keel.toml", text, Path::new("/tmp")).expect("it is a subject")
}

/// One of every kind.
fn every_recipe() -> Vec<Recipe> {
    let request = || Request::get("/a?b=\"c\"").header("X-A", "b").body("{\"x\": 1}");
    let shows = || Shows::Missing("(?i)^2".to_owned());
    let second = Duration::from_secs(1);
    let ask = |admin| Recipe::Ask(Ask { requests: vec![request(), request()], admin, within: None, fault: shows() });
    let kill = Kill {
        write: request(),
        acknowledged: 201,
        read: Kill::parts("/a/{id}/b", &[("id".to_owned(), "/items/0/id".to_owned())].into()).expect("it is saved"),
        headers: vec![("A".to_owned(), "b".to_owned())],
    };
    let full_disk = |fault| {
        let (folder, size, write) = ("/tmp/a b".into(), "16m", kill.clone());
        Recipe::FullDisk(FullDisk { folder, size, writes: 9, write, fault })
    };
    let with = |manner, fault| {
        Recipe::Dependency(Dependency {
            variable: "ONE_URL".to_owned(),
            manner,
            request: request(),
            within: second,
            fault,
        })
    };
    let wire = |fault| Recipe::Wire { pieces: vec![(b"GET / HTTP/1.1\r\n".to_vec(), 1), (b"a".to_vec(), 9)], fault };
    let half = Terminate::HalfSent { head: b"POST".to_vec(), body: b"body".to_vec(), status: "2".to_owned() };
    let variable = |in_a_fault| {
        let (name, value) = ("LEVEL".to_owned(), "//".to_owned());
        Recipe::Start(Start::Variable { name, value, within: Some(second), in_a_fault })
    };
    vec![
        ask(false),
        ask(true),
        wire(OnWire::ServedOrSilent("HTTP/1[.][01] 2".to_owned())),
        wire(OnWire::NotClosedAfterOne),
        Recipe::Slow { begin: b"GET".to_vec(), drip: Some(b'a'), held: second },
        Recipe::Crowd { connections: 9, begin: b"GET".to_vec(), beside: request(), within: second },
        Recipe::AllServed { connections: 9, newest: 3, begin: b"GET".to_vec() },
        Recipe::Undescribed { request: request(), paths: vec!["/openapi.json".to_owned()] },
        Recipe::Terminate(Terminate::Idle),
        Recipe::Terminate(half),
        Recipe::Terminate(Terminate::Transfer { request: b"GET".to_vec(), body: 9 }),
        Recipe::Terminate(Terminate::Readiness("/ready".to_owned())),
        Recipe::Kill(kill.clone()),
        Recipe::Start(Start::Slow(second)),
        Recipe::Start(Start::TakenPort { within: None }),
        Recipe::Start(Start::Notified),
        variable(true),
        variable(false),
        with(Manner::Hangs, WithDependency::NoAnswer),
        with(Manner::Refuses, WithDependency::Answer(shows())),
        with(Manner::status(503, "A: b\r\n"), WithDependency::Calls { requests: 3, counted: 2, most: 1 }),
        with(Manner::Drips, WithDependency::NoAnswer),
        with(Manner::HangsUp, WithDependency::NoRepeat),
        with(Manner::HangsUp, WithDependency::RepeatWithin(second)),
        with(Manner::Hangs, WithDependency::OthersStarve { times: 9, other: request() }),
        Recipe::Output {
            requests: vec![request(), request(), request()],
            fault: Printed::NoLine(vec!["a".to_owned()]),
        },
        Recipe::NeverRefused { request: request(), times: 9 },
        Recipe::AnsweredAnew(request()),
        Recipe::Grows { held: Held::Memory, request: request(), times: 9, most: 9 },
        Recipe::Listing(Listing {
            row: Some(request().body(format!("{{\"key\": \"{EACH}\"}}"))),
            rows: 9,
            list: request(),
            fault: Listed::Unbounded(9),
        }),
        Recipe::Listing(Listing { row: None, rows: 9, list: request(), fault: Listed::NoNext }),
        Recipe::Identifiers(Identifiers {
            create: request().header("Key", EACH),
            pointer: "/items/0/id".to_owned(),
            objects: 3,
        }),
        Recipe::Series(Series {
            path: "/metrics".to_owned(),
            request: request(),
            times: 3,
            lost: 2,
            kind: Kind::Count,
            series: "a{.*b=".to_owned(),
            by: Some(3),
        }),
        Recipe::Overload(Overload { request: b"GET".to_vec(), objective: second, fault: Overloaded::Goodput(0.7) }),
        Recipe::Overload(Overload { request: b"GET".to_vec(), objective: second, fault: Overloaded::Unrefused(0.9) }),
        Recipe::Overload(Overload { request: b"GET".to_vec(), objective: second, fault: Overloaded::NoRetryAfter }),
        Recipe::Spent(Spent { limit: 96, connections: 99, begin: b"GET".to_vec() }),
        Recipe::Unread(Unread { request: b"GET".to_vec(), times: 9, held: second }),
        Recipe::Bomb(Bomb { request: request(), size: 99, times: 2, most: 9 }),
        Recipe::Start(Start::Watched(second)),
        Recipe::Start(Start::Traced {
            name: "LEVEL".to_owned(),
            value: "//".to_owned(),
            traces: vec!["Traceback".to_owned()],
        }),
        with(Manner::Floods(99), WithDependency::MemoryGrows(9)),
        with(Manner::Hangs, WithDependency::CallOutlives(second)),
        Recipe::Stray(Stray { path: "/tmp/a b".into(), requests: vec![request(), request()] }),
        full_disk(OnFullDisk::NotRefused),
        full_disk(OnFullDisk::Ended),
        full_disk(OnFullDisk::NotRead(request())),
        full_disk(OnFullDisk::NoRecovery),
        full_disk(OnFullDisk::Gone),
        full_disk(OnFullDisk::Altered),
        Recipe::Files { any_of: vec!["a".to_owned(), "b".to_owned()] },
        Recipe::Unpublished { file: "ops/a.yml".to_owned(), name: "full".to_owned(), path: "/metrics".to_owned() },
        Recipe::Command("make -n test".to_owned()),
    ]
}

#[tokio::test]
async fn every_script_is_python_of_at_most_fifteen_lines_for_every_declaration_and_holds_no_secret() {
    let subject = declared_whole();
    let texts: Vec<String> =
        every_recipe().iter().map(|recipe| script(&subject, "a.b", "it \n says \"what\"", recipe)).collect();
    for text in &texts {
        assert!(text.lines().count() <= MAX_LINES, "{} lines:\n{text}", text.lines().count());
        assert!(!text.contains("s3cr3t") && !text.contains("hidden"), "{text}");
    }
    let started = texts.iter().find(|text| text.contains("def start")).expect("one starts the service");
    assert!(started.contains("(set API_TOKEN, TWO_URL first)") && started.contains("\"LEVEL\": \"info\""), "{started}");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let files = texts.iter().enumerate().map(|(number, text)| {
        let path = folder.path().join(format!("{number}.py"));
        std::fs::write(&path, text).expect("it can be written");
        path
    });
    let compiled = std::process::Command::new("python3").args(["-I", "-m", "py_compile"]).args(files).output();
    let compiled = compiled.expect("python3 can be run");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[test]
fn only_what_falls_short_has_a_script() {
    use crate::clause::web::robots::{RULES, SERVED};
    let recipe = || Recipe::ask(vec![Request::get("/")], Shows::Found("^5".to_owned()));
    let subject = declared_whole();
    let holds = vec![SERVED.holds("served").reproduced_by(recipe()), RULES.holds("rules")];
    assert_eq!(of(&subject, &Finding::judge("web.robots", holds)), None);
    let short = vec![SERVED.contradicts("gone").reproduced_by(recipe()), RULES.holds("rules")];
    let text = of(&subject, &Finding::judge("web.robots", short)).expect("it falls short");
    assert!(text.contains("# web.robots: gone"), "{text}");
    let without = vec![SERVED.contradicts("gone"), RULES.contradicts("none").reproduced_by(recipe())];
    let text = of(&subject, &Finding::judge("web.robots", without)).expect("another piece has a recipe");
    assert!(text.contains("# web.robots: none"), "{text}");
}

#[test]
fn a_path_of_saved_names_is_split_and_an_unknown_name_ends_it() {
    let saved = [("id".to_owned(), "/id".to_owned())].into();
    assert_eq!(Kill::parts("/a/{id}", &saved).map(|parts| parts.len()), Some(3));
    assert!(recipe::Kill::parts("/a/{other}", &saved).is_none());
}

#[test]
fn a_script_gives_the_address_of_a_dependency_in_its_declared_form() {
    let mut subject = declared_whole();
    let Dependencies::Declared(declared) = &mut subject.dependencies else { panic!("it declares some") };
    declared[0].url = "tcp://127.0.0.1:7001".parse().expect("it is a URL");
    declared[0].value = Some("redis://{host}:{port}".to_owned());
    let name = declared[0].name.clone();
    let asks = Recipe::ask(vec![Request::get("/")], Shows::Found("^5".to_owned()));
    let text = script(&subject, "a.b", "it fails", &asks);
    assert!(text.contains("\"redis://127.0.0.1:7001\""), "{text}");
    let ask = (Request::get("/"), Duration::from_secs(1));
    let hangs = Dependency::of(&subject, &name, Manner::Hangs, ask, WithDependency::NoAnswer).expect("it is declared");
    let text = script(&subject, "a.b", "it hangs", &hangs);
    assert!(text.contains("f\"redis://127.0.0.1:{stand.getsockname()[1]}\""), "{text}");
}

#[test]
fn a_script_waits_until_each_dependency_listens_before_it_starts_the_service() {
    let asks = Recipe::ask(vec![Request::get("/")], Shows::Found("^5".to_owned()));
    let text = script(&declared_whole(), "a.b", "it fails", &asks);
    let waits = "socket.socket().connect_ex((\"127.0.0.1\", 9001)) == 0 or time.sleep";
    let (started, waited) = (text.find("start(\"exec one\""), text.find(waits));
    assert!(started.is_some() && started < waited && waited < text.find("start(); any("), "{text}");
    assert!(text.lines().any(|line| line.starts_with("import ") && line.contains("socket")), "{text}");
}
