//! `endless`: answers without end.

use serde::{Deserialize, Serialize};

use super::answer::Stand;
use super::settings::Settings;
use super::work::Work;
use crate::queue::{Answer, End};

/// Answers the request with 200 and a body that never ends, as HTTP, without the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endless;

impl Settings for Endless {
    const WORD: &'static str = "endless";
    const HELP: &'static str = "answers without end";
    const ANSWERS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Stand::new(End::Answer(Answer::Endless)))
    }
}
