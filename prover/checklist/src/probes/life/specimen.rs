//! Servers for the probes of chapter `life`: a service that keeps things in the file `LIFE_DATA` and lives and dies as it
//! should, and the same with one flaw each.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::{get, post};
use futures_util::stream::{self, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::specimen::Server;

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Takes longer than a second.
    SlowStart,
    /// Takes half a second to start, and thrice that to refuse.
    LateRefusal,
    /// Takes eight seconds to refuse.
    TooLateRefusal,
    /// Waits for a port that is taken.
    PatientStart,
    /// Does not ask for its port while the kernel keeps it.
    NoReuse,
    /// Ends without a home folder.
    NeedsHome,
    /// Links to a long answer at `/`, and breaks it off when it is to end.
    CutsLinked,
    /// Takes a default for a setting that it does not understand.
    TakesAnything,
    /// Ends without saying why when it cannot start.
    Vague,
    /// Ends at once on SIGTERM.
    DropsInFlight,
    /// Stays ready until it is gone.
    NeverUnready,
    /// Ends with code 3.
    BadExit,
    /// Does not end on SIGTERM.
    Deaf,
    /// Writes a PID file.
    PidFile,
    /// Says nothing to its manager.
    Silent,
    /// Says READY=1 before it listens.
    TooSoon,
    /// Starts a process that leaves its group.
    Stray,
    /// Keeps things in memory only.
    Forgets,
    /// The same, and tells what is not there by 200 with an error in the body.
    ForgetsSoftly,
    /// Keeps nothing, and answers every read as if the object were there.
    KnowsAll,
    /// Makes a new thing for each repeat.
    Doubles,
    /// Keeps less of a thing on disk than it was asked to.
    Alters,
    /// Refuses to start while there is the lock of a run that did not end in order.
    Locks,
    /// Goes into the background, out of reach.
    Daemon,
    /// Breaks off an answer that it has begun when it is to end.
    CutsAnswers,
    /// Breaks off a long answer when it is to end.
    CutsTransfers,
    /// Finishes on SIGTERM, and then ends by it.
    RaisesAgain,
    /// Has a handler for SIGTERM that raises it again at once, as some runtimes install.
    RaisesAtOnce,
    /// Has no handler for SIGTERM.
    Unhandled,
    /// Says nothing to the watchdog of its manager.
    NoWatchdog,
    /// Says it once.
    WatchdogOnce,
    /// Ends when a handler panics.
    Fragile,
    /// A handler that panics keeps the lock of all things: harmless requests are answered, and nothing is made any more.
    Poisoned,
}

/// Between not ready and the closed door, when `LIFE_NOTICE_MS` is not set.
const NOTICE: Duration = Duration::from_millis(200);
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// It does all that the probes of this chapter look at.
pub(crate) const GOOD: Server = Server::new("life-good", |port| live(Flaw::None, port));

/// Lives with one flaw until it is ended.
pub(crate) fn live(flaw: Flaw, port: u16) -> ! {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be had");
    let code = runtime.block_on(serve(flaw, port));
    std::process::exit(code)
}

#[derive(Clone)]
struct Service {
    flaw: Flaw,
    unready: Arc<AtomicBool>,
    /// By key, as they stand in the file.
    things: Arc<Mutex<HashMap<String, Thing>>>,
}

#[derive(Clone, Debug)]
struct Thing {
    id: String,
    colour: String,
}

impl Thing {
    fn json(&self) -> String {
        serde_json::json!({ "id": self.id, "colour": self.colour }).to_string()
    }
}

async fn serve(flaw: Flaw, port: u16) -> i32 {
    let notice = match (notice(), flaw) {
        (Ok(notice), _) => notice,
        (Err(_), Flaw::TakesAnything) => NOTICE,
        (Err(_), Flaw::Vague) => return 2,
        (Err(mistake), _) => {
            match flaw {
                Flaw::LateRefusal => tokio::time::sleep(HALF_A_SECOND * 3).await,
                Flaw::TooLateRefusal => tokio::time::sleep(HALF_A_SECOND * 16).await,
                _ => {}
            }
            eprintln!("{mistake}");
            return 2;
        }
    };
    if flaw == Flaw::NeedsHome && std::env::var_os("HOME").is_none() {
        eprintln!("HOME is not set");
        return 1;
    }
    if flaw == Flaw::Daemon {
        return daemonise(port).await;
    }
    if flaw == Flaw::Locks && std::fs::File::create_new(lock()).is_err() {
        eprintln!("{} is there: another one runs, or did not end in order", lock());
        return 1;
    }
    if flaw == Flaw::TooSoon {
        tell("READY=1");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if flaw == Flaw::SlowStart {
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    if flaw == Flaw::LateRefusal {
        tokio::time::sleep(HALF_A_SECOND).await;
    }
    if flaw == Flaw::Stray {
        let _ = std::process::Command::new("setsid").args(["sleep", "60"]).spawn();
        // It must have left before anybody looks.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let listener = loop {
        match listen(flaw, port).await {
            Ok(listener) => break listener,
            Err(_) if flaw == Flaw::PatientStart => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(_) if flaw == Flaw::Vague => {
                println!("binding port {port}, as no other process holds it");
                return 1;
            }
            Err(error) => {
                eprintln!("cannot listen on port {port}: {error}");
                return 1;
            }
        }
    };
    if flaw == Flaw::PidFile {
        let _ = std::fs::write(format!("life-{port}.pid"), std::process::id().to_string());
    }
    let service = Service { flaw, unready: Arc::default(), things: Arc::new(Mutex::new(read())) };
    let routes = Router::new()
        .route("/", get(hello))
        .route("/ready", get(ready))
        .route("/things", post(make))
        .route("/things/{id}", get(look))
        .route("/count", get(count))
        .route("/files/{name}", get(fetch).put(store))
        .route("/large", get(large))
        .route("/crash", get(crash))
        .route("/ask", get(ask))
        .with_state(service.clone());
    // Before it says that it is ready: whoever is told may end it at once.
    let mut term = (flaw != Flaw::Unhandled).then(|| signal(SignalKind::terminate()).expect("signals can be heard"));
    if flaw != Flaw::Silent && flaw != Flaw::TooSoon {
        tell("READY=1");
        tokio::spawn(watchdog(flaw));
    }
    let ended = async move {
        match &mut term {
            Some(term) => drop(term.recv().await),
            None => std::future::pending().await,
        }
        match flaw {
            Flaw::DropsInFlight => std::process::exit(0),
            Flaw::RaisesAtOnce => raise_again(),
            Flaw::Deaf => std::future::pending().await,
            Flaw::Silent => {}
            _ => tell("STOPPING=1"),
        }
        service.unready.store(flaw != Flaw::NeverUnready, Relaxed);
        tokio::time::sleep(notice).await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(ended).await.expect("it serves until it is ended");
    if flaw == Flaw::Locks {
        let _ = std::fs::remove_file(lock());
    }
    if flaw == Flaw::RaisesAgain {
        raise_again();
    }
    if flaw == Flaw::BadExit { 3 } else { 0 }
}

/// Ends this process by SIGTERM: a new program in it has no handler.
fn raise_again() {
    let error = std::process::Command::new("sh").args(["-c", "kill -TERM $$"]).exec();
    eprintln!("{error}");
}

/// tokio sets SO_REUSEADDR when it binds a listener, and not when it binds a socket.
async fn listen(flaw: Flaw, port: u16) -> std::io::Result<TcpListener> {
    // The port that a test has reserved is kept by the kernel as well, so its first start must ask for it.
    if flaw != Flaw::NoReuse || std::fs::File::create_new(format!("life-{port}.started")).is_ok() {
        return TcpListener::bind(("127.0.0.1", port)).await;
    }
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(1024)
}

/// Says that it is well, twice in each time that its manager gives it.
async fn watchdog(flaw: Flaw) {
    let micros = std::env::var("WATCHDOG_USEC").ok().and_then(|micros| micros.parse().ok());
    let Some(every) = micros.map(|micros: u64| Duration::from_micros(micros / 2)) else { return };
    if flaw == Flaw::NoWatchdog {
        return;
    }
    loop {
        tell("WATCHDOG=1");
        if flaw == Flaw::WatchdogOnce {
            return;
        }
        tokio::time::sleep(every).await;
    }
}

/// Returns the time for which it is not ready before the listener is closed.
fn notice() -> Result<Duration, String> {
    let Ok(millis) = std::env::var("LIFE_NOTICE_MS") else { return Ok(NOTICE) };
    let number = millis.parse().map(Duration::from_millis);
    number.map_err(|_| format!("LIFE_NOTICE_MS must be a number of milliseconds, not '{millis}'"))
}

async fn ready(State(service): State<Service>) -> StatusCode {
    if service.unready.load(Relaxed) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn make(State(service): State<Service>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    if service.flaw == Flaw::Poisoned && service.things.is_poisoned() {
        return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
    }
    let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let colour = body["colour"].as_str().unwrap_or_default().to_owned();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none").to_owned();
    let mut things = service.things.lock().unwrap_or_else(PoisonError::into_inner);
    let number = things.len();
    let key = if service.flaw == Flaw::Doubles { format!("{key}-{number}") } else { key };
    let thing = things.entry(key.clone()).or_insert_with(|| Thing { id: format!("thing-{number}"), colour }).clone();
    match service.flaw {
        Flaw::Forgets | Flaw::ForgetsSoftly | Flaw::KnowsAll => {}
        Flaw::Alters => write(&key, &Thing { colour: "grey".to_owned(), ..thing.clone() }),
        _ => write(&key, &thing),
    }
    (StatusCode::CREATED, thing.json())
}

async fn look(State(service): State<Service>, Path(id): Path<String>) -> (StatusCode, String) {
    let things = service.things.lock().unwrap_or_else(PoisonError::into_inner);
    match things.values().find(|known| known.id == id) {
        _ if service.flaw == Flaw::KnowsAll => (StatusCode::OK, Thing { id, colour: "blue".to_owned() }.json()),
        Some(thing) => (StatusCode::OK, thing.json()),
        None if service.flaw == Flaw::ForgetsSoftly => (StatusCode::OK, r#"{"error":"no such thing"}"#.to_owned()),
        None => (StatusCode::NOT_FOUND, String::new()),
    }
}

/// Returns the number of things.
async fn count(State(service): State<Service>) -> String {
    let things = service.things.lock().unwrap_or_else(PoisonError::into_inner);
    serde_json::json!({ "things": things.len() }).to_string()
}

/// Keeps a text under the name that the client chose.
async fn store(State(service): State<Service>, Path(name): Path<String>, body: String) -> StatusCode {
    let thing = Thing { id: name.clone(), colour: body };
    if service.flaw != Flaw::Forgets {
        write(&name, &thing);
    }
    service.things.lock().unwrap_or_else(PoisonError::into_inner).insert(name, thing);
    StatusCode::CREATED
}

async fn fetch(State(service): State<Service>, Path(name): Path<String>) -> (StatusCode, String) {
    let things = service.things.lock().unwrap_or_else(PoisonError::into_inner);
    things.get(&name).map_or((StatusCode::NOT_FOUND, String::new()), |thing| (StatusCode::OK, thing.colour.clone()))
}

/// In two pieces, so that it can be broken off between them.
async fn hello(State(service): State<Service>) -> ([(HeaderName, &'static str); 1], Body) {
    if service.flaw == Flaw::CutsLinked {
        return ([(CONTENT_LENGTH, "22")], Body::from("<a href=large>file</a>"));
    }
    let pieces = stream::iter(["hello ", "world"]).then(move |piece| {
        let service = service.clone();
        async move {
            if piece == "hello " {
                return Ok(piece);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let cut = service.flaw == Flaw::CutsAnswers && service.unready.load(Relaxed);
            if cut { Err(std::io::Error::other("it is to end")) } else { Ok(piece) }
        }
    });
    ([(CONTENT_LENGTH, "11")], Body::from_stream(pieces))
}

/// Two MiB in pieces.
async fn large(State(service): State<Service>) -> ([(HeaderName, &'static str); 1], Body) {
    let pieces = stream::iter(0..128).map(move |_| {
        let cuts = matches!(service.flaw, Flaw::CutsTransfers | Flaw::CutsLinked);
        let cut = cuts && service.unready.load(Relaxed);
        if cut { Err(std::io::Error::other("it is to end")) } else { Ok(vec![b'x'; 16 << 10]) }
    });
    ([(CONTENT_LENGTH, "2097152")], Body::from_stream(pieces))
}

/// Waits for what it depends on: the address in `LIFE_UPSTREAM`.
async fn ask() -> StatusCode {
    match upstream().await {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => StatusCode::OK,
        Ok(_) | Err(_) => StatusCode::BAD_GATEWAY,
    }
}

async fn upstream() -> std::io::Result<String> {
    let address = std::env::var("LIFE_UPSTREAM").unwrap_or_default();
    let host = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    stream.write_all(format!("GET /ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn crash(State(service): State<Service>) -> StatusCode {
    if service.flaw == Flaw::Fragile {
        std::process::exit(101);
    }
    let crashed = tokio::spawn(async move {
        let _held = (service.flaw == Flaw::Poisoned).then(|| service.things.lock());
        panic!("a handler panics, as it was asked to")
    });
    match crashed.await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn file() -> String {
    std::env::var("LIFE_DATA").unwrap_or_else(|_| "/dev/null".to_owned())
}

fn lock() -> String {
    format!("{}.lock", file())
}

fn read() -> HashMap<String, Thing> {
    let thing = |line: &str| {
        let (key, rest) = line.split_once('\t')?;
        let (id, colour) = rest.split_once('\t')?;
        Some((key.to_owned(), Thing { id: id.to_owned(), colour: colour.to_owned() }))
    };
    std::fs::read_to_string(file()).unwrap_or_default().lines().filter_map(thing).collect()
}

/// On disk before it is acknowledged.
fn write(key: &str, thing: &Thing) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file()).expect("the file can be opened");
    let line = format!("{key}\t{}\t{}\n", thing.id, thing.colour);
    file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).expect("the disk takes it");
}

/// Starts a sound one that has neither its parent nor its group nor its environment, and stays.
async fn daemonise(port: u16) -> i32 {
    let mut term = signal(SignalKind::terminate()).expect("signals can be heard");
    let mut command = std::process::Command::new("setsid");
    // What stands before the name and the port says what else the program can do.
    let own: Vec<String> = std::env::args().skip(1).collect();
    command.arg("--fork").arg(std::env::current_exe().expect("a program has a path"));
    command.args(&own[..own.len().saturating_sub(2)]).arg(GOOD.name);
    let kept = std::env::vars().filter(|(name, _)| ["LIFE_DATA", "NOTIFY_SOCKET"].contains(&name.as_str()));
    let kept: Vec<(String, String)> = kept.collect();
    let started = command.arg(port.to_string()).env_clear().envs(kept).spawn().and_then(|mut child| child.wait());
    if started.is_err() {
        return 1;
    }
    term.recv().await;
    0
}

fn tell(state: &str) {
    if let (Ok(path), Ok(socket)) = (std::env::var("NOTIFY_SOCKET"), UnixDatagram::unbound()) {
        let _ = socket.send_to(state.as_bytes(), path);
    }
}
