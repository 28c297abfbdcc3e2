//! Experiments with a stand-in in the place of a dependency.

use std::collections::{BTreeMap, BTreeSet};

use keel_wire::http::Request;
use url::Url;

use crate::repro::literal;
use crate::repro::recipe::{Dependency, Manner, WithDependency};
use crate::repro::steps::{Experiment, arguments, shows};
use crate::subject::{Dependencies, Subject};

/// Number of requests that each concurrent client sends.
const EACH: usize = 9;
/// Drips, over and over: no empty line ends the head.
const DRIPPED: &str = "HTTP/1.1 200 OK\r\nX: a";
/// A port that the script puts the stand-in's in the place of.
const STANDS_FOR_THE_PORT: u16 = 64_999;

/// One request many times at once, and another one half a second later.
fn at_once(subject: &Subject, many: &Request, times: usize, other: &Request) -> Vec<String> {
    vec![
        format!(
            "for _ in range({times}): threading.Thread(target=lambda: [ask({}) for _ in range({EACH})], daemon=True).start()",
            arguments(subject.url.path(), many)
        ),
        format!("time.sleep(0.5); seen = ask({})", arguments(subject.url.path(), other)),
    ]
}

pub(super) fn with_dependency(subject: &Subject, dependency: &Dependency) -> Experiment {
    let arguments = arguments(subject.url.path(), &dependency.request);
    let mut before = Vec::new();
    let mut modules = BTreeSet::from(["socket"]);
    match &dependency.manner {
        Manner::Hangs => before.push("stand = socket.create_server((\"127.0.0.1\", 0), backlog=200)".to_owned()),
        Manner::Refuses => {
            before.push("stand = socket.socket(); stand.bind((\"127.0.0.1\", 0))  # takes no connection".to_owned());
        }
        Manner::Answers(_) | Manner::HangsUp | Manner::Drips => {
            modules.extend(["threading", "time"]);
            let answer = match &dependency.manner {
                Manner::Answers(bytes) => format!("c.sendall({}); ", literal::bytes(bytes)),
                Manner::Drips => {
                    let bytes = literal::bytes(DRIPPED.as_bytes());
                    format!("[c.sendall(bytes([byte])) or time.sleep(1) for byte in {bytes} * 9]; ")
                }
                _ => String::new(),
            };
            before.push("stand, calls = socket.create_server((\"127.0.0.1\", 0)), []".to_owned());
            before.push(format!("def call(c): c.recv(65536); calls.append(time.time()); {answer}c.close()"));
            before.push(
                "threading.Thread(target=lambda: [call(stand.accept()[0]) for _ in range(9999)], daemon=True).start()"
                    .to_owned(),
            );
        }
    }
    let ask = || vec![format!("seen = ask({arguments})")];
    let (steps, fault) = match &dependency.fault {
        WithDependency::NoAnswer => (ask(), "seen.startswith(\"0\")".to_owned()),
        WithDependency::Answer(shown) => {
            modules.insert("re");
            (ask(), shows(shown))
        }
        WithDependency::Calls { requests, counted, most } => (
            vec![
                format!("count = [len(calls) for _ in range({requests}) if ask({arguments})]"),
                format!("seen = f\"{counted} requests caused {{count[-1] - count[-{counted}]}} calls\""),
            ],
            format!("count[-1] - count[-{counted}] > {most}"),
        ),
        WithDependency::NoRepeat => (
            vec![format!("calls.clear(); seen = ask({arguments}) + f\"\\n{{len(calls)}} calls\"")],
            "len(calls) == 1".to_owned(),
        ),
        WithDependency::RepeatWithin(pause) => (
            vec![format!("calls.clear(); seen = ask({arguments}) + f\"\\ncalls at {{calls}}\"")],
            format!("len(calls) > 1 and calls[1] - calls[0] < {}", pause.as_secs_f64()),
        ),
        WithDependency::OthersStarve { times, other } => {
            modules.extend(["threading", "time"]);
            (at_once(subject, &dependency.request, *times, other), "seen.startswith(\"0\")".to_owned())
        }
    };
    let env = stand_in(subject, &dependency.variable);
    Experiment {
        asks: Some(dependency.within),
        replaces: env.keys().cloned().collect(),
        env,
        before,
        modules,
        steps,
        seen: "seen[-2000:]".to_owned(),
        fault,
        ..Experiment::default()
    }
}

/// Returns the variables of a dependency, with the stand-in's port for its own.
fn stand_in(subject: &Subject, variable: &str) -> BTreeMap<String, String> {
    const PORT: &str = "{stand.getsockname()[1]}";
    let declared = match &subject.dependencies {
        Dependencies::Declared(all) => all.iter().find(|one| one.env == variable),
        Dependencies::Unsaid => None,
    };
    let Some(declared) = declared else {
        return BTreeMap::from([(
            variable.to_owned(),
            format!("f{}", literal::text(&format!("http://127.0.0.1:{PORT}/"))),
        )]);
    };
    let mut address = declared.url.clone();
    // Both fail only for URLs without a host, of which no stand-in is made.
    let _ = address.set_host(Some("127.0.0.1"));
    let _ = address.set_port(Some(STANDS_FOR_THE_PORT));
    declared
        .variables(&address)
        .into_iter()
        .map(|(name, value)| {
            let value = without_password(value).replace('{', "{{").replace('}', "}}");
            (name, format!("f{}", literal::text(&value.replace(&STANDS_FOR_THE_PORT.to_string(), PORT))))
        })
        .collect()
}

/// A stand-in asks for no password, and a script holds none.
fn without_password(value: String) -> String {
    let Ok(mut url) = value.parse::<Url>() else { return value };
    if url.password().is_none() || url.set_password(None).is_err() {
        return value;
    }
    url.to_string()
}
