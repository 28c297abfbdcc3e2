//! Time of the ledger from exec to ready, and its memory when idle.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::measure::{Server, free_address, median};

const STARTS: usize = 10;

/// The start's part of the report.
pub(crate) fn report() -> Result<String, String> {
    let binary = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("ledger");
    if !binary.exists() {
        return Err(format!("{} is missing: cargo build --release -p ledger", binary.display()));
    }
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for _ in 0..STARTS {
        let (public, admin) = (free_address()?, free_address()?);
        let mut command = Command::new(&binary);
        command
            .env("HOST", "127.0.0.1")
            .env("PORT", public.port().to_string())
            .env("ADMIN_ADDR", admin.to_string())
            .env("RUST_LOG", "info")
            .env("DATABASE_URL", format!("sqlite:{}/ledger.db", folder.path().display()));
        let started = Instant::now();
        let server = Server::start(&mut command, admin, Duration::from_secs(10))?;
        while !is_ready(admin) {
            if started.elapsed() > Duration::from_secs(10) {
                return Err("the ledger does not become ready".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        ready.push(started.elapsed().as_secs_f64() * 1000.0);
        memory.extend(server.resident_mib());
        server.end()?;
    }
    let (ready, memory) = (median(ready), median(memory));
    Ok(format!(
        "## Start and weight\n\nThe ledger, release build, SQLite, median of {STARTS} starts.\n\n\
         | | |\n|---|---|\n| exec to ready | {ready:.1} ms |\n| resident memory when idle | {memory:.1} MiB |\n\n"
    ))
}

fn is_ready(admin: std::net::SocketAddr) -> bool {
    let Ok(mut socket) = TcpStream::connect(admin) else { return false };
    let mut answer = String::new();
    let asked = socket.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
    asked.is_ok() && socket.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}
