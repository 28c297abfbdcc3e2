//! `keel attack` against small servers, one that holds and one that falls, and its exit codes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// The time limit of a head, on servers that have one.
const HEAD: Duration = Duration::from_secs(1);

/// The flaw of a test server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// It takes the first Content-Length, and numbers with a sign.
    FirstLength,
    /// It serves one connection after the other, and waits for heads as long as it takes.
    OneAtATime,
}

fn start(flaw: Flaw) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            if flaw == Flaw::OneAtATime {
                let _ = serve(connection, flaw);
            } else {
                thread::spawn(move || serve(connection, flaw));
            }
        }
    });
    format!("http://{address}/")
}

/// Answers one request after the other until one is refused or asks for the end.
fn serve(connection: TcpStream, flaw: Flaw) -> std::io::Result<()> {
    if flaw != Flaw::OneAtATime {
        connection.set_read_timeout(Some(HEAD))?;
    }
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let mut head = String::new();
        let since = Instant::now();
        while !head.ends_with("\r\n\r\n") {
            let too_slow = flaw != Flaw::OneAtATime && since.elapsed() > HEAD;
            if reader.read_line(&mut head)? == 0 || too_slow {
                return Ok(());
            }
        }
        let Some(length) = length(&head, flaw) else {
            return writer.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        };
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        if flaw == Flaw::OneAtATime || head.contains("Connection: close") {
            return Ok(());
        }
    }
}

/// The length of the body, or `None` if the head is ambiguous.
fn length(head: &str, flaw: Flaw) -> Option<u64> {
    let lengths: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("Content-Length: ")).collect();
    match lengths.as_slice() {
        [] => Some(0),
        [first, ..] if flaw == Flaw::FirstLength => first.parse().ok(),
        [one] if one.bytes().all(|byte| byte.is_ascii_digit()) => one.parse().ok(),
        _ => None,
    }
}

fn keel_attack(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keel")).arg("attack").args(arguments).output().unwrap()
}

#[track_caller]
fn expect(arguments: &[&str], code: i32, word: &str) {
    let output = keel_attack(arguments);
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    assert!(told.contains(word), "{word:?} is not in what {arguments:?} says:\n{told}");
}

#[test]
fn the_attacks_are_listed_without_attacking() {
    expect(&["--list"], 0, "smuggle-cl-te");
}

#[test]
fn an_attack_that_cannot_begin_is_a_usage_error() {
    expect(&["--url", "http://127.0.0.1:9/", "--only", "charm"], 2, "no attack is called \"charm\"");
    expect(&["--url", "http://127.0.0.1:9/", "--connections", "4001"], 2, "ask for less");
    expect(&[], 2, "nothing to attack");
}

#[test]
fn a_server_that_refuses_doubtful_lengths_holds() {
    expect(&["--url", &start(Flaw::None), "--only", "smuggle-cl-cl"], 0, "held");
}

#[test]
fn a_server_that_takes_the_first_length_falls_to_two() {
    expect(&["--url", &start(Flaw::FirstLength), "--only", "smuggle-cl-cl"], 1, "smuggled");
}

#[test]
fn a_server_that_ends_slow_heads_holds() {
    let bounds = ["--only", "slow-headers", "--connections", "20", "--duration", "3"];
    expect(&[&["--url", &start(Flaw::None)], &bounds[..]].concat(), 0, "ended by the server");
}

#[test]
fn a_server_of_one_connection_at_a_time_falls_to_slow_heads() {
    let bounds = ["--only", "slow-headers", "--connections", "20", "--duration", "3"];
    expect(&[&["--url", &start(Flaw::OneAtATime)], &bounds[..]].concat(), 1, "bystander");
}
