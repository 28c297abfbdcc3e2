//! Side-by-side benchmarks: peers are measured in the same run, and what is reported is the ratio.
//!
//! `make bench` runs everything and writes `bench/RESULTS.md`. `bench SECTION` prints one section alone.
//! Needs `wrk`, `valgrind`, `socat` and `haproxy` from Debian.

mod border;
mod calls;
mod load;
mod measure;
mod overload;
mod proxy;
mod start;

use std::fmt::Write as _;
use std::process::ExitCode;

type Section = fn() -> Result<String, String>;

/// The report's parts, in order.
const SECTIONS: [(&str, Section); 6] = [
    ("border", border::report),
    ("start", start::report),
    ("calls", calls::report),
    ("proxy", proxy::report),
    ("load", load::report),
    ("overload", overload::report),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", which, port] => return border::serve(which, port),
        ["serve-overload", which, workload, rounds, halved, port] => {
            return overload::serve(which, workload, rounds, halved, port);
        }
        ["generate", plan] => return overload::generate(plan),
        ["overload", "short"] => return overload::short(),
        ["overload", workload, servers, multiples] => return overload::part(workload, servers, multiples),
        [name] if let Some((_, section)) = SECTIONS.iter().find(|(other, _)| *other == name) => return show(*section),
        [] => {}
        _ => {
            let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
            let names = names.join("|");
            eprintln!(
                "usage: bench (everything), bench {names} (one section), bench overload short, bench overload WORKLOAD \
                 SERVERS|best MULTIPLES (a part of it), or bench serve bare|evenkeel PORT"
            );
            return ExitCode::from(2);
        }
    }
    match report() {
        Ok(text) => {
            print!("{text}");
            match std::fs::write("bench/RESULTS.md", &text) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("bench: cannot write bench/RESULTS.md: {error}; run it from the root of the repository");
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report() -> Result<String, String> {
    let mut text = String::from("# Results\n\n");
    let machine = measure::machine();
    let _ = writeln!(text, "Made by `make bench`. {machine}\n");
    for (_, section) in SECTIONS {
        text.push_str(&section()?);
    }
    Ok(text)
}

/// One section, on standard output alone.
fn show(section: Section) -> ExitCode {
    match section() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
