//! `lost_answer`: waits for the answer and closes without giving it.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::Settings;
use super::work::{Turn, Work};
use crate::queue::{End, Queue};

/// Passes the request on, waits for the answer, and closes without giving it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostAnswer;

impl Settings for LostAnswer {
    const WORD: &'static str = "lost_answer";
    const HELP: &'static str = "waits for the answer, then closes without giving it";

    fn work(&self) -> Box<dyn Work> {
        Box::new(Loss)
    }
}

/// Passes the bytes that come before the client has spoken (a greeting).
#[derive(Debug)]
struct Loss;

impl Work for Loss {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        if turn.client_spoke && !from.is_empty() {
            to.finish(End::Close, turn.now);
        } else {
            from.pass(to);
        }
        None
    }
}
