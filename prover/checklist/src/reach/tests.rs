#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use keel_load::profile::Profile;
use keel_wire::testing::tls::Identity;
use keel_wire::tls::Trust;

use super::*;
use crate::finding::Verdict;
use crate::lab::Lab;
use crate::probes::life::testing::examine;
use crate::probes::support::mix;
use crate::testing::{self, command, examine_in, is_unknown, mentions, reserved_port};

const ROBOTS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 24\r\n\r\n\
                        User-agent: *\nDisallow: /";

fn attached(url: &str) -> Subject {
    Subject { operation: Operation::Attached { pid: None }, url: url.parse().unwrap(), ..testing::subject("attached") }
}

async fn lab(subject: Subject) -> Lab {
    let mut lab = Lab::open(subject).await.unwrap();
    lab.pace = testing::PACE;
    lab.ensure_running().await.unwrap();
    lab
}

#[tokio::test]
async fn a_service_over_tls_is_examined_by_requests_bare_connections_and_load() {
    let identity = Identity::of("localhost");
    let address = identity.serve_answer(ROBOTS);
    let trust = Some(Trust::authority(identity.authority.as_bytes()).unwrap());
    let url = format!("https://localhost:{}", address.port());
    let mut lab = lab(Subject { trust, ..attached(&url) }).await;
    let robots = examine_in("web.robots", &mut lab).await;
    assert_eq!(robots.verdict(), Verdict::Holds, "{robots:#?}");
    let headers = examine_in("web.headers", &mut lab).await;
    mentions(&headers, "a malformed request is answered 200");
    let plan = mix::plan(&lab, Profile::constant(50.0, Duration::from_millis(200)), Duration::from_secs(20));
    let report = keel_load::run(plan, keel_load::Watch::default(), std::future::pending()).await.unwrap();
    assert_eq!((report.sent, report.total().expected()), (10, 10), "{}", report.text());
}

#[tokio::test]
async fn a_service_on_a_unix_socket_is_examined_and_what_needs_a_port_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut piece = [0; 4096];
                while connection.read(&mut piece).is_ok_and(|length| length > 0) {
                    if connection.write_all(ROBOTS).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let mut lab = lab(attached(&format!("unix:{}", path.display()))).await;
    let robots = examine_in("web.robots", &mut lab).await;
    assert_eq!(robots.verdict(), Verdict::Holds, "{robots:#?}");
    is_unknown(&refused(&lab.subject, "border.connections").unwrap(), "needs a TCP port");
    assert!(refused(&lab.subject, "web.headers").is_none());
}

#[tokio::test]
async fn a_service_that_runs_already_is_neither_started_nor_killed() {
    let port = reserved_port();
    let program = command("web-good", port);
    let launch = keel_drill::process::Launch { command: program, ..Default::default() };
    let mut process = keel_drill::process::Process::start(launch).unwrap();
    let subject = Subject {
        operation: Operation::Attached { pid: Some(process.pid()) },
        ..attached(&format!("http://127.0.0.1:{port}"))
    };
    let mut lab = lab(subject).await;
    assert!(lab.usage().unwrap().resident > 0, "its process is seen");
    assert!(lab.kill().await.is_err() && lab.start_with(|_| {}).await.is_err());
    lab.stop().await;
    assert!(process.is_running(), "it was left alone");
    is_unknown(&refused(&lab.subject, "life.kill").unwrap(), "neither started nor stopped");
    assert!(refused(&lab.subject, "life.steady").is_none(), "its memory is seen");
    let unknown = attached("http://127.0.0.1:1");
    is_unknown(&refused(&unknown, "life.steady").unwrap(), "say `pid`");
    is_unknown(&refused(&unknown, "see.logs").unwrap(), "not seen");
}

/// Starts the specimen as a daemon that leaves everything behind, as containers do.
fn in_the_background(subject: &mut Subject) {
    let run = std::mem::take(&mut subject.run);
    let said = |command: &str| Some(command.to_owned());
    subject.operation = Operation::Commands(Commands {
        start: format!("setsid {run} >log 2>&1 </dev/null & echo $! >pid"),
        stop: "kill $(cat pid)".to_owned(),
        kill: said("kill -9 $(cat pid)"),
        logs: said("exec tail -n +1 -f log"),
        pid: said("cat pid"),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_in_the_background_is_killed_and_started_by_its_commands() {
    let good = examine("life.kill", "life-good", in_the_background).await;
    assert_eq!(good.verdict(), Verdict::Holds, "{good:#?}");
    let forgets = examine("life.kill", "life-forgets", in_the_background).await;
    testing::falls_short(&forgets, &["is gone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_kills_nothing_says_nothing_about_what_is_lost() {
    let finding = examine("life.kill", "life-forgets", |subject| {
        in_the_background(subject);
        if let Operation::Commands(commands) = &mut subject.operation {
            commands.kill = Some("true".to_owned());
        }
    })
    .await;
    is_unknown(&finding, "it was not killed");
}

#[tokio::test]
async fn commands_that_fail_are_reported_with_their_output() {
    let with = |start: &str| {
        let stop = "true".to_owned();
        let commands = Commands { start: start.to_owned(), stop, kill: None, logs: None, pid: None };
        Subject { operation: Operation::Commands(commands), ..testing::subject("none") }
    };
    let mut lab = Lab::open(with("echo no such image; exit 4")).await.unwrap();
    let failure = lab.ensure_running().await.unwrap_err();
    assert!(failure.reason.contains("`start`") && failure.reason.contains("exit code 4"), "{failure}");
    assert_eq!(failure.output, ["no such image"]);
    let subject = with("true");
    is_unknown(&refused(&subject, "life.kill").unwrap(), "say `kill`");
    is_unknown(&refused(&subject, "see.logs").unwrap(), "say `logs`");
    is_unknown(&refused(&subject, "life.drain").unwrap(), "say `run`");
}
