//! The files in `ops/`: rules, their tests, a dashboard and playbooks, made from the objectives in the code.

use std::process::Command;

#[test]
fn the_files_in_ops_are_those_of_the_objectives() {
    let check = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .args(["observe", "--check", "--out", concat!(env!("CARGO_MANIFEST_DIR"), "/ops")])
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}
