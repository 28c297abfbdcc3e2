//! A server of one run, pinned to core 0, with HAProxy in front of it where the peer has one.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::plan::Plan;
use super::server::Workload;
use super::tally::Outcome;
use crate::measure::{Server, free_address};

/// Descriptors of server and generator: more than all clients have connections.
const DESCRIPTORS: &str = "16384";
/// Time in which a server starts.
const START: Duration = Duration::from_secs(30);

/// The setting that all runs of one workload share.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) workload: Workload,
    /// Rounds of work in a millisecond.
    pub(crate) rounds: u64,
    /// Time after which the same work takes twice as long; zero for never.
    pub(crate) halved_after: Duration,
}

/// A server that runs.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    // Dropped in this order: what is in front ends first.
    front: Option<(Server, tempfile::TempDir)>,
    server: Server,
}

impl Peer {
    /// Starts `bare`, `static:N`, `evenkeel`, or `haproxy:N`: HAProxy with at most N requests at a time to bare axum.
    pub(crate) fn start(which: &str, setting: &Setting) -> Result<Self, String> {
        let limit = which.strip_prefix("haproxy:");
        let address = free_address()?;
        let mut command = pinned("0")?;
        command.args(["serve-overload", if limit.is_some() { "bare" } else { which }, setting.workload.name()]);
        command.arg(setting.rounds.to_string()).arg(setting.halved_after.as_millis().to_string());
        let server = Server::start(command.arg(address.port().to_string()), address, START)?;
        let Some(limit) = limit else { return Ok(Self { address, front: None, server }) };
        let front = haproxy(address, limit)?;
        Ok(Self { address: front.0.address, front: Some(front), server })
    }

    /// Stops it.
    pub(crate) fn end(self) -> Result<(), String> {
        if let Some((front, _folder)) = self.front {
            front.end()?;
        }
        self.server.end()
    }
}

/// HAProxy in front of a server. What finds no place waits for a tenth of a second.
fn haproxy(behind: SocketAddr, limit: &str) -> Result<(Server, tempfile::TempDir), String> {
    let (address, folder) = (free_address()?, tempfile::tempdir().map_err(|error| error.to_string())?);
    let file = folder.path().join("haproxy.cfg");
    let text = format!(
        "global\n  maxconn 7500\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 30s\n  timeout \
         queue 100ms\n  timeout http-request 10s\n  option http-keep-alive\n  http-reuse always\nlisten overload\n  bind {address}\n  server one \
         {behind} maxconn {limit}\n"
    );
    fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    let mut command = Command::new("prlimit");
    command.args([&format!("--nofile={DESCRIPTORS}"), "taskset", "-c", "0", "haproxy", "-db", "-f"]);
    // It warns of every limit that is not set.
    Ok((Server::start(command.arg(&file).stderr(Stdio::null()), address, START)?, folder))
}

fn pinned(core: &str) -> Result<Command, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={DESCRIPTORS}")).args(["taskset", "-c", core]).arg(own);
    Ok(command)
}

/// Runs the generator on core 1.
pub(crate) fn fire(plan: &Plan) -> Result<Outcome, String> {
    let plan = serde_json::to_string(plan).map_err(|error| error.to_string())?;
    let output = pinned("1")?
        .args(["generate", &plan])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start the generator: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the generator said nothing: {error}"))
}
