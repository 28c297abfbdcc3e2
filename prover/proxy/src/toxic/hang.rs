//! `hang`: reads everything and passes nothing on.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::Settings;
use super::work::{Removal, Turn, Work};
use crate::queue::{End, Queue};

/// Reads everything and passes nothing on. A connection that lost bytes so is reset when it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hang;

impl Settings for Hang {
    const WORD: &'static str = "hang";
    const HELP: &'static str = "reads everything, passes nothing";
    const DOES_WITHOUT_UPSTREAM: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Swallow::default())
    }
}

/// State: true once bytes were lost.
#[derive(Debug, Default)]
struct Swallow {
    lost: bool,
}

impl Work for Swallow {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        self.lost |= from.drop_all() > 0;
        if from.is_finished() {
            to.finish(End::Close, turn.now);
        }
        None
    }

    /// A connection that has lost bytes must not wait for an answer that cannot come.
    fn removal(&self) -> Removal {
        if self.lost { Removal::End(End::Reset) } else { Removal::Flush }
    }
}
