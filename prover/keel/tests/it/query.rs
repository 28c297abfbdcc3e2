//! `keel query` against a server that keeps what it was asked.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

/// Answers one request with this head and body; returns the output of keel, its exit code, and the request.
fn asked(head: &str, body: &str, arguments: &[&str]) -> (String, Option<i32>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        // The statements of these tests end with a full stop.
        let is_named =
            |request: &[u8]| request.starts_with(b"POST /debug/query?name") && request.ends_with(b"\r\n\r\n");
        while !(request.ends_with(b".") || is_named(&request)) {
            let read = stream.read(&mut piece).unwrap();
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&piece[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
    let output = command.arg("query").arg(url).args(arguments).output().unwrap();
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (told, output.status.code(), server.join().unwrap())
}

#[test]
fn a_statement_is_posted_and_the_answer_is_printed() {
    let (told, code, request) = asked("200 OK", "one\n1\n", &["SELECT 1 AS one -- .", "--format", "csv"]);
    assert_eq!((told.as_str(), code), ("one\n1\n", Some(0)));
    assert!(request.starts_with("POST /debug/query HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("accept: text/csv") && request.ends_with("\r\n\r\nSELECT 1 AS one -- ."), "{request}");
}

#[test]
fn a_cut_answer_is_printed_with_its_bound_and_a_refusal_with_its_reason() {
    let (told, code, request) = asked("200 OK\r\nQuery-Cut: rows", "1\n", &["full-pools"]);
    assert!(told.starts_with("1\n") && told.contains("cut by the bound of rows") && code == Some(0), "{told}");
    assert!(request.starts_with("POST /debug/query?name=full-pools HTTP/1.1\r\n"), "{request}");
    let (told, code, _) = asked("403 Forbidden", "{\"detail\":\"questions are read-only\"}", &["DELETE FROM x -- ."]);
    assert!(told.contains("questions are read-only (status 403)") && code == Some(1), "{told}");
}

#[test]
fn an_address_without_a_service_and_one_that_is_no_address_have_exit_codes_of_their_own() {
    let code =
        |url: &str| Command::new(env!("CARGO_BIN_EXE_keel")).args(["query", url, "SELECT 1"]).status().unwrap().code();
    // Port 9 is for programs that discard.
    assert_eq!(code("http://127.0.0.1:9"), Some(1));
    assert_eq!(code("unix:/nowhere"), Some(2));
}
