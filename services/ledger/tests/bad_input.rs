//! What a new user gets wrong: each mistake gives one clear message with the way out, no backtrace, and the right exit code.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::net::TcpListener;
use std::process::{Command, Output};

/// Runs the ledger with these arguments and variables, on free ports and a database of its own unless they say otherwise.
fn ledger(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/ledger.db", folder.path().display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    command.env("HOST", "127.0.0.1").env("PORT", "0").env("ADMIN_ADDR", "127.0.0.1:0").env("DATABASE_URL", &database);
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder.path()).output().unwrap()
}

#[track_caller]
fn refuses(arguments: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let output = ledger(arguments, variables);
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?} {variables:?}: {told}");
    for word in words {
        assert!(told.contains(word), "{word:?} is not in what {arguments:?} {variables:?} says:\n{told}");
    }
    for never in ["panicked", "backtrace", "RUST_BACKTRACE", "Err(", "topsecret"] {
        assert!(!told.contains(never), "{never:?} is in what {arguments:?} {variables:?} says:\n{told}");
    }
}

#[test]
fn a_flag_or_command_that_is_not_known_is_refused_with_the_way_to_the_help() {
    refuses(&["--prot", "80"], &[], 2, &["--prot", "--help"]);
    refuses(&["sreve"], &[], 2, &["sreve", "serve"]);
}

#[test]
fn every_variable_that_cannot_be_read_is_named_in_one_run() {
    let variables = [("PORT", "eighty"), ("ADMIN_ADDR", "here"), ("REQUEST_DEADLINE", "soon"), ("RAIL_URL", "bank")];
    refuses(&[], &variables, 2, &["PORT", "eighty", "ADMIN_ADDR", "REQUEST_DEADLINE", "10s", "RAIL_URL", "--help"]);
    refuses(&["check-config"], &variables, 2, &["PORT", "ADMIN_ADDR", "REQUEST_DEADLINE", "RAIL_URL"]);
}

#[test]
fn a_database_that_is_not_known_is_refused_without_its_password() {
    let url = "mysql://me:topsecret@127.0.0.1/ledger";
    refuses(&[], &[("DATABASE_URL", url)], 2, &["DATABASE_URL", "sqlite:PATH", "postgres://"]);
}

#[test]
fn a_database_that_does_not_answer_is_told_without_its_password() {
    let url = "postgres://me:topsecret@127.0.0.1:1/ledger";
    refuses(
        &[],
        &[("DATABASE_URL", url)],
        1,
        &["127.0.0.1:1", "refused", "DATABASE_URL", "check that PostgreSQL runs"],
    );
}

#[test]
fn a_port_in_use_is_told_with_the_variable_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port().to_string();
    refuses(&[], &[("PORT", &port)], 1, &[&port, "in use", "PORT"]);
    // All addresses of the host include the one that is taken.
    refuses(&[], &[("PORT", &port), ("HOST", "0.0.0.0")], 1, &[&port, "in use", "PORT"]);
    refuses(&[], &[("ADMIN_ADDR", &address.to_string())], 1, &[&port, "in use", "ADMIN_ADDR"]);
}

#[test]
fn an_address_of_another_host_is_told_with_the_variable_that_changes_it() {
    refuses(&[], &[("HOST", "192.0.2.1")], 1, &["192.0.2.1", "HOST"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_the_way_out() {
    // Nothing can be made below a device, not even by root.
    refuses(&[], &[("DATABASE_URL", "sqlite:/dev/null/ledger.db")], 1, &["/dev/null", "DATABASE_URL"]);
    refuses(&[], &[("DATABASE_URL", "sqlite:/proc/ledger.db")], 1, &["/proc/ledger.db", "DATABASE_URL"]);
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    std::fs::write(&file, "Dear Sir or Madam, this is a letter and no database at all. ".repeat(20)).unwrap();
    let url = format!("sqlite:{}", file.display());
    refuses(&[], &[("DATABASE_URL", &url)], 1, &["not a database", "letter.txt", "DATABASE_URL"]);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("Dear Sir"));
}

#[test]
fn a_schema_that_is_behind_is_refused_when_it_may_not_be_changed() {
    refuses(&[], &[("MIGRATE", "never")], 1, &["migrate"]);
    refuses(&[], &[("MIGRATE", "sometimes")], 2, &["MIGRATE", "auto", "never"]);
}
