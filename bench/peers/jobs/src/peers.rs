//! Other queues on the same server: procrastinate in Python, graphile-worker and pg-boss in Node.

use std::path::Path;
use std::process::Command;

use crate::Failed;

/// A program that measures a peer: `PROGRAM SCRIPT ADDRESS JOBS`.
struct Peer {
    name: &'static str,
    /// It runs the script.
    program: &'static str,
    script: &'static str,
    /// Programs that the peer needs, and the packages that bring them.
    needs: &'static str,
    packages: &'static str,
    /// Jobs of ours for each of its.
    share: u64,
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "graphile-worker",
        program: "node",
        script: "bench/peers/jobs/graphile_peer.mjs",
        needs: "target/peers/node/node_modules/graphile-worker",
        packages: "npm:graphile-worker@0.18.0",
        share: 1,
    },
    Peer {
        name: "pg-boss",
        program: "node",
        script: "bench/peers/jobs/pgboss_peer.mjs",
        needs: "target/peers/node/node_modules/pg-boss",
        packages: "npm:pg-boss@10.4.2",
        share: 2,
    },
    Peer {
        name: "procrastinate",
        program: "target/peers/python/bin/python",
        script: "bench/peers/jobs/procrastinate_peer.py",
        needs: "target/peers/python/bin/procrastinate",
        packages: "pypi:procrastinate==3.10.0 pypi:psycopg-binary==3.3.9",
        share: 50,
    },
];

/// Measures each peer on the same server, and passes its rows on. One without its packages is left out, and a row says so.
pub(crate) fn report(address: &str, jobs: u64) -> Result<(), Failed> {
    for Peer { name, program, script, needs, packages, share } in PEERS {
        if !Path::new(needs).exists() {
            println!("| {name} | not measured: `sh .ci/peers {packages}` installs it | |");
            continue;
        }
        let status = Command::new(program).args([script, address, &(jobs / share).max(1).to_string()]).status()?;
        if !status.success() {
            return Err(format!("{script} failed: {status}").into());
        }
    }
    Ok(())
}
