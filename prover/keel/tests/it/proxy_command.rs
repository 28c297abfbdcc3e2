//! `keel proxy` as a user meets it: serving, and each command against a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
        let mut child = command.args(["proxy", "-port", "0"]).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("it says where it serves");
        Self { url: url.to_owned(), child }
    }

    /// Does a command well, and gives what it says.
    #[track_caller]
    fn does(&self, command: &str) -> String {
        let (code, told) = self.run(command);
        assert_eq!(code, Some(0), "{command}: {told}");
        told
    }

    fn run(&self, command: &str) -> (Option<i32>, String) {
        run(&[&["--host", &self.url], &command.split(' ').collect::<Vec<_>>()[..]].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `keel proxy` with these arguments: its exit code, and what it says.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_keel"))
        .arg("proxy")
        .args(arguments)
        .env_remove("TOXIPROXY_URL")
        .output()
        .unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), told)
}

/// Echoes every connection.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut connection.try_clone().unwrap(), &mut &connection));
        }
    });
    address
}

fn ping(address: &str) -> std::io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"ping")?;
    let mut came = [0; 4];
    let length = connection.read(&mut came)?;
    Ok(came[..length].to_vec())
}

#[test]
fn every_command_says_what_toxiproxys_says_and_does_it() {
    let (server, upstream) = (Server::start(&[]), echo());
    assert_eq!(server.does("list"), "");
    assert_eq!(server.does(&format!("create -l localhost:0 -u {upstream} echo")), "Created new proxy echo\n");
    let line = server.does("ls");
    let fields: Vec<&str> = line.trim_end().split('\t').collect();
    let &[name, listen, shown, enabled, toxics] = &fields[..] else { panic!("{line}") };
    assert_eq!((name, shown, enabled, toxics), ("echo", upstream.as_str(), "enabled", "0"));
    assert_eq!(ping(listen).unwrap(), b"ping");

    assert_eq!(server.does("toggle echo"), "Proxy echo is now disabled\n");
    assert!(ping(listen).is_err());
    assert_eq!(server.does("tog echo"), "Proxy echo is now enabled\n");

    assert_eq!(
        server.does("toxic add -t limit_data -n few -tox 0.5 -a bytes=2 --upstream echo"),
        "Added upstream limit_data toxic 'few' on proxy 'echo'\n"
    );
    assert_eq!(
        server.does("inspect echo"),
        "few\ttype=limit_data\tstream=upstream\ttoxicity=0.50\tattributes=[\tbytes=2\t]\n"
    );
    assert_eq!(
        server.does("t u --toxicName few --toxicity=1 -a bytes=3 echo"),
        "Updated toxic 'few' on proxy 'echo'\n"
    );
    assert!(server.does("i echo").contains("toxicity=1.00\tattributes=[\tbytes=3\t]"));
    assert!(server.does("t u -n few -a byte=1 echo").contains("limit_data has no attribute byte: it has bytes"));
    assert_eq!(server.does("toxic delete -n few echo"), "Removed toxic 'few' on proxy 'echo'\n");
    assert_eq!(ping(listen).unwrap(), b"ping");

    server.does("group create all echo");
    assert_eq!(server.does("group pause all"), "Group all is now paused\n");
    assert_eq!(server.does("group partition all"), "Group all is now partitioned\n");
    assert_eq!(server.does("group list"), "all\tpartitioned\techo\n");
    assert_eq!(server.does("group resume all"), "Group all is now flowing\n");
    assert_eq!(server.does("group delete all"), "Deleted group all\n");
    assert_eq!(ping(listen).unwrap(), b"ping");

    assert_eq!(server.does("delete echo"), "Deleted proxy echo\n");
    assert!(ping(listen).is_err());
    for (command, told) in [
        ("inspect echo", "Failed to retrieve proxy echo: HTTP 404: proxy not found"),
        ("toxic add -t latency echo", "Failed to add toxic: HTTP 404: proxy not found"),
        ("create -l local373 -u x:1 bad", "Failed to create proxy: HTTP 500: listen tcp: address local373"),
    ] {
        let (code, text) = server.run(command);
        assert!(code == Some(1) && text.contains(told), "{command}: {code:?} {text}");
    }
}

#[test]
fn a_configuration_file_is_toxiproxys_and_a_bad_one_is_refused() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), echo());
    let path = folder.path().join("proxies.json");
    let path = path.to_str().unwrap();
    let write = |text: String| std::fs::write(path, text).unwrap();
    write(format!(
        r#"[{{"name":"a","listen":"localhost:0","upstream":"{upstream}"}},
        {{"name":"b","listen":"localhost:0","upstream":"{upstream}","enabled":false}}]"#
    ));
    let server = Server::start(&["-config", path, "-seed=5"]);
    let list = server.does("list");
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("a\t127.0.0.1:") && lines[0].contains("\tenabled\t"), "{list}");
    assert!(lines[1].starts_with("b\tlocalhost:0\t") && lines[1].contains("\tdisabled\t"), "{list}");

    for (text, code, told) in [
        (r#"[{"name":"a"}]"#, 2, "missing required field: upstream at proxy 1"),
        ("{", 2, "bad request body"),
        (r#"[{"name":"a","upstream":"x:1","listen":"local373"}]"#, 3, "missing port in address"),
    ] {
        write(text.to_owned());
        let (status, text) = run(&["--port", "0", "--config", path]);
        assert!(status == Some(code) && text.contains(told) && text.contains(path), "{status:?} {text}");
    }
    assert_eq!(run(&["--config", "nowhere.json"]).0, Some(2));
}

#[test]
fn mistakes_are_reported_with_the_remedy() {
    let gone = format!("127.0.0.1:{}", keel_wire::port::ReservedPort::new().unwrap().for_this_process());
    let (code, told) = run(&["--host", &gone, "list"]);
    assert!(code == Some(1) && told.contains("start one with `keel proxy`"), "{told}");
    assert_eq!(run(&["--host", "ftp://x", "list"]).0, Some(2));
    assert_eq!(run(&["toxic", "add", "-t", "latency", "-a", "latency", "p"]).0, Some(2));
    assert_eq!(run(&["toxic", "add", "-t", "latency", "-tox", "2", "p"]).0, Some(2));
    assert_eq!(run(&["toxic", "add", "-t", "latency", "-u", "-d", "p"]).0, Some(2));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, told) = run(&["--port", &taken.local_addr().unwrap().port().to_string()]);
    assert!(code == Some(3) && told.contains("--port"), "{code:?} {told}");
}
