//! The lab as the stage of a drill.

use std::collections::BTreeMap;

use keel_checklist::lab::Lab;
use keel_checklist::subject::RequestSpec;
use keel_drill::double::Double;
use keel_drill::experiment::DrillTarget;
use keel_drill::experiment::Setup;
use keel_drill::experiment::plan::Settings;
use keel_load::Kind;
use keel_proxy::FaultProxy;
use url::Url;

/// The subject of `keel.toml`, running on what was prepared for it, its dependencies behind proxies.
pub(super) struct LabStage {
    // Before the grounds, so that it is dropped before what it stands on.
    pub(super) lab: Lab,
    pub(super) grounds: Setup,
}

impl DrillTarget for LabStage {
    fn url(&self) -> Url {
        self.lab.subject.url.clone()
    }

    fn admin(&self) -> Url {
        self.lab.subject.admin.clone().unwrap_or_else(|| self.url())
    }

    fn request(&self, name: &str) -> Option<Kind> {
        self.lab.mix().iter().find(|spec| spec.name == name).map(RequestSpec::as_load)
    }

    fn variables(&self) -> BTreeMap<String, String> {
        self.lab.saved().clone()
    }

    fn filled(&self, path: &str) -> String {
        self.lab.filled_path(path)
    }

    fn proxy(&self, dependency: &str) -> Option<&FaultProxy> {
        self.lab.proxy(dependency)
    }

    fn double(&self, dependency: &str) -> Option<&Double> {
        self.lab.double(dependency)
    }

    fn dependency(&self, dependency: &str) -> Option<Url> {
        self.lab.dependency_url(dependency).filter(|url| url.scheme() == "http").cloned()
    }

    fn signal(&mut self, process: &str, signal: i32) -> Result<(), String> {
        match self.lab.signal_by_name(process, signal) {
            true => Ok(()),
            false => Err(format!(
                "there is no process {process}: keel signals the service, and dependencies that keel started"
            )),
        }
    }

    fn pid(&self, process: &str) -> Option<u32> {
        self.lab.pid_by_name(process)
    }

    fn settings(&self, fault: &str) -> Settings {
        self.grounds.settings(fault)
    }

    async fn mend(&mut self) -> Result<(), String> {
        self.lab.ensure_running().await.map(drop).map_err(|failure| failure.to_string())
    }
}
