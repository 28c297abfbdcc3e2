//! The lab as the stage of a drill.

use std::sync::Arc;

use checklist::lab::Lab;
use drill::experiment::stage::{Kind, Stage};
use drill::proxy::FaultProxy;
use url::Url;

/// The subject of `keel.toml`, running, its dependencies behind proxies.
pub(super) struct LabStage(pub(super) Lab);

impl Stage for LabStage {
    fn url(&self) -> Url {
        self.0.subject.url.clone()
    }

    fn admin(&self) -> Url {
        self.0.subject.admin.clone().unwrap_or_else(|| self.url())
    }

    fn request(&self, name: &str) -> Option<Kind> {
        let spec = self.0.mix().into_iter().find(|spec| spec.name == name)?;
        let make = Arc::new(self.0.filler(&spec));
        let idempotent = spec.idempotent.is_some();
        let succeeds = move |exchange: &drill::http::Exchange| {
            exchange.status().is_some_and(|status| spec.expects(status.as_u16()))
        };
        Some(Kind { name: name.to_owned(), make, succeeds: Arc::new(succeeds), idempotent })
    }

    fn filled(&self, path: &str) -> String {
        self.0.filled_path(path)
    }

    fn proxy(&self, dependency: &str) -> Option<&FaultProxy> {
        self.0.proxy(dependency)
    }

    fn signal(&mut self, process: &str, signal: i32) -> Result<(), String> {
        match self.0.signal_by_name(process, signal) {
            true => Ok(()),
            false => Err(format!(
                "there is no process {process}: keel signals the service, and dependencies that it started"
            )),
        }
    }

    fn pid(&self, process: &str) -> Option<u32> {
        self.0.pid_by_name(process)
    }

    async fn mend(&mut self) -> Result<(), String> {
        self.0.ensure_running().await.map(drop).map_err(|failure| failure.to_string())
    }
}
