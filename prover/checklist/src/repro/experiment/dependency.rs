//! Experiments with a stand-in in the place of a dependency.

use std::collections::{BTreeMap, BTreeSet};

use keel_wire::http::Request;
use url::Url;

use crate::recipe::{Dependency, Manner, WithDependency};
use crate::repro::literal;
use crate::repro::steps::{Experiment, PEAK_MEMORY, arguments, shows};
use crate::subject::{Dependencies, Subject};

/// The port of a stand-in in an f-string of Python.
const PORT: &str = "{stand.getsockname()[1]}";
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
    let declared = declared(subject, &dependency.variable);
    let relayed = declared.filter(|one| !matches!(one.url.scheme(), "http" | "https") && one.url.port().is_some());
    let (before, mut modules) = match relayed {
        Some(one) => relay(&one.url, &dependency.manner),
        None => stand_in(&dependency.manner, matches!(dependency.fault, WithDependency::CallOutlives(_))),
    };
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
        WithDependency::CallOutlives(limit) => (
            vec![
                format!(
                    "calls.clear(); ended.clear(); ask({arguments}); time.sleep({}); calls or sys.exit(2)",
                    literal::seconds(*limit)
                ),
                "seen = f\"{len(calls)} calls were made, of which these had ended after so many seconds: {ended}\""
                    .to_owned(),
            ],
            "len(ended) < len(calls)".to_owned(),
        ),
        WithDependency::MemoryGrows(most) => (
            vec![
                PEAK_MEMORY.to_owned(),
                format!(
                    "before = held(job.pid); seen = ask({arguments})[:500]; grown = held(job.pid) - before; seen += f\"\\n{{grown}} bytes of memory more\""
                ),
            ],
            format!("grown > {most}"),
        ),
        WithDependency::OthersStarve { times, other } => {
            modules.extend(["threading", "time"]);
            (at_once(subject, &dependency.request, *times, other), "seen.startswith(\"0\")".to_owned())
        }
    };
    let mut steps = steps;
    if relayed.is_some() {
        steps.insert(0, end_of_peace(&dependency.manner).to_owned());
    }
    Experiment {
        asks: Some(dependency.within),
        env: variables(declared, &dependency.variable),
        // A relay passes on what the service needs to start.
        replaces: relayed.map_or_else(|| BTreeSet::from([dependency.variable.clone()]), |_| BTreeSet::new()),
        before,
        modules,
        steps,
        seen: "seen[-2000:]".to_owned(),
        fault,
        ..Experiment::default()
    }
}

/// The end of the relay's peace. Refused connections are refused at once, and those that there are end.
fn end_of_peace(manner: &Manner) -> &'static str {
    match manner {
        Manner::Refuses => {
            "stand.shutdown(2); stand.close(); [c.shutdown(2) for c in peace[1:]]; peace.clear(); time.sleep(0.5)"
        }
        _ => "peace.clear()",
    }
}

/// Takes connections, and each call on a thread of its own.
const ACCEPT: &str = "threading.Thread(target=lambda: [threading.Thread(target=call, args=stand.accept()[:1], daemon=True).start() for _ \
                      in range(9999)], daemon=True).start()";

/// An answer of JSON of this size. It is made before the first call, as that takes a while.
fn flood(size: usize) -> String {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n[", size / 2 * 2 + 3);
    format!("{} + b\"0,\" * {} + b\"0]\"", literal::bytes(head.as_bytes()), size / 2)
}

/// A server that does nothing but this; `counts` says whether it notes when calls end.
fn stand_in(manner: &Manner, counts: bool) -> (Vec<String>, BTreeSet<&'static str>) {
    let (mut before, mut modules) = (Vec::new(), BTreeSet::from(["socket"]));
    match manner {
        Manner::Hangs if counts => {
            modules.extend(["threading", "time"]);
            before.push("stand, calls, ended = socket.create_server((\"127.0.0.1\", 0)), [], []".to_owned());
            before.push(
                "def call(c): calls.append(time.time()); list(iter(lambda: c.recv(65536), b\"\")); ended.append(time.time() - calls[-1])"
                    .to_owned(),
            );
            before.push(ACCEPT.to_owned());
        }
        Manner::Hangs => before.push("stand = socket.create_server((\"127.0.0.1\", 0), backlog=200)".to_owned()),
        Manner::Refuses => {
            before.push("stand = socket.socket(); stand.bind((\"127.0.0.1\", 0))  # takes no connection".to_owned());
        }
        Manner::Answers(_) | Manner::HangsUp | Manner::Drips | Manner::Floods(_) => {
            modules.extend(["threading", "time"]);
            let answer = match manner {
                Manner::Answers(bytes) => format!("c.sendall({}); ", literal::bytes(bytes)),
                Manner::Drips => {
                    let bytes = literal::bytes(DRIPPED.as_bytes());
                    format!("[c.sendall(bytes([byte])) or time.sleep(1) for byte in {bytes} * 9]; ")
                }
                Manner::Floods(_) => "c.sendall(flood); ".to_owned(),
                _ => String::new(),
            };
            before.push(match manner {
                Manner::Floods(size) => {
                    format!("stand, calls, flood = socket.create_server((\"127.0.0.1\", 0)), [], {}", flood(*size))
                }
                _ => "stand, calls = socket.create_server((\"127.0.0.1\", 0)), []".to_owned(),
            });
            before.push(format!("def call(c): c.recv(65536); calls.append(time.time()); {answer}c.close()"));
            before.push(ACCEPT.to_owned());
        }
    }
    (before, modules)
}

/// A relay to the real one, which a service may need to start, until `peace`, which has its connections, is empty.
fn relay(real: &Url, manner: &Manner) -> (Vec<String>, BTreeSet<&'static str>) {
    let then = match manner {
        Manner::Hangs | Manner::Floods(_) => "time.sleep(999)".to_owned(),
        Manner::Refuses | Manner::HangsUp => "a.shutdown(2)".to_owned(),
        Manner::Answers(bytes) => format!("(a.sendall({}), a.shutdown(2))", literal::bytes(bytes)),
        Manner::Drips => {
            let bytes = literal::bytes(DRIPPED.as_bytes());
            format!("[a.sendall(bytes([byte])) or time.sleep(1) for byte in {bytes} * 9]")
        }
    };
    let host = literal::text(real.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']));
    let address = format!("({host}, {})", real.port().unwrap_or_default());
    let before = vec![
        format!(
            "stand, peace = socket.create_server((\"127.0.0.1\", 0)), [1]; pump = lambda a, b: [b.sendall(d) if peace else \
             {then} for d in iter(lambda: a.recv(65536), b\"\")]"
        ),
        "take = lambda c, u: peace.append(c) or [threading.Thread(target=pump, args=p, daemon=True).start() for p in ((c, u), (u, c))]"
            .to_owned()
            + &format!(
                "; threading.Thread(target=lambda: [take(stand.accept()[0], socket.create_connection({})) for _ in range(9999)], \
                 daemon=True).start()",
                address
            ),
    ];
    (before, BTreeSet::from(["socket", "threading", "time"]))
}

fn declared<'a>(subject: &'a Subject, variable: &str) -> Option<&'a crate::subject::Dependency> {
    match &subject.dependencies {
        Dependencies::Declared(all) => all.iter().find(|one| one.env == variable),
        Dependencies::Unsaid => None,
    }
}

/// The variables of a dependency, as expressions, with the stand-in's address for its own.
fn variables(declared: Option<&crate::subject::Dependency>, variable: &str) -> BTreeMap<String, String> {
    let Some(declared) = declared else {
        return BTreeMap::from([(variable.to_owned(), format!("f\"http://127.0.0.1:{PORT}/\""))]);
    };
    let mut address = declared.url.clone();
    // Both fail only for URLs without a host, of which no stand-in is made.
    let _ = address.set_host(Some("127.0.0.1"));
    let _ = address.set_port(Some(STANDS_FOR_THE_PORT));
    let stands_for = STANDS_FOR_THE_PORT.to_string();
    let expression = |value: String| {
        let braced = without_password(value).replace('{', "{{").replace('}', "}}");
        format!("f{}", literal::text(&braced.replace(&stands_for, PORT)))
    };
    declared.variables(&address).into_iter().map(|(name, value)| (name, expression(value))).collect()
}

/// A stand-in asks for no password, and a script holds none.
fn without_password(value: String) -> String {
    let Ok(mut url) = value.parse::<Url>() else { return value };
    if url.password().is_none() || url.set_password(None).is_err() {
        return value;
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Manner, relay};

    #[test]
    fn a_relay_passes_on_until_there_is_no_peace_any_more() {
        let real = "postgres://orders@127.0.0.1:5433/orders".parse().expect("a URL");
        let (lines, _) = relay(&real, &Manner::Hangs);
        assert_eq!(lines.len(), 2, "a script has fifteen lines: {lines:?}");
        assert!(lines[0].contains("b.sendall(d) if peace else time.sleep(999)"), "{lines:?}");
        assert!(lines[1].contains("(\"127.0.0.1\", 5433)"), "{lines:?}");
    }
}
