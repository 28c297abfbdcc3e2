//! A declared dependency: started when keel is to, with a fault proxy in front of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use keel_drill::double::{Behaviour, Double};
use keel_drill::process::{Launch, Process};
use keel_input::credentials;
use keel_proxy::{Fault, FaultProxy};
use url::Url;

use super::failure::{StartFailure, how, last_lines};
use super::ready::{self, Readiness};
use crate::subject::Dependency;

/// Until a dependency that was started is ready.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The bound of one look at its readiness.
const READY_LOOK: Duration = Duration::from_secs(2);

/// A dependency as the lab holds it.
#[derive(Debug)]
pub(super) struct Attached {
    declared: Dependency,
    process: Option<Process>,
    /// None when it is not reached over TCP (a socket in the file system).
    proxy: Option<FaultProxy>,
    /// Between the proxy and the dependency, once calls are to be seen one by one.
    double: Option<Double>,
}

impl Attached {
    /// Starts it when it is to be started, and the proxy in front of it.
    pub(super) async fn attach(declared: &Dependency, workdir: &Path) -> Result<Self, StartFailure> {
        let process = match &declared.run {
            Some(command) => Some(start(declared, command, workdir).await?),
            None => None,
        };
        let proxy = match ready::authority(&declared.url) {
            Some(upstream) => Some(proxy_to(declared, upstream).await?),
            None => None,
        };
        Ok(Self { declared: declared.clone(), process, proxy, double: None })
    }

    /// Puts a double between the proxy and the dependency. Its address changes: only before the subject is started. Does nothing
    /// for one that does not speak plain HTTP.
    pub(super) async fn watch(&mut self) -> Result<(), StartFailure> {
        if self.declared.url.scheme() != "http" {
            return Ok(());
        }
        let double = Double::start(self.declared.url.clone()).await.map_err(|error| StartFailure {
            reason: format!("no loopback port for the double of dependency `{}`: {error}", self.declared.name),
            output: Vec::new(),
        })?;
        // Before the new one, which may have to listen at the same address.
        self.proxy = None;
        self.proxy = Some(proxy_to(&self.declared, double.address().to_string()).await?);
        self.double = Some(double);
        Ok(())
    }

    /// Takes every fault away, and starts it again when it has ended.
    pub(super) async fn mend(&mut self, workdir: &Path) -> Result<(), StartFailure> {
        if let Some(proxy) = &self.proxy {
            proxy.set(Fault::None).await;
        }
        if let Some(double) = &self.double {
            double.set(Behaviour::Pass);
        }
        if let (Some(process), Some(command)) = (&mut self.process, &self.declared.run)
            && !process.is_running()
        {
            process.stop(Duration::ZERO).await;
            self.process = Some(start(&self.declared, command, workdir).await?);
        }
        Ok(())
    }

    /// Ends it, when it was started here; [`Attached::mend`] starts it again.
    pub(super) async fn end(&mut self) {
        if let Some(process) = &mut self.process {
            process.stop(Duration::ZERO).await;
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.declared.name
    }

    /// Returns its process, if it was started for the subject.
    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    pub(super) fn proxy(&self) -> Option<&FaultProxy> {
        self.proxy.as_ref()
    }

    pub(super) fn double(&self) -> Option<&Double> {
        self.double.as_ref()
    }

    /// Returns its address, without the proxy.
    pub(super) fn url(&self) -> &Url {
        &self.declared.url
    }

    /// Returns the environment variables for the subject: its URL with host and port of the proxy.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        match &self.proxy {
            Some(proxy) => self.declared.variables(&redirected(&self.declared.url, proxy.address())),
            None => self.declared.variables(&self.declared.url),
        }
    }
}

async fn proxy_to(declared: &Dependency, upstream: String) -> Result<FaultProxy, StartFailure> {
    let started = match declared.listen {
        Some(address) => FaultProxy::start_at(address, upstream).await,
        None => FaultProxy::start(upstream).await,
    };
    let at = declared.listen.map_or_else(|| "on loopback".to_owned(), |address| format!("at {address}"));
    started.map_err(|error| StartFailure {
        reason: format!("the proxy in front of dependency `{}` cannot listen {at}: {error}", declared.name),
        output: Vec::new(),
    })
}

async fn start(declared: &Dependency, command: &str, workdir: &Path) -> Result<Process, StartFailure> {
    let name = &declared.name;
    if !ready::is_free(&declared.url).await {
        return Err(StartFailure {
            reason: format!(
                "something listens on {} although dependency `{name}` is not started yet: stop it, or leave `run` \
                 out to use it as it is",
                credentials::shown(&declared.url)
            ),
            output: Vec::new(),
        });
    }
    let launch = Launch {
        command: command.to_owned(),
        env: declared.env_of_run.clone(),
        workdir: Some(workdir.to_owned()),
        ..Launch::default()
    };
    let mut process = Process::start(launch).map_err(|error| StartFailure {
        reason: format!("the shell that runs dependency `{name}` (`{command}`) could not be started: {error}"),
        output: Vec::new(),
    })?;
    let since = Instant::now();
    while since.elapsed() < START_TIMEOUT {
        let is_ready = match &declared.ready {
            Some(path) if declared.url.scheme() == "http" => Readiness::at(&declared.url, path).look(READY_LOOK).await,
            // Over TLS that it listens has to do: what its certificate is signed by was not said.
            _ => ready::accepts(&declared.url).await,
        };
        if is_ready {
            return Ok(process);
        }
        if let Some(exit) = process.wait(ready::LOOK_EVERY).await {
            let reason = format!("dependency `{name}` (`{command}`) ended {} before it was ready", how(exit));
            return Err(StartFailure { reason, output: last_lines(&process) });
        }
    }
    let at = declared.ready.as_deref().unwrap_or("");
    let reason = format!(
        "dependency `{name}` (`{command}`) was not ready at {}{at} within {START_TIMEOUT:?}; check its `url` and `ready`",
        declared.url.as_str().trim_end_matches('/')
    );
    Err(StartFailure { reason, output: last_lines(&process) })
}

/// The URL with host and port of the proxy; everything else stays. Over TLS the name `localhost` stays too: it is the
/// certificate's.
fn redirected(url: &Url, proxy: SocketAddr) -> Url {
    let mut redirected = url.clone();
    // Both fail only for URLs without a host, and those have no proxy.
    if (url.scheme(), url.host_str()) != ("https", Some("localhost")) {
        let _ = redirected.set_host(Some(&proxy.ip().to_string()));
    }
    let _ = redirected.set_port(Some(proxy.port()));
    redirected
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn through_proxy(url: &str) -> String {
        redirected(&url.parse().unwrap(), "127.0.0.1:4000".parse().unwrap()).to_string()
    }

    #[test]
    fn host_and_port_become_the_proxys_and_the_rest_stays() {
        assert_eq!(through_proxy("http://rail.example/v1?a=b"), "http://127.0.0.1:4000/v1?a=b");
        assert_eq!(through_proxy("https://localhost:9300/v1"), "https://localhost:4000/v1");
        assert_eq!(through_proxy("https://127.0.0.1:9300/v1"), "https://127.0.0.1:4000/v1");
        assert_eq!(through_proxy("tcp://127.0.0.1:9300"), "tcp://127.0.0.1:4000");
        let postgres = through_proxy("postgres://user:pass@db:5433/ledger?sslmode=disable");
        assert_eq!(postgres, "postgres://user:pass@127.0.0.1:4000/ledger?sslmode=disable");
    }

    #[test]
    fn a_socket_in_the_file_system_has_no_proxy() {
        assert_eq!(ready::authority(&"postgres:///ledger?host=/run/postgresql".parse().unwrap()), None);
        assert_eq!(ready::authority(&"postgres://%2Frun%2Fpostgresql/ledger".parse().unwrap()), None);
        assert_eq!(ready::authority(&"postgres://db/ledger".parse().unwrap()).as_deref(), Some("db:5432"));
        assert_eq!(ready::authority(&"http://127.0.0.1:9300".parse().unwrap()).as_deref(), Some("127.0.0.1:9300"));
    }
}
