//! Cost of the border: a hello route behind all of it against the same route of bare axum.

use std::process::{Command, ExitCode};
use std::time::Duration;

use evenkeel::prelude::*;

use crate::measure::{Server, collected, free_address, get_many, median, throughput};

/// Rounds of each, in turn.
const ROUNDS: usize = 5;
/// Requests whose instructions are counted, after as many that are not.
const COUNTED: usize = 2000;

/// Connections in the accept queue of a listener of tokio.
const ACCEPT_QUEUE: u32 = 1024;

async fn hello() -> &'static str {
    "hello"
}

/// One of the two servers, until it is killed.
pub(crate) fn serve(which: &str, port: &str) -> ExitCode {
    let routes = Router::new().route("/hello", get(hello));
    match which {
        "bare" => serve_bare(routes, port),
        _ => serve_evenkeel(routes, port),
    }
}

/// Serves routes with nothing configured but the addresses.
pub(crate) fn serve_evenkeel(routes: Router, port: &str) -> ExitCode {
    Service::new(build_info!()).routes(move |_context| routes).main_with([
        "bench".into(),
        "--host=127.0.0.1".into(),
        format!("--port={port}").into(),
        "--admin-addr=127.0.0.1:0".into(),
    ])
}

pub(crate) fn serve_bare(routes: Router, port: &str) -> ExitCode {
    serve_bare_with(routes, port, ACCEPT_QUEUE)
}

/// The same with room for so many connections in the accept queue; the kernel's `somaxconn` bounds it too.
pub(crate) fn serve_bare_with(routes: Router, port: &str, accept_queue: u32) -> ExitCode {
    let served = tokio::runtime::Builder::new_multi_thread().enable_all().build().and_then(|runtime| {
        runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            let address = format!("127.0.0.1:{port}").parse().map_err(std::io::Error::other)?;
            socket.bind(address)?;
            let listener = socket.listen(accept_queue)?;
            let end = async {
                let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
                signal.recv().await;
                Ok::<_, std::io::Error>(())
            };
            axum::serve(listener, routes).with_graceful_shutdown(async { drop(end.await) }).await
        })
    });
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub(crate) fn start(prefix: &[&str], which: &str) -> Result<Server, String> {
    let address = free_address()?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = match prefix.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
        None => Command::new(own),
    };
    Server::start(command.args(["serve", which, &address.port().to_string()]), address, Duration::from_secs(30))
}

/// Instructions a request, counted by callgrind: the difference between two runs of different length.
fn instructions(which: &str) -> Result<f64, String> {
    let counted = |requests: usize| -> Result<f64, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (out, log) = (folder.path().join("out"), folder.path().join("log"));
        let (out, log) = (format!("--callgrind-out-file={}", out.display()), log.display().to_string());
        let server = start(&["valgrind", "--tool=callgrind", &out, &format!("--log-file={log}")], which)?;
        get_many(server.address, requests)?;
        server.end()?;
        let text = std::fs::read_to_string(&log).map_err(|error| format!("no log of valgrind: {error}"))?;
        collected(&text).ok_or_else(|| format!("valgrind said:\n{text}"))
    };
    Ok((counted(2 * COUNTED)? - counted(COUNTED)?) / COUNTED as f64)
}

/// The border's part of the report.
pub(crate) fn report() -> Result<String, String> {
    let (mut bare, mut whole, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let of = |which| -> Result<f64, String> {
            let server = start(&[], which)?;
            get_many(server.address, 1000)?;
            let figure = throughput(server.address)?;
            server.end()?;
            Ok(figure)
        };
        let (one, other) = (of("bare")?, of("evenkeel")?);
        ratios.push(other / one);
        bare.push(one);
        whole.push(other);
    }
    let (bare_instructions, whole_instructions) = (instructions("bare")?, instructions("evenkeel")?);
    let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = ratios.iter().copied().fold(0.0, f64::max);
    Ok(format!(
        "## The border\n\nA hello route behind the whole border against bare axum; wrk, 1 thread, 32 connections, 3 s, \
         {ROUNDS} rounds in turn; instructions by callgrind.\n\n\
         | | bare axum | evenkeel | ratio |\n|---|---|---|---|\n\
         | requests a second (median) | {:.0} | {:.0} | {:.2} ({lowest:.2} to {highest:.2}) |\n\
         | instructions a request | {bare_instructions:.0} | {whole_instructions:.0} | {:.2} |\n\n",
        median(bare),
        median(whole),
        median(ratios),
        whole_instructions / bare_instructions,
    ))
}
