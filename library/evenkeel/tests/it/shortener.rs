//! The service of the guide "A service from nothing": its code in the guide, and its behaviour after `kill -9`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use evenkeel::supervision;
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{eventually, free_address, get_status};

#[test]
fn the_guide_shows_the_example_that_compiles() {
    let guide = include_str!("../../../../docs/guide/first-service.md");
    let example = include_str!("../../examples/shortener.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    assert!(guide.contains(code), "docs/guide/first-service.md must show the code of examples/shortener.rs:\n{code}");
    let lines = code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    assert!(
        lines < 80,
        "a service with a store, a dependency and periodic work has fewer than 80 lines of code: {lines}"
    );
}

#[test]
fn a_link_outlives_a_kill_is_made_once_and_needs_no_rating_service() {
    let folder = tempfile::tempdir().unwrap();
    let harmless = rating_service("ok");
    let shortener = Shortener::start(folder.path(), harmless);
    let first = shortener.shorten("key-1", "https://example.org/");
    assert!(first.starts_with("HTTP/1.1 201"), "{first}");
    drop(shortener); // SIGKILL

    // The rating service is away: nothing listens at this address.
    let shortener = Shortener::start(folder.path(), free_address());
    let again = shortener.shorten("key-1", "https://example.org/");
    assert!(again.contains("idempotent-replayed: true") && location(&again) == location(&first), "{again}");
    let followed = shortener.ask(&format!("GET {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", location(&first)));
    assert!(followed.contains("location: https://example.org/"), "{followed}");
    let unrated = shortener.shorten("key-2", "https://example.org/2");
    assert!(unrated.starts_with("HTTP/1.1 201"), "{unrated}");
    assert_eq!(shortener.ended_by_sigterm(), Some(0));
}

#[test]
fn a_link_that_is_rated_as_malicious_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shortener = Shortener::start(folder.path(), rating_service("bad"));
    let refused = shortener.shorten("key-1", "https://example.org/");
    assert!(refused.starts_with("HTTP/1.1 422") && refused.contains("malicious"), "{refused}");
}

/// The example as a process. Dropping it kills it.
struct Shortener {
    child: Child,
    public: SocketAddr,
}

impl Shortener {
    fn start(folder: &Path, rating: SocketAddr) -> Self {
        let program = std::env::current_exe().unwrap().with_file_name("../examples/shortener");
        let (public, admin) = (free_address(), free_address());
        let child = supervision::command(&program)
            .env("HOST", "127.0.0.1")
            .env("PORT", public.port().to_string())
            .env("ADMIN_ADDR", admin.to_string())
            .env("RATING_URL", format!("http://{rating}"))
            .env("DATABASE_URL", format!("sqlite:{}/links.db", folder.display()))
            .env("DRAIN_DELAY", "0ms")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; `cargo build --examples -p evenkeel` makes it", program.display())
            });
        let started = Self { child, public };
        eventually("it is ready", || get_status(admin, "/readyz") == Some(200));
        started
    }

    fn shorten(&self, key: &str, target: &str) -> String {
        let body = format!("{{\"target\":\"{target}\"}}");
        let length = body.len();
        self.ask(&format!(
            "POST /links HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             idempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.public).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    fn ended_by_sigterm(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Shortener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of the link in an answer.
fn location(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap()
}

/// A service that rates every link like this. Its thread ends with the test.
fn rating_service(rating: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = socket.read(&mut head);
            let length = rating.len();
            let _ = write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{rating}");
        }
    });
    address
}
