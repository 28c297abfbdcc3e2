//! Keel is killed (SIGKILL) in the middle of each fault, and the next `keel undo` restores the host.

use std::fs::OpenOptions;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::victim::{self, Keel, Victim, eventually, state};
use keel_drill::fault::{Available, Fault, Prepared, Whose, resolver::Resolver};
use keel_drill::process::Process;

/// Returns true if this host supports the fault; else checks that keel says so and does nothing.
fn can_be_done(name: &str, keel: &Keel, words: &[&str]) -> bool {
    let row = Available::all().into_iter().find(|row| row.fault == name).unwrap();
    let Some(why) = row.lacking else { return true };
    let output = keel.run(&[&["fault", name], words].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("cannot be done here"), "{said}");
    assert!(keel.journal().entries().unwrap().is_empty());
    eprintln!("{name} CANNOT be tested on this host: {why}");
    false
}

#[test]
fn a_stopped_process_goes_on_after_keel_was_killed() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    let under_way = keel.start_fault(&["stop", &victim.setting()]);
    eventually("it stands still", || state(victim.pid()) == 'T');
    under_way.kill();
    assert_eq!(state(victim.pid()), 'T', "the fault outlives keel");
    keel.undo();
    eventually("it goes on", || state(victim.pid()) != 'T');
}

#[test]
fn a_process_that_was_killed_leaves_nothing_to_undo() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    assert!(keel.run(&["fault", "kill", &victim.setting()]).status.success());
    eventually("it is dead", || matches!(state(victim.pid()), 'Z' | '-'));
    assert!(keel.journal().entries().unwrap().is_empty());
    keel.undo();
}

#[test]
fn a_starved_process_is_moved_home_after_keel_was_killed() {
    let (keel, victim) = (Keel::new(), Victim::busy());
    let words = [&*victim.setting(), "share=0.05"];
    if !can_be_done("cpu", &keel, &words) {
        return;
    }
    let home = victim.control_group("cpu");
    keel.start_fault(&["cpu", words[0], words[1]]).kill();
    assert!(victim.control_group("cpu").contains("keel-"), "{}", victim.control_group("cpu"));
    eventually("the kernel holds it back", || victim.times_throttled() > 0);
    let group = victim.group_folder("cpu");
    keel.undo();
    assert_eq!(victim.control_group("cpu"), home);
    assert!(!group.exists(), "{}", group.display());
}

#[test]
fn hogs_end_with_a_keel_that_was_killed() {
    let keel = Keel::new();
    let under_way = keel.start_fault(&["cpu-hog", "processes=2"]);
    let mark = format!("KEEL_FAULT={}", keel.journal().entries().unwrap()[0].id);
    assert_eq!(victim::carrying(&mark), 2);
    under_way.kill();
    keel.undo();
    eventually("they have ended", || victim::carrying(&mark) == 0);
}

#[test]
fn memory_is_given_back_after_keel_was_killed() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    let home = victim.control_group("memory");
    let soft = victim.limit("Max address space");
    keel.start_fault(&["memory", &victim.setting(), "headroom=33554432"]).kill();
    let grouped = victim.control_group("memory") != home;
    assert!(grouped || victim.limit("Max address space") != soft, "one of the two is in force");
    if grouped {
        let limit = std::fs::read_to_string(victim.group_folder("memory").join("memory.limit_in_bytes"));
        assert!(limit.is_err() || limit.is_ok_and(|limit| limit.trim() == "33554432"));
    }
    keel.undo();
    assert_eq!(victim.control_group("memory"), home);
    assert_eq!(victim.limit("Max address space"), soft);
}

#[test]
fn descriptors_and_the_size_of_files_are_given_back_after_keel_was_killed() {
    for (name, setting, told) in
        [("descriptors", "headroom=3", "Max open files"), ("file-size", "bytes=4096", "Max file size")]
    {
        let (keel, victim) = (Keel::new(), Victim::idle());
        let soft = victim.limit(told);
        keel.start_fault(&[name, &victim.setting(), setting]).kill();
        assert_ne!(victim.limit(told), soft, "{name}");
        keel.undo();
        assert_eq!(victim.limit(told), soft, "{name}");
    }
}

#[test]
fn a_volume_and_the_ballast_on_it_are_gone_after_keel_was_killed() {
    let keel = Keel::new();
    let folder = keel.folder("data");
    let setting = format!("folder={}", folder.display());
    if !can_be_done("volume", &keel, &[&setting, "bytes=1048576"]) {
        return;
    }
    let before = mounts_on(&folder);
    let volume = keel.start_fault(&["volume", &setting, "bytes=1048576"]);
    assert_eq!(mounts_on(&folder), before + 1);
    std::fs::write(folder.join("ledger"), "x").unwrap();
    let full = keel.start_fault(&["full-disk", &setting]);
    let refused = std::fs::write(folder.join("more"), vec![1; 64 << 10]).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    full.kill();
    keel.undo();
    std::fs::write(folder.join("more"), vec![1; 64 << 10]).unwrap();
    assert_eq!(mounts_on(&folder), before + 1, "its keel is alive");
    volume.kill();
    keel.undo();
    assert_eq!(mounts_on(&folder), before);
    assert_eq!(folder.read_dir().unwrap().count(), 0);
}

#[test]
fn the_disk_of_the_host_is_never_filled() {
    let keel = Keel::new();
    let folder = keel.folder("data");
    let output = keel.run(&["fault", "full-disk", &format!("folder={}", folder.display())]);
    if Path::new("/").metadata().is_ok() && output.status.code() == Some(2) {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("volume"), "{said}");
    } else {
        // The folder for temporary files is itself on a small file system: then it may be filled, and was emptied again.
        assert!(output.status.success());
    }
    assert_eq!(folder.read_dir().unwrap().count(), 0);
}

#[test]
fn a_folder_can_be_written_again_after_keel_was_killed() {
    let keel = Keel::new();
    let folder = keel.folder("data");
    let setting = format!("folder={}", folder.display());
    if !can_be_done("read-only-disk", &keel, &[&setting]) {
        return;
    }
    let open = OpenOptions::new().create(true).append(true).open(folder.join("open-before")).unwrap();
    keel.start_fault(&["read-only-disk", &setting]).kill();
    assert_eq!(std::fs::write(folder.join("new"), "x").unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    keel.undo();
    std::fs::write(folder.join("new"), "x").unwrap();
    drop(open);
}

#[tokio::test]
async fn a_disk_that_fails_is_whole_after_keel_was_killed() {
    let keel = Keel::new();
    let data = keel.folder("data");
    // Writes and syncs a file over and over, and says how that went.
    let script = "import os, sys\nfd = os.open('f', os.O_RDWR | os.O_CREAT)\nwhile True:\n  try:\n    os.pwrite(fd, b'x', 0)\n    os.fsync(fd)\n    print('fine', flush=True)\n  except OSError as error:\n    print(error.errno, flush=True)\n  import time; time.sleep(0.02)\n";
    let mut launch = victim::python(script, &data);
    let switch = match Prepared::new(&keel.folder("prepared")).unwrap().with_disk(&mut launch, &data) {
        Ok(switch) => switch,
        Err(error) => panic!("{error}; make setup-tests installs what is needed"),
    };
    let process = Process::start(launch).unwrap();
    victim::says(&process, "fine").await;
    let switch = format!("switch={}", switch.path().display());
    let under_way = keel.start_fault(&["disk", &switch, "fsync=EIO"]);
    victim::says(&process, "5").await;
    under_way.kill();
    keel.undo();
    victim::says(&process, "fine").await;
    keel.start_fault(&["disk", &switch, "write=ENOSPC"]).kill();
    victim::says(&process, "28").await;
    keel.undo();
    victim::says(&process, "fine").await;
    keel.start_fault(&["disk", &switch, "slow_ms=300"]).kill();
    // At this pace it says a word every 20 ms and more, so one that takes longer was held back.
    victim::pauses(&process, Duration::from_millis(250)).await;
    keel.undo();
    victim::says(&process, "fine").await;
}

#[tokio::test]
async fn a_clock_that_jumped_is_right_after_keel_was_killed() {
    let keel = Keel::new();
    // libfaketime 0.9.10 refuses clock_nanosleep, which time.sleep is made of, once the clock has jumped back.
    let script =
        "import select, time\nwhile True:\n  print(int(time.time()), flush=True)\n  select.select([], [], [], 0.02)\n";
    let mut launch = victim::python(script, &keel.folder("data"));
    let switch = match Prepared::new(&keel.folder("prepared")).unwrap().with_clock(&mut launch) {
        Ok(switch) => switch,
        Err(error) => panic!("{error}; make setup-tests installs what is needed"),
    };
    let process = Process::start(launch).unwrap();
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let is_right = |line: &str| line.parse::<u64>().is_ok_and(|said| said.abs_diff(now()) < 1000);
    victim::says_such(&process, "the right time", is_right).await;
    keel.start_fault(&["clock", &format!("switch={}", switch.path().display()), "jump=-86400"]).kill();
    let is_past = |line: &str| line.parse::<u64>().is_ok_and(|said| said.abs_diff(now() - 86400) < 1000);
    victim::says_such(&process, "yesterday's time", is_past).await;
    keel.undo();
    victim::says_such(&process, "the right time", is_right).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_found_again_after_keel_was_killed() {
    let keel = Keel::new();
    let script = "import socket, time\nwhile True:\n  try:\n    print(socket.gethostbyname('bank.test'), flush=True)\n  except OSError as error:\n    print('error', error.errno, flush=True)\n  time.sleep(0.05)\n";
    let mut launch = victim::python(script, &keel.folder("data"));
    let resolver_ip: IpAddr =
        format!("127.53.{}.{}", std::process::id() / 250 % 250, std::process::id() % 250 + 1).parse().unwrap();
    let switch = match Prepared::new(&keel.folder("prepared")).unwrap().with_resolver(&mut launch, resolver_ip) {
        Ok(switch) => switch,
        Err(error) => {
            eprintln!("dns CANNOT be tested on this host: {error}");
            return;
        }
    };
    let names = [("bank.test".to_owned(), vec![IpAddr::from([127, 0, 0, 9])])].into();
    let _resolver = Resolver::start(SocketAddr::from((resolver_ip, 53)), &names, switch.path()).await.unwrap();
    let process = Process::start(launch).unwrap();
    victim::says(&process, "127.0.0.9").await;
    let switch = format!("switch={}", switch.path().display());
    keel.start_fault(&["dns", &switch, "answer=nxdomain"]).kill();
    victim::says_such(&process, "an error", |line| line.starts_with("error")).await;
    keel.undo();
    victim::says(&process, "127.0.0.9").await;
    keel.start_fault(&["dns", &switch, "answer=wrong", "address=127.0.0.66"]).kill();
    victim::says(&process, "127.0.0.66").await;
    keel.undo();
    victim::says(&process, "127.0.0.9").await;
    keel.start_fault(&["dns", &switch, "answer=servfail"]).kill();
    victim::says_such(&process, "an error", |line| line.starts_with("error")).await;
    keel.undo();
    victim::says(&process, "127.0.0.9").await;
    // A resolver that is silent is given up by the library after its patience.
    keel.start_fault(&["dns", &switch, "answer=silent"]).kill();
    victim::says_such(&process, "an error", |line| line.starts_with("error")).await;
    keel.undo();
    victim::says(&process, "127.0.0.9").await;
}

#[test]
fn a_partition_is_healed_after_keel_was_killed() {
    let keel = Keel::new();
    let Some(hosts) = victim::Hosts::new() else {
        assert!(!can_be_done("partition", &keel, &["namespace=none", "device=none"]), "namespaces can be made here");
        return;
    };
    assert!(hosts.reach());
    let words = [format!("namespace={}", hosts.near), format!("device={}", hosts.device)];
    keel.start_fault(&["partition", &words[0], &words[1]]).kill();
    assert!(!hosts.reach(), "the fault outlives keel");
    keel.undo();
    eventually("they reach each other", || hosts.reach());
    assert!(hosts.has_default_route(), "the kernel forgets routes with the link");
}

#[test]
fn packets_are_left_alone_after_keel_was_killed() {
    let keel = Keel::new();
    let names = ["namespace=none", "device=none", "loss=50"];
    if !can_be_done("netem", &keel, &names) {
        return;
    }
    let hosts = victim::Hosts::new().expect("netem needs what namespaces need");
    let words = [format!("namespace={}", hosts.near), format!("device={}", hosts.device)];
    keel.start_fault(&["netem", &words[0], &words[1], "loss=100"]).kill();
    assert!(!hosts.reach());
    keel.undo();
    eventually("they reach each other", || hosts.reach());
}

#[test]
fn the_host_is_never_cut_off() {
    let keel = Keel::new();
    let output = keel.run(&["fault", "partition", "namespace=", "device=lo"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(keel.journal().entries().unwrap().is_empty());
}

#[test]
fn the_next_start_of_keel_undoes_too_and_says_so() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    keel.start_fault(&["stop", &victim.setting()]).kill();
    let other = Victim::idle();
    let output = keel.run(&["fault", "stop", &other.setting(), "--for", "1"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("undone"), "{output:?}");
    eventually("both go on", || state(victim.pid()) != 'T' && state(other.pid()) != 'T');
}

#[test]
fn the_faults_of_a_living_keel_are_left_alone_unless_all_are_meant() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    let under_way = keel.start_fault(&["stop", &victim.setting()]);
    keel.undo();
    assert_eq!(state(victim.pid()), 'T');
    let told = keel.run(&["undo", "--all", "--dry-run"]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("stop"), "{told:?}");
    assert!(keel.run(&["undo", "--all"]).status.success());
    eventually("it goes on", || state(victim.pid()) != 'T');
    under_way.kill();
}

#[test]
fn a_fault_that_was_written_down_and_never_acted_is_undone_without_harm() {
    // The same entry, read again after its undo: as if keel had been killed between the two, in either order.
    let (keel, victim) = (Keel::new(), Victim::idle());
    let injected = Fault::Stop { pid: victim.pid() }.inject(&keel.journal()).unwrap();
    let file = keel.journal().folder().read_dir().unwrap().next().unwrap().unwrap().path();
    let entry = std::fs::read_to_string(&file).unwrap();
    injected.undo().unwrap();
    for _ in 0..2 {
        std::fs::write(&file, &entry).unwrap();
        let outcomes = keel.journal().undo(Whose::All).unwrap().outcomes;
        assert!(outcomes.iter().all(|outcome| outcome.undone.is_ok()), "{outcomes:?}");
        assert!(!file.exists());
    }
    // Its process id has come to mean somebody else, who stands still for a reason of his own.
    let stranger = entry.replacen("\"started\": ", "\"started\": 1", 2);
    victim.signal(rustix::process::Signal::STOP);
    eventually("it stands still", || state(victim.pid()) == 'T');
    std::fs::write(&file, stranger).unwrap();
    assert!(keel.journal().undo(Whose::All).unwrap().outcomes.iter().all(|outcome| outcome.undone.is_ok()));
    assert_eq!(state(victim.pid()), 'T');
}

#[test]
fn an_incomplete_entry_is_ignored_and_a_torn_one_is_reported() {
    let keel = Keel::new();
    let folder = keel.journal().folder().to_owned();
    std::fs::write(folder.join("1-1-0.new"), "{\"version\":1,\"id\"").unwrap();
    keel.undo();
    let torn = folder.join("1-1-0.fault.json");
    std::fs::write(&torn, "{\"version\":1,\"id\"").unwrap();
    let output = keel.run(&["undo"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1-1-0.fault.json"), "{output:?}");
    assert!(torn.exists(), "nothing is thrown away that nobody has understood");
}

#[test]
fn an_entry_that_cannot_be_read_keeps_no_other_from_being_undone() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    keel.start_fault(&["stop", &victim.setting()]).kill();
    std::fs::write(keel.journal().folder().join("0-0-0.fault.json"), "{").unwrap();
    let output = keel.run(&["undo"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("0-0-0.fault.json"), "{output:?}");
    eventually("it goes on", || state(victim.pid()) != 'T');
}

#[test]
fn a_second_fault_on_the_same_thing_is_refused_as_only_one_order_of_undoing_would_be_right() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    let soft = victim.limit("Max open files");
    let first = Fault::Descriptors { pid: victim.pid(), headroom: 50 }.inject(&keel.journal()).unwrap();
    let second = Fault::Descriptors { pid: victim.pid(), headroom: 5 }.inject(&keel.journal()).unwrap_err();
    assert!(second.to_string().contains("undo that one first"), "{second}");
    let switch = keel.folder("prepared").join("x.switch");
    std::fs::write(&switch, "").unwrap();
    let slow = format!("switch={}", switch.display());
    let under_way = keel.start_fault(&["disk", &slow, "slow_ms=5"]);
    assert_eq!(keel.run(&["fault", "disk", &slow, "fsync=EIO"]).status.code(), Some(2));
    under_way.kill();
    keel.undo();
    first.undo().unwrap();
    assert_eq!(victim.limit("Max open files"), soft);
    assert_eq!(std::fs::read_to_string(&switch).unwrap(), "");
}

#[test]
fn descriptor_headroom_is_exact_even_if_the_open_descriptors_are_sparse() {
    let keel = Keel::new();
    // Its descriptors are far apart; it waits to be told, then opens what it can.
    let script = "import os, sys\nfor n in (50, 60, 70): os.dup2(0, n)\nprint('ready', flush=True)\nopened = 0\nsys.stdin.readline()\ntry:\n  while opened < 1000:\n    os.dup(0); opened += 1\nexcept OSError: pass\nprint(opened, flush=True)\n";
    let mut child = std::process::Command::new("/usr/bin/python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    let injected = Fault::Descriptors { pid: child.id(), headroom: 3 }.inject(&keel.journal()).unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"go\n").unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "3");
    injected.undo().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_fault_is_undone_when_its_owner_panics() {
    let (keel, victim) = (Keel::new(), Victim::idle());
    let (journal, pid) = (keel.journal(), victim.pid());
    let panicked = std::thread::spawn(move || {
        let _stopped = Fault::Stop { pid }.inject(&journal).unwrap();
        assert_eq!(state(pid), 'x', "this fails");
    });
    assert!(panicked.join().is_err());
    eventually("it goes on", || state(victim.pid()) != 'T');
    assert!(keel.journal().entries().unwrap().is_empty());
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_and_leaves_nothing() {
    let keel = Keel::new();
    for words in [
        &["stop", "pid=1"][..],
        &["stop", "pid=4000000"],
        &["cpu-hog", "processes=1000"],
        &["volume", "folder=/", "bytes=8192"],
        &["disk", "switch=/nowhere/x", "fsync=EIO"],
        &["clock", "switch=/nowhere/x"],
        &["earthquake"],
    ] {
        let output = keel.run(&[&["fault"], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
        assert!(keel.journal().entries().unwrap().is_empty());
    }
}

fn mounts_on(folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.split(' ').nth(4) == folder.to_str()).count()
}
