//! Services as processes of their own: probes while they start, signals in every phase, exit codes, and the process manager.
//!
//! Each test runs this test program again with the name of one of the services in [`program`].

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use evenkeel::prelude::*;
use evenkeel::{Failed, supervision};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};

/// Names the service that this program is to be.
const PROGRAM: &str = "EVENKEEL_TEST_PROGRAM";
/// The file descriptors that this program may open: the soft limit, and after a space the hard one where that is another.
const DESCRIPTORS: &str = "EVENKEEL_TEST_DESCRIPTORS";
/// Timeout after which a test gives up. Far from every budget that a test sets.
const GIVE_UP: Duration = Duration::from_secs(30);
/// A budget that no stop of these tests may use up.
const LONG: &str = "--stop-timeout=10m";

/// The services. Run as a test it does nothing.
#[test]
fn program() {
    let Ok(name) = std::env::var(PROGRAM) else { return };
    if let Ok(most) = std::env::var(DESCRIPTORS) {
        let (soft, hard) = most.split_once(' ').unwrap_or((&most, &most));
        let limit = Rlimit { current: Some(soft.parse().unwrap()), maximum: Some(hard.parse().unwrap()) };
        setrlimit(Resource::Nofile, limit).unwrap();
    }
    let arguments = std::env::var("EVENKEEL_TEST_ARGUMENTS").unwrap();
    let arguments = std::iter::once(name.clone()).chain(arguments.split(' ').map(str::to_owned)).map(Into::into);
    let service = Service::new(build_info!()).routes(|_context| {
        Router::new()
            .route("/hello", get(async || "hello"))
            .route("/stuck", get(async || std::future::pending::<()>().await))
            .route("/spin", get(spin))
    });
    let code = match name.as_str() {
        "plain" => service.main_with(arguments),
        #[cfg(feature = "store")]
        "store" => service.store(Vec::new()).main_with(arguments),
        #[cfg(feature = "store")]
        "migrating" => service.store(vec![Migration::both(1, "slow", SLOW)]).main_with(arguments),
        #[cfg(feature = "store")]
        "holding" => service.store(Vec::new()).background("holder", hold_a_transaction).main_with(arguments),
        _ => panic!("there is no program {name}"),
    };
    std::process::exit(status(code));
}

/// Keeps a worker thread for itself.
async fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

/// Takes hours on SQLite.
#[cfg(feature = "store")]
const SLOW: &str = "CREATE TABLE numbers AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000) \
    SELECT count(*) AS many FROM n";

/// Leaves a transaction open in a task that cannot be stopped.
#[cfg(feature = "store")]
async fn hold_a_transaction(context: Context<evenkeel::settings::NoSettings, Store>, stop: Stop) {
    let store = context.store().clone();
    tokio::spawn(async move {
        let held = store.write(|_tx| Box::pin(std::future::pending::<Result<(), StoreError>>()));
        held.await
    });
    stop.requested().await;
}

/// The number of an exit code, which the standard library shows only to people.
fn status(code: ExitCode) -> i32 {
    let shown = format!("{code:?}");
    shown.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// One of the services. Dropping it kills it.
struct Process {
    child: Child,
    public: SocketAddr,
    admin: SocketAddr,
}

impl Process {
    fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_with(program, arguments, &[])
    }

    fn start_with(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let (public, admin) = (free_address(), free_address());
        let mut all = vec![
            "--host=127.0.0.1".to_owned(),
            format!("--port={}", public.port()),
            format!("--admin-addr={admin}"),
            "--drain-delay=0ms".to_owned(),
        ];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let child = supervision::command(std::env::current_exe().unwrap())
            .args(["process::program", "--exact", "--nocapture"])
            .env(PROGRAM, program)
            .env("EVENKEEL_TEST_ARGUMENTS", all.join(" "))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, public, admin }
    }

    fn ready(self) -> Self {
        eventually("it is ready", || get_status(self.admin, "/readyz") == Some(200));
        self
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; returns its exit code and output.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut code = None;
        eventually("it has ended", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (code.unwrap().code(), text)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < GIVE_UP, "{what}: not within {GIVE_UP:?}");
        std::thread::yield_now();
    }
}

/// Sends a request and leaves the connection open.
fn send(address: SocketAddr, path: &str) -> Option<TcpStream> {
    let mut socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    Some(socket)
}

pub(crate) fn get_status(address: SocketAddr, path: &str) -> Option<u16> {
    let mut answer = String::new();
    send(address, path)?.read_to_string(&mut answer).ok()?;
    answer.split_whitespace().nth(1)?.parse().ok()
}

/// The admin listener shows a service that starts, and the public one takes no connection.
#[cfg(feature = "store")]
fn shows_a_start(process: &Process) {
    eventually("the admin listener answers", || get_status(process.admin, "/livez") == Some(200));
    for (path, expected) in [("/startupz", 503), ("/readyz", 503), ("/health", 200), ("/metrics", 200)] {
        assert_eq!(get_status(process.admin, path), Some(expected), "{path}");
    }
    let refused = TcpStream::connect(process.public).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// The value of the first line of the metrics that starts like this.
fn metric(process: &Process, start: &str) -> Option<u64> {
    let mut answer = String::new();
    send(process.admin, "/metrics")?.read_to_string(&mut answer).ok()?;
    let line = answer.lines().find(|line| line.starts_with(start))?;
    line.rsplit(' ').next()?.parse::<f64>().ok().map(|value| value as u64)
}

/// The requests that the public listener works on, as its vitals show them.
fn in_flight(process: &Process) -> Option<u64> {
    metric(process, "http_server_active_requests{listener=\"public\"")
}

#[test]
fn the_listeners_of_a_service_share_the_descriptors_of_a_small_process() {
    let process = Process::start_with("plain", &[], &[(DESCRIPTORS, "600")]).ready();
    let most =
        |listener| metric(&process, &format!("http_listener_connections_limit{{listener=\"{listener}\"")).unwrap();
    let (public, admin) = (most("public"), most("admin"));
    assert!(public >= 1 && admin >= 1 && public + admin <= 480, "80 % of 600: {public} and {admin}");
}

#[test]
fn a_service_raises_its_soft_limit_of_descriptors_to_the_hard_one() {
    let process = Process::start_with("plain", &[], &[(DESCRIPTORS, "300 600")]).ready();
    let most =
        |listener| metric(&process, &format!("http_listener_connections_limit{{listener=\"{listener}\"")).unwrap();
    let both = most("public") + most("admin");
    assert!(both > 240 && both <= 480, "80 % of 600, not of 300: {both}");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_service_with_a_store_has_a_part_that_purges_its_idempotency_keys() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/keys.db", folder.path().display());
    let process = Process::start("store", &[&database]).ready();
    assert_eq!(metric(&process, "child_restarts_total{name=\"idempotency purge\"}"), Some(0));
}

#[cfg(feature = "sqlite")]
#[test]
fn probes_answer_and_sigterm_ends_the_process_while_a_migration_runs() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/slow.db", folder.path().display());
    let process = Process::start("migrating", &[&database, LONG]);
    shows_a_start(&process);
    process.signal(Signal::TERM);
    let (code, text) = process.ended();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\"signal\":\"SIGTERM\"") && !text.contains("\"ready\""), "{text}");
}

#[cfg(feature = "postgres")]
#[test]
fn probes_answer_and_a_signal_ends_the_process_while_the_database_gives_no_answer() {
    for signal in [Signal::TERM, Signal::INT] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let database = format!("--database-url=postgres://user:secret@{address}/none?sslmode=disable");
        let process = Process::start("store", &[&database, LONG]);
        let connected = silent.accept().unwrap();
        shows_a_start(&process);
        process.signal(signal);
        let (code, text) = process.ended();
        assert_eq!(code, Some(0), "{text}");
        drop(connected);
    }
}

#[test]
fn a_handler_that_never_ends_does_not_keep_the_process_beyond_its_budget() {
    let process = Process::start("plain", &["--stop-timeout=2s"]).ready();
    let _stuck = send(process.public, "/stuck").unwrap();
    eventually("the request is worked on", || in_flight(&process) == Some(1));
    process.signal(Signal::TERM);
    let (code, text) = process.ended();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\"connections_cut\":1"), "{text}");
}

#[test]
fn handlers_that_never_yield_do_not_keep_the_process_beyond_its_budget() {
    let process = Process::start_with("plain", &["--stop-timeout=1s"], &[("TOKIO_WORKER_THREADS", "1")]).ready();
    let _spinning = send(process.public, "/spin").unwrap();
    eventually("the only worker spins", || {
        let mut answer = [0];
        let socket = send(process.admin, "/livez");
        socket.is_none_or(|mut socket| {
            socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            !matches!(socket.read(&mut answer), Ok(1))
        })
    });
    process.signal(Signal::TERM);
    let (code, text) = process.ended();
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("STOP_TIMEOUT=1s"), "{text}");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_task_that_holds_a_transaction_does_not_keep_the_process_beyond_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/held.db", folder.path().display());
    let process = Process::start("holding", &[&database, "--stop-timeout=3s"]).ready();
    process.signal(Signal::TERM);
    let (code, text) = process.ended();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\"store_closed\":false") && text.contains("did not come back in time"), "{text}");
}

#[test]
fn a_second_signal_ends_the_process_at_once_with_a_code_and_a_line_of_its_own() {
    for second in [Signal::TERM, Signal::INT] {
        let process = Process::start("plain", &[LONG, "--drain-timeout=10m", "--request-deadline=10m"]).ready();
        let _stuck = send(process.public, "/stuck").unwrap();
        eventually("the request is worked on", || in_flight(&process) == Some(1));
        process.signal(Signal::TERM);
        eventually("it drains", || get_status(process.admin, "/readyz") == Some(503));
        assert_eq!(get_status(process.admin, "/livez"), Some(200), "the admin listener shows the stop");
        process.signal(second);
        let (code, text) = process.ended();
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains("the process ends now") && text.contains("ended at once by a second signal"), "{text}");
    }
}

#[test]
fn the_process_manager_is_notified_of_start_and_stop_and_its_watchdog_is_fed_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(GIVE_UP)).unwrap();
    let heard = || {
        let mut text = [0; 256];
        let read = manager.recv(&mut text).expect("the manager is told");
        String::from_utf8_lossy(&text[..read]).into_owned()
    };
    let until = |wanted: &str| {
        let since = Instant::now();
        while !heard().contains(wanted) {
            assert!(since.elapsed() < GIVE_UP, "the manager is not told {wanted:?}");
        }
    };
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "100000")];
    let process = Process::start_with("plain", &["--stop-timeout=3s"], &environment);
    until("EXTEND_TIMEOUT_USEC=30000000");
    until("READY=1");
    let _stuck = send(process.public, "/stuck").unwrap();
    eventually("the request is worked on", || in_flight(&process) == Some(1));
    process.signal(Signal::TERM);
    until("STOPPING=1\nEXTEND_TIMEOUT_USEC=3000000");
    // The drain goes on, and so does the watchdog.
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn an_address_in_use_is_reported_before_any_part_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (port, admin_port, listener) in [(port, 0, "public"), (0, port, "admin")] {
        let arguments =
            ["--host=127.0.0.1".to_owned(), format!("--port={port}"), format!("--admin-addr=127.0.0.1:{admin_port}")];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failed = runtime.block_on(Service::new(build_info!()).start(arguments)).unwrap_err();
        assert!(matches!(&failed, Failed::Listen { listener: which, .. } if *which == listener), "{failed}");
        assert!(failed.to_string().contains("stop the process that has it"), "{failed}");
    }
}
