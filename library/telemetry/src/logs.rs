//! Structured logs on standard output: one JSON object for each event, one schema.
//!
//! `ts` (RFC 3339, UTC, microseconds), `level`, `target`, `message`, `request_id`, `trace_id`, `span_id` (inside a
//! request), then the event's own fields and those of the `tracing` spans around it; a field with one of those names becomes
//! `event.NAME`. Secrets are redacted ([`redact`]). Writing never makes the service wait: lines go through a queue that is bounded in lines
//! and bytes, and when standard output is too slow lines are lost, which a line says when there is room again. Each callsite has a rate
//! limit; a line says how many of its lines were suppressed.

mod fields;
mod json;
mod line;
mod queue;
mod rate;
mod spans;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry as Subscribers};
use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use self::queue::Queue;
use self::rate::Rates;
use self::spans::SpanFields;
use crate::errors::{note_line, note_panic_place};
use crate::otlp::LogQueue;
use crate::redact;
use crate::traces::TracingSpans;

pub use self::fields::MAX_FIELD_BYTES;
pub use self::queue::{QUEUE_BYTES, QUEUE_LINES};
pub use self::rate::CALLSITE_RATE;

/// The target of access lines, which have a rate limit of their own.
const ACCESS: &str = "access";
/// The most time that the end waits for standard error.
const REPORT_PATIENCE: Duration = Duration::from_millis(100);
/// A thread keeps a buffer of at most this size between two lines.
const KEPT_BUFFER: usize = 64 * 1024;

const LOGS: Table = Table {
    name: "logs",
    help: "Structured events on standard output.",
    columns: &[
        Column::counter("lines", "Lines written."),
        Column::counter("dropped", "Lines lost because standard output was too slow or failed."),
        Column::counter("suppressed", "Lines over the rate limit of their callsite."),
        Column::gauge("queue_lines", "Lines that wait for standard output."),
        Column::gauge("queue", "Bytes that wait for standard output.").in_unit(Unit::Bytes),
    ],
};

/// Keeps the logs going; when dropped, waits (at most a second) until the queue is written. Lines that standard output has not taken by then are
/// lost; standard error says how many.
#[must_use = "dropping it ends the logs"]
#[derive(Debug)]
pub struct Logs {
    meter: Arc<Meter>,
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
    queue: Arc<Queue>,
    suppressed: AtomicU64,
}

/// The layer that writes events.
struct JsonLines {
    meter: Arc<Meter>,
    rates: Arc<Rates>,
    copies: Arc<LogQueue>,
}

/// Copies of the lines of the process's log, for their export.
static COPIES: OnceLock<Arc<LogQueue>> = OnceLock::new();

thread_local! {
    /// The line that this thread writes.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
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

/// Installs the logs for the whole process, and a panic hook. Each callsite writes at most [`CALLSITE_RATE`] lines a second.
///
/// The hook writes each panic to standard error, without a queue and with any filter, so that a process that aborts leaves
/// its reason behind; then it logs the panic as an event. With `RUST_BACKTRACE=1` the backtrace follows on standard error.
///
/// A second call leaves the first in place.
///
/// # Errors
/// When the filter is malformed.
pub fn install(filter: &str, registry: &Registry) -> Result<Logs, InvalidFilter> {
    install_with_rate(filter, CALLSITE_RATE, registry)
}

/// Installs the logs as [`install`] does, with another rate: each callsite writes at most `rate` lines a second, ten times as many at once; 0 sets
/// no limit.
///
/// # Errors
/// When the filter is malformed.
pub fn install_with_rate(filter: &str, rate: u32, registry: &Registry) -> Result<Logs, InvalidFilter> {
    let filter = parse_filter(filter)?;
    let layer = JsonLines::start(io::stdout(), rate);
    let (meter, copies) = (layer.meter(), layer.copies.clone());
    registry.register(meter.clone());
    let subscriber = Subscribers::default().with(filter).with(layer).with(TracingSpans);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        let _ = COPIES.set(copies);
    }
    std::panic::set_hook(Box::new(report_panic));
    Ok(Logs { meter })
}

/// The queue of copies of the log's lines, from which a [`LogExporter`](crate::otlp::LogExporter) takes them; none before [`install`].
pub fn copies() -> Option<Arc<LogQueue>> {
    COPIES.get().cloned()
}

impl Drop for Logs {
    fn drop(&mut self) {
        let left = self.meter.queue.end();
        if left > 0 {
            report_left(left);
        }
    }
}

/// Writes to standard error how many lines were left at the end. Standard error may be blocked as well: a thread writes, and the end waits for it for at
/// most [`REPORT_PATIENCE`].
fn report_left(lines: u64) {
    let (written, is_written) = std::sync::mpsc::channel();
    let report = move || {
        let _ = writeln!(io::stderr(), "{lines} lines of the log were not written: standard output took none in time");
        let _ = written.send(());
    };
    if std::thread::Builder::new().spawn(report).is_ok() {
        let _ = is_written.recv_timeout(REPORT_PATIENCE);
    }
}

/// Writes a panic to standard error and to the log.
fn report_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let reason = text_of(panic.payload()).unwrap_or("no message");
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let mut report = format!("thread '{name}' panicked at {place}: {}\n", redact::text(reason));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = writeln!(report, "{backtrace}");
    }
    let frames = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    note_panic_place(&place, reason, frames.as_deref());
    // A closed standard error must not turn the panic into an abort.
    let _ = io::Write::write_all(&mut io::stderr().lock(), report.as_bytes());
    tracing::error!(%place, reason, "panic");
}

/// The text that a panic was raised with.
fn text_of(payload: &(dyn std::any::Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// The layer of the log, which writes to nowhere.
#[cfg(test)]
pub(crate) fn layer_for_tests<S: Subscriber + for<'s> LookupSpan<'s>>() -> impl Layer<S> {
    JsonLines::start(io::sink(), 10)
}

impl JsonLines {
    /// Starts the thread that writes to `out`.
    fn start(out: impl Write + Send + 'static, rate: u32) -> Self {
        let queue = Arc::new(Queue::default());
        let rates = Arc::new(Rates::new(rate, Instant::now()));
        let known = Arc::clone(&rates);
        queue::start(&queue, out, move |own| tell_suppressed(own, &known));
        Self { meter: Arc::new(Meter { queue, suppressed: AtomicU64::new(0) }), rates, copies: Arc::default() }
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

/// Appends a line for each callsite with suppressed lines.
fn tell_suppressed(own: &mut String, rates: &Rates) {
    for (metadata, lines) in rates.take_suppressed() {
        let callsite = format!("{}:{}", metadata.file().unwrap_or("?"), metadata.line().unwrap_or_default());
        let more = [("callsite", callsite.as_str()), ("event_target", metadata.target())];
        line::write_own(own, "lines suppressed", ("suppressed", lines), &more, SystemTime::now());
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for JsonLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields::of(attributes));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            fields.record(values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let suppressed = match metadata.target() {
            ACCESS => 0,
            _ => match self.rates.admit(metadata, Instant::now()) {
                Some(suppressed) => suppressed,
                None => {
                    self.meter.suppressed.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            },
        };
        let write = |out: &mut String| {
            out.clear();
            let spans = |show: &mut dyn FnMut(&SpanFields)| {
                for span in context.event_scope(event).into_iter().flatten() {
                    span.extensions().get::<SpanFields>().into_iter().for_each(&mut *show);
                }
            };
            line::write(out, event, spans, suppressed, SystemTime::now());
            self.meter.queue.push(out.as_bytes(), *metadata.level() <= Level::WARN);
            self.copies.offer(out);
            if metadata.target() != ACCESS {
                note_line(metadata, out);
            }
            out.shrink_to(KEPT_BUFFER);
        };
        // A value that logs while it is shown finds the buffer taken.
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => write(&mut line),
            Err(_) => write(&mut String::new()),
        });
    }
}

impl Source for Meter {
    fn table(&self) -> &'static Table {
        &LOGS
    }
    fn rows(&self) -> Vec<TableRow> {
        let ([written, lost], [lines, bytes]) = (self.queue.counts(), self.queue.fill());
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        vec![[written, lost, suppressed, lines, bytes].map(TableValue::from).to_vec()]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value as Json;

    use super::*;
    use crate::RequestContext;

    /// The lines that `work` logs.
    fn lines_of(work: impl FnOnce()) -> Vec<String> {
        #[derive(Clone, Default)]
        struct Keep(Arc<Mutex<Vec<u8>>>);
        impl Write for Keep {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let keep = Keep::default();
        let layer = JsonLines::start(keep.clone(), 10);
        let meter = layer.meter();
        tracing::subscriber::with_default(Subscribers::default().with(layer), work);
        meter.queue.end();
        let text = String::from_utf8(std::mem::take(&mut *keep.0.lock().unwrap())).unwrap();
        text.lines().map(str::to_owned).collect()
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
    fn fields_of_the_spans_around_an_event_are_on_its_line_and_the_innermost_wins() {
        let lines = lines_of(|| {
            let outer = tracing::info_span!("outer", tenant = "acme", order = 1, later = tracing::field::Empty);
            let _in_outer = outer.enter();
            outer.record("later", 7);
            let _in_inner = tracing::info_span!("inner", order = 2, password = "hunter22").entered();
            tracing::info!(tenant = "own", "paid");
        });
        let json: Json = serde_json::from_str(&lines[0]).unwrap();
        let shown = (&json["tenant"], &json["order"], &json["later"], &json["password"]);
        assert_eq!(shown, (&Json::from("own"), &Json::from(2), &Json::from(7), &Json::from("[redacted]")));
        assert_eq!(lines[0].matches("\"order\"").count(), 1);
    }

    #[test]
    fn a_loop_that_logs_is_limited_and_the_log_says_how_many_lines_were_suppressed() {
        let lines = lines_of(|| {
            for round in 0..150 {
                tracing::info!(round, "again");
            }
            tracing::info!("another callsite");
            for _ in 0..300 {
                tracing::info!(target: "access", "request");
            }
        });
        let with = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert!((100..140).contains(&with("again")), "{}", with("again"));
        assert_eq!((with("another callsite"), with("request")), (1, 300));
        let told = lines.iter().find(|line| line.contains("lines suppressed")).expect("a line tells it");
        let json: Json = serde_json::from_str(told).unwrap();
        assert_eq!(json["suppressed"].as_u64().unwrap() as usize, 150 - with("again"));
        assert!(json["callsite"].as_str().unwrap().contains("logs.rs:"), "{json}");
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
