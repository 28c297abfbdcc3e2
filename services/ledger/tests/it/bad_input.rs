//! Mistakes of a new user: each gives one clear message with the remedy, no backtrace, and the right exit code.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use evenkeel::store::{Options, Store, StoreError, args};

/// Runs the ledger with these arguments and variables, on free ports and a database of its own unless they say otherwise.
fn run(mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/ledger.db", folder.path().display());
    command.env("HOST", "127.0.0.1").env("PORT", "0").env("ADMIN_ADDR", "127.0.0.1:0").env("DATABASE_URL", &database);
    // Also who asks for backtraces gets none for a mistake of theirs.
    command.env("RUST_BACKTRACE", "1");
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder.path()).output().unwrap()
}

fn ledger() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ledger"))
}

/// The ledger without the power to pass permissions by, which root has.
fn ledger_that_permissions_bind() -> Command {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return ledger();
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", env!("CARGO_BIN_EXE_ledger")]);
    command
}

#[track_caller]
fn refuses(arguments: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) {
    is_refused(ledger(), arguments, variables, code, words);
}

#[track_caller]
fn is_refused(command: Command, arguments: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let output = run(command, arguments, variables);
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?} {variables:?}: {told}");
    for word in words {
        assert!(told.contains(word), "{word:?} is not in what {arguments:?} {variables:?} says:\n{told}");
    }
    for never in ["panicked", "backtrace", "RUST_BACKTRACE", "Err(", "topsecret", ".rs:"] {
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
fn a_database_that_does_not_answer_is_reported_without_its_password() {
    let url = "postgres://me:topsecret@127.0.0.1:1/ledger";
    refuses(
        &[],
        &[("DATABASE_URL", url)],
        1,
        &["127.0.0.1:1", "refused", "DATABASE_URL", "check that PostgreSQL runs"],
    );
}

#[test]
fn a_port_in_use_is_reported_with_the_variable_that_changes_it() {
    // All addresses of the host include the one that is taken, and the other way round.
    for (theirs, ours) in [
        (Ipv4Addr::LOCALHOST, "127.0.0.1"),
        (Ipv4Addr::LOCALHOST, "0.0.0.0"),
        (Ipv4Addr::UNSPECIFIED, "127.0.0.1"),
        (Ipv4Addr::UNSPECIFIED, "0.0.0.0"),
    ] {
        let taken = TcpListener::bind((theirs, 0)).unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        refuses(&[], &[("PORT", &port), ("HOST", ours)], 1, &[&port, "in use", "stop the process", "PORT"]);
        let admin = format!("{ours}:{port}");
        refuses(&[], &[("ADMIN_ADDR", &admin)], 1, &[&port, "in use", "stop the process", "ADMIN_ADDR"]);
    }
}

#[test]
fn an_address_of_another_host_is_reported_with_the_variable_that_changes_it() {
    refuses(&[], &[("HOST", "192.0.2.1")], 1, &["192.0.2.1", "HOST"]);
}

#[test]
fn a_folder_that_cannot_be_created_is_reported_with_the_remedy() {
    // Nothing can be made below a device, not even by root.
    refuses(&[], &[("DATABASE_URL", "sqlite:/dev/null/ledger.db")], 1, &["/dev/null", "DATABASE_URL"]);
    refuses(&[], &[("DATABASE_URL", "sqlite:/proc/ledger.db")], 1, &["/proc/ledger.db", "DATABASE_URL"]);
}

#[test]
fn a_folder_without_write_permission_is_reported_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let there = format!("sqlite:{}/there.db", folder.path().display());
    assert!(run(ledger(), &["migrate"], &[("DATABASE_URL", &there)]).status.success());
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    for file in ["there.db", "new.db", "below/new.db"] {
        let url = format!("sqlite:{}/{file}", folder.path().display());
        let words = [file, "give the service a folder that it may write to", "DATABASE_URL"];
        is_refused(ledger_that_permissions_bind(), &[], &[("DATABASE_URL", &url)], 1, &words);
    }
    // So that it can be removed by whoever is not root.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
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

/// Changes the log of migrations as only another version of the ledger would.
fn edit_migrations(folder: &Path, sql: &'static str) -> String {
    let url = format!("sqlite:{}/ledger.db", folder.display());
    assert!(run(ledger(), &["migrate"], &[("DATABASE_URL", &url)]).status.success());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&url.parse().unwrap(), Options::default()).await.unwrap();
        let edited: Result<u64, StoreError> =
            store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
        assert_eq!(edited.unwrap(), 1);
        store.close().await;
    });
    url
}

#[test]
fn a_migration_that_was_changed_after_it_was_applied_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let changed = "UPDATE evenkeel_migrations SET checksum = 'other' WHERE owner = 'service' AND version = 2";
    let url = edit_migrations(folder.path(), changed);
    for arguments in [&[][..], &["migrate"]] {
        refuses(
            arguments,
            &[("DATABASE_URL", &url)],
            1,
            &["migration 2", "transfers and entries", "take the change back"],
        );
    }
}

#[test]
fn a_schema_of_a_later_version_is_worked_with_so_that_a_release_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let later = "INSERT INTO evenkeel_migrations VALUES ('service', 99, 'of a later version', 'x')";
    let url = edit_migrations(folder.path(), later);
    let mut serving = ledger()
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("ADMIN_ADDR", "127.0.0.1:0")
        .env("DATABASE_URL", &url)
        .env("MIGRATE", "never")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines().map(Result::unwrap);
    let ready = lines.any(|line| line.contains(r#""message":"ready""#));
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(ready, "it serves, with nothing to migrate");
}
