//! Serves Toxiproxy's interface.

use std::path::Path;
use std::sync::Arc;

use keel_input::seed::Seed;
use keel_proxy::api::{self, Shown};
use keel_proxy::{Fleet, Wanted};
use tokio::net::TcpListener;

use super::arguments::Arguments;
use crate::exit::{FINE, NOT_STARTED, USAGE, usage};
use crate::interrupt::Interrupt;
use crate::output::print;

pub(super) async fn run(arguments: Arguments) -> u8 {
    let seed = arguments.seed.map_or_else(Seed::fresh, Seed);
    let fleet = Arc::new(Fleet::new(seed));
    if let Some(config) = &arguments.config
        && let Err((code, problem)) = populate(&fleet, config).await
    {
        usage(problem);
        return code;
    }
    let host = arguments.host.as_deref().unwrap_or("localhost");
    let listener = match listen(host, arguments.port).await {
        Ok(listener) => listener,
        Err(problem) => {
            usage(problem);
            return NOT_STARTED;
        }
    };
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let mut interrupt = match Interrupt::new() {
        Ok(interrupt) => interrupt,
        Err(error) => return usage(format!("cannot listen for signals: {error}")),
    };
    print(&format!("keel proxy: serving http://{address} with {} proxies, seed {}\n", fleet.all().len(), seed.0));
    let shown = Shown { proxies: arguments.proxy_metrics, runtime: arguments.runtime_metrics };
    tokio::select! {
        served = api::serve(listener, fleet, shown) => match served {
            Ok(never) => match never {},
            Err(error) => {
                usage(format!("serving ended: {error}"));
                NOT_STARTED
            }
        },
        () = interrupt.first() => FINE,
    }
}

/// The first address of the host that is of IPv4, or the first, as Go chooses.
async fn listen(host: &str, port: u16) -> Result<TcpListener, String> {
    let host = if host.is_empty() { "::" } else { host };
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<_> = found.map_err(|error| format!("--host {host} cannot be resolved: {error}"))?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    let address = first.ok_or_else(|| format!("--host {host} has no address"))?;
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}; choose another port with --port"))
}

async fn populate(fleet: &Fleet, path: &Path) -> Result<(), (u8, String)> {
    let refuse = |problem: String| format!("--config {}: {problem}", path.display());
    let json = std::fs::read(path).map_err(|error| (USAGE, refuse(error.to_string())))?;
    let wanted = Wanted::parse_all(&json).map_err(|bad| (USAGE, refuse(bad.to_string())))?;
    fleet.populate(&wanted).await.1.map_err(|refused| (NOT_STARTED, refuse(refused.to_string())))
}
