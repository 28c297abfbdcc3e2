//! `keel init`: the file that it writes, and what it sends for it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use keel_wire::port::ReservedPort;

/// A service with health, metrics and an OpenAPI document in YAML; it writes each request that changes something to a file.
const SERVICE: &str = r##"
import http.server, json, sys
DOCUMENT = """
openapi: 3.1.0
info: {title: Shop, version: '1'}
servers: [{url: '/v1'}]
paths:
  /things:
    get: {summary: List things, responses: {200: {description: ok}}}
    post:
      summary: Add a thing
      parameters: [{name: Idempotency-Key, in: header, schema: {type: string}}]
      requestBody: {content: {application/json: {example: {name: 'a "thing"', note: null}, schema: {type: object}}}}
      responses: {201: {description: made}}
  /things/{id}:
    get: {parameters: [{name: id, in: path, required: true, example: 7}], responses: {200: {description: ok}}}
    delete: {parameters: [{name: id, in: path, required: true, example: 7}], responses: {204: {description: gone}}}
  /owners/{owner}:
    get: {parameters: [{name: owner, in: path, required: true}], responses: {200: {description: ok}}}
  /secret:
    get: {responses: {200: {description: ok}}}
"""
PAGES = {"/": ("text/html", "<h1>Shop</h1>"), "/readyz": ("text/plain", "ok"), "/healthz": ("text/plain", "ok"),
         "/metrics": ("text/plain", "# TYPE up gauge\nup 1\n"), "/openapi.yaml": ("application/yaml", DOCUMENT),
         "/v1/things": ("application/json", "[]"), "/v1/things/7": ("application/json", "{}")}
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        if self.command != "GET":
            open("written", "a").write(self.command + " " + self.path + "\n")
        kind, text = PAGES.get(self.path, ("text/plain", "not here"))
        self.send_response(200 if self.path in PAGES else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
    do_GET = do_POST = do_PUT = do_DELETE = answer
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"##;

fn keel(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keel")).args(words).current_dir(folder).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_file_is_written_that_keel_check_runs_with_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("service.py"), SERVICE).unwrap();
    let port = ReservedPort::new().unwrap();
    let (run, url) =
        (format!("exec python3 service.py {}", port.number()), format!("http://127.0.0.1:{}", port.number()));
    let init = ["init", "--run", &run, "--url", &url, "--start-timeout", "60s"];

    let output = keel(folder.path(), &init);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("/readyz") && said.contains("/openapi.yaml (6 operations)"), "{said}");
    assert!(said.contains("2 in the mix, 3 more as comments"), "{said}");
    assert!(said.contains("left out: GET /v1/secret: 404"), "{said}");

    let path = folder.path().join("keel.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for line in [
        "ready = \"/readyz\"",
        "health = \"/healthz\"",
        "metrics = \"/metrics\"",
        "openapi = \"/openapi.yaml\"",
        "start_timeout = \"60s\"",
        "name = \"list things\"",
        "path = \"/v1/things/7\"",
        "# list = true",
        "# method = \"POST\"",
        "# json = { \"name\" = \"a \\\"thing\\\"\" }",
        "# expect = 201",
        "# idempotent = \"Idempotency-Key\"",
        "# path = \"/v1/owners/{owner}\"",
    ] {
        assert!(text.lines().any(|there| there == line), "{line}\n{text}");
    }
    let subject = keel_checklist::subject::Subject::from_file(&path).unwrap();
    let names: Vec<&str> = subject.requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(names, ["/v1/things", "/v1/things/7"]);
    assert!(!folder.path().join("written").exists(), "a write that nobody declared was sent");

    // Every suggestion is TOML: the file with all of them taken up has no mistake of grammar.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.starts_with('[') || key.contains(" = ") && !key.ends_with('.') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let whole = all.replacen("dependencies = \"none\"\n", "", 1);
    let read =
        keel_checklist::subject::Subject::from_text("keel.toml", &whole, folder.path()).map_err(|it| it.to_string());
    let mistakes = read.err().unwrap_or_default();
    assert!(
        mistakes
            .lines()
            .all(|line| line.contains("{owner}") || line.contains("the folder") || line.contains("no folder")),
        "{mistakes}\n{whole}"
    );

    let checked = keel(folder.path(), &["check", "--only", "border.cacheable"]);
    assert!(matches!(checked.status.code(), Some(0 | 1)), "{}", told(&checked));

    let again = keel(folder.path(), &init);
    assert!(again.status.code() == Some(2) && told(&again).contains("--force"), "{}", told(&again));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_service_that_runs_already_is_described_without_its_command() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("service.py"), SERVICE).unwrap();
    let port = ReservedPort::new().unwrap();
    let url = format!("http://127.0.0.1:{}", port.number());
    let mut service = Command::new("python3")
        .args(["service.py", &port.number().to_string()])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = keel(folder.path(), &["init", "--url", &url]);
    for _ in 0..100 {
        if output.status.code() != Some(3) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        output = keel(folder.path(), &["init", "--url", &url]);
    }
    service.kill().unwrap();
    service.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = std::fs::read_to_string(folder.path().join("keel.toml")).unwrap();
    assert!(text.contains("run = \"\"\n") && text.contains("metrics = \"/metrics\"\n"), "{text}");
    let checked = keel(folder.path(), &["check"]);
    assert!(checked.status.code() == Some(2) && told(&checked).contains("`run` is empty"), "{}", told(&checked));
}

#[test]
fn without_an_openapi_document_the_file_has_example_requests_that_are_valid_once_they_are_enabled() {
    let folder = tempfile::tempdir().unwrap();
    let port = ReservedPort::new().unwrap();
    let run = format!("exec python3 -m http.server {} --bind 127.0.0.1", port.number());
    let url = format!("http://127.0.0.1:{}", port.number());
    let output = keel(folder.path(), &["init", "--run", &run, "--url", &url, "--start-timeout", "60s"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = std::fs::read_to_string(folder.path().join("keel.toml")).unwrap();
    let (before, examples) = text.split_once("# An example of a write").unwrap();
    let is_key = |line: &&str| line.starts_with('[') || line.contains(" = ");
    let enabled: Vec<&str> = examples.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_key).collect();
    let whole = format!("{before}{}", enabled.join("\n"));
    let subject = keel_checklist::subject::Subject::from_text("keel.toml", &whole, folder.path())
        .unwrap_or_else(|mistakes| panic!("{mistakes}\n{whole}"));
    let named = |name: &str| subject.requests.iter().any(|request| request.name == name);
    assert!(named("create a thing") && named("look at a thing"), "{whole}");
}

#[test]
fn a_service_that_does_not_answer_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let output = keel(folder.path(), &["init", "--url", "http://ann:s3cret@127.0.0.1:1"]);
    let said = told(&output);
    assert!(output.status.code() == Some(3) && said.contains("nothing answers") && !said.contains("s3cret"), "{said}");
    let output = keel(folder.path(), &["init", "--run", "exit 7", "--url", "http://127.0.0.1:1"]);
    assert!(output.status.code() == Some(3) && told(&output).contains("exit code 7"), "{}", told(&output));
    assert!(!folder.path().join("keel.toml").exists());
}
