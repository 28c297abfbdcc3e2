//! Proxies, toxics and groups as lines: fields with tabs between, a heading only for a terminal.

use std::fmt::Write;
use std::io::IsTerminal;

use serde_json::{Map, Value};

pub(super) fn proxies(all: &Value) -> String {
    let mut text = heading("Name\tListen\tUpstream\tEnabled\tToxics\n");
    for (name, proxy) in entries(all) {
        let toxics = proxy["toxics"].as_array().map_or(0, Vec::len);
        let on = enabled(proxy["enabled"] == Value::Bool(true));
        let _ = writeln!(text, "{name}\t{}\t{}\t{on}\t{toxics}", said(proxy, "listen"), said(proxy, "upstream"));
    }
    text
}

pub(super) fn proxy(proxy: &Value) -> String {
    let line = format!("{}\t{}\t{}\n", said(proxy, "name"), said(proxy, "listen"), said(proxy, "upstream"));
    let mut text = heading(&line);
    for toxic in proxy["toxics"].as_array().into_iter().flatten() {
        let _ = write!(
            text,
            "{}\ttype={}\tstream={}\ttoxicity={:.2}\tattributes=[",
            said(toxic, "name"),
            said(toxic, "type"),
            said(toxic, "stream"),
            toxic["toxicity"].as_f64().unwrap_or(1.0),
        );
        for (name, value) in entries(&toxic["attributes"]) {
            let _ = write!(text, "\t{name}={value}");
        }
        text.push_str("\t]\n");
    }
    text
}

pub(super) fn groups(all: &Value) -> String {
    let mut text = heading("Name\tHold\tProxies\n");
    for (name, group) in entries(all) {
        let members: Vec<&str> = group["proxies"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let _ = writeln!(text, "{name}\t{}\t{}", said(group, "hold"), members.join(","));
    }
    text
}

pub(super) fn enabled(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}

fn heading(line: &str) -> String {
    if std::io::stdout().is_terminal() { line.to_owned() } else { String::new() }
}

fn said<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
