//! The figures of each second while a load runs: a line that is drawn over in a terminal, lines elsewhere.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use keel_load::Live;
use tokio::sync::watch;

pub(super) struct LiveView {
    sender: watch::Sender<Live>,
    lasts: Duration,
    /// None: nothing is shown. Some(true): over and over on one line.
    redraws: Option<bool>,
}

impl LiveView {
    pub(super) fn new(lasts: Duration, quiet: bool) -> Self {
        let redraws = (!quiet).then(|| std::io::stderr().is_terminal());
        Self { sender: watch::Sender::new(Live::default()), lasts, redraws }
    }

    pub(super) fn sender(&self) -> watch::Sender<Live> {
        self.sender.clone()
    }

    /// Shows it until the load is over.
    pub(super) async fn beside<T>(&self, load: impl Future<Output = T>) -> T {
        let mut figures = self.sender.subscribe();
        tokio::pin!(load);
        loop {
            tokio::select! {
                report = &mut load => {
                    self.clear();
                    return report;
                }
                Ok(()) = figures.changed() => self.show(&figures.borrow_and_update()),
            }
        }
    }

    fn show(&self, live: &Live) {
        let told = |latency: Option<Duration>| {
            latency.map_or("-".to_owned(), |it| format!("{:.1} ms", it.as_secs_f64() * 1e3))
        };
        let line = format!(
            "{:>4}/{} s  {:>7}/s  {:>6.2} % not as expected  p50 {:>9}  p99 {:>9}  {} waiting",
            live.second + 1,
            self.lasts.as_secs(),
            live.done,
            live.errors() * 100.0,
            told(live.p50),
            told(live.p99),
            live.waiting
        );
        match self.redraws {
            None => {}
            Some(true) => drop(write!(std::io::stderr(), "\r\x1b[2K{line}")),
            Some(false) => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }

    fn clear(&self) {
        if self.redraws == Some(true) {
            drop(write!(std::io::stderr(), "\r\x1b[2K"));
        }
    }
}
