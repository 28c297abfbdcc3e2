//! Starting, loading and counting a server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program as it is called from the root of the repository, for commands that are told.
pub(crate) fn shown(program: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    program.strip_prefix(here).unwrap_or(program).to_owned()
}

/// A server that is killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `command` and waits until `address` takes connections.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, within: Duration) -> Result<Self, String> {
        let child =
            command.stdout(Stdio::null()).spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let server = Self { child, address };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if started.elapsed() > within {
                return Err(format!("{command:?} does not listen on {address} after {within:?}"));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(server)
    }

    /// Asks it to end and waits for it.
    pub(crate) fn end(mut self) -> Result<(), String> {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        self.child.wait().map(drop).map_err(|error| format!("it cannot be waited for: {error}"))
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Option<f64> {
        self.memory_mib("VmRSS:")
    }

    /// Resident memory in MiB that no file backs: heap and stacks, without the program's own code.
    pub(crate) fn anonymous_mib(&self) -> Option<f64> {
        self.memory_mib("RssAnon:")
    }

    fn memory_mib(&self, field: &str) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(field))?;
        Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port of the loopback.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map_err(|error| format!("no free port: {error}"))
}

/// `count` GETs of `/hello` on one connection, one after the other.
pub(crate) fn get_many(address: SocketAddr, count: usize) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("a request failed: {error}");
    let mut socket = TcpStream::connect(address).map_err(failed)?;
    let mut answer = [0; 4096];
    for _ in 0..count {
        socket.write_all(b"GET /hello HTTP/1.1\r\nhost: bench\r\n\r\n").map_err(failed)?;
        let mut seen = 0;
        while !answer[..seen].ends_with(b"hello") {
            match socket.read(&mut answer[seen..]).map_err(failed)? {
                0 => return Err("the server closed the connection".to_owned()),
                bytes => seen += bytes,
            }
        }
    }
    Ok(())
}

/// Requests a second that wrk gets through 32 connections in three seconds.
pub(crate) fn throughput(address: SocketAddr) -> Result<f64, String> {
    let url = format!("http://{address}/hello");
    let output = Command::new("wrk")
        .args(["-t1", "-c32", "-d3s", &url])
        .output()
        .map_err(|error| format!("cannot run wrk: {error}; make setup installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") {
        return Err(format!("some answers were errors:\n{text}"));
    }
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    line.and_then(|figure| figure.trim().parse().ok()).ok_or_else(|| format!("wrk said:\n{text}"))
}

/// The instructions that callgrind says it has seen.
pub(crate) fn collected(log: &str) -> Option<f64> {
    // The last one: programs that it starts are counted too, and told when they end.
    let figure = log.lines().rev().find_map(|line| line.split_once("Collected :"))?.1;
    figure.trim().parse().ok()
}

/// The middle of the figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Describes the machine and the time of the measurement.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']).to_owned();
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let date = date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("{date}, {cores} cores, {model}.")
}
