//! A service whose calls share one connection, as those of gRPC, Redis and NATS clients do, and what it calls.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::specimen::server::{Response, serve};

/// One call.
const TIMEOUT: Duration = Duration::from_millis(700);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(700);

/// Calls that wait, by the line that answers them.
type Waiting = Arc<Mutex<BTreeMap<u64, Sender<()>>>>;

#[derive(Default)]
struct Shared {
    connection: Option<(TcpStream, Waiting)>,
    calls: u64,
}

/// Answers each line with the same line.
pub(super) fn echo(port: u16) -> ! {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    loop {
        let Ok((stream, _)) = listener.accept() else { continue };
        std::thread::spawn(move || {
            let mut answers = stream.try_clone()?;
            for line in BufReader::new(stream).lines() {
                answers.write_all(format!("{}\n", line?).as_bytes())?;
            }
            Ok::<_, std::io::Error>(())
        });
    }
}

/// Calls `DEPENDENCY_URL` for `/price`, on one connection that stays.
pub(super) fn share(port: u16) -> ! {
    let shared = Mutex::new(Shared::default());
    serve(port, move |request| match request.path.as_str() {
        "/price" => match call(&shared) {
            Some(true) => Response::new(200, "text/plain", "12.50"),
            Some(false) => Response::new(504, "text/plain", "no price in time"),
            None => Response::new(502, "text/plain", "no connection"),
        },
        _ => Response::new(200, "text/plain", "hello"),
    })
}

/// Returns true if the line came back in time; `None` without a connection.
fn call(shared: &Mutex<Shared>) -> Option<bool> {
    let (sender, answered) = channel();
    let (number, waiting) = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.calls += 1;
        let number = shared.calls;
        if shared.connection.is_none() {
            shared.connection = Some(connect()?);
        }
        let (stream, waiting) = shared.connection.as_mut()?;
        let waiting = Arc::clone(waiting);
        lock(&waiting).insert(number, sender);
        let written = stream.write_all(format!("{number}\n").as_bytes());
        if written.is_err() {
            shared.connection = None;
            return None;
        }
        (number, waiting)
    };
    let came = answered.recv_timeout(TIMEOUT);
    lock(&waiting).remove(&number);
    match came {
        Ok(()) => Some(true),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Some(false),
        // The reader has ended: the connection is lost.
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            shared.lock().unwrap_or_else(PoisonError::into_inner).connection = None;
            None
        }
    }
}

fn connect() -> Option<(TcpStream, Waiting)> {
    let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let address = address.trim_start_matches("tcp://").trim_end_matches('/').parse().ok()?;
    let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok()?;
    let waiting = Waiting::default();
    let (answers, calls) = (stream.try_clone().ok()?, Arc::clone(&waiting));
    std::thread::spawn(move || {
        for line in BufReader::new(answers).lines().map_while(Result::ok) {
            if let Some(call) = line.parse().ok().and_then(|number| lock(&calls).remove(&number)) {
                // A call that is given up hears nothing.
                let _ = call.send(());
            }
        }
        lock(&calls).clear();
    });
    Some((stream, waiting))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
