//! Cost of one refusal, end to end, by protocol. Run by hand: `bench/RESULTS.md` has the commands and the figures.
//!
//! The gate of a listener is kept full from a thread of its own. A client with bare sockets asks one request after the other on one connection, and
//! the processor time of the server's only thread is divided by their number. Under callgrind (`--separate-threads=yes`) the difference of two
//! runs is the number of instructions of a refusal.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::Method;
use axum::routing::get;
use resilience::Criticality;
use resilience::admission::{Entry, RouteId};
use supervision::StopSource;
use vitals::Registry;

use crate::protocol::PREFACE;
use crate::shed::Shed;
use crate::{Border, Limits, Listener};

const SERVER: &str = "server";

/// A client's way to ask one request.
type Ask = fn(&mut TcpStream, u32);

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Fills the queue of a gate. What is admitted and queued stays until the next call.
fn fill(shed: &Shed, held: &mut Vec<Entry>) {
    held.clear();
    let client = "192.0.2.1".parse().ok();
    for _ in 0..10_000 {
        match shed.decide(RouteId::OTHER, Criticality::Default, client, Duration::ZERO) {
            Entry::Refused(_) => break,
            entry => held.push(entry),
        }
    }
    shed.learn(&Method::GET, "/work", RouteId::OTHER, Criticality::Default);
}

fn read(socket: &mut TcpStream, bytes: &mut [u8]) {
    socket.read_exact(bytes).unwrap();
}

fn ask_http1(socket: &mut TcpStream, _: u32) {
    socket.write_all(b"GET /work HTTP/1.1\r\nhost: x\r\nuser-agent: cost\r\naccept: */*\r\n\r\n").unwrap();
    let (mut answer, mut length) = ([0; 4096], 0);
    while !answer[..length].ends_with(b"}") {
        length += socket.read(&mut answer[length..]).unwrap();
    }
    assert!(answer.starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&answer[..length]));
}

/// A request that is too long for the socket below the server: its head comes in two parts.
fn ask_http1_above(socket: &mut TcpStream, number: u32) {
    socket.write_all(b"POST /work HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n").unwrap();
    socket.write_all(b"user-agent: cost\r\naccept: */*\r\n\r\n").unwrap();
    let _ = number;
    let (mut answer, mut length) = ([0; 4096], 0);
    while !answer[..length].ends_with(b"}") {
        length += socket.read(&mut answer[length..]).unwrap();
    }
    assert!(answer.starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&answer[..length]));
}

fn ask_http2(socket: &mut TcpStream, number: u32) {
    // :method GET, :scheme http, :path /work, :authority x.
    let head = b"\x82\x86\x04\x05/work\x01\x01x";
    let stream = 2 * number + 1;
    let mut bytes = vec![0, 0, head.len() as u8, 1, 5];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(head);
    if number == 0 {
        let preface = [PREFACE, b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0"].concat();
        bytes = [preface, bytes].concat();
    } else if number.is_multiple_of(100) {
        // More window for the answers.
        bytes.extend(b"\0\0\x04\x08\0\0\0\0\0\0\x01\0\0");
    }
    socket.write_all(&bytes).unwrap();
    loop {
        let mut frame = [0; 9];
        read(socket, &mut frame);
        let [_, a, b, kind, flags, ..] = frame;
        let mut payload = vec![0; usize::from(a) << 8 | usize::from(b)];
        read(socket, &mut payload);
        assert_ne!(kind, 7, "GOAWAY {payload:?}");
        let is_end = kind == 3 || (kind < 2 && flags & 1 != 0);
        if is_end && frame[5..] == stream.to_be_bytes() {
            return;
        }
    }
}

/// Nanoseconds that the threads of this name have had a processor.
fn processor_time() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_server = threads
        .filter(|thread| std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim() == SERVER));
    let times = of_server.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    times.filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

/// Asks `COST_REQUESTS` (20,000) requests and prints what each cost.
fn measure(name: &str, ask: Ask, expected: [bool; 2]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name(SERVER).enable_all().build();
    let runtime = runtime.unwrap();
    let _entered = runtime.enter();
    let border =
        Border::new("public", Limits::default().with(|limits| limits.max_requests = u32::MAX), &Registry::new());
    let (shed, stop, done) = (border.inner.shed.clone(), StopSource::new(), Arc::new(AtomicBool::new(false)));
    let routes = border.around(axum::Router::new().route("/work", get(async || "done")));
    let listener = runtime.block_on(Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), border)).unwrap();
    let (address, stopped) = (listener.address(), stop.listen());
    runtime.spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    let (full, handle) = (Arc::new(AtomicBool::new(false)), runtime.handle().clone());
    let filler = std::thread::spawn({
        let (shed, done, full) = (shed.clone(), done.clone(), full.clone());
        move || {
            let (_entered, mut held) = (handle.enter(), Vec::new());
            while !done.load(Ordering::Relaxed) {
                fill(&shed, &mut held);
                full.store(true, Ordering::Release);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    while !full.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    let requests = setting("COST_REQUESTS", 20_000);
    ask(&mut socket, 0);
    let (before, refused) = (processor_time(), shed.early());
    for number in 1..=requests {
        ask(&mut socket, number);
    }
    let spent = processor_time() - before;
    let refused = [shed.early()[0] - refused[0], shed.early()[1] - refused[1]];
    println!(
        "{name}: {} ns of the server's processor time a refusal; {refused:?} in front of the router and below the server",
        spent / u64::from(requests)
    );
    done.store(true, Ordering::Relaxed);
    filler.join().unwrap();
    // A moment after the queue was filled anew, few are not refused early.
    let share = refused.map(|count| count * 10 >= u64::from(requests) * 9);
    assert_eq!(share, expected, "{refused:?}");
}

#[test]
#[ignore = "measures; see bench/RESULTS.md"]
fn a_refusal_below_the_server() {
    measure("HTTP/1.1, below the server", ask_http1, [false, true]);
}

#[test]
#[ignore = "measures; see bench/RESULTS.md"]
fn a_refusal_in_front_of_the_router() {
    measure("HTTP/1.1, in front of the router", ask_http1_above, [true, false]);
}

#[test]
#[ignore = "measures; see bench/RESULTS.md"]
fn a_refusal_of_http2() {
    measure("HTTP/2", ask_http2, [true, false]);
}
