//! `server_error`: answers with 500.

use serde::{Deserialize, Serialize};

use super::answer::Stand;
use super::settings::Settings;
use super::work::Work;
use crate::queue::{Answer, End};

/// Answers the request with 500, as HTTP, without the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerError;

impl Settings for ServerError {
    const WORD: &'static str = "server_error";
    const HELP: &'static str = "answers with 500";
    const ANSWERS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Stand::new(End::Answer(Answer::ServerError)))
    }
}
