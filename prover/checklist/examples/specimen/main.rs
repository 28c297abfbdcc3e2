//! Small servers that hold an attribute or deliberately do not: the prover's tests examine them.
//!
//! `specimen NAME PORT` runs one in the foreground.

mod border;
mod call;
mod calls;
mod heavy;
mod hedges;
mod life;
mod loaded;
mod patience;
mod periodic;
mod see;
mod server;
mod ship;
mod steady;
mod web;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(port)) = (arguments.next(), arguments.next().and_then(|port| port.parse().ok())) else {
        eprintln!("usage: specimen NAME PORT");
        std::process::exit(2);
    };
    let chapters = [
        border::run,
        call::run,
        calls::run,
        heavy::run,
        hedges::run,
        life::run,
        loaded::run,
        patience::run,
        periodic::run,
        see::run,
        ship::run,
        steady::run,
        web::run,
    ];
    if !chapters.iter().any(|run| run(&name, port)) {
        eprintln!("no specimen is called {name}");
        std::process::exit(2);
    }
}
