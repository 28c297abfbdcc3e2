//! Runs a command as a target and repeats its output until it ends: `cargo run --example hold -- 'COMMAND'`.
//!
//! Kill it with `kill -9` and see that the target is gone too.

use std::time::Duration;

use keel_drill::process::{Launch, Process};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let command = std::env::args().nth(1).unwrap_or_else(|| "echo nothing to run".to_owned());
    let mut target = Process::start(Launch { command, ..Launch::default() })?;
    let mut printed = 0;
    let mut ended = false;
    while !ended {
        ended = target.wait(Duration::from_millis(10)).await.is_some();
        for line in target.output().iter().skip(printed) {
            println!("{}", line.text);
            printed += 1;
        }
    }
    Ok(())
}
