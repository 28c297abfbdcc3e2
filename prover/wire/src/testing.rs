//! For tests: a TCP server of a few lines on a free loopback port that misbehaves on purpose, and examples as programs to start.
//!
//! Only with the feature `testing`.
//!
//! ```
//! # #[tokio::main] async fn main() {
//! use keel_wire::http::{Client, Request};
//! use keel_wire::testing::{self, PATIENCE};
//!
//! let address = testing::serve_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
//! let client = Client::new(format!("http://{address}").parse().expect("a URL"), PATIENCE);
//! assert_eq!(client.send(Request::get("/")).await.outcome.expect("an answer").text(), "hello");
//! # }
//! ```

pub mod tls;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// A limit far beyond the duration of any of these tests, so that only a fault reaches it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Calls `serve` with every connection, on one thread each. The server ends with the test's process.
///
/// # Panics
/// When no loopback port is free.
pub fn serve(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
    let address = listener.local_addr().expect("a bound listener has an address");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(connection));
        }
    });
    address
}

/// Serves these bytes as the answer to every request of a connection.
///
/// # Panics
/// When no loopback port is free.
pub fn serve_answer(answer: &'static [u8]) -> SocketAddr {
    serve(move |mut connection| {
        while !read_request(&mut connection).is_empty() {
            if connection.write_all(answer).is_err() {
                return;
            }
        }
    })
}

/// Serves these bytes as the answer to the first request of a connection, and then closes it.
///
/// # Panics
/// When no loopback port is free.
pub fn serve_one_answer(answer: &'static [u8]) -> SocketAddr {
    serve(move |mut connection| {
        read_request(&mut connection);
        let _ = connection.write_all(answer);
    })
}

/// Reads one request: its head, and its body by Content-Length. Empty at the end of the connection.
pub fn read_request(connection: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        if connection.read(&mut byte).unwrap_or(0) == 0 {
            return String::new();
        }
        text.push(byte[0]);
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let length = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if connection.read_exact(&mut body).is_ok() {
        text.push_str(&String::from_utf8_lossy(&body));
    }
    text
}

/// Reads to the end, and so keeps the connection open as long as the peer does.
pub fn hold(mut connection: TcpStream) {
    let mut sink = [0; 4096];
    while connection.read(&mut sink).is_ok_and(|length| length > 0) {}
}

/// Returns the program of an example of the package, for a test that starts it.
///
/// Running all tests of a workspace builds it; running one test does not, so it is built here when it is missing or older than the package's
/// sources.
///
/// # Panics
/// When it cannot be built: then the test cannot go on.
pub fn example(package: &str, manifest_folder: &str, name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test binary has a path");
    let profile = test.parent().and_then(Path::parent).expect("test binaries are in target/PROFILE/deps");
    let program = profile.join("examples").join(name);
    let folder = Path::new(manifest_folder);
    let sources = newest(&folder.join("src")).max(newest(&folder.join("examples")));
    if changed(&program).is_none_or(|built| sources.is_some_and(|changed| changed > built)) {
        let target = profile.parent().expect("a profile is in the target folder");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "-p", package, "--example", name, "--target-dir"]).arg(target);
        // What cargo told this test about itself changes the environment that build scripts depend on (ring's does), so that they and
        // everything above them would be built anew here, and once more by the next command.
        let told = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("CARGO_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| told(name)) {
            if !KEPT.iter().any(|kept| name == *kept) {
                build.env_remove(name);
            }
        }
        let built = build.current_dir(folder).status().expect("cargo can be run");
        assert!(built.success(), "`cargo build -p {package} --example {name}` builds it");
    }
    program
}

/// Variables that a person sets for every build.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_INCREMENTAL",
    "CARGO_NET_OFFLINE",
    "CARGO_PROFILE_DEV_DEBUG",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_COLOR",
];

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// The last change below this folder, except to tests, of which an example is not built.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = folder.read_dir().ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let entries = entries.filter(|path| !["tests.rs", "testing.rs"].iter().any(|name| path.ends_with(name)));
    entries.filter_map(|path| if path.is_dir() { newest(&path) } else { changed(&path) }).max()
}
