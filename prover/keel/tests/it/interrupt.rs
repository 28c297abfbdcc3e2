//! Nothing that keel started is left behind, for every way in which keel ends.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const GIVE_UP: Duration = Duration::from_secs(30);

/// keel while it examines a server of files, with the server's address.
fn examining() -> (Child, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], keel_wire::port::ReservedPort::new().unwrap().for_this_process()));
    let keel = Command::new(env!("CARGO_BIN_EXE_keel"))
        .args(["check", "--only", "border.slow-clients", "--url", &format!("http://{address}"), "--run"])
        .arg(format!("python3 -m http.server {} --bind 127.0.0.1", address.port()))
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the server is started", || TcpStream::connect(address).is_ok());
    (keel, address)
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < GIVE_UP, "{what}: not within {GIVE_UP:?}");
        std::thread::yield_now();
    }
}

fn send(signal: Signal, keel: &Child) {
    kill_process(Pid::from_raw(keel.id().cast_signed()).unwrap(), signal).unwrap();
}

#[test]
fn ctrl_c_stops_the_service_and_says_so_with_the_exit_code() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut keel, address) = examining();
        send(signal, &keel);
        assert_eq!(keel.wait().unwrap().code(), Some(130), "{signal:?}");
        assert!(TcpStream::connect(address).is_err(), "{signal:?}: the server has ended before keel does");
    }
}

#[test]
fn the_service_does_not_outlive_a_keel_that_was_killed() {
    let (mut keel, address) = examining();
    send(Signal::KILL, &keel);
    keel.wait().unwrap();
    eventually("the server has ended", || TcpStream::connect(address).is_err());
}
