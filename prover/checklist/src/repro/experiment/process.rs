//! Experiments with the process: how it starts, ends and is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::recipe::words::OF_A_FAULT;
use crate::recipe::{Kill, PathPart, Start, Terminate};
use crate::repro::literal;
use crate::repro::steps::{BEYOND, Experiment, Launch, arguments, headers, read_path};
use crate::subject::Subject;

pub(super) fn terminate(subject: &Subject, how: &Terminate) -> Experiment {
    let at = literal::address(&subject.url);
    let term = "job.send_signal(signal.SIGTERM)";
    // A service may listen before it handles the signal.
    let later = format!("time.sleep(1); {term}");
    match how {
        Terminate::Idle => Experiment {
            modules: BTreeSet::from(["signal", "time"]),
            steps: vec![
                later,
                format!("try: code = job.wait({})", literal::seconds(subject.drain_timeout)),
                "except subprocess.TimeoutExpired: code = \"none: it still runs\"".to_owned(),
            ],
            seen: "\"after SIGTERM it ends with code\", code".to_owned(),
            fault: "code != 0".to_owned(),
            ..Experiment::default()
        },
        Terminate::HalfSent { head, body, status } => {
            let (first, rest) = body.split_at(body.len() / 2);
            let begin = [head.as_slice(), first].concat();
            Experiment {
                modules: BTreeSet::from(["re", "signal", "socket", "time"]),
                steps: vec![
                    format!("s = socket.create_connection({at}, 10); s.sendall({})", literal::bytes(&begin)),
                    format!("time.sleep(0.3); {term}; time.sleep(0.7)"),
                    format!("try: s.sendall({}); seen = s.recv(65536)", literal::bytes(rest)),
                    "except OSError as error: seen = repr(error).encode()".to_owned(),
                ],
                seen: "seen.decode(\"latin-1\")".to_owned(),
                fault: format!("not re.match(rb\"HTTP/1[.][01] {status}\", seen)"),
                ..Experiment::default()
            }
        }
        Terminate::Transfer { request, body } => Experiment {
            modules: BTreeSet::from(["signal", "socket", "time"]),
            steps: vec![
                "s, seen = socket.socket(), b\"\"; s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)".to_owned(),
                format!("s.settimeout(10); s.connect({at}); s.sendall({})", literal::bytes(request)),
                format!("seen = s.recv(16384); {term}; time.sleep(0.7)"),
                "try:".to_owned(),
                format!("    while len(seen) < {body} and (more := s.recv(65536)): seen += more"),
                "except OSError as error: print(repr(error))".to_owned(),
            ],
            seen: format!("len(seen), \"bytes came of an answer with a body of {body}\""),
            fault: format!("len(seen) < {body}"),
            ..Experiment::default()
        },
        Terminate::Readiness(path) => {
            let at = subject.admin.as_ref().map_or_else(String::new, |url| format!(", at={}", literal::address(url)));
            let look = format!("ask(\"GET\", {}{at})[:3]", literal::text(path));
            Experiment {
                asks: Some(Duration::from_secs(1)),
                modules: BTreeSet::from(["signal", "time"]),
                steps: vec![later, format!("looks = [{look} for _ in range(200) if not time.sleep(0.01)]")],
                seen: "\"readiness after SIGTERM:\", sorted(set(looks))".to_owned(),
                fault: "not any(look[0] in \"345\" for look in looks)".to_owned(),
                ..Experiment::default()
            }
        }
    }
}

pub(super) fn killing(subject: &Subject, kill: &Kill) -> Experiment {
    let read = format!("ask(\"GET\", {}{})", read_path(subject.url.path(), &kill.read), headers(&kill.headers));
    let saves = kill.read.iter().any(|part| matches!(part, PathPart::Saved(_)));
    let mut modules = BTreeSet::from(["signal"]);
    let made = if saves {
        modules.insert("json");
        "; made = json.loads(seen.partition(\"\\n\\n\")[2])"
    } else {
        ""
    };
    let acknowledged = kill.acknowledged;
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules,
        launch: Launch::BySteps,
        steps: vec![
            format!("ready(start()); seen = ask({})", arguments(subject.url.path(), &kill.write)),
            format!("seen.startswith(\"{acknowledged}\") or sys.exit(2){made}"),
            "os.killpg(job.pid, signal.SIGKILL); job.wait(); ready(start())".to_owned(),
            format!("seen = {read}"),
        ],
        seen: "seen[:2000]".to_owned(),
        fault: "not seen.startswith(\"2\")".to_owned(),
        ..Experiment::default()
    }
}

pub(super) fn starting(subject: &Subject, start: &Start) -> Experiment {
    // Until `start_timeout` it may still refuse, unless the fault is that it does so too late.
    let until = |within: Option<Duration>| {
        let patience = literal::seconds(within.unwrap_or_else(|| subject.start_timeout.max(Duration::from_secs(5))));
        vec![
            format!("try: seen = job.communicate(timeout={patience})[0].decode(\"utf-8\", \"replace\")"),
            format!("except subprocess.TimeoutExpired: seen = \"it still runs after {patience} s\""),
        ]
    };
    let ended = "\"it ends with code\", job.returncode, \"and prints:\", seen[-1000:]".to_owned();
    match start {
        Start::Slow(limit) => Experiment {
            modules: BTreeSet::from(["signal", "time"]),
            asks: Some(subject.deadline),
            launch: Launch::BySteps,
            steps: vec![
                "took = []".to_owned(),
                "for _ in range(5):".to_owned(),
                "    began = time.time(); ready(start()); took.append(time.time() - began)".to_owned(),
                "    os.killpg(job.pid, signal.SIGKILL); job.wait()".to_owned(),
            ],
            seen: "\"seconds from start to ready:\", sorted(took)".to_owned(),
            fault: format!("sorted(took)[2] > {}", literal::seconds(*limit)),
            ..Experiment::default()
        },
        Start::Notified => notified(BTreeMap::new(), "not any(\"READY=1\" in message for message in seen)"),
        Start::Watched(every) => notified(
            BTreeMap::from([("WATCHDOG_USEC".to_owned(), literal::text(&every.as_micros().to_string()))]),
            "sum(message.count(\"WATCHDOG=1\") for message in seen) < 2",
        ),
        Start::TakenPort { within } => {
            let port = subject.url.port_or_known_default().unwrap_or(80);
            Experiment {
                modules: BTreeSet::from(["re", "socket"]),
                before: vec![format!("holder = socket.create_server({})", literal::address(&subject.url))],
                launch: Launch::Heard,
                steps: until(*within),
                seen: ended,
                fault: format!(
                    "job.returncode in (None, 0) or not re.search(r\"(?i)\\b{port}\\b|in ?use|addrinuse\", seen)"
                ),
                ..Experiment::default()
            }
        }
        Start::Traced { name, value, traces } => {
            let traces: Vec<String> = traces.iter().map(|trace| literal::text(trace)).collect();
            Experiment {
                env: BTreeMap::from([(name.clone(), literal::text(value))]),
                launch: Launch::Heard,
                steps: until(None),
                seen: ended,
                fault: format!("any(trace in seen for trace in [{}])", traces.join(", ")),
                ..Experiment::default()
            }
        }
        Start::Variable { name, value, within, in_a_fault } => Experiment {
            env: BTreeMap::from([(name.clone(), literal::text(value))]),
            launch: Launch::Heard,
            steps: until(*within),
            seen: ended,
            modules: BTreeSet::from(["re"]),
            fault: format!(
                "job.returncode in (None, 0) or not any({} for line in seen.splitlines())",
                names(name, *in_a_fault)
            ),
            ..Experiment::default()
        },
    }
}

/// The condition under which a line names a variable.
fn names(variable: &str, in_a_fault: bool) -> String {
    let there = format!("{} in line.upper().replace(\"-\", \"_\")", literal::text(&variable.to_uppercase()));
    match in_a_fault {
        true => format!("{there} and re.search({}, line)", literal::pattern(OF_A_FAULT)),
        false => there,
    }
}

/// Starts it with a socket in NOTIFY_SOCKET and listens for some seconds.
fn notified(env: BTreeMap<String, String>, fault: &str) -> Experiment {
    let mut all = BTreeMap::from([("NOTIFY_SOCKET".to_owned(), "path".to_owned())]);
    all.extend(env);
    Experiment {
        modules: BTreeSet::from(["socket", "tempfile", "time"]),
        before: vec![
            "path = os.path.join(tempfile.mkdtemp(), \"notify\"); notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
                .to_owned(),
            "notify.bind(path); notify.settimeout(1)".to_owned(),
        ],
        env: all,
        steps: vec![
            "seen, end = [], time.time() + 5".to_owned(),
            "while time.time() < end:".to_owned(),
            "    try: seen.append(notify.recv(4096).decode(\"utf-8\", \"replace\"))".to_owned(),
            "    except TimeoutError: pass".to_owned(),
        ],
        seen: "\"on NOTIFY_SOCKET it says\", seen".to_owned(),
        fault: fault.to_owned(),
        ..Experiment::default()
    }
}
