//! Appends events in the caller's transaction.
//!
//! The function is not cancel-safe, as statements of a transaction are not: when its future is dropped, return an error from the transaction.

use store::{Transaction, args};

use super::{Expect, MAX_BATCH, MAX_KEY, MAX_PAYLOAD, NewEvent, bell};
use crate::error::{Refusal, WorkError};
use crate::statement::{Statement, statement};
use crate::trace::traceparent;

const MOVE: Statement = statement!("event_stream_move");
const VERSION: Statement = statement!("event_stream_version");
const CONFLICT: Statement = statement!("event_conflict");
const APPEND: Statement = statement!("event_append");

/// Events that were appended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The version of the stream with the last of them.
    pub version: i64,
    /// The ids of their messages, in their order.
    pub message_ids: Vec<String>,
}

/// Appends up to [`MAX_BATCH`] events to a stream: they exist when the transaction commits, and never otherwise.
///
/// Transactions that append to one stream wait for each other; the order of the log is that of the stream's versions.
///
/// # Errors
/// [`Refusal::Version`] when the stream has another version than the expected one: read it again and decide anew. [`WorkError::Refused`] when
/// a part is out of its bounds or the payload is no JSON; else the store's.
pub async fn append<N: Into<NewEvent>>(
    tx: &mut Transaction,
    stream: &str,
    expect: Expect,
    events: impl IntoIterator<Item = N>,
) -> Result<Appended, WorkError> {
    append_new(tx, stream, expect, events.into_iter().map(Into::into).collect()).await
}

async fn append_new(
    tx: &mut Transaction,
    stream: &str,
    expect: Expect,
    events: Vec<NewEvent>,
) -> Result<Appended, WorkError> {
    let (count, engine) = (events.len(), tx.engine());
    if count == 0 || count > MAX_BATCH {
        let value = i64::try_from(count).unwrap_or(i64::MAX);
        return Err(Refusal::Range { part: "number of events of one append", value, range: "1 to 500" }.into());
    }
    check_key("stream", "event", stream)?;
    let events = events.into_iter().map(Checked::new).collect::<Result<Vec<_>, _>>()?;
    let expected = match expect {
        Expect::Any => -1,
        Expect::NoStream => 0,
        Expect::Version(version) => version.max(0),
    };
    let moved = tx.fetch_optional(MOVE.on(engine), args![stream, count, expected]).await?;
    let Some(moved) = moved else {
        let row = tx.fetch_optional(VERSION.on(engine), args![stream]).await?;
        let found = row.map_or(Ok(0), |row| row.get("version"))?;
        if expected == -1 || found == expected {
            tx.execute(CONFLICT.on(engine), args![]).await?;
        }
        return Err(Refusal::Version { stream: stream.to_owned(), expected, found }.into());
    };
    let version: i64 = moved.get("version")?;
    let before = version - i64::try_from(count).unwrap_or_default();
    let texts = |of: fn(&Checked) -> &str| events.iter().map(|event| of(event).to_owned()).collect::<Vec<_>>();
    let message_ids = texts(|event| &event.message_id);
    let values = args![
        stream,
        before,
        message_ids.clone(),
        texts(|event| event.kind),
        events.iter().map(|event| i64::from(event.version)).collect::<Vec<_>>(),
        texts(|event| &event.payload),
        texts(|event| &event.trace),
    ];
    tx.execute(APPEND.on(engine), values).await?;
    tx.after_commit(bell::ring);
    Ok(Appended { version, message_ids })
}

fn check_key(part: &'static str, kind: &str, text: &str) -> Result<(), Refusal> {
    match text.len() {
        0 => Err(Refusal::Empty { part, kind: kind.to_owned() }),
        1..=MAX_KEY => Ok(()),
        bytes => Err(Refusal::TooLong { part, kind: kind.to_owned(), bytes, bound: MAX_KEY }),
    }
}

/// An event within its bounds.
struct Checked {
    kind: &'static str,
    version: u16,
    message_id: String,
    payload: String,
    trace: String,
}

impl Checked {
    fn new(event: NewEvent) -> Result<Self, Refusal> {
        let kind = event.kind;
        check_key("kind", kind, kind)?;
        let payload = event.payload.map_err(|cause| Refusal::Payload { kind: kind.to_owned(), cause })?;
        if payload.len() > MAX_PAYLOAD {
            let bytes = payload.len();
            return Err(Refusal::TooLong { part: "payload", kind: kind.to_owned(), bytes, bound: MAX_PAYLOAD });
        }
        let message_id = event.message_id.unwrap_or_else(|| vitals::new_id("evt"));
        check_key("message id", kind, &message_id)?;
        let trace = event.trace.or_else(traceparent);
        Ok(Self { kind, version: event.version, message_id, payload, trace: trace.unwrap_or_default() })
    }
}
