//! `noop`: passes everything on.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::Settings;
use super::work::{Turn, Work};
use crate::queue::Queue;

/// Does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noop;

impl Settings for Noop {
    const WORD: &'static str = "noop";
    const HELP: &'static str = "does nothing";
    const LOSSLESS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Pass)
    }
}

#[derive(Debug)]
struct Pass;

impl Work for Pass {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, _: &mut Turn<'_>) -> Option<Instant> {
        from.pass(to);
        None
    }
}
