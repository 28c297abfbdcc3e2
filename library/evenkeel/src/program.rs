//! A service as a program: its runtime, its logs, and the signals that end it.

use std::time::Duration;

use clap::Args;
use supervision::{EndSignal, Lifecycle, Manager, Phase, Signals};
use telemetry::logs;
use tokio::sync::oneshot;
use vitals::Registry;

use crate::asked::{Asker, Haste};
use crate::configuration::Configuration;
use crate::database::Database;
use crate::failed::Failed;
use crate::order::{Part, Record};
use crate::running::Running;
use crate::service::Service;
use crate::stop_budget::StopBudget;

/// Serves until a signal ends it. The whole stop has one budget, and a second signal ends it at once.
pub(crate) fn serve<S: Args + Clone + Send + Sync + 'static, D: Database>(
    service: Service<S, D>,
    configuration: Configuration<S, D>,
) -> Result<(), Failed> {
    let registry = Registry::new();
    let standard = configuration.standard.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // From here on a signal no longer kills.
    let signals = SignalThread::start()?;
    let record = Record::default();
    // The filter was checked with the other settings.
    let logs = record.start(Part::Logs, || logs::install_with_rate(&standard.log, standard.log_rate, &registry).ok());

    let mut last = Duration::ZERO;
    let done = runtime.block_on(async {
        let manager = Manager::from_env();
        let running = Running::launch(service, configuration, registry.clone(), manager, record.clone())?;
        let budget = running.budget();
        last = budget.last();
        let mut forced = signals.watch(Watched { asker: running.asker(), lifecycle: running.lifecycle(), budget });
        tokio::select! {
            stopped = running.wait() => stopped,
            forced = &mut forced => Err(forced.unwrap_or(Failed::Overdue(budget.total))),
        }
    });
    match &done {
        Err(failed @ (Failed::Hastened(_) | Failed::Overdue(_))) => {
            tracing::error!(reason = %failed, "the process ends now");
            runtime.shutdown_background();
        }
        _ => runtime.shutdown_timeout(last / 2),
    }
    record.stop(Part::Logs, || drop(logs));
    #[cfg(test)]
    trace::LAST.set(record);
    done.map(drop)
}

/// A thread for the signals and for the budget of the stop. It has a runtime of its own, so that handlers that never yield cannot keep
/// the process from its end.
struct SignalThread {
    watch: oneshot::Sender<(Watched, oneshot::Sender<Failed>)>,
}

/// State watched by the thread.
struct Watched {
    asker: Asker,
    lifecycle: Lifecycle,
    budget: StopBudget,
}

impl SignalThread {
    fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::install()?
        };
        let (watch, watched) = oneshot::channel::<(Watched, oneshot::Sender<Failed>)>();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok((watched, mut forced)) = watched.await else { return };
                tokio::select! {
                    // The service has stopped.
                    () = forced.closed() => {}
                    failed = watched.end(&mut signals) => drop(forced.send(failed)),
                }
            });
        })?;
        Ok(Self { watch })
    }

    /// Hands the signals to a service; returns when it has to be ended by force.
    fn watch(self, watched: Watched) -> oneshot::Receiver<Failed> {
        let (forced, must_end) = oneshot::channel();
        let _ = self.watch.send((watched, forced));
        must_end
    }
}

impl Watched {
    /// Ends the service at the first signal; returns when it does not end within its budget, or at the second signal.
    async fn end(&self, signals: &mut Signals) -> Failed {
        let mut asked = false;
        let stops = self.lifecycle.reached(Phase::Draining);
        tokio::select! {
            signal = signals.next() => {
                self.ask(signal);
                asked = true;
            }
            () = stops => {}
        }
        let overdue = tokio::time::sleep(self.budget.total.max(Duration::from_millis(1)));
        tokio::pin!(overdue);
        loop {
            tokio::select! {
                signal = signals.next() => {
                    if asked {
                        return Failed::Hastened(signal);
                    }
                    // The stop has begun for another reason: this is the first signal.
                    self.ask(signal);
                    asked = true;
                }
                () = &mut overdue => return Failed::Overdue(self.budget.total),
            }
        }
    }

    fn ask(&self, signal: EndSignal) {
        tracing::info!(signal = signal.name(), "stop requested");
        self.asker.ask(if signal == EndSignal::Interrupt { Haste::AtOnce } else { Haste::AfterDelay });
    }
}

#[cfg(test)]
pub(crate) mod trace {
    use std::cell::RefCell;

    use super::Record;

    thread_local! {
        pub(crate) static LAST: RefCell<Record> = RefCell::default();
    }
}
