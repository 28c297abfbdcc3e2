//! `reset_request`: resets once the request has been read.

use serde::{Deserialize, Serialize};

use super::answer::Stand;
use super::settings::Settings;
use super::work::Work;
use crate::queue::End;

/// Resets the connection once the whole request has been read, without the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRequest;

impl Settings for ResetRequest {
    const WORD: &'static str = "reset_request";
    const HELP: &'static str = "resets once the request has been read";
    const ANSWERS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Stand::new(End::Reset))
    }
}
