//! Servers for the probes of chapters `ship`, `data` and `access`: a service with a typed port and limit that keeps things in a
//! folder and its secrets to itself, and the same with one flaw each.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::specimen::Server;
use crate::specimen::server::{Request, Response, serve};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Takes its default for what it cannot read.
    Lenient,
    /// Ends on what it cannot read, and does not say on what.
    Mute,
    /// Tells of the first mistake only.
    OneAtATime,
    /// Ends with a stack trace.
    Trace,
    /// Listens where it was started first.
    FixedPort,
    /// Writes into the working folder too.
    Scattered,
    /// Appends to a file deep below the working folder, which it opens and closes each time.
    Moments,
    /// Does not read its file again when it starts.
    Forgetful,
    /// Holds a file elsewhere open for writing.
    OpenElsewhere,
    /// Does not write where it was declared.
    Nowhere,
    /// Acknowledges what the disk does not take.
    Careless,
    /// Ends when the disk is full.
    Mortal,
    /// Prints its database's password.
    Printing,
    /// Answers its environment.
    Telling,
    /// Prints nothing, and writes the credentials of its clients into a file.
    Filing,
    /// Prints the whole form of each login.
    Logins,
    /// Prints the credentials of its clients.
    Eavesdropping,
}

/// It does all that the probes of these chapters look at.
pub(crate) const GOOD: Server = Server::new("ship-good", |port| keep(Flaw::None, port));

/// A Makefile with the usual targets.
const MAKEFILE: &str = "setup run test check bench release deploy:\n\t@cargo $@\n";
/// A manifest and its lockfile.
const MANIFEST: (&str, &str) = ("Cargo.toml", "[dependencies]\nserde = \"1\"\n");
const LOCK: (&str, &str) = ("Cargo.lock", "source = \"registry\"\nchecksum = \"00\"\n");

/// The files of the repository that a specimen comes from; none where none is declared.
pub(crate) fn repository(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "make-sound" => &[("Makefile", MAKEFILE), (".ci/run", "exec make test\n")],
        "make-absent" => &[("README.md", "none")],
        "make-promises" => &[
            ("Makefile", "setup run test check bench release deploy:\n\t@echo \"todo: $@\"\n"),
            (".ci/run", "exec make test\n"),
        ],
        "supply-checked" => &[MANIFEST, LOCK, ("Makefile", "check:\n\tcargo deny check\n")],
        "supply-unlocked" => &[MANIFEST, ("Makefile", "check:\n\tcargo deny check\n")],
        "supply-ignored" => &[
            MANIFEST,
            LOCK,
            (".github/workflows/ci.yml", "jobs:\n  b:\n    steps:\n      - run: cargo deny check || true\n"),
        ],
        _ => &[],
    }
}

/// Serves with one flaw.
pub(crate) fn keep(flaw: Flaw, port: u16) -> ! {
    let port = if flaw == Flaw::FixedPort { port } else { settings(flaw).unwrap_or(port) };
    if flaw == Flaw::Printing {
        println!("connecting to {}", std::env::var("SHIP_DATABASE").unwrap_or_default());
    }
    let store = Mutex::new(Store::open(flaw));
    serve(port, move |request| answer(flaw, &store, request))
}

/// The port of `SHIP_PORT`, when it is set. Ends the process when a setting cannot be read.
fn settings(flaw: Flaw) -> Option<u16> {
    let read = |name: &str| std::env::var(name).ok();
    let number =
        |name: &str| read(name).map(|text| text.parse::<u16>().map_err(|_| format!("{name}: {text:?} is no number")));
    let (port, limit) = (number("SHIP_PORT"), number("SHIP_LIMIT"));
    let mistakes: Vec<&String> = [&port, &limit].into_iter().flatten().filter_map(|read| read.as_ref().err()).collect();
    if !mistakes.is_empty() && flaw != Flaw::Lenient {
        match flaw {
            Flaw::Mute => eprintln!("bad configuration"),
            Flaw::OneAtATime => eprintln!("{}", mistakes[0]),
            Flaw::Trace => eprintln!("{mistakes:?}\nstack backtrace:\n   0: main"),
            _ => mistakes.iter().for_each(|mistake| eprintln!("{mistake}")),
        }
        std::process::exit(2);
    }
    port.and_then(Result::ok)
}

struct Store {
    file: Option<std::fs::File>,
    _elsewhere: Option<std::fs::File>,
    /// The file of the log, if it is not standard output.
    log: Option<std::fs::File>,
    things: Vec<String>,
}

impl Store {
    fn open(flaw: Flaw) -> Self {
        let append = |path: PathBuf| std::fs::OpenOptions::new().append(true).create(true).open(path).ok();
        let folder = std::env::var("SHIP_DATA").map(PathBuf::from).ok().filter(|_| flaw != Flaw::Nowhere);
        let elsewhere =
            (flaw == Flaw::OpenElsewhere).then(|| append(std::env::temp_dir().join("keel-specimen-elsewhere")));
        let path = folder.map(|folder| folder.join("things"));
        let kept =
            path.as_ref().filter(|_| flaw != Flaw::Forgetful).and_then(|path| std::fs::read_to_string(path).ok());
        let id = |line: &str| line.split_once('\t').map(|(id, _)| id.to_owned());
        Self {
            things: kept.unwrap_or_default().lines().filter_map(id).collect(),
            file: path.and_then(append),
            _elsewhere: elsewhere.flatten(),
            log: (flaw == Flaw::Filing).then(|| append(PathBuf::from("access.log"))).flatten(),
        }
    }

    /// A line of some KiB, so that a disk is full soon.
    fn add(&mut self, id: &str) -> std::io::Result<()> {
        if let Some(file) = &mut self.file {
            let line = format!("{id}\t{}\n", "x".repeat(8 << 10));
            file.write_all(line.as_bytes())?;
            file.sync_data()?;
        }
        self.things.push(id.to_owned());
        Ok(())
    }
}

fn answer(flaw: Flaw, store: &Mutex<Store>, request: &Request) -> Response {
    if flaw == Flaw::Eavesdropping {
        println!("{} {}", request.path, request.header("authorization").unwrap_or_default());
    }
    if flaw == Flaw::Filing {
        let mut store = store.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let authorization = request.header("authorization").unwrap_or_default();
        if let Some(log) = &mut store.log {
            let _ = writeln!(log, "{} {authorization}", request.path);
        }
    }
    if flaw == Flaw::Logins && request.path == "/login" {
        println!("login: {}", String::from_utf8_lossy(&request.body));
    }
    let path = request.path.split('?').next().unwrap_or_default();
    let mut store = store.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match (request.method.as_str(), path) {
        ("GET", "/") => Response::new(200, "text/plain", "hello"),
        ("GET", "/env") if flaw == Flaw::Telling => {
            Response::new(200, "text/plain", std::env::var("SHIP_DATABASE").unwrap_or_default())
        }
        ("POST", "/login") => Response::new(200, "text/plain", "welcome"),
        ("POST", "/things") => {
            let id = format!("thing-{}", store.things.len());
            if flaw == Flaw::Scattered {
                let _ = std::fs::write("scattered.tmp", &id);
            }
            if flaw == Flaw::Moments {
                let _ = std::fs::create_dir_all("uploads/a");
                let mut file = std::fs::OpenOptions::new().append(true).create(true).open("uploads/a/state.db").ok();
                let _ = file.as_mut().map(|file| writeln!(file, "{id}"));
            }
            let full = |error: std::io::Error| Response::new(507, "text/plain", format!("no room: {error}"));
            let added = store.add(&id);
            if added.is_err() && flaw == Flaw::Careless {
                store.things.push(id.clone());
            }
            match added {
                Err(_) if flaw == Flaw::Mortal => std::process::exit(1),
                Err(error) if flaw != Flaw::Careless => full(error),
                _ => Response::new(201, "application/json", format!(r#"{{"id":"{id}"}}"#)),
            }
        }
        ("GET", path) => match path.strip_prefix("/things/") {
            Some(id) if store.things.iter().any(|known| known == id) => Response::new(200, "text/plain", "a thing"),
            _ => Response::new(404, "text/plain", "nothing here"),
        },
        _ => Response::new(405, "text/plain", "not that"),
    }
}
