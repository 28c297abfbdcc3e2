//! The operations of operators on jobs: one list for the admin listener and for the subcommand.

use serde_json::Value;
use vitals::Registry;
use work::{JobStore, WorkError};

/// An operation on jobs, dead letters, queues, kinds or schedules.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Jobs that start later start now.
    Retry(Vec<i64>),
    /// Jobs that have not started are deleted; running ones are stopped by their worker.
    Cancel(Vec<i64>),
    /// Dead letters become jobs again.
    Redrive(Vec<i64>),
    /// Dead letters are deleted.
    Drop(Vec<i64>),
    /// The payload of a dead letter is replaced.
    Edit(i64, Value),
    /// Nothing of a queue is claimed.
    PauseQueue(String),
    /// Jobs of a queue are claimed again.
    ResumeQueue(String),
    /// The limits of a queue over all nodes; 0 removes one, none leaves it.
    Limit { queue: String, running: Option<u32>, rate: Option<u32> },
    /// Nothing of a kind is claimed.
    PauseKind(String),
    /// Jobs of a kind are claimed again.
    ResumeKind(String),
    /// A schedule adds no jobs.
    PauseSchedule(String),
    /// A schedule adds jobs again.
    ResumeSchedule(String),
}

impl Operation {
    /// The name in the log and in events.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Retry(_) => "retry",
            Self::Cancel(_) => "cancel",
            Self::Redrive(_) => "redrive",
            Self::Drop(_) => "drop",
            Self::Edit(..) => "edit",
            Self::PauseQueue(_) => "pause-queue",
            Self::ResumeQueue(_) => "resume-queue",
            Self::Limit { .. } => "limit-queue",
            Self::PauseKind(_) => "pause-kind",
            Self::ResumeKind(_) => "resume-kind",
            Self::PauseSchedule(_) => "pause-schedule",
            Self::ResumeSchedule(_) => "resume-schedule",
        }
    }

    /// The names or ids of the rows that it is about, ten at most.
    fn target(&self) -> String {
        match self {
            Self::Retry(ids) | Self::Cancel(ids) | Self::Redrive(ids) | Self::Drop(ids) => {
                let shown: Vec<String> = ids.iter().take(10).map(i64::to_string).collect();
                let more = if ids.len() > 10 { format!(" and {} more", ids.len() - 10) } else { String::new() };
                format!("{}{more}", shown.join(", "))
            }
            Self::Edit(id, _) => id.to_string(),
            Self::PauseQueue(name)
            | Self::ResumeQueue(name)
            | Self::Limit { queue: name, .. }
            | Self::PauseKind(name)
            | Self::ResumeKind(name)
            | Self::PauseSchedule(name)
            | Self::ResumeSchedule(name) => name.clone(),
        }
    }

    /// Applies it; returns the number of rows that changed.
    async fn apply(&self, jobs: &JobStore) -> Result<u64, WorkError> {
        match self {
            Self::Retry(ids) => jobs.start_now(ids).await,
            Self::Cancel(ids) => jobs.cancel(ids).await,
            Self::Redrive(ids) => Ok(jobs.redrive(ids).await?.len() as u64),
            Self::Drop(ids) => jobs.drop_dead(ids).await,
            Self::Edit(id, payload) => Ok(u64::from(jobs.edit_dead_letter(*id, payload).await?)),
            Self::PauseQueue(queue) => jobs.pause(queue).await.map(|()| 1),
            Self::ResumeQueue(queue) => jobs.resume(queue).await.map(|()| 1),
            Self::Limit { queue, running, rate } => {
                if let Some(running) = running {
                    jobs.limit_running(queue, Some(*running)).await?;
                }
                if let Some(rate) = rate {
                    jobs.limit_rate(queue, Some(*rate)).await?;
                }
                Ok(1)
            }
            Self::PauseKind(kind) => jobs.pause_kind(kind).await.map(|()| 1),
            Self::ResumeKind(kind) => jobs.resume_kind(kind).await.map(|()| 1),
            Self::PauseSchedule(name) => Ok(u64::from(jobs.pause_schedule(name, true).await?)),
            Self::ResumeSchedule(name) => Ok(u64::from(jobs.pause_schedule(name, false).await?)),
        }
    }

    /// Applies it for an operator, and writes it to the log and to the event bus, where there is one, with its author and reason.
    ///
    /// # Errors
    /// The store's. It is logged too: after [`WorkError::Unknown`] the operation may have taken effect.
    pub(crate) async fn run(
        &self,
        jobs: &JobStore,
        registry: Option<&Registry>,
        author: &str,
        reason: &str,
    ) -> Result<u64, WorkError> {
        let (operation, target) = (self.name(), self.target());
        match self.apply(jobs).await {
            Ok(changed) => {
                tracing::warn!(operation, target, changed, author, reason, "an operator changed jobs");
                if let Some(registry) = registry {
                    registry.bus().publish(
                        "jobs",
                        target,
                        operation,
                        format!("{changed} changed by {author}: {reason}"),
                    );
                }
                Ok(changed)
            }
            Err(error) => {
                tracing::warn!(operation, target, author, reason, %error, "an operator's change of jobs failed");
                Err(error)
            }
        }
    }
}
