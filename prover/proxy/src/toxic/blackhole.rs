//! `blackhole`: never reads.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::Settings;
use super::work::{Turn, Work};
use crate::queue::Queue;

/// Never reads: the sender's window fills. Nothing is lost; when it is removed everything flows on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blackhole;

impl Settings for Blackhole {
    const WORD: &'static str = "blackhole";
    const HELP: &'static str = "accepts and never reads";
    const LOSSLESS: bool = true;
    const DOES_WITHOUT_UPSTREAM: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Hole)
    }
}

/// Takes nothing, so that the sender's bytes stay in the sender's and the kernel's buffers.
#[derive(Debug)]
struct Hole;

impl Work for Hole {
    fn advance(&mut self, _: &mut Queue, _: &mut Queue, _: &mut Turn<'_>) -> Option<Instant> {
        None
    }

    fn capacity(&self) -> usize {
        0
    }
}
