//! `keel fault ... -- PROGRAM`: a program that is started to be broken, and goes on once the fault is undone.

#[allow(dead_code, reason = "each test file uses what it needs")]
use std::process::Output;
use std::time::SystemTime;

use crate::victim::Keel;
use keel_drill::fault::Available;

const DAY: u64 = 86_400;

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn can_be_done(name: &str) -> bool {
    let row = Available::all().into_iter().find(|row| row.fault == name).unwrap();
    row.lacking.inspect(|why| eprintln!("{name} CANNOT be tested on this host: {why}")).is_none()
}

fn python(keel: &Keel, words: &[&str], script: &str) -> Output {
    keel.run(&[&["fault"], words, &["--", "/usr/bin/python3", "-c", script]].concat())
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap().trim()
}

#[test]
fn a_program_lives_tomorrow_from_its_first_moment_and_then_today() {
    let keel = Keel::new();
    let output = python(&keel, &["clock", "jump=86400"], "import time; print(int(time.time()))");
    let told: u64 =
        said(&output).parse().unwrap_or_else(|_| panic!("{output:?}; make setup-tests installs what is needed"));
    assert!(told.abs_diff(now() + DAY) < 1000, "{told}");
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).contains("undone"), "{output:?}");
    // It ends by itself once its clock is right again, however late it has begun.
    let script =
        format!("import time\nwhile time.time() > {}: pass\nprint('right again', flush=True)", now() + DAY / 2);
    let output = python(&keel, &["clock", "jump=86400", "--for", "1"], &script);
    assert_eq!(said(&output), "right again", "{output:?}");
    assert!(keel.journal().entries().unwrap().is_empty());
}

#[test]
fn the_files_of_a_program_fail_below_one_folder_alone() {
    let keel = Keel::new();
    let (data, other) = (keel.folder("data"), keel.folder("other"));
    let script = format!(
        "import os\nfor folder in ('{}', '{}'):\n  try:\n    fd = os.open(folder + '/f', os.O_RDWR | os.O_CREAT); os.write(fd, b'x'); print('fine')\n  except OSError as error: print(error.errno)",
        data.display(),
        other.display()
    );
    let output = python(&keel, &["disk", "write=ENOSPC", "--below", data.to_str().unwrap()], &script);
    assert_eq!(said(&output), "28\nfine", "{output:?}");
}

#[test]
fn a_program_asks_a_resolver_of_its_own() {
    if !can_be_done("dns") {
        return;
    }
    let keel = Keel::new();
    let script =
        "import socket\ntry: print(socket.gethostbyname('bank.test'))\nexcept OSError as error: print('error')";
    let known = ["--name", "bank.test=127.0.0.9"];
    for (answer, told) in [
        (&["dns", "answer=right"][..], "127.0.0.9"),
        (&["dns", "answer=wrong", "address=127.0.0.66"], "127.0.0.66"),
        (&["dns", "answer=nxdomain"], "error"),
    ] {
        let output = python(&keel, &[answer, &known].concat(), script);
        assert_eq!(said(&output), told, "{output:?}");
    }
}

#[test]
fn a_fault_of_a_process_is_done_to_the_program() {
    let keel = Keel::new();
    // Enough for an interpreter to start with, should the fault act before it has. It waits until its limit is a new one and
    // ends once it can open no more.
    const HEADROOM: u64 = 100;
    let script = format!(
        "import os, resource, time\nwhile resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 2 * {HEADROOM}: time.sleep(0.01)\nopened = 0\ntry:\n  while \
         True: os.dup(0); opened += 1\nexcept OSError: print(opened)"
    );
    let output = python(&keel, &["descriptors", &format!("headroom={HEADROOM}")], &script);
    let opened: u64 = said(&output).parse().unwrap_or_else(|_| panic!("{output:?}"));
    assert!(opened < 2 * HEADROOM, "{output:?}");
}

#[test]
fn the_exit_code_is_the_programs() {
    let keel = Keel::new();
    assert_eq!(keel.run(&["fault", "clock", "speed=2", "--", "sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(keel.run(&["fault", "clock", "speed=2", "--", "sh", "-c", "kill -9 $$"]).status.code(), Some(137));
}

#[test]
fn a_fault_of_the_host_is_refused_with_a_program() {
    let keel = Keel::new();
    let made = keel.folder("data").join("made");
    let touch = ["--", "touch", made.to_str().unwrap()];
    for words in [
        &["fault", "cpu-hog", "processes=1"][..],
        &["fault", "earthquake"],
        &["fault", "clock"],
        &["fault", "clock", "jump=soon"],
    ] {
        let output = keel.run(&[words, &touch].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    assert!(!made.exists());
    assert!(keel.journal().entries().unwrap().is_empty());
}
