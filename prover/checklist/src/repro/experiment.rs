//! A recipe as steps of Python.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_wire::http::Request;

use super::literal;
use super::recipe::{
    Ask, Dependency, Held, Kill, Manner, OnWire, PathPart, Printed, Recipe, Shows, Start, Terminate, WithDependency,
};
use crate::subject::Subject;

/// What a script does between the start of the service and its last line.
#[derive(Debug, Default)]
pub(super) struct Experiment {
    /// Modules beside those that every script uses.
    pub(super) modules: BTreeSet<&'static str>,
    /// Whether it sends requests with `ask`, and within how long each must be answered.
    pub(super) asks: Option<Duration>,
    /// Steps before the service is started.
    pub(super) before: Vec<String>,
    /// Variables of the service's environment, as expressions.
    pub(super) env: BTreeMap<String, String>,
    /// How the service is started.
    pub(super) launch: Launch,
    /// Steps with the service running.
    pub(super) steps: Vec<String>,
    /// The expression that is printed.
    pub(super) seen: String,
    /// The expression that is true when the fault shows.
    pub(super) fault: String,
    /// Variables that the service is not started with as declared.
    pub(super) replaces: BTreeSet<String>,
}

/// How the service is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Launch {
    /// Once, and it must become ready.
    #[default]
    Ready,
    /// By the steps, with `start()` and `ready()`.
    BySteps,
    /// Once, and what it prints is read; it need not become ready.
    Heard,
    /// Once, what it prints is read, and it must become ready.
    HeardAndReady,
    /// Not at all.
    Never,
}

/// The steps of a recipe on this subject.
pub(super) fn of(subject: &Subject, recipe: &Recipe) -> Experiment {
    match recipe {
        Recipe::Ask(ask) => asking(subject, ask),
        Recipe::Wire { pieces, fault } => wire(subject, pieces, fault),
        Recipe::Slow { begin, drip, held } => slow(subject, begin, *drip, *held),
        Recipe::Crowd { connections, begin, beside, within } => crowd(subject, *connections, begin, beside, *within),
        Recipe::Terminate(how) => terminate(subject, how),
        Recipe::Kill(kill) => killing(subject, kill),
        Recipe::Start(start) => starting(subject, start),
        Recipe::Dependency(dependency) => with_dependency(subject, dependency),
        Recipe::NeverRefused { request, times } => Experiment {
            steps: vec![format!(
                "seen = [ask({})[:3] for _ in range({times})]",
                arguments(subject.url.path(), request)
            )],
            seen: "{status: seen.count(status) for status in set(seen)}".to_owned(),
            fault: "\"429\" not in seen and \"503\" not in seen".to_owned(),
            asks: Some(subject.deadline + BEYOND),
            ..Experiment::default()
        },
        Recipe::AnsweredAnew(request) => Experiment {
            steps: vec![format!("one, two = [ask({}) for _ in range(2)]", arguments(subject.url.path(), request))],
            seen: "one, \"\\n\\nand then\\n\\n\", two".to_owned(),
            fault: "one[0] == two[0] == \"2\" and one.partition(\"\\n\\n\")[2] != two.partition(\"\\n\\n\")[2]"
                .to_owned(),
            asks: Some(subject.deadline + BEYOND),
            ..Experiment::default()
        },
        Recipe::Output { requests, fault } => output(subject, requests, fault),
        Recipe::Grows { held, request, times, most } => grows(subject, *held, request, *times, *most),
        Recipe::Files { any_of } => files(any_of),
        Recipe::Command(command) => Experiment {
            launch: Launch::Never,
            steps: vec![format!("done = subprocess.run({}, shell=True, cwd=DIR)", literal::text(command))],
            seen: "f\"it ends with {done.returncode}\"".to_owned(),
            fault: "done.returncode != 0".to_owned(),
            ..Experiment::default()
        },
    }
}

/// On top of the deadline, by which a request is answered.
const BEYOND: Duration = Duration::from_secs(5);

/// Whether the text of an answer shows the fault.
fn shows(fault: &Shows) -> String {
    match fault {
        Shows::Found(pattern) => format!("re.search({}, seen)", literal::pattern(pattern)),
        Shows::Missing(pattern) => format!("not re.search({}, seen)", literal::pattern(pattern)),
    }
}

/// The arguments of `ask`.
fn arguments(base: &str, request: &Request) -> String {
    let path = format!("{}{}", base.trim_end_matches('/'), request.path);
    let mut arguments = format!("{}, {}", literal::text(request.method.as_str()), literal::text(&path));
    let body = (!request.body.is_empty()).then(|| literal::bytes(&request.body));
    if !request.headers.is_empty() || body.is_some() {
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), literal::text(value)));
        arguments.push_str(&format!(", {}", literal::dictionary(headers)));
    }
    arguments.extend(body.map(|body| format!(", {body}")));
    arguments
}

fn asking(subject: &Subject, ask: &Ask) -> Experiment {
    let url = subject.admin.as_ref().filter(|_| ask.admin).unwrap_or(&subject.url);
    let elsewhere = match url == &subject.url {
        true => String::new(),
        false => format!(", at={}", super::script::address(url)),
    };
    let steps = ask.requests.iter().map(|request| format!("seen = ask({}{elsewhere})", arguments(url.path(), request)));
    Experiment {
        asks: Some(ask.within.unwrap_or(subject.deadline + BEYOND)),
        steps: steps.collect(),
        seen: "seen[:2000]".to_owned(),
        fault: shows(&ask.fault),
        modules: BTreeSet::from(["re"]),
        ..Experiment::default()
    }
}

fn wire(subject: &Subject, pieces: &[(Vec<u8>, usize)], fault: &OnWire) -> Experiment {
    let told: Vec<String> = pieces
        .iter()
        .map(|(bytes, times)| match times {
            1 => literal::bytes(bytes),
            times => format!("{} * {times}", literal::bytes(bytes)),
        })
        .collect();
    let at = super::script::address(&subject.url);
    Experiment {
        modules: BTreeSet::from(["re", "socket"]),
        steps: vec![
            format!("s, seen, held, sent = socket.create_connection({at}, 10), b\"\", False, False"),
            "try:".to_owned(),
            format!("    s.sendall({}); sent = True", told.join(" + ")),
            "    while len(seen) < 1 << 20 and (more := s.recv(65536)): seen += more".to_owned(),
            "except TimeoutError: held = True".to_owned(),
            "except OSError as error: print(repr(error))".to_owned(),
        ],
        seen: "seen[:1000].decode(\"latin-1\"), \"(still open)\" if held else \"(closed)\"".to_owned(),
        fault: match fault {
            OnWire::ServedOrSilent(pattern) => {
                format!("re.match({}, seen.decode(\"latin-1\")) or held and not seen", literal::pattern(pattern))
            }
            // A refusal may come after all that was under way has been read; 408 says only that it came too slowly.
            OnWire::Swallowed => "sent and not re.match(rb\"HTTP/1[.][01] 4(?!08)\", seen)".to_owned(),
            OnWire::NotClosedAfterOne => {
                let served = "re.findall(rb\"(?m)^HTTP/1[.][01] [2-5]\", seen)";
                format!("len({served}) > 1 or held and {served} and not seen.startswith(b\"HTTP/1.1 400\")")
            }
        },
        ..Experiment::default()
    }
}

fn slow(subject: &Subject, begin: &[u8], drip: Option<u8>, held: Duration) -> Experiment {
    let at = super::script::address(&subject.url);
    let (begin, held) = (literal::bytes(begin), literal::seconds(held));
    let drip = drip.map_or_else(String::new, |byte| format!("s.sendall({}); ", literal::bytes(&[byte])));
    Experiment {
        modules: BTreeSet::from(["socket", "time"]),
        steps: vec![
            format!("s = socket.create_connection({at}, 5); s.sendall({begin}); s.settimeout(1)"),
            format!("held, end = True, time.time() + {held}"),
            "while held and time.time() < end:".to_owned(),
            format!("    try: {drip}s.recv(1); held = False"),
            "    except TimeoutError: pass".to_owned(),
            "    except OSError: held = False".to_owned(),
        ],
        seen: format!(
            "\"the connection is still held after {held} s\" if held else \"the connection was cut or answered\""
        ),
        fault: "held".to_owned(),
        ..Experiment::default()
    }
}

fn crowd(subject: &Subject, connections: usize, begin: &[u8], beside: &Request, within: Duration) -> Experiment {
    let at = super::script::address(&subject.url);
    Experiment {
        asks: Some(within),
        modules: BTreeSet::from(["socket"]),
        steps: vec![
            format!("crowd = [socket.socket() for _ in range({connections})]"),
            "for s in crowd:".to_owned(),
            format!(
                "    s.settimeout(0.2); s.bind((\"127.0.0.2\", 0)); s.connect_ex({at}) or s.send({})",
                literal::bytes(begin)
            ),
            format!("seen = ask({})", arguments(subject.url.path(), beside)),
        ],
        seen: "seen[:500]".to_owned(),
        fault: "seen.startswith(\"0\")".to_owned(),
        ..Experiment::default()
    }
}

/// How often each of those that are at once sends its request.
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

/// Requests before what is held is looked at first.
const WARM_UP: usize = 200;

fn grows(subject: &Subject, held: Held, request: &Request, times: usize, most: u64) -> Experiment {
    let ask = format!("ask({})", arguments(subject.url.path(), request));
    let (name, amount) = match held {
        Held::Memory => (
            "bytes of memory",
            "int(open(f\"/proc/{job.pid}/statm\").read().split()[1]) * os.sysconf(\"SC_PAGE_SIZE\")",
        ),
        Held::Descriptors => ("open descriptors", "len(os.listdir(f\"/proc/{job.pid}/fd\"))"),
    };
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        steps: vec![
            format!("held = lambda: {amount}"),
            format!("for _ in range({WARM_UP}): {ask}"),
            format!("before = held(); [{ask} for _ in range({times})]; after = held()"),
        ],
        seen: format!("before, \"{name} before and\", after, \"after {times} requests\""),
        fault: format!("after - before > {most}"),
        ..Experiment::default()
    }
}

fn terminate(subject: &Subject, how: &Terminate) -> Experiment {
    let at = super::script::address(&subject.url);
    let term = "job.send_signal(signal.SIGTERM)";
    match how {
        Terminate::Idle => Experiment {
            modules: BTreeSet::from(["signal"]),
            steps: vec![
                term.to_owned(),
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
            let at =
                subject.admin.as_ref().map_or_else(String::new, |url| format!(", at={}", super::script::address(url)));
            let look = format!("ask(\"GET\", {}{at})[:3]", literal::text(path));
            Experiment {
                asks: Some(Duration::from_secs(1)),
                modules: BTreeSet::from(["signal", "time"]),
                steps: vec![term.to_owned(), format!("looks = [{look} for _ in range(200) if not time.sleep(0.01)]")],
                seen: "\"readiness after SIGTERM:\", sorted(set(looks))".to_owned(),
                fault: "not any(look[0] in \"345\" for look in looks)".to_owned(),
                ..Experiment::default()
            }
        }
    }
}

fn killing(subject: &Subject, kill: &Kill) -> Experiment {
    let base = subject.url.path().trim_end_matches('/').to_owned();
    let part = |part: &PathPart| match part {
        PathPart::Text(text) => literal::text(text),
        PathPart::Saved(pointer) => format!("str(made{})", subscripts(pointer)),
    };
    let path: Vec<String> = std::iter::once(PathPart::Text(base))
        .chain(kill.read.iter().cloned())
        .collect::<Vec<_>>()
        .iter()
        .filter(|part| !matches!(part, PathPart::Text(text) if text.is_empty()))
        .map(part)
        .collect();
    let headers = kill.headers.iter().map(|(name, value)| (name.as_str(), literal::text(value)));
    let headers = if kill.headers.is_empty() { String::new() } else { format!(", {}", literal::dictionary(headers)) };
    let read = format!("ask(\"GET\", {}{headers})", path.join(" + "));
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

/// A JSON pointer as subscripts.
fn subscripts(pointer: &str) -> String {
    let part = |part: &str| match part.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!("[{}]", literal::text(&part.replace("~1", "/").replace("~0", "~"))),
    };
    pointer.split('/').skip(1).map(part).collect()
}

fn starting(subject: &Subject, start: &Start) -> Experiment {
    let until = [
        "try: seen = job.communicate(timeout=5)[0].decode(\"utf-8\", \"replace\")".to_owned(),
        "except subprocess.TimeoutExpired: seen = \"it still runs\"".to_owned(),
    ];
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
        Start::Notified => Experiment {
            modules: BTreeSet::from(["socket", "tempfile"]),
            before: vec![
                "path = os.path.join(tempfile.mkdtemp(), \"notify\"); notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
                    .to_owned(),
                "notify.bind(path); notify.settimeout(1)".to_owned(),
            ],
            env: BTreeMap::from([("NOTIFY_SOCKET".to_owned(), "path".to_owned())]),
            steps: vec![
                "seen = []".to_owned(),
                "for _ in range(5):".to_owned(),
                "    try: seen.append(notify.recv(4096).decode(\"utf-8\", \"replace\"))".to_owned(),
                "    except TimeoutError: pass".to_owned(),
            ],
            seen: "\"on NOTIFY_SOCKET it says\", seen".to_owned(),
            fault: "not any(\"READY=1\" in message for message in seen)".to_owned(),
            ..Experiment::default()
        },
        Start::TakenPort => {
            let port = subject.url.port_or_known_default().unwrap_or(80);
            Experiment {
                modules: BTreeSet::from(["re", "socket"]),
                before: vec![format!("holder = socket.create_server({})", super::script::address(&subject.url))],
                launch: Launch::Heard,
                steps: until.into(),
                seen: ended,
                fault: format!(
                    "job.returncode in (None, 0) or not re.search(r\"(?i)\\b{port}\\b|in ?use|addrinuse\", seen)"
                ),
                ..Experiment::default()
            }
        }
        Start::Variable { name, value } => Experiment {
            env: BTreeMap::from([(name.clone(), literal::text(value))]),
            launch: Launch::Heard,
            steps: until.into(),
            seen: ended,
            fault: format!(
                "job.returncode in (None, 0) or {} not in seen.upper().replace(\"-\", \"_\")",
                literal::text(&name.to_uppercase())
            ),
            ..Experiment::default()
        },
    }
}

fn with_dependency(subject: &Subject, dependency: &Dependency) -> Experiment {
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

/// What the variable of a dependency carries, with the stand-in's port for its own.
fn stand_in_url(subject: &Subject, variable: &str, port: &str) -> String {
    let declared = match &subject.dependencies {
        crate::subject::Dependencies::Declared(all) => all.iter().find(|one| one.env == variable),
        crate::subject::Dependencies::Unsaid => None,
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

fn output(subject: &Subject, requests: &[Request], fault: &Printed) -> Experiment {
    let ask = requests.iter().map(|request| format!("ask({})", arguments(subject.url.path(), request)));
    let mut steps: Vec<String> = ask.collect();
    steps.push("time.sleep(1); os.killpg(job.pid, signal.SIGKILL)".to_owned());
    steps.push(
        "seen = [line for line in job.communicate()[0].decode(\"utf-8\", \"replace\").splitlines() if line.strip()]"
            .to_owned(),
    );
    let any = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| literal::text(text)).collect();
        format!("any(text in line for line in seen for text in [{}])", texts.join(", "))
    };
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["signal", "time"]),
        launch: Launch::HeardAndReady,
        steps,
        seen: "\"\\n\".join(seen[-20:])".to_owned(),
        fault: match fault {
            Printed::Nothing => "not seen".to_owned(),
            Printed::NotJson => "sum(not line.lstrip().startswith(\"{\") for line in seen) * 20 > len(seen)".to_owned(),
            Printed::Line(text) => any(std::slice::from_ref(text)),
            Printed::NoLine(texts) => format!("not {}", any(texts)),
        },
        ..Experiment::default()
    }
}

fn files(any_of: &[String]) -> Experiment {
    let names: Vec<String> = any_of.iter().map(|name| literal::text(name)).collect();
    Experiment {
        launch: Launch::Never,
        steps: vec![format!(
            "found = [name for name in [{}] if os.path.exists(os.path.join(DIR, name))]",
            names.join(", ")
        )],
        seen: format!("\"of\", {}, \"there are\", found", names.join(", ")),
        fault: "not found".to_owned(),
        ..Experiment::default()
    }
}
