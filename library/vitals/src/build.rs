//! Build information, and this run of the build.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use serde::Serialize;

/// Name, version and commit of a build.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Build {
    /// The program's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Commit of the build; `unknown` when the build did not set it.
    pub commit: &'static str,
}

/// One run of a build on one host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Instance {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    build: Build,
    host: String,
    started: SystemTime,
    clock: Instant,
}

#[cfg(target_os = "linux")]
fn host_name() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/hostname").ok()
}

#[cfg(not(target_os = "linux"))]
fn host_name() -> Option<String> {
    std::env::var("HOSTNAME").ok()
}

impl Instance {
    /// The run that starts now, on this host.
    pub fn new(build: Build) -> Self {
        let host = host_name().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let host = host.unwrap_or_else(|| "unknown".to_owned());
        Self { inner: Arc::new(Inner { build, host, started: SystemTime::now(), clock: Instant::now() }) }
    }

    /// Returns the build.
    pub fn build(&self) -> Build {
        self.inner.build
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// Returns the start time.
    pub fn started(&self) -> SystemTime {
        self.inner.started
    }

    /// Returns the time since the start.
    pub fn uptime(&self) -> std::time::Duration {
        self.inner.clock.elapsed()
    }
}
