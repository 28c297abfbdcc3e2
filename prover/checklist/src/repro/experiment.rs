//! A recipe as steps of Python.

mod connection;
mod created;
mod dependency;
mod disk;
mod process;
mod series;
mod storm;
mod strain;

use std::collections::BTreeSet;

use keel_wire::http::Request;

use self::connection::{all_served, crowd, slow, wire};
use self::dependency::with_dependency;
use self::process::{killing, starting, terminate};
use super::literal;
use super::steps::{BEYOND, Experiment, Launch, arguments, shows};
use crate::recipe::{Ask, Held, Printed, Recipe};
use crate::subject::Subject;

/// The steps of a recipe on this subject.
pub(super) fn of(subject: &Subject, recipe: &Recipe) -> Experiment {
    match recipe {
        Recipe::Ask(ask) => asking(subject, ask),
        Recipe::Wire { pieces, fault } => wire(subject, pieces, fault),
        Recipe::Slow { begin, drip, held } => slow(subject, begin, *drip, *held),
        Recipe::Crowd { connections, begin, beside, within } => crowd(subject, *connections, begin, beside, *within),
        Recipe::AllServed { connections, newest, begin } => all_served(subject, *connections, *newest, begin),
        Recipe::Undescribed { request, paths } => undescribed(subject, request, paths),
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
        Recipe::Listing(listing) => created::listing(subject, listing),
        Recipe::Identifiers(identifiers) => created::identifiers(subject, identifiers),
        Recipe::Series(series) => series::series(subject, series),
        Recipe::Overload(overload) => strain::overload(subject, overload),
        Recipe::Storm(storm) => storm::storm(subject, storm),
        Recipe::Spent(spent) => strain::spent(subject, spent),
        Recipe::Unread(unread) => strain::unread(subject, unread),
        Recipe::Bomb(bomb) => strain::bomb(subject, bomb),
        Recipe::FullDisk(full) => disk::full_disk(subject, full),
        Recipe::Stray(stray) => disk::stray(subject, stray),
        Recipe::Files { any_of } => files(any_of),
        Recipe::Unpublished { file, name, path } => series::unpublished(subject, file, name, path),
        Recipe::Command(command) => Experiment {
            launch: Launch::Never,
            steps: vec![format!("done = subprocess.run({}, shell=True, cwd=DIR)", literal::text(command))],
            seen: "f\"it ends with {done.returncode}\"".to_owned(),
            fault: "done.returncode != 0".to_owned(),
            ..Experiment::default()
        },
    }
}

fn undescribed(subject: &Subject, request: &Request, paths: &[String]) -> Experiment {
    let base = subject.url.path().trim_end_matches('/');
    let paths: Vec<String> = paths.iter().map(|path| literal::text(&format!("{base}{path}"))).collect();
    Experiment {
        steps: vec![
            format!("found = [path for path in [{}] if ask(\"GET\", path)[0] == \"2\"]", paths.join(", ")),
            format!("seen = ask({})", arguments(subject.url.path(), request)),
        ],
        seen: "\"documents:\", found, seen[:500]".to_owned(),
        // A write is one of an API whatever it answers.
        fault: match request.method.as_str() {
            "GET" => "not found and re.match(r\"(?is)2.*\\ncontent-type: [^\\n]*json\", seen)".to_owned(),
            _ => "not found and seen[0] == \"2\"".to_owned(),
        },
        modules: BTreeSet::from(["re"]),
        asks: Some(subject.deadline + BEYOND),
        ..Experiment::default()
    }
}

fn asking(subject: &Subject, ask: &Ask) -> Experiment {
    let url = subject.admin.as_ref().filter(|_| ask.admin).unwrap_or(&subject.url);
    let elsewhere = match url == &subject.url {
        true => String::new(),
        false => format!(", at={}", literal::address(url)),
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
