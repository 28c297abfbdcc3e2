//! The span of an attempt, as OpenTelemetry's semantic conventions for HTTP clients say.

use telemetry::errors::{CallOutcome, note_call, note_call_end};
use telemetry::traces::{ActiveSpan, SpanKind, span};
use telemetry::{InStep, in_step};
use vitals::{Step, TraceContext};

use crate::credentials::shown;
use crate::outgoing::Outgoing;
use crate::{Error, Response};

/// The span of one attempt of a call. Dropped, it says that the attempt was cancelled.
#[derive(Debug)]
pub(crate) struct AttemptSpan {
    span: ActiveSpan,
    step: InStep,
}

impl AttemptSpan {
    /// Starts the span of an attempt, counted from 1, to the peer of this name.
    pub(crate) fn start(peer: &str, out: &Outgoing, number: u32) -> Self {
        let mut span = span(SpanKind::Client, || out.method.to_string().into());
        span.set("http.request.method", || out.method.to_string().into());
        span.set("service.peer.name", || peer.to_owned().into());
        span.set("server.address", || out.url.host_str().unwrap_or_default().to_owned().into());
        span.set("server.port", || out.url.port_or_known_default().unwrap_or_default().into());
        // Without credentials and query.
        span.set("url.full", || shown(&out.url).into());
        if number > 1 {
            span.set("http.request.resend_count", || (number - 1).into());
        }
        let step = in_step(Step::Call);
        note_call(step.number(), peer, number);
        Self { span, step }
    }

    /// The context that the attempt sends to the peer.
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.span.context()
    }

    /// Ends it with the attempt's answer, or with the reason why there is none.
    pub(crate) fn end(mut self, answer: &Result<Response, Error>) {
        match answer {
            Ok(answer) => {
                let status = answer.status.as_u16();
                note_call_end(self.step.number(), CallOutcome::Answered(status));
                self.span.set("http.response.status_code", || status.into());
                if status >= 400 {
                    self.span.fail(|| status.to_string().into());
                }
            }
            Err(error) => {
                note_call_end(self.step.number(), CallOutcome::Failed(error.kind()));
                self.span.fail(|| error.kind().into());
            }
        }
        self.span.end();
    }
}
