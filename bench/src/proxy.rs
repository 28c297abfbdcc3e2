//! Cost of one hop through the fault proxy, beside other relays: added latency and throughput, without toxics.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::measure::{self, Server, free_address, median};

/// Rounds of each relay, one after the other, so that other load on the machine meets all of them.
const ROUNDS: usize = 5;
/// Round trips of a byte in a round, after as many to warm up.
const TRIPS: usize = 4000;
/// Bytes that are moved in a round.
const BYTES: u64 = 4 << 30;
/// Bytes of one write and one read of those that send and receive.
const PIECE: usize = 1 << 20;
/// The longest that a relay takes to listen.
const START: Duration = Duration::from_secs(10);

/// A way from the client to the upstream.
struct Way {
    name: &'static str,
    command: String,
    address: SocketAddr,
    trips: Vec<f64>,
    rates: Vec<f64>,
    _server: Option<Server>,
}

/// The proxy's part of the report.
pub(crate) fn report() -> Result<String, String> {
    let upstream = upstream()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut ways = vec![Way::straight(upstream)];
    for (name, command) in [
        ("keel proxy", keel(upstream, folder.path())),
        ("socat", socat(upstream)),
        ("HAProxy", haproxy(upstream, folder.path())),
        ("noxious", noxious(upstream)),
    ] {
        ways.push(Way::over(name, command?)?);
    }
    for _ in 0..ROUNDS {
        for way in &mut ways {
            way.trips.push(round_trip(way.address)?);
            way.rates.push(rate(way.address)?);
        }
    }
    Ok(table(ways))
}

fn table(ways: Vec<Way>) -> String {
    let mut text = format!(
        "## The fault proxy as a relay\n\nOne connection, no toxic on. Added: the median round trip of a byte ({TRIPS} in a \
         round), less that without a relay. Throughput: {} GiB one way, in writes and reads of 1 MiB. Medians of {ROUNDS} \
         rounds, the relays in turn.\n\n| | round trip | added | throughput | to keel proxy |\n|---|---|---|---|---|\n",
        BYTES >> 30
    );
    let mut commands = String::new();
    let straight = median(ways[0].trips.clone());
    let ours = median(ways[1].rates.clone());
    for way in ways {
        let (trip, rate) = (median(way.trips), median(way.rates));
        let (added, ratio) = (trip - straight, rate / ours);
        let _ = writeln!(text, "| {} | {trip:.1} us | {added:.1} us | {rate:.2} GB/s | {ratio:.2} |", way.name);
        if !way.command.is_empty() {
            let _ = writeln!(commands, "- {}: `{}`", way.name, way.command);
        }
    }
    format!("{text}\n{commands}\n")
}

impl Way {
    fn straight(upstream: SocketAddr) -> Self {
        let (name, command) = ("no relay", String::new());
        Self { name, command, address: upstream, trips: Vec::new(), rates: Vec::new(), _server: None }
    }

    fn over(name: &'static str, (mut command, address): (Command, SocketAddr)) -> Result<Self, String> {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let told = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let server = Server::start(command.stderr(std::process::Stdio::null()), address, START)?;
        Ok(Self { name, command: told, address, trips: Vec::new(), rates: Vec::new(), _server: Some(server) })
    }
}

type Relay = Result<(Command, SocketAddr), String>;

fn keel(upstream: SocketAddr, folder: &std::path::Path) -> Relay {
    let binary = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("keel");
    if !binary.exists() {
        return Err(format!("{} is missing: cargo build --release -p keel-prover", binary.display()));
    }
    let (address, config) = (free_address()?, folder.join("proxies.json"));
    let proxies = format!(r#"[{{"name":"relay","listen":"{address}","upstream":"{upstream}"}}]"#);
    std::fs::write(&config, proxies).map_err(|error| error.to_string())?;
    let mut command = Command::new(measure::shown(&binary));
    command.args(["proxy", "--port", "0", "--config"]).arg(config);
    Ok((command, address))
}

fn socat(upstream: SocketAddr) -> Relay {
    let address = free_address()?;
    let mut command = Command::new("socat");
    command.args(["-b", "1048576"]);
    command.arg(format!("TCP-LISTEN:{},bind={},fork,reuseaddr,nodelay", address.port(), address.ip()));
    command.arg(format!("TCP:{upstream},nodelay"));
    Ok((command, address))
}

fn haproxy(upstream: SocketAddr, folder: &std::path::Path) -> Relay {
    let (address, config) = (free_address()?, folder.join("haproxy.cfg"));
    let text = format!(
        "global\n  nbthread 2\ndefaults\n  mode tcp\n  option splice-auto\n  timeout connect 5s\n  timeout client 60s\n  \
         timeout server 60s\nlisten relay\n  bind {address}\n  server upstream {upstream}\n"
    );
    std::fs::write(&config, text).map_err(|error| error.to_string())?;
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f"]).arg(config);
    Ok((command, address))
}

/// Built when it is missing: the crate is a library, the relay over it is `bench/peers/noxious`.
fn noxious(upstream: SocketAddr) -> Relay {
    let target = PathBuf::from("target/peers/noxious");
    let binary = target.join("release/noxious-relay");
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--manifest-path", "bench/peers/noxious/Cargo.toml", "--target-dir"])
        .arg(&target)
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("bench/peers/noxious does not build: see above".to_owned());
    }
    let address = free_address()?;
    let mut command = Command::new(binary);
    command.arg(address.to_string()).arg(upstream.to_string());
    Ok((command, address))
}

/// Echoes a connection whose first byte is `e`, and counts away one whose first byte is `s`.
fn upstream() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || serve(connection));
        }
    });
    Ok(address)
}

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut byte = [0];
    connection.read_exact(&mut byte)?;
    if byte == *b"e" {
        while connection.read(&mut byte)? == 1 {
            connection.write_all(&byte)?;
        }
        return Ok(());
    }
    let mut piece = vec![0; PIECE];
    let mut count = 0_u64;
    while count < BYTES {
        count += match connection.read(&mut piece)? {
            0 => break,
            length => length as u64,
        };
    }
    connection.write_all(&count.to_be_bytes())
}

/// The median round trip of a byte in microseconds.
fn round_trip(address: SocketAddr) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("a round trip failed: {error}");
    let mut connection = TcpStream::connect(address).map_err(failed)?;
    connection.set_nodelay(true).map_err(failed)?;
    connection.write_all(b"e").map_err(failed)?;
    let mut trips = Vec::with_capacity(2 * TRIPS);
    for _ in 0..2 * TRIPS {
        let start = Instant::now();
        connection.write_all(b"x").map_err(failed)?;
        connection.read_exact(&mut [0]).map_err(failed)?;
        trips.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(trips.split_off(TRIPS)))
}

/// GB a second, until the receiver has said that all came.
fn rate(address: SocketAddr) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("moving bytes failed: {error}");
    let mut connection = TcpStream::connect(address).map_err(failed)?;
    connection.write_all(b"s").map_err(failed)?;
    let piece = vec![0; PIECE];
    let start = Instant::now();
    for _ in 0..BYTES / PIECE as u64 {
        connection.write_all(&piece).map_err(failed)?;
    }
    let mut count = [0; 8];
    connection.read_exact(&mut count).map_err(failed)?;
    let took = start.elapsed().as_secs_f64();
    match u64::from_be_bytes(count) {
        BYTES => Ok(BYTES as f64 / 1e9 / took),
        fewer => Err(format!("{fewer} of {BYTES} bytes came")),
    }
}
