//! Recipes about files: a full disk, and files elsewhere than declared.

use std::path::PathBuf;

use keel_wire::http::Request;

use super::kill::Kill;

/// Starts the service on a small volume of its own, which is filled and then given room again.
#[derive(Clone, Debug)]
pub struct FullDisk {
    /// The folder on which the volume is mounted.
    pub folder: PathBuf,
    /// Its size, as `mount` reads it.
    pub size: &'static str,
    /// The most writes that are tried while it is full.
    pub writes: usize,
    /// The write, with [`EACH`](super::created::EACH) for its key, and how what it makes is read.
    pub write: Kill,
    /// The observation that shows the fault.
    pub fault: OnFullDisk,
}

/// Observation on a full volume that shows a fault.
#[derive(Clone, Debug)]
pub enum OnFullDisk {
    /// A write that does not fit is answered otherwise than with a 5xx.
    NotRefused,
    /// The process ends.
    Ended,
    /// This read is not answered below 400.
    NotRead(Request),
    /// There is room again, and no write is acknowledged in ten seconds.
    NoRecovery,
    /// An acknowledged write is not read back, once there is room again.
    Gone,
    /// An acknowledged write is read otherwise after there is room again and the service was stopped and started.
    Altered,
}

/// Sends requests and looks at a file or folder elsewhere than declared: the fault is that it is open or changes.
#[derive(Clone, Debug)]
pub struct Stray {
    /// The file, or the folder in which there is another file each time.
    pub path: PathBuf,
    /// The requests.
    pub requests: Vec<Request>,
}
