//! Servers for `life.steady` and `prove.soak` that are examined under a steady load: one that keeps nothing, and those that keep something of each request.

use std::fs::File;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::specimen::server::{Request, Response, read_request, serve, write_response};
use crate::specimen::{Server, Specimen};

/// Bytes that a leaking specimen keeps of each request.
const LEAK: usize = 64 * 1024;
/// It opens a file at every so many requests: the usual limit of 1,024 must outlive the examination.
const OPENED_EVERY: u64 = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Memory,
    Descriptors,
}

/// It keeps nothing.
pub(crate) const GOOD: Server = Server::new("steady-good", |port| keep(Keeps::Nothing, port));

/// It keeps a descriptor of every eighth request.
pub(crate) const LEAKS_DESCRIPTORS: Server =
    Server::new("steady-leaks-descriptors", |port| keep(Keeps::Descriptors, port));

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.is_unknown("keeps nothing in memory; where it keeps data is not declared"),
    Server::new("steady-leaks-memory", |port| keep(Keeps::Memory, port)).falls_short("keeps memory of each request"),
    Server::new("steady-spins", |port| accept(Flaw::Spins, port))
        .falls_short("accepts again at once when its descriptors are spent"),
    Server::new("steady-floods-its-log", |port| accept(Flaw::Floods, port))
        .falls_short("prints a line a millisecond while its descriptors are spent"),
    Server::new("steady-gives-up", |port| accept(Flaw::GivesUp, port))
        .falls_short("stays alive when its descriptors are spent, and never accepts again"),
    Server::new("steady-keeps-aborted", |port| accept(Flaw::KeepsAborted, port))
        .falls_short("is flat under any load, and keeps a descriptor of each connection that breaks off")
        .liar(),
    Server::new("steady-frees-late", |port| accept(Flaw::FreesLate, port))
        .is_unknown("closes a connection that broke off a second later, and where it keeps data is not declared"),
    Server::new("steady-prints-traces", |port| accept(Flaw::PrintsTraces, port))
        .falls_short("prints a kilobyte for each request that fails"),
];

/// Flaw of a specimen under strain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Spins,
    Floods,
    GivesUp,
    KeepsAborted,
    FreesLate,
    PrintsTraces,
}

/// Serves with a flaw that no load shows.
fn accept(flaw: Flaw, port: u16) -> ! {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    let kept = Arc::new(Mutex::new(Vec::new()));
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(_) if flaw == Flaw::Spins => continue,
            Err(error) => {
                match flaw {
                    Flaw::Floods => println!("a connection could not be accepted: {error}"),
                    Flaw::GivesUp => std::thread::sleep(Duration::from_secs(3600)),
                    _ => {}
                }
                std::thread::sleep(Duration::from_millis(if flaw == Flaw::Floods { 1 } else { 20 }));
                continue;
            }
        };
        let kept = Arc::clone(&kept);
        std::thread::spawn(move || {
            if serve_connection(flaw, &stream).is_err() {
                match flaw {
                    Flaw::KeepsAborted => kept.lock().unwrap_or_else(PoisonError::into_inner).push(stream),
                    Flaw::FreesLate => std::thread::sleep(Duration::from_secs(1)),
                    _ => {}
                }
            }
        });
    }
}

/// Serves one connection with one descriptor, so that accepting is what fails when they are spent.
fn serve_connection(flaw: Flaw, stream: &TcpStream) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some(request) = read_request(&mut reader)? {
        write_response(&mut writer, &request, &answer(flaw, &request))?;
    }
    Ok(())
}

fn answer(flaw: Flaw, request: &Request) -> Response {
    if request.method == "GET" && request.path == "/" {
        return Response::new(200, "text/plain", "hello");
    }
    if flaw == Flaw::PrintsTraces {
        println!("{}", "a frame of a stack trace ".repeat(40));
    }
    Response::new(404, "text/plain", "nothing here")
}

fn keep(keeps: Keeps, port: u16) -> ! {
    let (kept, opened) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let served = AtomicU64::new(0);
    serve(port, move |request| {
        if request.path != "/" {
            return Response::new(404, "text/plain", "nothing here");
        }
        match keeps {
            // Written, or its pages would not be resident.
            Keeps::Memory => kept.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1_u8; LEAK]),
            Keeps::Descriptors if served.fetch_add(1, Relaxed).is_multiple_of(OPENED_EVERY) => {
                opened.lock().unwrap_or_else(PoisonError::into_inner).extend(File::open("/dev/null"));
            }
            Keeps::Nothing | Keeps::Descriptors => {}
        }
        Response::new(200, "text/plain", "hello")
    })
}
