//! Handlers by kind, without their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::{BoxFuture, Store, StoreError, Transaction};
use futures_util::FutureExt;

use crate::boundary::boundary;
use crate::job::Job;
use crate::job::context::JobContext;
use crate::job::finish::complete_in;
use crate::job::outcome::{Consequence, JobError};

/// The end of a handler.
#[derive(Debug)]
pub(crate) enum HandlerEnd {
    /// The job is to be deleted.
    Done,
    /// The job was deleted in the handler's transaction.
    Committed,
    /// The job is held by another worker; the transaction was rolled back.
    Stale,
    /// The handler failed.
    Failed(JobError),
}

/// A handler of one kind.
pub(crate) type Run = Arc<dyn Fn(JobContext, Mode) -> BoxFuture<'static, HandlerEnd> + Send + Sync>;

/// The source of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A claimed row.
    Claimed,
    /// A value that is in no row.
    Inline,
}

#[derive(Clone)]
struct Handler {
    queue: &'static str,
    run: Run,
}

/// Handlers by kind.
#[derive(Clone, Default)]
pub(crate) struct Handlers(BTreeMap<&'static str, Handler>);

impl Handlers {
    pub(crate) fn add<J: Job>(&mut self, run: Run) {
        let before = self.0.insert(J::KIND, Handler { queue: J::QUEUE, run });
        assert!(before.is_none(), "two handlers for {} jobs", J::KIND);
    }

    pub(crate) fn get(&self, kind: &str) -> Option<&Run> {
        self.0.get(kind).map(|handler| &handler.run)
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.0.keys().map(|kind| (*kind).to_owned()).collect()
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &'static str> {
        self.0.values().map(|handler| handler.queue)
    }
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn payload<J: Job>(context: &JobContext) -> Result<J, JobError> {
    serde_json::from_str(context.payload()).map_err(|error| JobError {
        consequence: Consequence::Dead("payload"),
        text: format!("the payload is not the JSON of a {} job: {error}", J::KIND),
    })
}

/// A handler whose job is deleted after it.
pub(crate) fn at_least_once<J, F, R, E>(handler: F) -> Run
where
    J: Job,
    F: Fn(J, JobContext) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<JobError> + 'static,
{
    Arc::new(move |context, _mode| {
        let work = payload::<J>(&context).map(|job| handler(job, context));
        match work {
            Ok(work) => work
                .map(|outcome| match outcome {
                    Ok(()) => HandlerEnd::Done,
                    Err(error) => HandlerEnd::Failed(error.into()),
                })
                .boxed(),
            Err(error) => std::future::ready(HandlerEnd::Failed(error)).boxed(),
        }
    })
}

/// The error of a transaction that ends a job.
enum TransactionEnd {
    Stale,
    Failed(JobError),
}

impl From<StoreError> for TransactionEnd {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Stops the heartbeats of an attempt for as long as it lives.
struct NoBeats(JobContext);

impl NoBeats {
    fn begin(context: JobContext) -> Self {
        context.attempt.set_in_transaction(true);
        Self(context)
    }
}

impl Drop for NoBeats {
    fn drop(&mut self) {
        self.0.attempt.set_in_transaction(false);
    }
}

/// A handler that gets a transaction, in which its job is deleted.
pub(crate) fn in_transaction<J, F>(store: Store, handler: F) -> Run
where
    J: Job,
    F: for<'t> Fn(&'t mut Transaction, Arc<J>, JobContext) -> BoxFuture<'t, Result<(), JobError>>
        + Send
        + Sync
        + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |context, mode| {
        let (store, handler) = (store.clone(), handler.clone());
        Box::pin(async move {
            let job = match payload::<J>(&context) {
                Ok(job) => Arc::new(job),
                Err(error) => return HandlerEnd::Failed(error),
            };
            let _no_beats = NoBeats::begin(context.clone());
            let written = store.write(|tx| {
                let (handler, job, context) = (handler.clone(), job.clone(), context.clone());
                Box::pin(async move {
                    let held = context.held();
                    handler(&mut *tx, job, context).await.map_err(TransactionEnd::Failed)?;
                    if mode == Mode::Claimed {
                        let completed = complete_in(tx, &[held]).await;
                        let completed = completed.map_err(|error| TransactionEnd::Failed(error.into()))?;
                        if completed.is_empty() {
                            return Err(TransactionEnd::Stale);
                        }
                    }
                    boundary("transaction: before the commit");
                    Ok(())
                })
            });
            match written.await {
                Ok(()) => HandlerEnd::Committed,
                Err(TransactionEnd::Stale) => HandlerEnd::Stale,
                Err(TransactionEnd::Failed(error)) => HandlerEnd::Failed(error),
            }
        })
    })
}
