//! `garbage`: answers with bytes that are no protocol.

use serde::{Deserialize, Serialize};

use super::answer::Stand;
use super::settings::Settings;
use super::work::Work;
use crate::queue::{Answer, End};

/// Answers the request with bytes that are no protocol, without the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Garbage;

impl Settings for Garbage {
    const WORD: &'static str = "garbage";
    const HELP: &'static str = "answers with bytes that are no protocol";
    const ANSWERS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Stand::new(End::Answer(Answer::Garbage)))
    }
}
