//! A history as JSON lines: one operation a line.
//!
//! ```json
//! {"process":1,"f":"transfer","id":"t1","from":"a","to":"b","amount":5,"invoked":10,"completed":20,"type":"ok"}
//! {"process":2,"f":"balances","invoked":30,"completed":40,"type":"ok","answer":{"balances":{"a":95,"b":5}}}
//! ```

use std::io::{BufRead, Read, Write};

use super::operation::Operation;
use super::recorder::MAX_OPERATIONS;

/// The longest line that is read, in bytes: 1 MiB.
pub const MAX_LINE: u64 = 1 << 20;

/// The reason why a file is no history.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read at all.
    #[error("the history cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A line is no operation.
    #[error(
        "line {line} is no operation: {why}; expected such as {{\"process\":1,\"f\":\"balances\",\"invoked\":30,...}}"
    )]
    Line {
        /// The how-manieth line, from 1.
        line: usize,
        /// The mistake in it.
        why: String,
    },
    /// There are more operations than one history may have.
    #[error("the history has more than {MAX_OPERATIONS} operations: check it in pieces that begin with a fresh state")]
    TooLong,
}

/// Writes a history, one operation a line.
///
/// # Errors
/// Those of `to`.
pub fn write(history: &[Operation], to: &mut impl Write) -> std::io::Result<()> {
    for operation in history {
        serde_json::to_writer(&mut *to, operation)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote; empty lines are passed over.
///
/// # Errors
/// When it cannot be read, a line is no operation or longer than [`MAX_LINE`], or completes before it was invoked, or there
/// are too many.
pub fn read(from: &mut impl BufRead) -> Result<Vec<Operation>, Unreadable> {
    let mut history = Vec::new();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if from.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if text.len() as u64 > MAX_LINE {
            return Err(Unreadable::Line { line, why: format!("it has more than {MAX_LINE} bytes") });
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        if history.len() == MAX_OPERATIONS {
            return Err(Unreadable::TooLong);
        }
        let operation: Operation =
            serde_json::from_slice(&text).map_err(|error| Unreadable::Line { line, why: error.to_string() })?;
        if operation.completed.is_some_and(|completed| completed < operation.invoked) {
            return Err(Unreadable::Line { line, why: "it completed before it was invoked".to_owned() });
        }
        if operation.is_ok() && operation.completed.is_none() {
            return Err(Unreadable::Line { line, why: "it is ok, but without `completed`".to_owned() });
        }
        history.push(operation);
    }
    Ok(history)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::history::operation::{Action, Answer, Outcome};

    #[test]
    fn written_histories_are_read_back() {
        let operation = |action, outcome| Operation { process: 1, action, invoked: 1, completed: Some(2), outcome };
        let key = || "x".to_owned();
        let history = vec![
            operation(Action::Open { account: key(), balance: 100, floor: -5 }, Outcome::ok()),
            operation(Action::Transfer { id: key(), from: key(), to: key(), amount: 5 }, Outcome::info("killed")),
            operation(Action::Balances, Outcome::Ok { answer: Answer::Balances([(key(), 95)].into()) }),
            operation(Action::Read { key: key() }, Outcome::Ok { answer: Answer::Value(None) }),
            operation(Action::Read { key: key() }, Outcome::Ok { answer: Answer::Value(Some(-3)) }),
            operation(Action::CompareAndSet { key: key(), expected: 1, value: 2 }, Outcome::fail("was 3")),
            operation(Action::Counts, Outcome::Ok { answer: Answer::Counts([(key(), 1)].into()) }),
        ];
        let mut text = Vec::new();
        write(&history, &mut text).unwrap();
        assert_eq!(read(&mut text.as_slice()).unwrap(), history);
    }

    #[test]
    fn a_line_that_is_no_operation_is_named() {
        let text =
            "\n{\"process\":1,\"f\":\"balances\",\"invoked\":3,\"type\":\"info\",\"why\":\"\"}\n{\"f\":\"steal\"}\n";
        let told = read(&mut text.as_bytes()).unwrap_err().to_string();
        assert!(told.starts_with("line 3 "), "{told}");
        let text = r#"{"process":1,"f":"counts","invoked":3,"completed":2,"type":"ok"}"#;
        assert!(read(&mut text.as_bytes()).unwrap_err().to_string().contains("before it was invoked"));
    }
}
