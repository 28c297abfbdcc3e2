//! Side-by-side benchmarks: peers are measured in the same run, and what is reported is the ratio.
//!
//! `make bench` runs everything and writes `bench/RESULTS.md`. Needs `wrk` and `valgrind` from Debian.

mod border;
mod measure;
mod start;

use std::fmt::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", which, port] => return border::serve(which, port),
        [] => {}
        _ => {
            eprintln!("usage: bench (everything), or bench serve bare|evenkeel PORT");
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
    text.push_str(&border::report()?);
    text.push_str(&start::report()?);
    Ok(text)
}
