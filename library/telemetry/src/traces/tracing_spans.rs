//! Spans of the `tracing` crate as spans of the running request.

use std::fmt;

use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::redact;
use crate::traces::active::{ActiveSpan, span};
use crate::traces::innermost::{enter, exit};
use crate::traces::span::{SpanKind, SpanValue};

/// Records the spans that handlers and other crates make with `tracing`, and makes them the parents of what happens inside. A request whose spans
/// are not recorded costs a look into the task's context for each.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSpans;

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for TracingSpans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut active = span(SpanKind::Internal, || attributes.metadata().name().into());
        let Some(known) = context.span(id).filter(|_| active.is_recording()) else {
            active.discard();
            return;
        };
        attributes.record(&mut Fields(&mut active));
        known.extensions_mut().insert(active);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(known) = context.span(id) else { return };
        if let Some(active) = known.extensions_mut().get_mut::<ActiveSpan>() {
            values.record(&mut Fields(active));
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(place) = place_of(id, &context) {
            enter(place);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(place) = place_of(id, &context) {
            exit(place);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let active = context.span(&id).and_then(|known| known.extensions_mut().remove::<ActiveSpan>());
        if let Some(active) = active {
            active.end();
        }
    }
}

/// The trace and the id of a span that is recorded.
fn place_of<S: Subscriber + for<'s> LookupSpan<'s>>(id: &Id, context: &Context<'_, S>) -> Option<([u8; 16], [u8; 8])> {
    let known = context.span(id)?;
    let extensions = known.extensions();
    let own = extensions.get::<ActiveSpan>()?.context()?;
    Some((own.trace_id_bytes(), own.span_id_bytes()))
}

/// Fields as attributes, redacted as in the log.
struct Fields<'a>(&'a mut ActiveSpan);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl FnOnce() -> SpanValue) {
        let name = field.name();
        let value = || if redact::is_secret_name(name) { redact::REDACTED.into() } else { value() };
        self.0.set(name, value);
    }
}

impl Visit for Fields<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, || value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, || i64::try_from(value).unwrap_or(i64::MAX).into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, || value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, || redact::text(value).into_owned().into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, || redact::text(&format!("{value:?}")).into_owned().into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;
    use tracing_subscriber::layer::SubscriberExt;
    use vitals::TraceContext;

    use super::*;
    use crate::RequestContext;
    use crate::traces::{Resource, Sampler, ServerSpan, Sink, TraceRules, Tracer};

    /// Keeps the names of the spans with those of their parents.
    #[derive(Default)]
    struct Names(std::sync::Mutex<Vec<(String, String)>>);

    impl Sink for Names {
        async fn send(&self, batch: Vec<u8>) -> Result<Vec<u8>, String> {
            use prost::Message;
            let request = crate::traces::otlp::ExportRequest::decode(&batch[..]).unwrap();
            let spans = &request.resource_spans[0].scope_spans[0].spans;
            let name_of =
                |id: &[u8]| spans.iter().find(|span| span.span_id == id).map_or("", |span| &span.name).to_owned();
            let names = spans.iter().map(|span| (span.name.clone(), name_of(&span.parent_span_id)));
            self.0.lock().unwrap().extend(names);
            Ok(Vec::new())
        }
    }

    #[test]
    fn spans_of_tracing_are_recorded_and_are_the_parents_of_what_happens_inside() {
        let rules = TraceRules { sampler: Sampler::share(1.0).unwrap(), slow: Duration::MAX };
        let (tracer, exporter) = Tracer::new(rules, Resource::default(), Duration::ZERO);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let names = Names::default();
        let work = async {
            let mut context = TraceContext::new();
            let trace = Arc::new(tracer.begin(&mut context, None, None, Instant::now()));
            let context = RequestContext { request_id: "r-1".into(), trace: context };
            let handler = async {
                let outer = tracing::info_span!("outer", order = 7);
                outer.in_scope(|| {
                    tracing::info_span!("inner", password = "hunter22").in_scope(|| {
                        span(SpanKind::Client, || "call".into()).end();
                    });
                });
                span(SpanKind::Client, || "after".into()).end();
            };
            context.scope_traced(Some(trace.clone()), handler).await;
            let server =
                ServerSpan { method: "GET", route: None, path: "/", request_id: "r-1", status: Some(200), slow: None };
            trace.end(server);
            exporter.run(&names, std::future::ready(())).await;
        };
        let subscriber = tracing_subscriber::registry().with(TracingSpans);
        tracing::subscriber::with_default(subscriber, || runtime.block_on(work));
        let mut names = names.0.into_inner().unwrap();
        names.sort();
        let expected = [("GET", ""), ("after", "GET"), ("call", "inner"), ("inner", "outer"), ("outer", "GET")];
        assert_eq!(names, expected.map(|(name, parent)| (name.to_owned(), parent.to_owned())));
    }

    #[test]
    fn outside_of_a_request_spans_of_tracing_are_not_recorded() {
        let subscriber = tracing_subscriber::registry().with(TracingSpans);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("alone").in_scope(|| assert!(!span(SpanKind::Client, || "call".into()).is_recording()));
        });
    }
}
