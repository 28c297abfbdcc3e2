//! Traces from the head of a request to the collector, in paused time.

use std::sync::Mutex;
use std::time::Duration;

use prost::Message;
use tokio::time::Instant;
use vitals::TraceContext;

use super::otlp::{ExportRequest, SpanMessage};
use super::*;
use crate::RequestContext;
use crate::otlp::Value;

const SLOW: Duration = Duration::from_secs(1);
const DELAY: Duration = Duration::from_secs(5);

/// A collector that behaves in one way.
struct Collector {
    behaves: Behaviour,
    batches: Mutex<Vec<Vec<u8>>>,
}

enum Behaviour {
    Takes,
    IsDead,
    NeverAnswers,
    Answers(Vec<u8>),
}

impl Collector {
    fn new(behaves: Behaviour) -> Self {
        Self { behaves, batches: Mutex::default() }
    }

    fn spans(&self) -> Vec<SpanMessage> {
        let batches = self.batches.lock().unwrap();
        let decoded = batches.iter().flat_map(|batch| ExportRequest::decode(&batch[..]).unwrap().resource_spans);
        decoded.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

impl Sink for Collector {
    async fn send(&self, batch: Vec<u8>) -> Result<Vec<u8>, String> {
        match &self.behaves {
            Behaviour::IsDead => return Err("connection refused".to_owned()),
            Behaviour::NeverAnswers => std::future::pending().await,
            Behaviour::Takes | Behaviour::Answers(_) => {}
        }
        self.batches.lock().unwrap().push(batch);
        match &self.behaves {
            Behaviour::Answers(answer) => Ok(answer.clone()),
            _ => Ok(Vec::new()),
        }
    }
}

fn tracer(share: f64) -> (Tracer, Exporter) {
    let rules = TraceRules { sampler: Sampler::share(share).unwrap(), slow: SLOW };
    Tracer::new(rules, Resource::of_service("test", "1", "here"), DELAY)
}

fn ended(status: Option<u16>) -> ServerSpan<'static> {
    ServerSpan { method: "GET", route: Some("/a/{id}"), path: "/a/7", request_id: "r-1", status, slow: None }
}

/// One request that takes `took` and makes `spans` spans.
async fn request(tracer: &Tracer, took: Duration, spans: usize, status: Option<u16>) {
    let mut context = TraceContext::new();
    let trace = std::sync::Arc::new(tracer.begin(&mut context, None, None, Instant::now()));
    let work = async {
        for n in 0..spans {
            let mut span = span(SpanKind::Client, || "GET".into());
            span.set("n", || i64::try_from(n).unwrap().into());
            span.end();
        }
        tokio::time::sleep(took).await;
    };
    let context = RequestContext { request_id: "r-1".into(), trace: context };
    context.scope_traced(Some(trace.clone()), work).await;
    trace.end(ended(status));
}

/// Everything that was exported by the end.
async fn exported(exporter: &Exporter, behaves: Behaviour) -> Collector {
    let collector = Collector::new(behaves);
    exporter.run(&collector, std::future::ready(())).await;
    collector
}

fn text_of(span: &SpanMessage, key: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Flag(flag) => Some(flag.to_string()),
        Value::Level(level) => Some(level.to_string()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_sampled_request_is_exported_with_its_spans_and_their_parent() {
    let (tracer, exporter) = tracer(1.0);
    request(&tracer, Duration::from_millis(10), 2, Some(200)).await;
    let spans = exported(&exporter, Behaviour::Takes).await.spans();
    let [first, second, server] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&*server.name, server.kind, server.parent_span_id.len()), ("GET /a/{id}", 2, 0));
    assert_eq!(server.end_time_unix_nano - server.start_time_unix_nano, 10_000_000);
    assert_eq!(text_of(server, "sampling.reason").as_deref(), Some("head"));
    for span in [first, second] {
        assert_eq!((&span.parent_span_id, &span.trace_id), (&server.span_id, &server.trace_id));
    }
    assert_ne!(first.span_id, second.span_id);
    assert_eq!(server.trace_state, "ot=th:0");
}

#[tokio::test(start_paused = true)]
async fn spans_have_different_ids_and_times_of_the_wall_clock() {
    let (tracer, exporter) = tracer(1.0);
    for _ in 0..20 {
        request(&tracer, Duration::ZERO, MAX_SPANS, Some(200)).await;
    }
    let spans = exported(&exporter, Behaviour::Takes).await.spans();
    let ids: std::collections::HashSet<&[u8]> = spans.iter().map(|span| &*span.span_id).collect();
    assert_eq!((spans.len(), ids.len()), (20 * (MAX_SPANS + 1), 20 * (MAX_SPANS + 1)));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let minute = 60_000_000_000;
    assert!(spans.iter().all(|span| (now - minute..=now).contains(&span.start_time_unix_nano)), "since 1970");
}

#[tokio::test(start_paused = true)]
async fn of_requests_that_are_not_sampled_those_that_failed_or_were_slow_are_exported() {
    let (tracer, exporter) = tracer(0.0);
    request(&tracer, Duration::ZERO, 1, Some(200)).await;
    request(&tracer, Duration::ZERO, 1, Some(404)).await;
    request(&tracer, Duration::ZERO, 1, None).await;
    request(&tracer, Duration::ZERO, 1, Some(500)).await;
    request(&tracer, SLOW + Duration::from_millis(1), 1, Some(200)).await;
    let spans = exported(&exporter, Behaviour::Takes).await.spans();
    let reasons: Vec<_> = spans.iter().filter_map(|span| text_of(span, "sampling.reason")).collect();
    assert_eq!(reasons, ["error", "slow"]);
    assert_eq!(spans.len(), 4);
    assert!(spans.iter().all(|span| span.trace_state.is_empty() && span.flags & 1 == 0));
}

#[tokio::test(start_paused = true)]
async fn spans_over_the_bound_of_a_request_are_counted() {
    let (tracer, exporter) = tracer(1.0);
    request(&tracer, Duration::ZERO, MAX_SPANS + 3, Some(200)).await;
    let spans = exported(&exporter, Behaviour::Takes).await.spans();
    assert_eq!(spans.len(), MAX_SPANS + 1);
    assert_eq!(text_of(&spans[MAX_SPANS], "spans.dropped").as_deref(), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn a_span_that_is_dropped_says_that_its_work_was_cancelled() {
    let (tracer, exporter) = tracer(1.0);
    let mut context = TraceContext::new();
    let trace = std::sync::Arc::new(tracer.begin(&mut context, None, None, Instant::now()));
    let context = RequestContext { request_id: "r-1".into(), trace: context };
    context.scope_traced(Some(trace.clone()), async { drop(span(SpanKind::Client, || "GET".into())) }).await;
    trace.end(ended(Some(200)));
    // The request has ended: nothing is added to it.
    trace.end(ended(Some(500)));
    let spans = exported(&exporter, Behaviour::Takes).await.spans();
    assert_eq!(text_of(&spans[0], "error.type").as_deref(), Some("cancelled"));
    assert_eq!(spans.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_tracer_a_span_records_nothing_and_its_name_is_not_made() {
    let context = RequestContext { request_id: "r-1".into(), trace: TraceContext::new() };
    let is_recording = context.scope(async {
        let mut span = span(SpanKind::Client, || panic!("the name is not made"));
        span.set("a", || panic!("the value is not made"));
        finished(SpanKind::Client, Instant::now(), |_| panic!("the description is not made"));
        span.is_recording()
    });
    assert!(!is_recording.await);
}

#[tokio::test(start_paused = true)]
async fn a_parent_decides_and_its_state_is_passed_on() {
    let (tracer, _exporter) = tracer(0.0);
    let parent = TraceContext::new().with_sampled(true);
    let mut context = parent.child();
    let state = TraceState::read(["ot=th:8,other=1"].into_iter());
    let trace = std::sync::Arc::new(tracer.begin(&mut context, Some(&parent), state, Instant::now()));
    assert!(context.is_sampled());
    let context = RequestContext { request_id: "r-1".into(), trace: context };
    let state = context.scope_traced(Some(trace), async { trace_state().map(|state| state.to_string()) }).await;
    assert_eq!(state.as_deref(), Some("ot=th:8,other=1"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_after_the_delay_or_when_it_is_full() {
    let (tracer, exporter) = tracer(1.0);
    let (collector, stop) = (Collector::new(Behaviour::Takes), tokio::sync::Notify::new());
    let batches = || collector.batches.lock().unwrap().len();
    let check = async {
        request(&tracer, Duration::ZERO, 0, Some(200)).await;
        tokio::time::sleep(DELAY / 2).await;
        assert_eq!(batches(), 0);
        tokio::time::sleep(DELAY).await;
        assert_eq!(batches(), 1);
        for _ in 0..=BATCH_SPANS / (MAX_SPANS + 1) {
            request(&tracer, Duration::ZERO, MAX_SPANS, Some(200)).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(batches(), 2);
        stop.notify_one();
    };
    tokio::join!(exporter.run(&collector, stop.notified()), check);
    assert_eq!((exporter.lost(), exporter.exported()), (0, 1 + 8 * (MAX_SPANS as u64 + 1)));
}

#[tokio::test(start_paused = true)]
async fn a_dead_collector_costs_the_spans_and_they_are_counted() {
    let (tracer, exporter) = tracer(1.0);
    request(&tracer, Duration::ZERO, 2, Some(200)).await;
    exported(&exporter, Behaviour::IsDead).await;
    assert_eq!((exporter.lost(), exporter.exported()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_never_answers_holds_the_end_up_for_no_longer_than_the_flush() {
    let (tracer, exporter) = tracer(1.0);
    for _ in 0..20 {
        request(&tracer, Duration::ZERO, MAX_SPANS, Some(200)).await;
    }
    let began = Instant::now();
    exported(&exporter, Behaviour::NeverAnswers).await;
    assert_eq!(began.elapsed(), FLUSH);
    assert_eq!((exporter.lost(), exporter.exported()), (20 * (MAX_SPANS as u64 + 1), 0));
}

#[tokio::test(start_paused = true)]
async fn spans_beyond_the_queue_are_lost_and_counted_while_requests_go_on() {
    let (tracer, exporter) = tracer(1.0);
    let traces = QUEUE_SPANS / (MAX_SPANS + 1);
    for _ in 0..traces + 5 {
        request(&tracer, Duration::ZERO, MAX_SPANS, Some(200)).await;
    }
    assert_eq!(exporter.lost(), 5 * (MAX_SPANS as u64 + 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_refuses_more_spans_than_there_were_counts_as_a_refusal_of_all() {
    use crate::otlp::{ExportResponse, PartialSuccess};
    let (tracer, exporter) = tracer(1.0);
    request(&tracer, Duration::ZERO, 2, Some(200)).await;
    let partial_success = Some(PartialSuccess { rejected: i64::MAX, error_message: "full".to_owned() });
    exported(&exporter, Behaviour::Answers(ExportResponse { partial_success }.encode_to_vec())).await;
    assert_eq!((exporter.lost(), exporter.exported()), (3, 0));
}
