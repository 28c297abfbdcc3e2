//! Private PostgreSQL of one test: its own folder, its own socket, no port; it ends with the test, also when the test fails.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::cluster::{START_TIMEOUT, as_owner, binaries, is_root, make_cluster, place, run};
use crate::StoreUrl;

/// A PostgreSQL server of one test.
#[derive(Debug)]
pub struct PrivatePostgres {
    folder: PathBuf,
    port: u16,
    server: Child,
    /// Ends the server and removes its folder when its standard input closes: also when the test is killed.
    watchdog: Child,
}

impl PrivatePostgres {
    /// Makes a cluster in a temporary folder and starts it on a socket there.
    ///
    /// As root the server runs as the user `postgres` of Debian's package, since it refuses to run as root.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (the message says how) or does not start: the test cannot go on.
    pub fn start() -> Self {
        Self::start_with(5432, &["listen_addresses="], |_| ())
    }

    /// Starts it with these settings, `NAME=VALUE` each.
    ///
    /// # Panics
    /// As [`PrivatePostgres::start`].
    pub fn start_with_settings(settings: &[&str]) -> Self {
        Self::start_with(5432, &[&["listen_addresses="], settings].concat(), |_| ())
    }

    /// Starts it with TLS as well, on a TCP port of every address of this host, with this certificate and key in PEM.
    ///
    /// # Panics
    /// As [`PrivatePostgres::start`].
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("loopback has a free port").port();
        let settings = ["listen_addresses=*", "ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key"];
        Self::start_with(port, &settings, |data| {
            let everybody = "local all all trust\nhost all all all trust\n";
            for (name, text) in [("server.crt", certificate), ("server.key", key), ("pg_hba.conf", everybody)] {
                let file = data.join(name);
                std::fs::write(&file, text).expect("the folder of the cluster can be written to");
                run(Command::new("chmod").arg("0600").arg(&file));
                if is_root() {
                    run(Command::new("chown").arg("postgres").arg(&file));
                }
            }
        })
    }

    /// The TCP port of a server with TLS, and of its socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn start_with(port: u16, settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let binaries =
            binaries().expect("PostgreSQL is not installed: run `make setup`, or apt-get install postgresql");
        let folder = tempfile::Builder::new().prefix("evenkeel-pg-").tempdir_in(place());
        let folder = folder.expect("a folder for tests").keep();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let data = folder.join("data");
        make_cluster(&binaries, &folder, &data);
        prepare(&data);
        let server = as_owner(&binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "max_connections=100", "-c", "log_min_messages=fatal", "-p", &port.to_string(), "-k"])
            .arg(&folder)
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the postgres binary was found");
        let watchdog = Command::new("sh")
            .args(["-c", r#"read -r _; kill -QUIT "$1" 2>/dev/null; sleep 0.2; rm -rf "$2""#, "watchdog"])
            .arg(server.id().to_string())
            .arg(&folder)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let mut postgres = Self { folder, port, server, watchdog };
        postgres.make_database(&binaries.join("createdb"));
        postgres
    }

    /// The address of its database.
    pub fn url(&self) -> StoreUrl {
        self.url_text().parse().expect("the address is well formed")
    }

    /// The same as text, for `DATABASE_URL`.
    pub fn url_text(&self) -> String {
        format!("postgres://test@localhost/ledger?host={}", self.folder.display())
    }

    /// Starts PgBouncer in transaction mode in front of it, with its defaults for everything else.
    ///
    /// # Panics
    /// When PgBouncer is not installed (the message says how) or does not start.
    pub fn behind_pgbouncer(&self) -> PrivatePgBouncer {
        let folder = self.folder.join("pooler");
        run(as_owner(Path::new("mkdir")).arg(&folder));
        let settings = format!(
            "[databases]\nledger = host={server} dbname=ledger user=test\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n\
             unix_socket_dir = {pooler}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 8\n",
            server = self.folder.display(),
            pooler = folder.display(),
        );
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("the settings can be written");
        let pooler = as_owner(Path::new("pgbouncer"))
            .arg("--quiet")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("PgBouncer is not installed: run `make setup-tests`, or apt-get install pgbouncer");
        // A pooler has nothing to save, and a job in the background may ignore gentler signals.
        let watchdog = Command::new("sh")
            .args(["-c", r#"read -r _; kill -KILL "$1" 2>/dev/null"#, "watchdog"])
            .arg(pooler.id().to_string())
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let mut bouncer = PrivatePgBouncer { folder, pooler, watchdog };
        bouncer.wait_until_it_listens();
        bouncer
    }

    /// Succeeds as soon as the server takes connections.
    fn make_database(&mut self, createdb: &Path) {
        let started = Instant::now();
        loop {
            let output = Command::new(createdb)
                .arg("-h")
                .arg(&self.folder)
                .args(["-p", &self.port.to_string(), "-U", "test", "ledger"])
                .output();
            let output = output.expect("createdb comes with the server");
            if output.status.success() {
                return;
            }
            let ended = self.server.try_wait().expect("it is our child");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(ended.is_none(), "PostgreSQL ended at once ({ended:?}): {said}");
            assert!(started.elapsed() < START_TIMEOUT, "PostgreSQL takes no connections: {said}");
        }
    }
}

/// A PgBouncer in front of a [`PrivatePostgres`]; drop it first.
#[derive(Debug)]
pub struct PrivatePgBouncer {
    folder: PathBuf,
    pooler: Child,
    /// Ends it when its standard input closes: also when the test is killed.
    watchdog: Child,
}

impl PrivatePgBouncer {
    /// The address of the database through it, without named statements.
    pub fn url(&self) -> StoreUrl {
        self.url_text().parse().expect("the address is well formed")
    }

    /// The same as text, for `DATABASE_URL`.
    pub fn url_text(&self) -> String {
        format!("postgres://test@localhost/ledger?host={}&port=6432&statement-cache-capacity=0", self.folder.display())
    }

    fn wait_until_it_listens(&mut self) {
        let (started, socket) = (Instant::now(), self.folder.join(".s.PGSQL.6432"));
        // The file is there before anybody listens on it.
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            let ended = self.pooler.try_wait().expect("it is our child");
            assert!(ended.is_none(), "PgBouncer ended at once: {ended:?}");
            assert!(started.elapsed() < START_TIMEOUT, "PgBouncer does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for PrivatePgBouncer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
        let _ = self.pooler.wait();
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
        let _ = self.server.wait();
    }
}
