//! Prometheus and Alertmanager of Debian, for one test.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::running::reserved_address;

/// A Prometheus that scrapes one target each second, as the job `ledger`. Dropping it kills it.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// An Alertmanager. Dropping it kills it.
pub(crate) struct Alertmanager {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program with its configuration in a folder of its own, listening on a free port.
fn start(program: &str, package: &str, configuration: &str, more: &[String]) -> (Child, SocketAddr, TempDir) {
    let (folder, address) = (tempfile::tempdir().unwrap(), reserved_address());
    let file = folder.path().join("configuration.yml");
    std::fs::write(&file, configuration).unwrap();
    let child = Command::new(program)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--web.listen-address={address}"))
        .args(more)
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: install Debian's {package} by `make setup-tests-long`"));
    (child, address, folder)
}

impl Prometheus {
    /// Starts it with these features, and with more sections of its configuration.
    pub(crate) fn start(sections: &str, target: SocketAddr, features: &str) -> Self {
        let configuration = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n{sections}scrape_configs:\n  - job_name: ledger\n    static_configs:\n      \
             - targets: ['{target}']\n"
        );
        let more = ["--storage.tsdb.path=data".to_owned(), format!("--enable-feature={features}")];
        let (child, address, folder) = start("prometheus", "prometheus", &configuration, &more);
        Self { child, address, _folder: folder }
    }

    /// The values of a query; none while there is no answer.
    pub(crate) async fn query(&self, query: &str) -> Vec<Json> {
        let mut url = evenkeel::url::Url::parse(&format!("http://{}/api/v1/query", self.address)).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        let client = evenkeel::client::Client::default();
        let Ok(answer) = client.get(&url).send().await else { return Vec::new() };
        let Ok(json) = answer.json::<Json>() else { return Vec::new() };
        json["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// The number that a query results in; none while there is none.
    pub(crate) async fn number(&self, query: &str) -> Option<f64> {
        self.query(query).await.first()?["value"][1].as_str()?.parse().ok()
    }
}

impl Alertmanager {
    /// Starts it.
    pub(crate) fn start(configuration: &str) -> Self {
        // Alone: without a port for others of its kind.
        let more = ["--storage.path=data", "--cluster.listen-address="].map(str::to_owned);
        let (child, address, folder) =
            start("prometheus-alertmanager", "prometheus-alertmanager", configuration, &more);
        Self { child, address, _folder: folder }
    }

    /// The address at which Prometheus reaches it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
