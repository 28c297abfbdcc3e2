//! The text of `keel.toml`, a line of comment above each key, and what is told beside it.

use std::fmt::Write as _;

use keel_checklist::subject::{START_TIMEOUT, Subject};
use serde_json::Value;

use super::look::Found;
use super::mix::{Mix, Suggested};

/// Keys that only the owner of the service can fill in.
const TO_FILL_IN: &str = concat!(
    "  state, data    whether it keeps data, and the folders of the data\n",
    "  dependencies   the services that it calls over a network\n",
    "  [load]         the load that it is meant to hold\n",
    "  [[requests]]   writes, and reads that need a value: the file has them, or examples, as comments",
);

/// Writes the file. Without a command `run` is empty, which `keel check` refuses with its line.
pub(super) fn page(subject: &Subject, has_command: bool, found: &Found, mix: &Mix) -> String {
    let mut page = Page(String::new());
    page.line("# Describes the service for `keel check`. Written by `keel init`: a line that is commented out is for you to fill in.");
    page.line("# `keel check` runs with this file as it is; attributes that need a missing declaration are reported as unknown, with the declaration.");
    page.line("");
    page.comment(
        "Dependencies that it calls over a network: \"none\", or a table for each as at the end of this file.",
    );
    page.suggestion("dependencies = \"none\"");
    page.line("");
    page.line("[service]");
    page.key("The name in reports.", "name", Some(subject.name.as_str()), "");
    match has_command {
        true => page.key(
            "The command that starts it in the foreground, from the folder of this file.",
            "run",
            Some(&subject.run),
            "",
        ),
        false => page.key(
            "FILL IN: the command that starts it in the foreground, from the folder of this file.",
            "run",
            Some(""),
            "",
        ),
    }
    page.key(
        "The public listener; keel restarts the service on the same port.",
        "url",
        Some(bare(subject.url.as_str())),
        "",
    );
    let admin = subject.admin.as_ref().map(|url| bare(url.as_str()));
    page.key("The listener of health and metrics, where it is another one.", "admin", admin, "http://127.0.0.1:8081");
    page.key("The path that answers 2xx once the service is ready.", "ready", found.ready.as_deref(), "/readyz");
    page.key("The path of its health.", "health", found.health.as_deref(), "/health");
    page.key(
        "The path of its metrics, in the text format of Prometheus.",
        "metrics",
        found.metrics.as_deref(),
        "/metrics",
    );
    page.key("The path of its OpenAPI document.", "openapi", found.openapi.as_deref(), "/openapi.json");
    page.key("The folder that `run` starts in, from the folder of this file.", "workdir", None, ".");
    page.key("The repository that the static probes read.", "repository", None, ".");
    page.key(
        "Whether acknowledged writes must survive: \"durable\", or \"none\" when every request only reads.",
        "state",
        None,
        "durable",
    );
    page.comment("The folders of its data, where `state` is \"durable\".");
    page.suggestion("data = [\"data\"]");
    page.key("No request may take longer.", "deadline", None, "30s");
    let start = format!("{:?}", subject.start_timeout);
    let said = Some(start.as_str()).filter(|_| subject.start_timeout != START_TIMEOUT);
    page.key("The time until it is ready.", "start_timeout", said, "10s");
    page.key("The time from SIGTERM to its end.", "drain_timeout", None, "30s");
    page.key(
        "The decisions file: attributes that people skip or attest, each with owner and expiry.",
        "decisions",
        None,
        "decisions.toml",
    );
    if !subject.env.is_empty() {
        page.line("");
        page.comment("Variables of its environment, on top of keel's own.");
        page.line("[service.env]");
        for (name, value) in &subject.env {
            page.line(&format!("{} = {}", quoted(name), quoted(value)));
        }
    }
    page.load();
    page.requests(mix);
    page.dependency();
    page.0
}

/// The summary for the terminal.
pub(super) fn told(file: &str, has_command: bool, found: &Found, mix: &Mix) -> String {
    let mut told = format!("wrote {file}\n\nfound\n");
    let operations = found.document.as_ref().map(|document| document.operations().len());
    for (name, path) in
        [("ready", &found.ready), ("health", &found.health), ("metrics", &found.metrics), ("openapi", &found.openapi)]
    {
        let more = match operations.filter(|_| name == "openapi") {
            Some(count) => format!(" ({count} operations)"),
            None => String::new(),
        };
        let path = path.as_deref().unwrap_or("not at the usual paths");
        let _ = writeln!(told, "  {name:14} {path}{more}");
    }
    let _ = writeln!(
        told,
        "  {:14} {} in the mix, {} more as comments",
        "[[requests]]",
        mix.requests.len(),
        mix.suggested.len()
    );
    for remark in found.remarks.iter().chain(&mix.refused) {
        let _ = writeln!(told, "  left out: {remark}");
    }
    let _ = writeln!(told, "\nto fill in\n{TO_FILL_IN}");
    match has_command {
        true => told.push_str("\nnext: keel check\n"),
        false => told.push_str("  run            the command that starts it; then: keel check\n"),
    }
    told
}

struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn comment(&mut self, text: &str) {
        self.line(&format!("# {text}"));
    }

    /// A line that takes effect when its `# ` is removed.
    fn suggestion(&mut self, line: &str) {
        self.line(&format!("# {line}"));
    }

    /// A key with its comment; one without a value is commented out, with an example.
    fn key(&mut self, comment: &str, key: &str, value: Option<&str>, example: &str) {
        self.comment(comment);
        match value {
            Some(value) => self.line(&format!("{key} = {}", quoted(value))),
            None => self.suggestion(&format!("{key} = {}", quoted(example))),
        }
    }

    fn load(&mut self) {
        self.line("");
        self.comment("The load that it is meant to hold.");
        self.suggestion("[load]");
        self.comment("Requests of the mix a second, as expected.");
        self.suggestion("rate = 50");
        self.comment("The same at the peak.");
        self.suggestion("peak = 100");
        self.comment("99 of 100 are answered within, from the time at which they were due.");
        self.suggestion("p99 = \"500ms\"");
        self.comment("The share of requests that may fail.");
        self.suggestion("errors = 0.01");
    }

    fn requests(&mut self, mix: &Mix) {
        self.line("");
        self.comment("The request mix, sent in order. A request can save values for later ones: save = { thing = \"/id\" }, then {thing}.");
        for request in &mix.requests {
            self.line("");
            self.line("[[requests]]");
            self.line(&format!("name = {}", quoted(&request.name)));
            self.line(&format!("path = {}", quoted(&request.path)));
            self.comment("The status that it was answered with.");
            self.line(&format!("expect = {}", request.status));
            if request.list {
                self.comment("It answers a list: remove the mark so that its paging is examined.");
                self.suggestion("list = true");
            }
        }
        for request in &mix.suggested {
            self.suggested(request);
        }
        if mix.suggested.is_empty() {
            self.example_requests();
        }
    }

    /// A write and a read, where no document gives real ones.
    fn example_requests(&mut self) {
        let write = [
            "[[requests]]",
            "name = \"create a thing\"",
            "method = \"POST\"",
            "path = \"/things\"",
            "json = { name = \"a thing\" }",
            "expect = 201",
            "save = { thing = \"/id\" }",
            "read = \"/things/{thing}\"",
        ];
        let read = ["[[requests]]", "name = \"look at a thing\"", "path = \"/things/{thing}\"", "uses = [\"NAME\"]"];
        self.line("");
        self.comment("An example of a write, whose answer holds the id of the new thing.");
        write.into_iter().for_each(|line| self.suggestion(line));
        self.line("");
        self.comment("An example of a read of that thing, which calls the dependency NAME.");
        read.into_iter().for_each(|line| self.suggestion(line));
    }

    fn suggested(&mut self, request: &Suggested) {
        self.line("");
        self.comment(&format!("Not sent: {}.", one_line(&request.why)));
        self.suggestion("[[requests]]");
        self.suggestion(&format!("name = {}", quoted(&request.name)));
        self.suggestion(&format!("method = {}", quoted(&request.method)));
        self.suggestion(&format!("path = {}", quoted(&request.path)));
        if let Some(json) = &request.json {
            self.suggestion(&format!("json = {}", toml(json)));
        }
        if let Some(status) = request.status {
            self.suggestion(&format!("expect = {status}"));
        }
        if let Some(header) = &request.idempotent {
            self.suggestion(&format!("headers = {{ {} = \"{{key}}\" }}", quoted(header)));
            self.suggestion(&format!("idempotent = {}", quoted(header)));
        }
    }

    fn dependency(&mut self) {
        self.line("");
        self.comment("A dependency, with a fault proxy of keel's in front of it.");
        self.suggestion("[dependencies.NAME]");
        self.comment("The variable that carries its address.");
        self.suggestion("env = \"NAME_URL\"");
        self.comment("Where it is.");
        self.suggestion("url = \"http://127.0.0.1:9000\"");
        self.comment("The command that starts it in the foreground; without one it must be running.");
        self.suggestion("run = \"./NAME\"");
    }
}

/// A URL without the slash that parsing adds.
fn bare(url: &str) -> &str {
    url.trim_end_matches('/')
}

fn quoted(text: &str) -> String {
    // The escapes of JSON are TOML's too, but for one character that JSON leaves alone.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A value of TOML on one line; what TOML has no form for (null) is left out.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "{}".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let some = members.iter().filter(|(_, value)| !value.is_null());
            let members: Vec<String> =
                some.map(|(name, value)| format!("{} = {}", quoted(name), toml(value))).collect();
            if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
        }
    }
}

/// Without line breaks and other controls: a comment stays on its line.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
