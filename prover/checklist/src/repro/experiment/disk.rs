//! Experiments with files of the service.

use std::collections::BTreeSet;

use crate::recipe::PathPart;
use crate::recipe::disk::{FullDisk, OnFullDisk, Stray};
use crate::repro::literal;
use crate::repro::steps::{BEYOND, Experiment, Launch, arguments, headers, read_path};
use crate::subject::Subject;

/// Number of acknowledged writes that are read back: the last ones are those that are lost first.
const READ: usize = 50;
/// Writes that are tried once there is room again, one each tenth of a second.
const AGAIN: usize = 100;

pub(super) fn full_disk(subject: &Subject, disk: &FullDisk) -> Experiment {
    let FullDisk { folder, size, writes, write, fault } = disk;
    let volume = literal::text(&folder.display().to_string());
    let filler = literal::text(&folder.join("keel-filler").display().to_string());
    let acknowledged = format!("startswith(\"{}\")", write.acknowledged);
    let mut steps = vec![format!(
        "seen, write = [], lambda n: seen.append(ask({})) or seen[-1].{acknowledged}; ready(start()); write(0) or sys.exit(2); subprocess.call([\"dd\", \"if=/dev/zero\", \"of=\" + {filler}, \"bs=64k\"], \
             stderr=subprocess.DEVNULL); full = next((n for n in range(1, {}) if not write(n)), 0)",
        arguments(subject.url.path(), &write.write),
        writes + 1
    )];
    let mut modules = BTreeSet::from(["ctypes"]);
    let (seen, fault) = match fault {
        OnFullDisk::NotRefused => ("seen[-1][:500]".to_owned(), "full and seen[-1][0] != \"5\"".to_owned()),
        OnFullDisk::Ended => {
            steps.push("time.sleep(1)".to_owned());
            ("\"on the full volume it ended with code\", job.poll()".to_owned(), "job.poll() is not None".to_owned())
        }
        OnFullDisk::NotRead(read) => {
            steps.push(format!("read = ask({})", arguments(subject.url.path(), read)));
            ("read[:500]".to_owned(), "read[0] not in \"123\"".to_owned())
        }
        OnFullDisk::NoRecovery | OnFullDisk::Gone | OnFullDisk::Altered => {
            steps.push(format!(
                "os.remove({filler}); again = any(write(n) or time.sleep(0.1) for n in range({}, {}))",
                writes + 1,
                writes + 1 + AGAIN
            ));
            read_again(subject, disk, &acknowledged, &mut steps, &mut modules)
        }
    };
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules,
        // A mount namespace (0x20000) of its own: the volume goes with the script.
        before: vec![format!(
            "(ctypes.CDLL(None).unshare(0x20000) or subprocess.call([\"mount\", \"--make-rprivate\", \"/\"]) or subprocess.call([\"mount\", \
             \"-t\", \"tmpfs\", \"-o\", \"size={size},mode=1777\", \"keel\", {volume}])) and (print(\"it mounts a small volume: run it as root\") \
             or sys.exit(2))"
        )],
        launch: Launch::BySteps,
        steps,
        seen,
        fault,
        ..Experiment::default()
    }
}

/// The expressions that are printed and judged once there is room again.
fn read_again(
    subject: &Subject,
    disk: &FullDisk,
    acknowledged: &str,
    steps: &mut Vec<String>,
    modules: &mut BTreeSet<&'static str>,
) -> (String, String) {
    if matches!(disk.fault, OnFullDisk::NoRecovery) {
        return ("seen[-1][:500]".to_owned(), "not again".to_owned());
    }
    let read = &disk.write.read;
    let made = match read.iter().any(|part| matches!(part, PathPart::Saved(_))) {
        true => {
            modules.insert("json");
            " for made in [json.loads(one.partition(\"\\n\\n\")[2])]"
        }
        false => "",
    };
    let look = format!(
        "look = lambda: [(read[:3], read.partition(\"\\n\\n\")[2]) for one in [one for one in seen if one.{acknowledged}][-{READ}:]{made} for read \
         in [ask(\"GET\", {}{})]]; before = look()",
        read_path(subject.url.path(), read),
        headers(&disk.write.headers)
    );
    if matches!(disk.fault, OnFullDisk::Gone) {
        steps.push(look);
        return ("before".to_owned(), "any(status[0] != \"2\" for status, _ in before)".to_owned());
    }
    modules.insert("signal");
    steps.push(format!(
        "{look}; os.killpg(job.pid, signal.SIGTERM); job.wait({}); ready(start()); after = look()",
        literal::seconds(subject.drain_timeout)
    ));
    (
        "*[f\"{one} is read as {other} after a restart\" for one, other in zip(before, after) if one != other]"
            .to_owned(),
        "before != after".to_owned(),
    )
}

pub(super) fn stray(subject: &Subject, stray: &Stray) -> Experiment {
    let path = literal::text(&stray.path.display().to_string());
    let ask = stray.requests.iter().map(|request| format!("ask({})", arguments(subject.url.path(), request)));
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["glob", "time"]),
        steps: vec![
            format!("look = lambda: os.path.exists({path}) and (os.stat({path}).st_mtime_ns, os.stat({path}).st_size)"),
            "files = lambda pid: {os.path.realpath(fd) for fd in glob.glob(f\"/proc/{pid}/fd/*\")}.union(*(files(child) for child in \
             open(f\"/proc/{pid}/task/{pid}/children\").read().split()))"
                .to_owned(),
            format!(
                "before = look(); [({},) for n in range(3)]; time.sleep(1); after = look()",
                ask.collect::<Vec<_>>().join(", ")
            ),
        ],
        seen: format!("{path}, \"is\", before, \"before requests, and\", after, \"after them\""),
        fault: format!("before != after or {path} in files(job.pid)"),
        ..Experiment::default()
    }
}
