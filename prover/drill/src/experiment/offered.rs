//! The load of a drill: [`keel_load`] by the drill's plan, beside its steps, every request kept one by one.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::effects::EffectsSeen;
use super::money::Money;
use super::plan::{Plan, Refusal};
use super::stage::Stage;
use keel_input::seed::Seed;
use keel_load::{PlanError, Report, Samples, Watch};

/// The most connections at a time; what is due beyond waits for one, with its latency counting.
const CONNECTIONS: usize = 512;
/// So many clients they come from, so that a limit for one address is not taken for the service's capacity.
const SOURCES: u32 = 64;

/// What is sent, to where, when.
///
/// # Errors
/// When the stage does not have what the mix names, or the load cannot be sent.
pub(super) fn plan(plan: &Plan, stage: &impl Stage) -> Result<keel_load::Plan, Refusal> {
    let mut offered = keel_load::Plan::new(stage.url(), plan.profile());
    let kind = |(name, weight): (&String, &u32)| {
        let kind =
            stage.request(name).ok_or_else(|| Refusal(format!("there is no request {name:?}: nothing was done")))?;
        Ok(keel_load::Kind { weight: *weight, ..kind })
    };
    offered.kinds = plan.load.mix.iter().map(kind).collect::<Result<_, Refusal>>()?;
    offered.variables = stage.variables();
    offered.connections = CONNECTIONS;
    offered.sources = SOURCES;
    offered.timeout = plan.load.timeout;
    offered.retries = plan.load.retries;
    offered.allowed_lag = plan.load.allowed_lag;
    offered.seed = Seed(plan.load.seed);
    offered.check().map_err(|mistake| Refusal(format!("the load cannot be sent: {mistake}: nothing was done")))?;
    Ok(offered)
}

/// Load that is being sent. Dropping it ends it at once.
pub(super) struct Offered {
    pub(super) samples: Samples,
    stop: watch::Sender<bool>,
    sending: JoinHandle<Result<Report, PlanError>>,
}

impl Offered {
    /// Begins to send; times of samples count from `begun`.
    pub(super) fn begin(
        plan: keel_load::Plan,
        begun: Instant,
        money: Option<Arc<Money>>,
        effects: Vec<Arc<EffectsSeen>>,
    ) -> Self {
        let samples = Samples::new(begun, plan.kinds.iter().map(|kind| kind.name.clone()));
        let kept = samples.clone();
        let bodies = money.is_some() || !effects.is_empty();
        let observer: keel_load::Observer = Arc::new(move |completed| {
            kept.keep(completed);
            if let Some(money) = &money {
                money.take_down(completed);
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

impl Drop for Offered {
    fn drop(&mut self) {
        self.sending.abort();
    }
}
