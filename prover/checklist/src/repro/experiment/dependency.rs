//! Experiments with a stand-in in the place of a dependency.

use std::collections::{BTreeMap, BTreeSet};

use keel_wire::http::Request;

use crate::repro::literal;
use crate::repro::recipe::{Dependency, Manner, WithDependency};
use crate::repro::steps::{Experiment, arguments, shows};
use crate::subject::{Dependencies, Subject};

/// Number of requests that each concurrent client sends.
const EACH: usize = 9;

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
        Manner::Answers(_) | Manner::HangsUp => {
            modules.extend(["threading", "time"]);
            let answer = match &dependency.manner {
                Manner::Answers(bytes) => format!("c.sendall({}); ", literal::bytes(bytes)),
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
        WithDependency::NoRepeat => {
            (vec![format!("seen = ask({arguments}) + f\"\\n{{len(calls)}} calls\"")], "len(calls) == 1".to_owned())
        }
        WithDependency::RepeatWithin(pause) => (
            vec![format!("seen = ask({arguments}) + f\"\\ncalls at {{calls}}\"")],
            format!("len(calls) > 1 and calls[1] - calls[0] < {}", pause.as_secs_f64()),
        ),
        WithDependency::OthersStarve { times, other } => {
            modules.extend(["threading", "time"]);
            (at_once(subject, &dependency.request, *times, other), "seen.startswith(\"0\")".to_owned())
        }
    };
    let address = "{stand.getsockname()[1]}";
    Experiment {
        asks: Some(dependency.within),
        env: BTreeMap::from([(dependency.variable.clone(), stand_in_url(subject, &dependency.variable, address))]),
        replaces: BTreeSet::from([dependency.variable.clone()]),
        before,
        modules,
        steps,
        seen: "seen[-2000:]".to_owned(),
        fault,
        ..Experiment::default()
    }
}

/// Returns the value of a dependency's variable, with the port of the stand-in.
fn stand_in_url(subject: &Subject, variable: &str, port: &str) -> String {
    let declared = match &subject.dependencies {
        Dependencies::Declared(all) => all.iter().find(|one| one.env == variable),
        Dependencies::Unsaid => None,
    };
    let mut url = declared.map_or_else(
        || "http://127.0.0.1/".to_owned(),
        |one| {
            let mut url = one.url.clone();
            // Both fail only for URLs without a host, of which no stand-in is made.
            let _ = url.set_host(Some("127.0.0.1"));
            let _ = url.set_port(None);
            url.to_string()
        },
    );
    url = url.replace('{', "{{").replace('}', "}}");
    format!("f{}", literal::text(&url.replacen("127.0.0.1", &format!("127.0.0.1:{port}"), 1)))
}
