//! Structured logs on standard output: one JSON object for each event, one schema.
//!
//! `ts` (RFC 3339, UTC, microseconds), `level`, `target`, `message`, `request_id`, `trace_id`, `span_id` (inside a
//! request), then the event's own fields; a field with one of those names becomes `event.NAME`. Secrets are redacted ([`redact`]). Writing never makes the service wait: lines go through a bounded queue, and
//! when standard output is too slow the newest are dropped and counted in the vital `logs`.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry as Subscribers};
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::{RequestContext, redact};

/// Lines that may wait for standard output.
pub const QUEUE_LINES: usize = 16_384;
/// A longer text field is cut.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;

const LOGS: Table = Table {
    name: "logs",
    help: "Structured events on standard output.",
    columns: &[
        Column::counter("lines", "Lines written."),
        Column::counter("dropped", "Lines dropped because standard output was too slow."),
    ],
};

/// Keeps the logs going; when dropped, waits (at most a second) until the queue is written.
#[must_use = "dropping it ends the logs"]
#[derive(Debug)]
pub struct Logs {
    // Kept alive for the registry and the queue.
    _meter: Arc<Meter>,
    _worker: WorkerGuard,
}

/// The filter of `RUST_LOG` is malformed.
#[derive(Debug, thiserror::Error)]
#[error("RUST_LOG={given:?}: {reason}; expected directives such as `info` or `warn,ledger=debug`")]
pub struct InvalidFilter {
    given: String,
    reason: String,
}

#[derive(Debug)]
struct Meter {
    lines: AtomicU64,
    dropped: ErrorCounter,
}

struct JsonLines {
    out: NonBlocking,
    meter: Arc<Meter>,
}

/// Checks a filter without installing anything.
///
/// # Errors
/// When it is malformed.
pub fn check_filter(filter: &str) -> Result<(), InvalidFilter> {
    parse_filter(filter).map(drop)
}

fn parse_filter(filter: &str) -> Result<EnvFilter, InvalidFilter> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| InvalidFilter { given: filter.to_owned(), reason: error.to_string() })
}

/// Installs the logs for the whole process, and a panic hook.
///
/// The hook writes each panic to standard error, without a queue and with any filter, so that a process that aborts leaves
/// its reason behind; then it logs the panic as an event. With `RUST_BACKTRACE=1` the backtrace follows on standard error.
///
/// A second call leaves the first in place.
///
/// # Errors
/// When the filter is malformed.
pub fn install(filter: &str, registry: &Registry) -> Result<Logs, InvalidFilter> {
    let filter = parse_filter(filter)?;
    let (out, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE_LINES)
        .lossy(true)
        .thread_name("logs")
        .finish(io::stdout());
    let meter = Arc::new(Meter { lines: AtomicU64::new(0), dropped: out.error_counter() });
    registry.register(meter.clone());
    let layer = JsonLines { out, meter: meter.clone() };
    let _ = tracing::subscriber::set_global_default(Subscribers::default().with(filter).with(layer));
    std::panic::set_hook(Box::new(report_panic));
    Ok(Logs { _meter: meter, _worker: worker })
}

/// Writes a panic to standard error and to the log.
fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let reason = text_of(panic.payload()).unwrap_or("no message");
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let mut report = format!("thread '{name}' panicked at {place}: {}\n", redact::text(reason));
    let backtrace = std::backtrace::Backtrace::capture();
    if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        let _ = writeln!(report, "{backtrace}");
    }
    // A closed standard error must not turn the panic into an abort.
    let _ = io::Write::write_all(&mut io::stderr().lock(), report.as_bytes());
    tracing::error!(%place, reason, "panic");
}

/// The text that a panic was raised with.
fn text_of(payload: &(dyn std::any::Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// The first characters of a text, at most `most` bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = line_of(event.metadata(), fields, SystemTime::now());
        self.meter.lines.fetch_add(1, Ordering::Relaxed);
        // A full queue counts the line as dropped.
        let _ = io::Write::write_all(&mut self.out.clone(), line.as_bytes());
    }
}

fn line_of(metadata: &tracing::Metadata<'_>, fields: Fields, now: SystemTime) -> String {
    let mut line = String::with_capacity(256);
    let _ = write!(line, r#"{{"ts":"{}","level":"{}","target":"#, Timestamp(now), metadata.level());
    push_json(&mut line, metadata.target());
    line.push_str(r#","message":"#);
    push_json(&mut line, &fields.message);
    if let Some(context) = RequestContext::current() {
        line.push_str(r#","request_id":"#);
        push_json(&mut line, &context.request_id);
        let _ = write!(line, r#","trace_id":"{}","span_id":"{}""#, context.trace.trace_id(), context.trace.span_id());
    }
    for (name, value) in &fields.others {
        line.push_str(if RESERVED.contains(&name.as_str()) { r#","event."# } else { r#",""# });
        // The quote that opens the name is written already.
        line.push_str(&Json::from(name.as_str()).to_string()[1..]);
        line.push(':');
        line.push_str(&value.to_string());
    }
    line.push_str("}\n");
    line
}

fn push_json(line: &mut String, text: &str) {
    line.push_str(&Json::from(text).to_string());
}

/// The fields of one event, redacted.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Json>,
}

/// The names that each line uses itself; an event's own field of such a name gets the prefix `event.`.
const RESERVED: [&str; 7] = ["ts", "level", "target", "message", "request_id", "trace_id", "span_id"];

impl Fields {
    fn put(&mut self, field: &Field, value: Json) {
        let name = field.name();
        let value = if redact::is_secret_name(name) { Json::from(redact::REDACTED) } else { value };
        if name != "message" {
            self.others.insert(name.to_owned(), value);
        } else if let Json::String(text) = value {
            self.message = text;
        }
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        // Redacted before it is cut: a cut inside a URL would leave a password without the `@` that shows what it is.
        let clean = redact::text(text);
        self.put(field, Json::from(cut(&clean, MAX_FIELD_BYTES)));
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Json::from(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Json::from(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Json::from(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Json::from(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(next) = cause {
            let _ = write!(text, ": {next}");
            cause = next.source();
        }
        self.put_text(field, &text);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, &format!("{value:?}"));
    }
}

impl Source for Meter {
    fn table(&self) -> &'static Table {
        &LOGS
    }
    fn rows(&self) -> Vec<TableRow> {
        let dropped = self.dropped.dropped_lines() as u64;
        vec![vec![TableValue::from(self.lines.load(Ordering::Relaxed)), TableValue::from(dropped)]]
    }
}

/// RFC 3339 in UTC with microseconds.
pub struct Timestamp(pub SystemTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A clock that is far off must not cost the log: the nearest time that can be written stands for it.
        let time = self.0.clamp(UNIX_EPOCH, UNIX_EPOCH + END_OF_9999);
        humantime::format_rfc3339_micros(time).fmt(f)
    }
}

/// The last second that RFC 3339 can write, since 1970.
const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        let at = |seconds| Timestamp(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59.000000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000000Z");
        assert_eq!(at(4_102_444_799), "2099-12-31T23:59:59.000000Z");
        assert_eq!(at(400_000_000_000), "9999-12-31T23:59:59.000000Z");
        assert_eq!(Timestamp(UNIX_EPOCH - Duration::from_secs(1)).to_string(), at(0));
    }

    /// The lines that `work` logs.
    fn lines_of(work: impl FnOnce()) -> Vec<String> {
        #[derive(Clone, Default)]
        struct Keep(Arc<Mutex<Vec<String>>>);
        impl<S: Subscriber> Layer<S> for Keep {
            fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
                let mut fields = Fields::default();
                event.record(&mut fields);
                self.0.lock().unwrap().push(line_of(event.metadata(), fields, UNIX_EPOCH));
            }
        }
        let keep = Keep::default();
        tracing::subscriber::with_default(Subscribers::default().with(keep.clone()), work);
        std::mem::take(&mut *keep.0.lock().unwrap())
    }

    #[test]
    fn an_event_is_one_json_object_with_the_request_and_without_the_secret() {
        let context = RequestContext { request_id: "r-1".into(), trace: vitals::TraceContext::new() };
        let trace_id = context.trace.trace_id();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let line = lines_of(|| {
            runtime.block_on(context.scope(async {
                tracing::info!(amount = 3, password = "hunter22", url = "http://u:hunter22@h/", "moved \"money\"");
            }));
        })
        .remove(0);
        assert!(!line.contains("hunter22"), "{line}");
        let json: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(json["message"], "moved \"money\"");
        assert_eq!(json["amount"], 3);
        assert_eq!(json["request_id"], "r-1");
        assert_eq!(json["trace_id"], trace_id);
        assert_eq!(json["url"], "http://[redacted]@h/");
    }

    #[test]
    fn secrets_in_debug_output_and_json_are_not_logged() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by Debug alone")]
        struct Config {
            user: &'static str,
            password: Option<&'static str>,
        }
        let config = Config { user: "me", password: Some("hunter22") };
        let lines = lines_of(|| {
            tracing::info!(?config, body = r#"{"password":"hunter22"}"#, "started with {config:?}");
            tracing::info!(body = format!("{}http://u:hunter22@h/", " ".repeat(MAX_FIELD_BYTES - 16)), "cut");
        });
        assert!(!lines.concat().contains("hunter"), "{lines:?}");
        assert!(lines[0].contains(r#"user: \"me\""#), "{lines:?}");
    }

    #[test]
    fn fields_named_like_ours_get_a_prefix() {
        let line = lines_of(|| {
            tracing::info!(
                ts = 1,
                level = "mine",
                target = 2,
                request_id = "mine",
                trace_id = 3,
                span_id = 4,
                own = 5,
                "moved"
            );
        })
        .remove(0);
        let json: Json = serde_json::from_str(&line).unwrap();
        let names =
            ["ts", "level", "target", "message", "own", "event.ts", "event.level", "event.request_id", "event.span_id"];
        for name in names {
            assert_eq!(line.matches(&format!("\"{name}\":")).count(), 1, "{name} in {line}");
        }
        assert_eq!((&json["level"], &json["event.level"]), (&Json::from("INFO"), &Json::from("mine")));
    }

    #[test]
    fn a_panic_reaches_standard_error_with_every_filter_and_without_its_secrets() {
        const PANICS: &str = "EVENKEEL_TEST_PANICS";
        let this = "logs::tests::a_panic_reaches_standard_error_with_every_filter_and_without_its_secrets";
        if std::env::var_os(PANICS).is_some() {
            let _logs = install("off", &Registry::new()).unwrap();
            panic!("cannot reach postgres://u:hunter22@h");
        }
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program).args([this, "--exact"]).env(PANICS, "1").output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("panicked at") && errors.contains("logs.rs"), "{errors}");
        assert!(errors.contains("cannot reach postgres://[redacted]@h"), "{errors}");
    }

    #[test]
    fn the_error_of_a_malformed_filter_shows_the_expected_form() {
        let error = check_filter("ledger=loud").unwrap_err().to_string();
        assert!(error.contains("RUST_LOG") && error.contains("expected"), "{error}");
    }
}
