//! `keel proxy`: the fault proxy, and the commands that drive a running one. Flags and output are toxiproxy-server's and
//! toxiproxy-cli's.

mod arguments;
mod client;
mod commands;
mod go_flags;
mod groups;
mod serve;
mod show;

pub(crate) use self::arguments::Arguments;
use self::client::Driver;
pub(crate) use self::go_flags::with_go_flags;
use crate::exit::{FINE, usage};
use crate::output::print;

/// The server refused, or could not be reached.
const REFUSED: u8 = 1;

pub(crate) fn run(arguments: Arguments) -> u8 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start threads: {error}")),
    };
    runtime.block_on(async {
        let Some(command) = arguments.command else { return serve::run(arguments).await };
        let driver = match Driver::new(arguments.host) {
            Ok(driver) => driver,
            Err(problem) => return usage(problem),
        };
        match commands::run(&driver, command).await {
            Ok(text) => {
                print(&text);
                FINE
            }
            Err(problem) => {
                eprintln!("keel: {problem}");
                REFUSED
            }
        }
    })
}
