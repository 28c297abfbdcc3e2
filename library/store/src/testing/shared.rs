//! A fresh database on a PostgreSQL that the tests of a run share: a tenth of the time of a server of its own.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime};

use super::cluster::{START_TIMEOUT, as_owner, binaries, is_root, make_cluster, owner_of, place, run};
use crate::StoreUrl;

/// Ends the server and the pooler some seconds after the last test has gone, however it went.
const WATCHDOG: &str = r#"
cd "$3" && exec 9>>start.lock 8>>users.lock
while sleep 3; do
  flock 9
  if flock -n 8; then kill -QUIT "$1" "$2" 2>/dev/null; sleep 0.2; rm -rf data pooler; exit; fi
  flock -u 9
done"#;

/// An empty database, on its server and through PgBouncer in transaction mode; dropped with the value.
///
/// The server does not wait for its disk, and no test may stop it, make roles or end the sessions of other databases: for that there is
/// [`PrivatePostgres`](super::PrivatePostgres).
#[derive(Debug)]
pub struct FreshDatabase {
    folder: PathBuf,
    name: String,
    /// Locked while the database is in use, which keeps the server.
    _user: File,
}

impl FreshDatabase {
    /// Makes the database; starts the server when no other test has.
    ///
    /// # Panics
    /// When PostgreSQL or PgBouncer is not installed (the message says how) or does not start.
    pub fn make() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let binaries = binaries().expect("PostgreSQL is not installed: run `make setup-tests`");
        let (folder, user) = server(&binaries);
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run(Command::new(binaries.join("createdb")).arg("-h").arg(&folder).args(["-U", "test", &name]));
        Self { folder, name, _user: user }
    }

    /// The address of the database.
    pub fn url(&self) -> StoreUrl {
        self.url_text().parse().expect("the address is well formed")
    }

    /// The same as text, for `DATABASE_URL`.
    pub fn url_text(&self) -> String {
        format!("postgres://test@localhost/{}?host={}", self.name, self.folder.display())
    }

    /// The address of the database through PgBouncer in transaction mode, without named statements.
    pub fn pooled_url(&self) -> StoreUrl {
        self.pooled_url_text().parse().expect("the address is well formed")
    }

    /// The same as text, for `DATABASE_URL`.
    pub fn pooled_url_text(&self) -> String {
        format!(
            "postgres://test@localhost/{}?host={}&port=6432&statement-cache-capacity=0",
            self.name,
            self.folder.join("pooler").display()
        )
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let Some(binaries) = binaries() else { return };
        let mut dropdb = Command::new(binaries.join("dropdb"));
        let _ = dropdb.arg("-h").arg(&self.folder).args(["-U", "test", "--force", &self.name]).output();
    }
}

/// The folder of the running server, with a lock that keeps it.
fn server(binaries: &Path) -> (PathBuf, File) {
    let made = binaries.join("postgres").metadata().and_then(|metadata| metadata.modified()).expect("it was found");
    let made = made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let folder = place().join(format!("evenkeel-pg-shared-{}-{made}", owner_of(Path::new("/proc/self"))));
    let _ = std::fs::create_dir(&folder);
    assert_eq!(owner_of(&folder), owner_of(Path::new("/proc/self")), "{folder:?} is somebody else's: remove it");
    let lock = |name: &str| {
        let file = File::options().create(true).append(true).open(folder.join(name));
        file.expect("a file in a folder of ours")
    };
    let (start, user) = (lock("start.lock"), lock("users.lock"));
    start.lock().expect("locks work there");
    user.lock_shared().expect("locks work there");
    let sockets = [folder.join(".s.PGSQL.5432"), folder.join("pooler/.s.PGSQL.6432")];
    if !sockets.iter().all(|socket| UnixStream::connect(socket).is_ok()) {
        start_server(binaries, &folder);
        let begun = Instant::now();
        while !sockets.iter().all(|socket| UnixStream::connect(socket).is_ok()) || !answers(binaries, &folder) {
            assert!(begun.elapsed() < START_TIMEOUT, "the shared PostgreSQL in {folder:?} takes no connections");
            std::thread::yield_now();
        }
    }
    (folder, user)
}

fn answers(binaries: &Path, folder: &Path) -> bool {
    let ready = Command::new(binaries.join("pg_isready")).arg("-q").arg("-h").arg(folder).status();
    ready.is_ok_and(|status| status.success())
}

fn start_server(binaries: &Path, folder: &Path) {
    let (data, pooler) = (folder.join("data"), folder.join("pooler"));
    for leftover in [&data, &pooler] {
        let _ = std::fs::remove_dir_all(leftover);
    }
    if is_root() {
        // The lock files and the folder stay ours; the server writes its socket there.
        run(Command::new("chmod").arg("0777").arg(folder));
    }
    make_cluster(binaries, folder, &data);
    let server = quiet(as_owner(&binaries.join("postgres")).arg("-D").arg(&data).arg("-k").arg(folder).args([
        "-c",
        "listen_addresses=",
        "-c",
        "max_connections=400",
        "-c",
        "fsync=off",
        "-c",
        "full_page_writes=off",
        "-c",
        "max_wal_size=128MB",
        "-c",
        "log_min_messages=fatal",
    ]));
    run(as_owner(Path::new("mkdir")).arg(&pooler));
    let settings = format!(
        "[databases]\n* = host={} user=test\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {}\n\
         auth_type = any\npool_mode = transaction\ndefault_pool_size = 8\nmax_client_conn = 1000\n",
        folder.display(),
        pooler.display(),
    );
    let file = pooler.join("pgbouncer.ini");
    std::fs::write(&file, settings).expect("the settings can be written");
    let bouncer = quiet(as_owner(Path::new("pgbouncer")).arg("--quiet").arg(&file));
    let pids = [server, bouncer].map(|pid| pid.to_string());
    quiet(Command::new("sh").args(["-c", WATCHDOG, "watchdog"]).args(pids).arg(folder));
}

/// Starts a program that outlives this test.
fn quiet(command: &mut Command) -> u32 {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}; run `make setup-tests`")).id()
}
