//! One event as one line: a JSON object with the schema of [`super`].

use std::fmt::Write;
use std::time::SystemTime;

use tracing::{Event, Level, Metadata};

use super::fields::{Fields, Take};
use super::json::push_text;
use super::spans::SpanFields;
use crate::{RequestContext, Timestamp};

/// The names that each line uses itself; an event's own field of such a name gets the prefix `event.`.
const RESERVED: [&str; 7] = ["ts", "level", "target", "message", "request_id", "trace_id", "span_id"];
/// The most fields of one line; `tracing` allows an event 32 of its own.
const MAX_FIELDS: usize = 64;

/// Appends the line of an event. `spans` calls its argument with the fields of the spans around the event, the innermost first; of fields
/// with one name the innermost is shown.
pub(super) fn write(
    out: &mut String,
    event: &Event<'_>,
    spans: impl FnOnce(&mut dyn FnMut(&SpanFields)),
    suppressed: u64,
    now: SystemTime,
) {
    begin(out, event.metadata(), now);
    event.record(&mut Fields(Message(out)));
    if let Some(context) = RequestContext::current() {
        out.push_str(r#","request_id":"#);
        push_text(out, &context.request_id);
        let _ = write!(out, r#","trace_id":"{}","span_id":"{}""#, context.trace.trace_id(), context.trace.span_id());
    }
    let mut others = Others { out, names: [""; MAX_FIELDS], count: 0 };
    event.record(&mut Fields(&mut others));
    spans(&mut |span| span.fields().for_each(|(name, value)| others.take(name, |out| out.push_str(value))));
    if suppressed > 0 {
        others.take("suppressed", |out| {
            let _ = write!(out, "{suppressed}");
        });
    }
    out.push_str("}\n");
}

/// Appends a line about the logs themselves, with one number and what it is about.
pub(super) fn write_own(out: &mut String, message: &str, number: (&str, u64), more: &[(&str, &str)], now: SystemTime) {
    let _ =
        write!(out, r#"{{"ts":"{}","level":"{}","target":"logs","message":"{message}""#, Timestamp(now), Level::WARN);
    let _ = write!(out, r#","{}":{}"#, number.0, number.1);
    for (name, text) in more {
        let _ = write!(out, r#","{name}":"#);
        push_text(out, text);
    }
    out.push_str("}\n");
}

fn begin(out: &mut String, metadata: &Metadata<'_>, now: SystemTime) {
    let _ = write!(out, r#"{{"ts":"{}","level":"{}","target":"#, Timestamp(now), metadata.level());
    push_text(out, metadata.target());
    out.push_str(r#","message":"#);
    if metadata.fields().field("message").is_none() {
        out.push_str("\"\"");
    }
}

/// Takes the message alone.
struct Message<'l>(&'l mut String);

impl Take for Message<'_> {
    fn wants(&self, name: &'static str) -> bool {
        name == "message"
    }

    fn take(&mut self, _name: &'static str, write: impl FnOnce(&mut String)) {
        write(self.0);
    }
}

/// Takes all other fields, each name once.
struct Others<'l> {
    out: &'l mut String,
    names: [&'static str; MAX_FIELDS],
    count: usize,
}

impl Take for &mut Others<'_> {
    fn wants(&self, name: &'static str) -> bool {
        name != "message" && self.count < MAX_FIELDS && !self.names[..self.count].contains(&name)
    }

    fn take(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        self.push(name, write);
    }
}

impl Others<'_> {
    fn take(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        if self.wants(name) {
            self.push(name, write);
        }
    }

    /// Appends a field that is wanted.
    fn push(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        self.names[self.count] = name;
        self.count += 1;
        self.out.push(',');
        let name_begins = self.out.len();
        push_text(self.out, name);
        if RESERVED.contains(&name) {
            // Behind the quote.
            self.out.insert_str(name_begins + 1, "event.");
        }
        self.out.push(':');
        write(self.out);
    }
}
