//! The stage of a selftest: the program and the folder of its specimens.

use std::path::PathBuf;

use keel_wire::port::ReservedPort;

/// Environment of test servers: their program, folders and ports.
#[derive(Debug)]
pub struct Stage {
    /// The shell command to which a specimen's name and port are added.
    pub program: String,
    /// A folder that ends with the examination.
    pub folder: PathBuf,
}

impl Stage {
    /// The command that starts a specimen.
    pub fn command(&self, name: &str, port: u16) -> String {
        format!("{} {name} {port}", self.program)
    }

    /// Returns a loopback port that is given to no other program before this process ends.
    pub fn port(&self) -> u16 {
        ReservedPort::new().expect("a loopback port can be had").for_this_process()
    }
}
