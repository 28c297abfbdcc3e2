//! Toxiproxy's clients drive `keel proxy` unchanged: the crate by the tests that it ships, the others, which ship none, by a
//! script with each of their calls.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server that is killed when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
        let mut child = command.args(["proxy", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("it says where it serves");
        Self { url: url.to_owned(), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("target/peers")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/toxiproxy_clients").join(name)
}

#[track_caller]
fn expect_there(path: &Path) {
    assert!(path.exists(), "{} is missing: run `make setup-tests` first", path.display());
}

#[track_caller]
fn expect_well(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{told}", output.status);
    told
}

#[test]
fn toxiproxy_node_client_drives_it() {
    let modules = peers().join("node/node_modules");
    expect_there(&modules.join("toxiproxy-node-client"));
    let server = Server::start();
    expect_well(Command::new("node").arg(script("node.js")).arg(&server.url).env("NODE_PATH", modules));
}

#[test]
fn toxiproxy_python_drives_it() {
    let python = peers().join("python/bin/python");
    expect_there(&python);
    let server = Server::start();
    expect_well(Command::new(python).arg(script("python.py")).arg(&server.url));
}

/// The package's tests know one place only, port 8474, and use ports 2000 and 2001: they run in a network of their own.
/// The other clients are the short twins.
#[test]
#[ignore = "long: run by make test-long"]
fn the_own_tests_of_toxiproxy_rust_pass() {
    let manifest = peers().join("crates/toxiproxy_rust/Cargo.toml");
    expect_there(&manifest);
    let mut alone = Command::new("unshare");
    alone.args(["--user", "--map-root-user", "--net", "--kill-child", "--fork"]);
    // Where no namespace can be made (some containers), the ports have to be free.
    let can_be_alone = Command::new("unshare").args(["--user", "--map-root-user", "--net", "true"]).output();
    let mut command = match can_be_alone.is_ok_and(|output| output.status.success()) {
        true => {
            alone.arg("sh");
            alone
        }
        false => Command::new("sh"),
    };
    command.arg(script("own-tests.sh")).arg(env!("CARGO_BIN_EXE_keel")).arg(&manifest).arg(peers().join("cargo"));
    let told = expect_well(&mut command);
    assert!(told.contains("11 passed"), "{told}");
}
