//! The partner bank of the ledger, with failure modes for tests.

use evenkeel::prelude::*;

fn main() -> ExitCode {
    let rail = rail::Rail::default();
    let admin = rail.clone();
    Service::new(build_info!())
        .about("A partner bank that pays out once for each key, and misbehaves on request of its admin listener")
        .routes(|_context| rail::routes(rail))
        .admin_routes(|_context| rail::admin_routes(admin))
        .main()
}
