//! Small servers that hold an attribute or deliberately do not: the prover's tests examine them.
//!
//! `specimen NAME PORT` runs one in the foreground.

mod border;
mod call_see_web;
mod life_ship;
mod server;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(port)) = (arguments.next(), arguments.next().and_then(|port| port.parse().ok())) else {
        eprintln!("usage: specimen NAME PORT");
        std::process::exit(2);
    };
    let known = border::run(&name, port) || call_see_web::run(&name, port) || life_ship::run(&name, port);
    if !known {
        eprintln!("no specimen is called {name}");
        std::process::exit(2);
    }
}
