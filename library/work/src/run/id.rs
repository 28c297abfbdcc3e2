//! Message ids of runs and names of steps, of which the keys of calls are made.

use crate::error::Refusal;

/// Maximum length of a message id or the name of a step in bytes. Both are in the derived key of a call, of at most 255 bytes.
const MAX_ID: usize = 100;

/// Returns true for 1 to [`MAX_ID`] visible ASCII characters, of which derived keys are made.
pub(super) fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Refuses a message id that cannot be part of a derived key.
pub(super) fn check_id(message_id: &str) -> Result<(), Refusal> {
    if is_id(message_id) {
        return Ok(());
    }
    let reason = "a message id has 1 to 100 visible ASCII characters".to_owned();
    Err(Refusal::Run { message_id: message_id.to_owned(), reason })
}
