//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    orders::service().main()
}
