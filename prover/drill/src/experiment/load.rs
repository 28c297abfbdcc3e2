//! The load of a drill: [`keel_load`] by the drill's plan, beside its steps, every request kept one by one.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::bank::BankWatch;
use super::effects::EffectsSeen;
use super::plan::{Plan, PlanError};
use super::target::DrillTarget;
use keel_input::seed::Seed;
use keel_load::{Report, Samples, Watch};

/// The most connections at a time; what is due beyond waits for one, with its latency counting.
const CONNECTIONS: usize = 512;
/// So many clients they come from, so that a limit for one address is not taken for the service's capacity.
const SOURCES: u32 = 64;

/// Makes the plan of the load.
///
/// # Errors
/// When the target does not have what the mix names, or the load cannot be sent.
pub(super) fn plan(plan: &Plan, target: &impl DrillTarget) -> Result<keel_load::Plan, PlanError> {
    let mut load_plan = keel_load::Plan::new(target.url(), plan.profile());
    let kind = |(name, weight): (&String, &u32)| {
        let kind =
            target.request(name).ok_or_else(|| PlanError(format!("there is no request {name:?}: nothing was done")))?;
        Ok(keel_load::Kind { weight: *weight, ..kind })
    };
    load_plan.kinds = plan.load.mix.iter().map(kind).collect::<Result<_, PlanError>>()?;
    load_plan.variables = target.variables();
    load_plan.connections = CONNECTIONS;
    load_plan.sources = SOURCES;
    load_plan.timeout = plan.load.timeout;
    load_plan.retries = plan.load.retries;
    load_plan.objective = plan.load.objective;
    load_plan.allowed_lag = plan.load.allowed_lag;
    load_plan.seed = Seed(plan.load.seed);
    load_plan.check().map_err(|mistake| PlanError(format!("the load cannot be sent: {mistake}: nothing was done")))?;
    Ok(load_plan)
}

/// Load that is being sent. Dropping it ends it at once.
pub(super) struct DrillLoad {
    pub(super) samples: Samples,
    stop: watch::Sender<bool>,
    sending: JoinHandle<Result<Report, keel_load::PlanError>>,
}

impl DrillLoad {
    /// Begins to send; times of samples count from `begun`.
    pub(super) fn begin(
        plan: keel_load::Plan,
        begun: Instant,
        bank_watch: Option<Arc<BankWatch>>,
        effects: Vec<Arc<EffectsSeen>>,
    ) -> Self {
        let samples =
            Samples::new(begun, plan.kinds.iter().map(|kind| kind.name.clone())).with_objective(plan.objective);
        let kept = samples.clone();
        let bodies = bank_watch.is_some() || !effects.is_empty();
        let observer: keel_load::Observer = Arc::new(move |completed| {
            kept.keep(completed);
            if let Some(bank_watch) = &bank_watch {
                bank_watch.take_down(completed);
            }
            effects.iter().for_each(|effects| effects.take_down(completed));
        });
        let (stop, mut stopped) = watch::channel(false);
        let told = async move {
            // The sender's end is the end of the drill.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let watch = Watch { observer: Some(observer), bodies, ..Watch::default() };
        Self { samples, stop, sending: tokio::spawn(keel_load::run(plan, watch, told)) }
    }

    /// Waits until the last answer is there or given up; sends nothing more when told to be `early`.
    pub(super) async fn end(mut self, early: bool) -> Result<Report, String> {
        if early {
            self.stop.send_replace(true);
        }
        match (&mut self.sending).await {
            Ok(report) => report.map_err(|mistake| mistake.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for DrillLoad {
    fn drop(&mut self) {
        self.sending.abort();
    }
}
