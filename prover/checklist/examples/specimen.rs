//! `specimen NAME PORT` runs one specimen of the probes in the foreground: the tests of the probes examine it.

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(port)) = (arguments.next(), arguments.next().and_then(|port| port.parse().ok())) else {
        eprintln!("usage: specimen NAME PORT");
        std::process::exit(2);
    };
    let Some(server) = keel_checklist::probes::specimen(&name) else {
        eprintln!("no specimen is called {name}");
        std::process::exit(2);
    };
    (server.run)(port)
}
