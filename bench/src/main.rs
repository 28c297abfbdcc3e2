//! Side-by-side benchmarks: peers are measured in the same run, and what is reported is the ratio.
//!
//! `make bench` runs everything and writes `bench/RESULTS.md`. `bench SECTION` prints one section alone.
//! Needs `wrk`, `valgrind`, `socat` and `haproxy` from Debian.

mod border;
mod calls;
mod jobs;
mod load;
mod measure;
mod memory;
mod observed;
mod overhead;
mod overload;
mod peers;
mod proxy;
mod query;
mod start;
mod telemetry;

use std::fmt::Write as _;
use std::process::ExitCode;

type Section = fn() -> Result<String, String>;

/// The report's parts, in order.
const SECTIONS: [(&str, Section); 10] = [
    ("border", border::report),
    ("start", start::report),
    ("calls", calls::report),
    ("telemetry", telemetry::report),
    ("overhead", overhead::report),
    ("query", query::report),
    ("proxy", proxy::report),
    ("load", load::report),
    ("overload", overload::report),
    ("jobs", jobs::report),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", which, port] => return border::serve(which, port),
        ["serve-observed", which, routes, port, admin] => return observed::serve(which, routes, port, admin),
        ["memory", minutes] => return memory::run(minutes),
        ["serve-overload", which, workload, rounds, halved, port] => {
            return overload::serve(which, workload, rounds, halved, port);
        }
        ["generate", plan] => return overload::generate(plan),
        ["overload", "short"] => return overload::short(),
        ["overload", workload, servers, multiples] => return overload::part(workload, servers, multiples),
        ["write", name] if let Some((_, section)) = SECTIONS.iter().find(|(other, _)| *other == name) => {
            return write(*section);
        }
        [name] if let Some((_, section)) = SECTIONS.iter().find(|(other, _)| *other == name) => return show(*section),
        [] => {}
        _ => {
            let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
            let names = names.join("|");
            eprintln!(
                "usage: bench (everything), bench {names} (one section), bench write SECTION (one section of bench/RESULTS.md anew), bench overload short, bench overload WORKLOAD \
                 SERVERS|best MULTIPLES (a part of it), bench memory MINUTES (memory of 1,000 routes), or bench serve bare|evenkeel PORT"
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

/// Measures one section anew, and puts it in its place in `bench/RESULTS.md`.
fn write(section: Section) -> ExitCode {
    const FILE: &str = "bench/RESULTS.md";
    let written = section().and_then(|text| {
        let results = std::fs::read_to_string(FILE).map_err(|error| format!("cannot read {FILE}: {error}"))?;
        let dated = format!("{}\n{}\n\n", text.trim_end(), measure::machine());
        std::fs::write(FILE, with_section(&results, &dated)).map_err(|error| format!("cannot write {FILE}: {error}"))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}; run it from the root of the repository");
            ExitCode::FAILURE
        }
    }
}

/// The results with this section in the place of the one with the same heading, or at the end.
fn with_section(results: &str, section: &str) -> String {
    let heading = section.lines().next().unwrap_or_default();
    let mut parts: Vec<String> = Vec::new();
    for line in results.lines() {
        if line.starts_with("## ") || parts.is_empty() {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    match parts.iter_mut().find(|part| part.lines().next() == Some(heading)) {
        Some(part) => *part = section.to_owned(),
        None => parts.push(format!("\n{section}")),
    }
    parts.concat()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_put_in_the_place_of_the_one_with_its_heading() {
        let results = "# Results\n\n## One\n\na\n\n## Two\n\nb\n";
        assert_eq!(with_section(results, "## One\n\nc\n\n"), "# Results\n\n## One\n\nc\n\n## Two\n\nb\n");
        assert!(with_section(results, "## Three\n\nd\n").ends_with("b\n\n## Three\n\nd\n"));
    }
}
