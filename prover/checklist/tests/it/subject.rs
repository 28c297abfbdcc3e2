//! Descriptions of services: `keel.toml` and the command line, and the report of every mistake in them.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_checklist::subject::{Dependencies, Flags, Operation, State, Subject};

const WHOLE: &str = r#"[service]
run = "PORT=8080 target/debug/ledger serve"
url = "http://127.0.0.1:8080"
admin = "http://127.0.0.1:8081"
ready = "/readyz"
state = "durable"
data = ["data"]
deadline = "500ms"
decisions = "decisions.toml"
[service.env]
RUST_LOG = "info"
[dependencies.rail]
env = "RAIL_URL"
url = "http://127.0.0.1:9300"
run = "target/debug/rail"
[dependencies.rail.run_env]
PORT = "9300"
[[requests]]
name = "open"
method = "post"
path = "/v1/accounts"
headers = { "Idempotency-Key" = "{key}" }
json = { currency = "EUR", amount = 1 }
expect = 201
save = { account = "/id" }
read = "/v1/accounts/{account}"
[[requests]]
name = "pay"
path = "/v1/payouts/{account}?n={n}"
uses = ["rail"]
"#;

fn parse(text: &str) -> Result<Subject, String> {
    Subject::from_text("keel.toml", text, Path::new("/srv")).map_err(|mistakes| mistakes.to_string())
}

fn flags() -> Flags {
    Flags { run: "exec nginx".to_owned(), url: "http://127.0.0.1:8080".to_owned(), ..Flags::default() }
}

#[test]
fn a_whole_file_is_read_with_paths_relative_to_it() {
    let subject = parse(WHOLE).unwrap();
    assert_eq!(subject.name, "ledger");
    assert_eq!(subject.workdir, Path::new("/srv"));
    assert_eq!((subject.state, subject.deadline), (State::Durable, Duration::from_millis(500)));
    assert_eq!(subject.data, [PathBuf::from("/srv/data")]);
    assert_eq!(subject.decisions, Some(PathBuf::from("/srv/decisions.toml")));
    assert_eq!(subject.env["RUST_LOG"], "info");
    let Dependencies::Declared(dependencies) = subject.dependencies else { panic!("dependencies were declared") };
    assert_eq!((dependencies[0].name.as_str(), dependencies[0].env_of_run["PORT"].as_str()), ("rail", "9300"));
    assert_eq!((subject.requests[0].method.as_str(), subject.requests[1].method.as_str()), ("POST", "GET"));
    assert_eq!(subject.requests[1].uses, ["rail"]);
}

#[test]
fn unsaid_dependencies_are_not_none() {
    let service = "[service]\nrun = \"true\"\nurl = \"http://127.0.0.1:1\"\n";
    assert!(matches!(parse(service).unwrap().dependencies, Dependencies::Unsaid));
    let none = parse(&format!("dependencies = \"none\"\n{service}")).unwrap().dependencies;
    assert!(matches!(none, Dependencies::Declared(list) if list.is_empty()));
}

#[test]
fn every_mistake_in_a_file_is_reported_with_its_line_and_the_remedy() {
    for (from, to, words) in [
        ("run = \"PORT", "rum = \"PORT", "keel.toml:2: unknown field `rum`: did you mean `run`?"),
        ("PORT=8080 target/debug/ledger serve", " ", "keel.toml:2: `run` is empty"),
        ("http://127.0.0.1:8080", "https://127.0.0.1", "keel.toml:3: https://127.0.0.1/ is called over TLS: say `ca`"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "expected http://HOST:PORT"),
        ("\"/readyz\"", "\"readyz\"", "keel.toml:5: `ready` = \"readyz\" must start with a slash"),
        ("\"durable\"", "\"some\"", "keel.toml:6: `state` = \"some\": expected \"durable\" or \"none\""),
        ("\"durable\"", "\"none\"", "keel.toml:7: `data` names folders although"),
        ("500ms", "soon", "keel.toml:8: `deadline` = \"soon\" is no duration: expected such as 500ms"),
        ("500ms", "0s", "no time at all"),
        ("env = \"RAIL_URL\"", "env = \"\"", "keel.toml:13: `env` = \"\" is no name"),
        ("http://127.0.0.1:9300", "tcp://rail", "keel.toml:14: `url` = \"tcp://rail\" has no port"),
        ("http://127.0.0.1:9300", "rail", "no URL"),
        ("\"post\"", "\"PO ST\"", "keel.toml:20: \"PO ST\" is no method"),
        ("\"/v1/accounts\"", "\"v1\"", "keel.toml:21: \"v1\" must start with a slash"),
        ("Idempotency-Key\" =", "Idempotency Key\" =", "\"Idempotency Key\" is no name of a header"),
        ("expect = 201", "expect = 20", "keel.toml:24: 20 is no status"),
        ("expect = 201", "expect = 201\nbody = \"x\"", "keel.toml:25: it has `json` and `body`"),
        ("expect = 201", "expect = 201\nlater = [\"rail\"]", "keel.toml:25: \"rail\" is not in `uses` of this request"),
        ("\"/id\"", "\"id\"", "keel.toml:25: \"id\" is no JSON pointer"),
        ("name = \"pay\"", "name = \"open\"", "two requests are called \"open\""),
        (
            "payouts/{account}",
            "payouts/{acount}",
            "keel.toml:29: nothing before this saves {acount}; known here: {account}, {key}, {n}",
        ),
        (
            "currency = \"EUR\"",
            "currency = \"{curency}\"",
            "keel.toml:23: nothing before this saves {curency}; known here: {key}, {n}",
        ),
        ("currency = \"EUR\"", "\"{key}\" = 1", "keel.toml:23: {key} is the name of a field of `json`"),
        ("uses = [\"rail\"]", "body = \"a={b}\"", "keel.toml:30: nothing before this saves {b}"),
        ("\"/readyz\"", "\"/ready/{id}\"", "keel.toml:5: `ready` = \"/ready/{id}\": nothing fills {id} here"),
        ("\"RAIL_URL\"", "\"RAIL URL\"", "keel.toml:13: `env` = \"RAIL URL\" is no name of an environment variable"),
        (
            "env = \"RAIL_URL\"",
            "env = \"RAIL_URL\"\nmany = \"{1},{2},{3},{4}\"",
            "keel.toml:14: `many` = \"{1},{2},{3},{4}\": nothing fills {4}; known here: {1}, {2}, {3}",
        ),
        (
            "env = \"RAIL_URL\"",
            "env = \"RAIL_URL\"\ntrip = { method = \"PUT\", path = \"/b\", json = { by = \"{who}\" } }",
            "keel.toml:14: `trip`: nothing fills {who}; known here: {author}, {reason}",
        ),
        (
            "uses = [\"rail\"]",
            "uses = [\"rial\"]",
            "keel.toml:30: no dependency is called \"rial\": did you mean \"rail\"?",
        ),
        ("name = \"pay\"", "nam = \"pay\"", "unknown field `nam`: did you mean `name`?"),
        ("[service]\n", "[service]\nworkdir = \"/nowhere\"\n", "keel.toml:2: `workdir`: there is no folder /nowhere"),
        ("[service]\n", "dependencies = \"some\"\n[service]\n", "keel.toml"),
    ] {
        assert!(WHOLE.contains(from), "{from:?} is in the file");
        let told = parse(&WHOLE.replacen(from, to, 1)).unwrap_err();
        assert!(told.contains(words), "{to}: {told}");
    }
}

#[test]
fn dependencies_are_none_or_declared_one_by_one_and_nothing_else() {
    let service = "[service]\nrun = \"true\"\nurl = \"http://127.0.0.1:1\"\n";
    let told = parse(&format!("dependencies = \"some\"\n{service}")).unwrap_err();
    assert!(told.contains("keel.toml:1") && told.contains("dependencies = \"none\""), "{told}");
    let told = parse(&format!("{service}dependencies = \"none\"\n")).unwrap_err();
    assert!(told.contains("keel.toml:4") && told.contains("above [service]"), "{told}");
}

#[test]
fn all_mistakes_in_a_file_are_reported_together_and_in_order() {
    let text = WHOLE.replace("500ms", "soon").replace("127.0.0.1:8080", "").replace("\"durable\"", "\"some\"");
    let told = parse(&text).unwrap_err();
    let lines: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["keel.toml:3", "keel.toml:6", "keel.toml:8"], "{told}");
}

#[test]
fn the_description_of_the_ledger_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../keel.toml");
    if let Err(mistakes) = Subject::from_file(&path) {
        panic!("{mistakes}");
    }
}

#[test]
fn flags_say_what_a_file_would() {
    let subject = Subject::from_flags(Flags {
        data: vec!["data".into()],
        no_dependencies: true,
        deadline: Some("2m".to_owned()),
        env: vec!["A=b=c".to_owned()],
        ..flags()
    })
    .unwrap();
    assert_eq!((subject.name.as_str(), subject.state), ("nginx", State::Durable));
    assert_eq!((subject.deadline, subject.start_timeout), (Duration::from_secs(120), Duration::from_secs(10)));
    assert_eq!(subject.env["A"], "b=c");
    assert!(subject.data[0].is_absolute() && subject.data[0].ends_with("data"));
    assert!(matches!(subject.dependencies, Dependencies::Declared(list) if list.is_empty()));
    assert_eq!(Subject::from_flags(Flags { stateless: true, ..flags() }).unwrap().state, State::None);
    assert!(matches!(Subject::from_flags(flags()).unwrap().dependencies, Dependencies::Unsaid));
}

#[test]
fn every_mistake_on_the_command_line_is_reported_together() {
    let told = Subject::from_flags(Flags {
        url: "https://127.0.0.1".to_owned(),
        ready: Some("readyz".to_owned()),
        deadline: Some("5".to_owned()),
        env: vec!["A".to_owned()],
        repository: Some("/nowhere".into()),
        ..flags()
    })
    .unwrap_err()
    .to_string();
    let flags: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(flags, ["--url", "--ready", "--deadline", "--env", "--repository"], "{told}");
}

#[test]
fn a_declared_load_is_read_and_each_mistake_in_it_is_reported() {
    let with = |load: &str| {
        let text = format!("[service]\nrun = \"x\"\nurl = \"http://127.0.0.1:1\"\n[load]\n{load}");
        Subject::from_text("keel.toml", &text, Path::new("/"))
    };
    let load = with("rate = 50\npeak = 100\np99 = \"500ms\"\nerrors = 0.01").unwrap().load.unwrap();
    assert_eq!((load.rate, load.peak, load.p99, load.errors), (50.0, 100.0, Duration::from_millis(500), 0.01));
    let wrong = with("rate = 0\npeak = 1e9\np99 = \"fast\"\nerrors = 1").unwrap_err().to_string();
    for place in ["keel.toml:5", "keel.toml:6", "keel.toml:7", "keel.toml:8"] {
        assert!(wrong.contains(place), "{place}: {wrong}");
    }
    let wrong = with("rate = 50\npeak = 10\np99 = \"500ms\"\nerrors = 0").unwrap_err().to_string();
    assert!(wrong.contains("the peak is the higher one"), "{wrong}");
}

fn service(lines: &str) -> Result<Subject, String> {
    parse(&format!("[service]\nurl = \"http://127.0.0.1:1\"\n{lines}"))
}

#[test]
fn a_service_is_started_in_the_foreground_by_commands_or_not_at_all() {
    let commands = service("start = \"a\"\nstop = \"b\"\nkill = \"c\"\nlogs = \"d\"\npid = \"e\"").unwrap();
    let Operation::Commands(commands) = commands.operation else { panic!("{:?}", commands.operation) };
    assert_eq!((commands.start.as_str(), commands.stop.as_str(), commands.kill.as_deref()), ("a", "b", Some("c")));
    let attached = service("attach = true\npid = \"4711\"").unwrap();
    assert_eq!(attached.operation, Operation::Attached { pid: Some(4711) });
    for (lines, words) in [
        ("", "keel.toml:2: say one of `run`"),
        ("run = \"a\"\nattach = true", "say one of `run`"),
        ("start = \"a\"", "`start` without `stop`"),
        ("run = \"a\"\nkill = \"b\"", "keel.toml:4: `kill` goes with `start`"),
        ("attach = true\npid = \"nginx\"", "expected the number of its process"),
    ] {
        let told = service(lines).unwrap_err();
        assert!(told.contains(words), "{words:?} is not in: {told}");
    }
}

#[test]
fn a_unix_socket_is_a_url_and_a_host_in_it_is_not() {
    let with = |url: &str| parse(&format!("[service]\nrun = \"x\"\nurl = \"{url}\""));
    assert_eq!(with("unix:/run/service.sock").unwrap().url.path(), "/run/service.sock");
    assert!(with("unix://run/service.sock").unwrap_err().contains("unix:/PATH/OF.sock"));
}

#[test]
fn a_url_that_no_proxy_can_serve_is_refused_with_the_remedy() {
    let with = |url: &str| {
        parse(&format!(
            "[service]\nrun = \"x\"\nurl = \"http://127.0.0.1:1\"\n[dependencies.db]\nenv = \"DB\"\nurl = \"{url}\""
        ))
    };
    let told = with("postgres://db.example/shop?sslmode=verify-full").unwrap_err();
    assert!(told.contains("sslmode=verify-ca") && told.contains("sslmode=disable"), "{told}");
    let told = with("https://rail.example").unwrap_err();
    assert!(told.contains("certificate for localhost"), "{told}");
    for fine in ["https://localhost:9300", "postgres://db.example/shop?sslmode=require", "redis://127.0.0.1:6379"] {
        assert!(with(fine).is_ok(), "{fine}");
    }
}

#[test]
fn an_address_is_carried_as_a_url_or_in_variables_of_its_own() {
    let text = "[service]\nrun = \"x\"\nurl = \"http://127.0.0.1:1\"\n[dependencies.db]\nenv = \"DB\"\n\
                url = \"tcp://db.example:5432\"\nvalue = \"{host}:{port}\"\nsets = { DB_PORT = \"{port}\" }\n\
                listen = \"127.0.0.1:9400\"";
    let Dependencies::Declared(declared) = parse(text).unwrap().dependencies else { panic!("it was declared") };
    let variables = declared[0].variables(&"tcp://127.0.0.1:9400".parse().unwrap());
    assert_eq!((variables["DB"].as_str(), variables["DB_PORT"].as_str()), ("127.0.0.1:9400", "9400"));
    assert!(parse(&text.replace("127.0.0.1:9400", "here")).unwrap_err().contains("expected ADDRESS:PORT"));
}

#[test]
fn an_address_without_a_path_is_carried_without_a_slash() {
    let carried = |url: &str| {
        let text = "[service]\nrun = \"x\"\nurl = \"http://127.0.0.1:1\"\n[dependencies.rates]\nenv = \"RATES\"";
        let subject = parse(&format!("{text}\nurl = \"{url}\"")).unwrap();
        let Dependencies::Declared(declared) = subject.dependencies else { panic!("it was declared") };
        let mut proxy = declared[0].url.clone();
        proxy.set_port(Some(9400)).unwrap();
        declared[0].variables(&proxy)["RATES"].clone()
    };
    assert_eq!(carried("http://127.0.0.1:9300"), "http://127.0.0.1:9400");
    assert_eq!(carried("http://127.0.0.1:9300/"), "http://127.0.0.1:9400/");
    assert_eq!(carried("http://127.0.0.1:9300/v1"), "http://127.0.0.1:9400/v1");
    assert_eq!(carried("http://me:pw@localhost:9300"), "http://me:pw@localhost:9400");
    assert_eq!(carried("tcp://127.0.0.1:9300"), "tcp://127.0.0.1:9400");
}

#[test]
fn questions_about_clients_are_asked_as_they_say_or_as_the_live_state_is() {
    let with = |tables: &str| {
        let head = "[service]\nname = \"shop\"\nrun = \"./shop\"\nurl = \"http://127.0.0.1:8080\"\n";
        let look = "[[requests]]\nname = \"look\"\npath = \"/\"\n";
        parse(&format!("{head}{tables}{look}"))
    };
    let ask = "[outliers]\nrate = \"by requests\"\nof = \"look\"\n";
    let query = "[query]\npath = \"/ask?q={query}\"\n";
    let path = |subject: Result<Subject, String>| subject.unwrap().outliers.unwrap().interface.path;
    assert_eq!(path(with(&format!("{query}{ask}"))), "/ask?q={query}");
    assert_eq!(path(with(&format!("{query}{ask}path = \"/clients?{{query}}\"\n"))), "/clients?{query}");
    let nothing = with(ask).unwrap_err();
    assert!(nothing.contains("give [outliers] a `path`, or declare [query]"), "{nothing}");
    let nowhere = with(&format!("{ask}path = \"/clients\"\n")).unwrap_err();
    assert!(nowhere.contains("neither `path` nor `body` has {query}"), "{nowhere}");
    let unknown = with(&format!("{query}{ask}slow = \"wait\"\n")).unwrap_err();
    assert!(unknown.contains("`slow`: no request is called \"wait\""), "{unknown}");
}
