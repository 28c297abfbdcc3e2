//! Experiments on bare connections.

use std::collections::BTreeSet;
use std::time::Duration;

use keel_wire::http::Request;

use crate::recipe::OnWire;
use crate::repro::literal;
use crate::repro::steps::{Experiment, MANY_DESCRIPTORS, arguments};
use crate::subject::Subject;

pub(super) fn wire(subject: &Subject, pieces: &[(Vec<u8>, usize)], fault: &OnWire) -> Experiment {
    let told: Vec<String> = pieces
        .iter()
        .map(|(bytes, times)| match times {
            1 => literal::bytes(bytes),
            times => format!("{} * {times}", literal::bytes(bytes)),
        })
        .collect();
    let at = literal::address(&subject.url);
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

pub(super) fn slow(subject: &Subject, begin: &[u8], drip: Option<u8>, held: Duration) -> Experiment {
    let at = literal::address(&subject.url);
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

pub(super) fn crowd(
    subject: &Subject,
    connections: usize,
    begin: &[u8],
    beside: &Request,
    within: Duration,
) -> Experiment {
    let at = literal::address(&subject.url);
    Experiment {
        asks: Some(within),
        modules: BTreeSet::from(["resource", "socket"]),
        steps: vec![
            format!("{MANY_DESCRIPTORS}; crowd = [socket.socket() for _ in range({connections})]"),
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

pub(super) fn all_served(subject: &Subject, connections: usize, newest: usize, begin: &[u8]) -> Experiment {
    let at = literal::address(&subject.url);
    Experiment {
        modules: BTreeSet::from(["re", "resource", "socket"]),
        steps: vec![
            format!("{MANY_DESCRIPTORS}; crowd, served = [socket.socket() for _ in range({connections})], 0"),
            "for s in crowd:".to_owned(),
            format!(
                "    s.settimeout(2); s.bind((\"127.0.0.2\", 0)); s.connect_ex({at}) or s.send({})",
                literal::bytes(begin)
            ),
            format!("for s in crowd[-{newest}:]:"),
            "    try: s.send(b\"\\r\\n\"); served += bool(re.match(rb\"HTTP/1[.][01] (?!429|503)\", s.recv(99)))"
                .to_owned(),
            "    except OSError: pass".to_owned(),
        ],
        seen: format!(
            "f\"of {connections} connections from one address the newest {newest} were ended, {{served}} were answered\""
        ),
        fault: format!("served == {newest}"),
        ..Experiment::default()
    }
}
