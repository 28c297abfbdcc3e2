//! The trace of a job, from the work that enqueues it to its attempts.

use std::sync::{Arc, Mutex};

use telemetry::RequestContext;
use vitals::TraceContext;

use super::bench::{Bench, Note};
use crate::{Job, JobContext, JobError, Workers};

/// The message id and the trace that an attempt ran under.
type Seen = Arc<Mutex<Vec<(String, RequestContext)>>>;

/// Workers whose handler notes what it ran under; its first attempts fail.
fn workers(bench: &Bench, failures: u32, seen: &Seen) -> Workers {
    let seen = seen.clone();
    Workers::new(&bench.store).handle(move |_: Note, job: JobContext| {
        let seen = seen.clone();
        async move {
            let context = RequestContext::current().ok_or_else(|| JobError::permanent("there is no context"))?;
            seen.lock().unwrap().push((job.message_id().to_owned(), context));
            match job.attempt() > failures {
                true => Ok::<_, JobError>(()),
                false => Err(JobError::retry("not yet")),
            }
        }
    })
}

pub(super) async fn a_job_is_of_the_trace_of_the_work_that_enqueued_it_in_each_attempt(bench: Bench) {
    let request = RequestContext { request_id: "r-1".into(), trace: TraceContext::new().with_sampled(true) };
    let job = request.clone().scope(bench.enqueue_notes(0..1)).await.remove(0);
    let seen = Seen::default();
    let workers = workers(&bench, 1, &seen);
    assert_eq!(workers.run_until_idle().await.unwrap().retried, 1);
    bench.end_waits().await;
    assert_eq!(workers.run_until_idle().await.unwrap().completed, 1);
    let seen = seen.lock().unwrap();
    let [(first_id, first), (second_id, second)] = &seen[..] else { panic!("{seen:?}") };
    assert!(first_id == second_id && *first_id == job.message_id);
    for context in [first, second] {
        assert_eq!(context.trace.trace_id(), request.trace.trace_id());
        assert!(context.trace.is_sampled());
        assert_ne!(context.trace.span_id(), request.trace.span_id());
        assert_eq!(&*context.request_id, first_id, "the message id is the request id of calls and log lines");
    }
    assert_ne!(first.trace.span_id(), second.trace.span_id(), "each attempt has a span of its own");
}

pub(super) async fn a_job_without_a_trace_or_with_a_malformed_one_begins_a_trace(bench: Bench) {
    bench.enqueue(|| vec![Note { n: 0 }.job(), Note { n: 1 }.job().trace("00-0-0-01")]).await;
    let seen = Seen::default();
    assert_eq!(workers(&bench, 0, &seen).run_until_idle().await.unwrap().completed, 2);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_ne!(seen[0].1.trace.trace_id(), seen[1].1.trace.trace_id());
}
